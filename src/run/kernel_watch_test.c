/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "run/kernel_watch.h"
#include <errno.h>

static void test_messages_are_classed_as_the_kernel_prints_them(void **unused)
{
	static const struct {
		const char *text;
		enum kernel_class class;
	} samples[] = {
		{ "WARNING: CPU: 1 PID: 312 at fs/btrfs/extent-tree.c:3071 foo+0x1/0x2",
			KERNEL_WARNING },
		{ "BUG: kernel NULL pointer dereference, address: 0000000000000000", KERNEL_BUG },
		{ "BUG: KASAN: use-after-free in btrfs_x+0x1/0x2", KERNEL_KASAN },
		{ "WARNING: possible circular locking dependency detected", KERNEL_LOCKDEP },
		{ "INFO: task btrfs:99 blocked for more than 120 seconds.", KERNEL_HUNG_TASK },
		{ "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:1]", KERNEL_STALL },
		{ "UBSAN: shift-out-of-bounds in fs/x.c:1:2", KERNEL_UBSAN },
		{ "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
			KERNEL_LEAK },
		{ "BTRFS warning (device vdb): csum failed root 5 ino 257 off 0 csum 0x1",
			KERNEL_CORRUPTION },
		{ "BTRFS error (device vdb): parent transid verify failed", KERNEL_CORRUPTION },
		{ "EXT4-fs error (device vdb): ext4_lookup:1784", KERNEL_CORRUPTION },
		{ "XFS (vdb): Metadata corruption detected at xfs_x", KERNEL_CORRUPTION },
		{ "Kernel panic - not syncing: sysrq triggered crash", KERNEL_PANIC },
		{ "Unable to handle kernel NULL pointer dereference at virtual address "
		  "0000000000000008",
			KERNEL_OOPS },
		{ "Internal error: Oops: 0000000096000044 [#1] SMP", KERNEL_OOPS },
		{ "Unexpected kernel BRK exception at EL1", KERNEL_OOPS },
		{ "BTRFS info (device vdb): using crc32c", KERNEL_QUIET },
		{ "BTRFS: device fsid x devid 1 transid 6 /dev/vdb", KERNEL_QUIET },
		{ "my WARNING: is not at the start", KERNEL_QUIET },
		{ "", KERNEL_QUIET },
	};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		assert_int_equal(kernel_classify(samples[i].text), samples[i].class);
}

static void test_bugs_and_lockdep_are_never_excused(void **unused)
{
	assert_false(kernel_class_is_excusable(KERNEL_BUG));
	assert_false(kernel_class_is_excusable(KERNEL_KASAN));
	assert_false(kernel_class_is_excusable(KERNEL_LOCKDEP));
	assert_false(kernel_class_is_excusable(KERNEL_HUNG_TASK));
	assert_true(kernel_class_is_excusable(KERNEL_CORRUPTION));
	assert_true(kernel_class_is_excusable(KERNEL_WARNING));
}

static void test_expected_messages_match_and_hostile_patterns_are_refused(void **unused)
{
	struct err e = { 0 };
	struct kernel_expect x = { 0 };
	assert_int_equal(kernel_expect_add(&x, "csum (failed|error)", NULL), 0);
	assert_true(kernel_expect_match(&x, "BTRFS warning (device vdb): csum failed root 5"));
	assert_false(kernel_expect_match(&x, "BTRFS error (device vdb): bad tree block"));
	assert_int_equal(kernel_expect_add(&x, "((a{255}){255}){255}", &e), -EINVAL);
	assert_int_equal(kernel_expect_add(&x, "(a*)\\1", &e), -EINVAL);
	assert_int_equal(kernel_expect_add(&x, "(", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "'('"));
	assert_int_equal(kernel_expect_add(&x, "a\\{b", &e), 0);
	for (size_t i = x.n; i < KERNEL_EXPECT_MAX; i++)
		assert_int_equal(kernel_expect_add(&x, "x", NULL), 0);
	assert_int_equal(kernel_expect_add(&x, "x", NULL), -E2BIG);
	kernel_expect_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_classed_as_the_kernel_prints_them),
		cmocka_unit_test(test_bugs_and_lockdep_are_never_excused),
		cmocka_unit_test(test_expected_messages_match_and_hostile_patterns_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
