/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.h: KCIDB's six, in its order of priority: the worst of several is the lowest number.
 * Source: KCIDB I/O v5 schema, test.status. */
#pragma once

enum verdict {
	VERDICT_FAIL,
	VERDICT_ERROR, /* the test's own code broke */
	VERDICT_MISS,  /* harness or infrastructure broke: the test did not really run */
	VERDICT_PASS,
	VERDICT_DONE,
	VERDICT_SKIP, /* always with a reason */
	VERDICT_COUNT,
};

const char *verdict_name(enum verdict v); /* "FAIL" */
/* -1: no such name. */
int verdict_from_name(const char *name);
static inline enum verdict verdict_worst(enum verdict a, enum verdict b)
{
	return a < b ? a : b;
}
