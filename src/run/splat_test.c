/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "run/splat.h"

#define OOPS  "BUG: kernel NULL pointer dereference, address: 0000000000000000"
#define PANIC "Kernel panic - not syncing: Fatal exception"

static void feed(struct splat *s, const char *text)
{
	splat_console(s, text, strlen(text));
}

static void ends(const struct splat *s, enum target_end end, const char *detail, const char *name,
	const char *reason)
{
	auto_free char *got = splat_reason(s, end, detail);
	assert_string_equal(splat_end_name(s, end, detail), name);
	assert_string_equal(got, reason);
}

static void test_a_splat_is_kept_from_its_first_line_on_however_it_is_cut(void **unused)
{
	static const char console[] = "booting\r\n[   12.000001] a quiet line\r\n"
				      "[   12.345678][  T123] " OOPS "\r\n"
				      "[   12.345679] #PF: supervisor \x01 write\r\n"
				      "[   12.4] " PANIC "\n";
	for (size_t cut = 1; cut < 9; cut++) {
		struct splat s = { 0 };
		for (size_t i = 0; i < sizeof console - 1; i += cut)
			splat_console(&s, console + i,
				sizeof console - 1 - i < cut ? sizeof console - 1 - i : cut);
		assert_string_equal(s.first, OOPS);
		assert_string_equal(buf_str(&s.text),
			"[   12.345678][  T123] " OOPS "\n"
			"[   12.345679] #PF: supervisor ? write\n[   12.4] " PANIC "\n");
		ends(&s, TARGET_PANIC, PANIC, "panic", OOPS "; " PANIC);
		splat_clear(&s);
	}
}

static void test_what_broke_is_kept_rather_than_what_stuck(void **unused)
{
	struct splat s = { 0 };
	feed(&s, "[ 1.0] INFO: task touch:99 blocked for more than 10 seconds.\n");
	ends(&s, TARGET_HUNG, "stuck", "hung-task",
		"INFO: task touch:99 blocked for more than 10 seconds.; stuck");
	feed(&s, "[ 2.0] " OOPS "\n[ 3.0] general protection fault: 0000\n");
	assert_string_equal(s.first, OOPS);
	ends(&s, TARGET_HUNG, "stuck", "oops-hang", "oops, then hang: " OOPS "; stuck");
	splat_clear(&s);
}

static void test_ends_are_named_by_what_the_kernel_said(void **unused)
{
	static const char lockup[] = "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [x:7]";
	static const char init[] =
		"Kernel panic - not syncing: Attempted to kill init! exitcode=0xb";
	static const char memory[] = "Kernel panic - not syncing: System is deadlocked on memory";
	struct splat s = { 0 };
	ends(&s, TARGET_HUNG, "stuck", "hang", "stuck");
	ends(&s, TARGET_PANIC, init, "agent-died",
		"the agent died: Kernel panic - not syncing: Attempted to kill init! exitcode=0xb");
	ends(&s, TARGET_PANIC, memory, "out-of-memory", memory);
	ends(&s, TARGET_REBOOT, "the guest reset itself", "reboot", "the guest reset itself");
	feed(&s, lockup);
	assert_int_equal(s.class, KERNEL_QUIET); /* the line has no end yet */
	feed(&s, "\n");
	ends(&s, TARGET_HUNG, "stuck", "soft-lockup",
		"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [x:7]; stuck");
	/* The host's doing stays what it is. */
	ends(&s, TARGET_DIED, "QEMU died", "died", "QEMU died");
	splat_reset(&s);
	feed(&s, "[    5.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n");
	ends(&s, TARGET_HUNG, "stuck", "stall",
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:; stuck");
	splat_clear(&s);
}

static void test_a_machine_out_of_memory_is_told_from_a_cgroup_that_is(void **unused)
{
	struct splat s = { 0 };
	splat_line(&s, "Memory cgroup out of memory: Killed process 7 (tail) total-vm:1kB");
	assert_string_equal(s.cgroup_oom, "Memory cgroup out of memory: Killed process 7 (tail)");
	assert_string_equal(s.oom, "");
	splat_line(&s, "Out of memory: Killed process 8 (sh) total-vm:9kB, anon-rss:1kB");
	splat_line(&s, "Out of memory: Killed process 9 (sh) total-vm:9kB, anon-rss:1kB");
	assert_string_equal(s.oom, "Out of memory: Killed process 8 (sh)");
	ends(&s, TARGET_HUNG, "stuck", "out-of-memory",
		"Out of memory: Killed process 8 (sh); stuck");
	splat_clear(&s);
}

static void test_endless_splats_stay_bounded(void **unused)
{
	struct splat s = { 0 };
	char junk[5000];
	memset(junk, 'x', sizeof junk);
	feed(&s, OOPS "\n");
	for (int i = 0; i < 1000; i++) {
		splat_console(&s, junk, sizeof junk);
		feed(&s, i % 2 ? "\n" : "\xff[\n" OOPS "\n");
	}
	assert_int_equal(s.n_lines, SPLAT_LINES);
	assert_true(s.text.len <= SPLAT_LINES * (SPLAT_LINE + 1));
	splat_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_splat_is_kept_from_its_first_line_on_however_it_is_cut),
		cmocka_unit_test(test_what_broke_is_kept_rather_than_what_stuck),
		cmocka_unit_test(test_ends_are_named_by_what_the_kernel_said),
		cmocka_unit_test(test_a_machine_out_of_memory_is_told_from_a_cgroup_that_is),
		cmocka_unit_test(test_endless_splats_stay_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
