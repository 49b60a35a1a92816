/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build_record.h: what was built for a run, as a test of the run: its two records in the journal,
 * with all that was said while it was built. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
struct controller_handler;
struct controller_result;
struct err;
struct run_writer;

/* Where it is written and told; all borrowed. */
struct build_teller {
	struct run_writer *writer;
	const struct controller_handler *h;
	void *ctx;
	struct controller_result *result; /* where it is counted */
};

struct build_record {
	const char *test; /* "build" */
	enum verdict verdict;
	const char *reason;
	uint64_t took_us;
	unsigned warnings;
	const char *excerpt; /* lines around the first error; NULL: none */
	FILE *log;           /* all of it, from where it stands; NULL: none */
};

/* What cannot be written ends it, here and below. */
int build_record_put(const struct build_teller *t, const struct build_record *r, struct err *e);
/* The tests of `plan` (paths) but `done` (NULL-terminated) as MISS: they did not run, and why. */
int build_record_miss(const struct build_teller *t, const json_t *plan, const char *const *done,
	const char *why, struct err *e);
