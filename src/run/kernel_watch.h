/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_watch.h: the kernel's log as a second witness. Each message is classed by what the
 * kernel's own code prints; a test during which one came is FAIL with it as the reason, unless
 * the test declared it as its purpose. Some are never excused.
 * Source: Linux 6.1 kernel/panic.c, lib/ubsan.c, kernel/locking/lockdep.c, kernel/hung_task.c,
 * mm/kasan/report.c, mm/kmemleak.c, fs/{btrfs,ext4,xfs}, arch/arm64/kernel/traps.c and
 * arch/arm64/mm/fault.c. */
#pragma once
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
struct err;

enum kernel_class {
	KERNEL_QUIET, /* nothing of note */
	KERNEL_WARNING,
	KERNEL_BUG,
	KERNEL_OOPS,
	KERNEL_KASAN, /* KASAN, KFENCE, KCSAN, KMSAN */
	KERNEL_UBSAN,
	KERNEL_LOCKDEP,
	KERNEL_HUNG_TASK,
	KERNEL_STALL, /* soft lockup, RCU stall */
	KERNEL_LEAK,
	KERNEL_CORRUPTION, /* a filesystem says that its data or metadata are damaged */
	KERNEL_PANIC,
};

enum kernel_class kernel_classify(const char *text);
const char *kernel_class_name(enum kernel_class c); /* "lockdep" */
/* BUG, oops, KASAN, lockdep, hung tasks, stalls and panics are no test's purpose. */
bool kernel_class_is_excusable(enum kernel_class c);

/* Patterns of messages a test provokes on purpose: POSIX extended regular expressions. They
 * come from the target, so intervals ("{2,5}") and back-references, with which a pattern can
 * eat all memory or time, are refused, and so is one above 200 bytes. */
#define KERNEL_EXPECT_MAX 32

struct kernel_expect {
	regex_t patterns[KERNEL_EXPECT_MAX];
	size_t n;
};

/* -EINVAL: not a pattern we take; -E2BIG: too many. */
int kernel_expect_add(struct kernel_expect *x, const char *pattern, struct err *e);
bool kernel_expect_match(const struct kernel_expect *x, const char *text);
void kernel_expect_clear(struct kernel_expect *x);
