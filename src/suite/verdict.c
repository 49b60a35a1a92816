/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/verdict.h"
#include <string.h>

static const char *const names[VERDICT_COUNT] = { "FAIL", "ERROR", "MISS", "PASS", "DONE", "SKIP" };

const char *verdict_name(enum verdict v)
{
	return names[v];
}

int verdict_from_name(const char *name)
{
	for (int i = 0; i < VERDICT_COUNT; i++) {
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	return -1;
}
