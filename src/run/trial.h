/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial.h: one attempt of one test while it is under way: boot, a stage, or a subtest that
 * fsqa-test announced. It gathers what the kernel said meanwhile and makes the verdict. */
#pragma once
#include "run/kernel_watch.h"
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TRIAL_PATH       200
#define TRIAL_KERNEL_MAX 50 /* messages kept with a verdict; more are counted */

struct trial {
	char test[TRIAL_PATH]; /* "script.002_btrfsprogs.mkfs.raid1" */
	char stage[64];
	int64_t attempt;
	uint64_t started_us;
	uint64_t marker_us; /* after the start of its stage's recording */
	uint64_t log_from;  /* bytes of its stage's terminal so far */
	struct kernel_expect expect;
	json_t *kernel; /* messages that count against it, with their time */
	unsigned n_kernel;
	char kernel_reason[160]; /* the first of them */
};

/* Whether `name` is dot-separated words of [A-Za-z0-9_+-], no longer than fits. */
bool trial_name_is_valid(const char *name);

/* Start: `tally` (an object) counts attempts by path. */
void trial_begin(struct trial *t, json_t *tally, const char *stage, const char *test);
/* The kernel said this while it ran; quiet messages are passed over, and so are those that it
 * declared, where the class can be excused. True: it counts. */
bool trial_kernel(struct trial *t, enum kernel_class class, uint64_t kernel_us, const char *text);

/* The fields of its attempt_start and attempt_end records; new references. `status` and `reason`
 * (may be NULL) are what its own end says; kernel messages make it FAIL. *ret_status (may be
 * NULL) is the verdict. */
json_t *trial_start_record(const struct trial *t);
json_t *trial_end_record(const struct trial *t, enum verdict status, const char *reason,
	uint64_t log_to, enum verdict *ret_status);
void trial_clear(struct trial *t);
