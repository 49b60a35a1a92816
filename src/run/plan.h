/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h: what a run of a profile would run, how long that should take, and how it is shared out.
 * A batch is what one worker runs, in machines of its own; at most `slots` of them are under way at
 * once, the longest first. Stages of scripts stay together in one batch, in their order, for they
 * may build on each other; tests of a suite that lists them (fstests) go where there is least.
 *
 * How long a test takes is what earlier runs measured, of this profile before others; else how long
 * it took in another section; else what the tree's own check.time has; else a guess. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct config;
struct err;
struct profile;

enum plan_source {
	PLAN_MEASURED,
	PLAN_OTHER_SECTION,
	PLAN_CHECK_TIME,
	PLAN_GUESS,
};
const char *plan_source_name(enum plan_source s); /* "measured" ... */

struct plan_test {
	char *path;                  /* "fstests.zstd.generic.001", "script.010_pass" */
	const char *name;            /* "generic/001", "010_pass"; borrowed */
	const char *suite, *section; /* "fstests", "zstd"; of a script "script", ""; borrowed */
	uint64_t expected_us;
	enum plan_source source;
};

struct plan_batch {
	size_t *v; /* indexes of tests, in the order in which they run */
	size_t n;
	uint64_t expected_us; /* with the boot of its first machine */
};

struct plan {
	struct plan_test *tests; /* scripts first, then section by section */
	size_t n_tests;
	struct plan_batch *batches; /* the longest first */
	size_t n_batches;
	unsigned slots;
	uint64_t total_us; /* of all tests, one after the other */
	uint64_t estimate_us;
	json_t *stages;
};

/* All borrowed for the plan's life. */
struct plan_query {
	const char *state_dir;
	const struct profile *profile;
	json_t *stages; /* the job's: {suite? name tests[]?} */
	unsigned cpus;  /* of a machine */
	bool alone;     /* one machine, whatever the settings say: it may have to be kept */
};

/* -EINVAL, -ENOMEM: run.slots does not fit (capacity_check). A history that cannot be read counts
 * as none. */
int plan_make(const struct plan_query *q, struct plan *ret, struct err *e);
void plan_clear(struct plan *p);
#define auto_plan __attribute__((cleanup(plan_clear)))

/* The path of a stage of a job, "fstests.zstd"; of one that names no suite "script.010_pass". The
 * caller's. */
char *plan_stage_path(const json_t *stage);
/* The stages of a job for this profile: its scripts, by name alone, and `listed`. New reference.
 */
json_t *plan_stages(const struct profile *profile, const json_t *listed);

/* The job with that batch's tests alone; a new reference. The same where there is one batch. */
json_t *plan_job(const struct plan *p, const json_t *job, size_t batch);
