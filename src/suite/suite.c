/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/suite.h"
#include "base/mem.h"
#include <string.h>

const struct suite *suite_find(const char *name)
{
	static const struct suite *const suites[] = { &suite_script, &suite_fstests };
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		if (strcmp(suites[i]->name, name) == 0)
			return suites[i];
	return NULL;
}
