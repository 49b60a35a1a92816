/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a check.time has in it, each test is in one batch, in the order given, and the
 * batches' durations are those of their tests. */
#include "suite/fstests_plan.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tests[] = { "a/001", "a/002", "a/003", "b/001", NULL };
	auto_fstests_durations struct fstests_durations *d = fstests_durations_new();
	fstests_durations_add(d, (const char *)data, size / 2);
	fstests_durations_add(d, (const char *)data + size / 2, size - size / 2);
	const struct fstests_limits limits = {
		.unknown_us = 5000000, .batch_us = 10000000, .slots = 2
	};
	auto_fstests_batches struct fstests_batches b = { 0 };
	fstests_plan(tests, d, &limits, &b);
	unsigned seen = 0;
	for (size_t i = 0; i < b.n; i++) {
		uint64_t sum = 0;
		check(b.v[i].tests.n > 0);
		for (size_t k = 0; k < b.v[i].tests.n; k++) {
			const char *t = b.v[i].tests.v[k];
			uint64_t us = fstests_durations_get(d, t, limits.unknown_us);
			check(k == 0 || strcmp(b.v[i].tests.v[k - 1], t) < 0);
			for (unsigned n = 0; tests[n]; n++) {
				if (strcmp(tests[n], t) == 0) {
					check(!(seen >> n & 1));
					seen |= 1u << n;
				}
			}
			sum += us ? us : 500000;
		}
		check(sum == b.v[i].expected_us);
	}
	check(seen == 15);
	return 0;
}
