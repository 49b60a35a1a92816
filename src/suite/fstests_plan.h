/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_plan.h: which tests share a boot. How long a test takes is what earlier runs measured
 * ("NAME SECONDS", as check.time has it), else a default; batches are filled longest test first,
 * each into the batch that has the least (LPT: at most 4/3 of the shortest possible, Graham 1969).
 */
#pragma once
#include "base/strv.h"
#include <stddef.h>
#include <stdint.h>
struct fstests_durations;

/* Durations by name. */
struct fstests_durations *fstests_durations_new(void);
/* Add the lines of a check.time; of a name that is there already the later counts. Lines that are
 * none are passed over. */
void fstests_durations_add(struct fstests_durations *d, const char *text, size_t n);
/* Microseconds, or `unknown_us`. */
uint64_t fstests_durations_get(
	const struct fstests_durations *d, const char *name, uint64_t unknown_us);
void fstests_durations_free(struct fstests_durations *d);
static inline void fstests_durations_freep(struct fstests_durations **d)
{
	fstests_durations_free(*d);
}
#define auto_fstests_durations __attribute__((cleanup(fstests_durations_freep)))

struct fstests_limits {
	uint64_t unknown_us; /* of a test without history */
	uint64_t batch_us;   /* what a batch should not take longer than; 0: no limit */
	unsigned slots;      /* at least so many batches, while there are tests */
};

struct fstests_batch {
	struct strv tests; /* in the order given */
	uint64_t expected_us;
};

/* Zero to begin; fstests_batches_clear. */
struct fstests_batches {
	struct fstests_batch *v; /* the longest first */
	size_t n;
};

/* Each test is in one batch; a batch over batch_us has one test, or is the best there is. The same
 * input makes the same batches. */
void fstests_plan(const char *const *tests, const struct fstests_durations *d,
	const struct fstests_limits *limits, struct fstests_batches *ret);
void fstests_batches_clear(struct fstests_batches *b);
#define auto_fstests_batches __attribute__((cleanup(fstests_batches_clear)))
/* When all batches are over with so many slots, each taking the next as it is free. */
uint64_t fstests_plan_estimate(const struct fstests_batches *b, unsigned slots);
