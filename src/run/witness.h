/* SPDX-License-Identifier: GPL-2.0-or-later */
/* witness.h: the second witness of a run's tests, of suites that have one (suite/suite.h: fstests).
 * What its program printed made each verdict while the run went on; here, once its files are
 * collected, they are read too, and what contradicts a verdict makes it worse, with both said in
 * the reason. Never better. */
#pragma once
#include <jansson.h>
struct config;
struct controller_result;
struct err;
struct run_writer;

#define WITNESS_DIFF_MAX (16u << 10) /* bytes of a diff in a record */

struct witness_request {
	struct run_writer *writer;
	const char *state_dir;
	/* For the hints of tests that failed (run/hints.h); either may be NULL: none. */
	const struct config *config;
	const char *tree; /* of fstests, on the host */
	/* Told those that change a verdict; may be NULL. */
	void (*on_record)(void *ctx, const char *type, const json_t *record);
	void *ctx;
};

/* Append a witness record for each test whose verdict is worse for it, or of which there is more to
 * be shown (its difference, its hints), and for a stage that is worse for its tests. *ret follows
 * the verdicts. */
int witness_add(const struct witness_request *q, struct controller_result *ret, struct err *e);
