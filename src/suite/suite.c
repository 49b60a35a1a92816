/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/suite.h"
#include "suite/testpath.h"
#include <string.h>

const struct suite *const suites[] = {
	&suite_script,
	&suite_fstests,
	&suite_tap,
	NULL,
};

const struct suite *suite_find(const char *name)
{
	size_t i = 0;
	while (suites[i] && strcmp(suites[i]->name, name) != 0)
		i++;
	return suites[i];
}

const struct suite *suite_of(const char *path)
{
	size_t i = 0;
	while (suites[i] && !testpath_is_below(path, suites[i]->name))
		i++;
	return suites[i];
}
