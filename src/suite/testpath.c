/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/testpath.h"
#include "base/mem.h"
#include <string.h>

char *testpath_make(const char *above, const char *name)
{
	char *path = xasprintf("%s.%s", above, name);
	for (char *p = path + strlen(above); *p; p++)
		if (*p == '/')
			*p = '.';
	return path;
}

char *testpath_stage(const char *planned)
{
	const char *dot = strchr(planned, '.');
	if (!dot)
		return xstrdup("");
	/* A script's name may have dots, a section's has none. */
	bool script = testpath_is_below(planned, "script");
	return xstrndup(dot + 1, script ? strlen(dot + 1) : strcspn(dot + 1, "."));
}

const char *testpath_below(const char *test)
{
	const char *dot = strchr(test, '.');
	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot ? dot + 1 : NULL;
}

char *testpath_name(const char *test)
{
	const char *below = testpath_below(test);
	char *name = xstrdup(below ? below : "");
	if (*name)
		name[strcspn(name, ".")] = '/';
	return name;
}

bool testpath_is_below(const char *test, const char *above)
{
	size_t n = strlen(above);
	return strncmp(test, above, n) == 0 && test[n] == '.';
}
