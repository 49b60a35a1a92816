/* SPDX-License-Identifier: GPL-2.0-or-later */
/* made_kernel.h: the kernel that a run is to test, and what became of its build: the run's test
 * `build`, where it is of a source. A source that does not compile is FAIL; a build that was
 * killed, for it hung or there was no memory, or that found no room on the disk, says nothing of
 * the source, and is MISS. In either case nothing else of the plan runs. */
#pragma once
#include "kernel/kernel.h"
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
struct build_teller;
struct err;

#define BUILD_TEST "build"

/* All zero: none. */
struct made_kernel {
	struct kernel *kernel; /* NULL: it was not built */
	struct kernel_story story;
	bool judged; /* it is of a source, and `verdict` is that of its build */
	enum verdict verdict;
};
void made_kernel_clear(struct made_kernel *m);
/* What came of kernel_choose, which returned `rc`: the verdict, where there is one. */
void made_kernel_judge(struct made_kernel *m, int rc);
/* Whether there is a run to be: with a kernel, or to say that it was not built. */
static inline bool made_kernel_is_told(const struct made_kernel *m)
{
	return m->kernel || m->judged;
}

/* Write the test `build` into the journal, with its log, and where it did not come to a kernel the
 * other tests of `plan` (paths) as MISS. No-op for a kernel that is of no source. What cannot be
 * written ends it. */
int made_kernel_record(const struct made_kernel *m, const json_t *plan,
	const struct build_teller *t, struct err *e);
