/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare.h: two runs of one plan, test by test: the baseline and a candidate. */
#pragma once
#include "store/store.h"
#include <stddef.h>

enum compare_change {
	COMPARE_REGRESSED, /* passed on the baseline and does not here, or fails only here */
	COMPARE_FIXED,     /* failed on the baseline, passes here */
	COMPARE_CHANGED,   /* another verdict, neither better nor worse: a FAIL that is an ERROR */
	COMPARE_UNKNOWN,   /* MISS on one side: it did not really run there */
	COMPARE_SAME,
	COMPARE_CHANGES,
};
const char *compare_change_name(enum compare_change c); /* "regressed" */

/* The last attempt of one test in each; NULL: it was not reached there. */
struct compare_row {
	const struct run_attempt *baseline, *candidate;
	/* MISS, too, of a test not reached whose stage is; VERDICT_COUNT: not reached. */
	enum verdict a, b;
	enum compare_change change;
};

struct compare {
	struct compare_row
		*rows; /* the baseline's tests in their order, then the candidate's own */
	size_t n;
	unsigned counts[COMPARE_CHANGES];
};

/* Borrows both runs. */
void compare_runs(
	const struct run_info *baseline, const struct run_info *candidate, struct compare *ret);
void compare_clear(struct compare *c);
/* n runs side by side: each test that one of them has, those of the first run first. */
#define COMPARE_RUNS 16
struct compare_line {
	const char *test;
	enum verdict verdicts[COMPARE_RUNS]; /* as a row's */
	bool differs;
};
struct compare_lines {
	struct compare_line *lines;
	size_t n, n_differ;
};
/* Borrows all; at most COMPARE_RUNS of them. */
void compare_side_by_side(const struct run_info *const *runs, size_t n, struct compare_lines *ret);
void compare_lines_clear(struct compare_lines *l);
/* The run that runs[i] was made to be compared with, where it is one of them, else the first; NULL:
 * it is the first itself. */
const struct run_info *compare_baseline(const struct run_info *const *runs, size_t n, size_t i);

/* The path of a row's test. */
const char *compare_test(const struct compare_row *r);
