/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "target/ending.h"

static const struct proc_end exit_1 = { .how = PROC_EXITED, .value = 1 };
static const struct proc_end exit_0 = { .how = PROC_EXITED };
static const struct proc_end killed = { .how = PROC_SIGNALED, .value = 9 };

static void ends(
	struct ending *n, const struct proc_end *exit, enum target_end end, const char *detail)
{
	ending_finish(n, exit, true);
	assert_true(n->decided);
	assert_string_equal(target_end_name(n->end), target_end_name(end));
	assert_string_equal(ending_detail(n), detail);
	ending_clear(n);
}

static void test_the_monitors_reason_decides_not_the_exit_code(void **unused)
{
	static const struct {
		const char *reason, *detail;
		enum target_end end;
	} cases[] = {
		{ "guest-shutdown", "the guest powered off", TARGET_POWEROFF },
		{ "guest-reset", "the guest reset itself", TARGET_REBOOT },
		{ "host-signal", "QEMU was ended by a signal from outside", TARGET_QEMU_KILLED },
		{ "host-error", "QEMU ended the guest: host-error", TARGET_DIED },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ending n = { 0 };
		ending_shutdown(&n, cases[i].reason);
		ending_decide(&n, TARGET_KILLED, "late");
		ends(&n, &exit_0, cases[i].end, cases[i].detail);
	}
}

static void test_a_panic_outranks_reset_kill_and_deadline_in_any_order(void **unused)
{
	static const char console[] = "[ 1.0] Kernel panic - not syncing: VFS: no root\r\nCPU: 0\n";
	static const enum target_end others[] = { TARGET_REBOOT, TARGET_KILLED, TARGET_NEVER_UP,
		TARGET_LIED, TARGET_DIED };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		for (int console_first = 0; console_first < 2; console_first++) {
			struct ending n = { 0 };
			if (console_first)
				assert_true(ending_console(&n, console, sizeof console - 1));
			ending_decide(&n, others[i], "something");
			if (!console_first)
				assert_true(ending_console(&n, console, sizeof console - 1));
			ends(&n, &killed, TARGET_PANIC, "Kernel panic - not syncing: VFS: no root");
		}
	}
}

static void test_a_panic_that_only_the_device_saw_counts(void **unused)
{
	struct ending n = { .panicked = true };
	ending_shutdown(&n, "guest-reset");
	ends(&n, &exit_0, TARGET_PANIC, "the guest's kernel panicked, unprinted");
}

static void test_qemus_own_death_has_its_last_words(void **unused)
{
	struct ending n = { 0 };
	static const char one[] = "qemu: warning\nqemu: -device foo: no";
	static const char two[] = "t a device\x1b\xff\r\n\n";
	ending_stderr(&n, one, sizeof one - 1);
	ending_stderr(&n, two, sizeof two - 1);
	auto_free char *first = ending_first_words(&n);
	assert_string_equal(first, "qemu: warning");
	ends(&n, &exit_1, TARGET_QEMU_ERROR,
		"QEMU does not start: exit code 1: qemu: -device foo: not a device \xef\xbf\xbd");
	struct ending silent = { .running = true };
	ends(&silent, &exit_1, TARGET_DIED, "QEMU ended by itself: exit code 1");
	struct ending outside = { .running = true };
	ends(&outside, &killed, TARGET_QEMU_KILLED,
		"QEMU was ended from outside: killed by signal 9 (Killed)");
	struct ending crashed = { .running = true };
	ends(&crashed, &(struct proc_end){ .how = PROC_SIGNALED, .value = 11 }, TARGET_DIED,
		"QEMU crashed: killed by signal 11 (Segmentation fault)");
	struct ending never = { 0 };
	ends(&never, NULL, TARGET_QEMU_ERROR, "QEMU does not start: it was not started");
}

static void test_one_that_never_was_up_tells_the_consoles_last_line(void **unused)
{
	static const char console[] = "a\r\n[ 1.0] cannot mount \x1b/root\r\n  \r\n\n";
	struct ending n = { 0 };
	for (size_t i = 0; i < sizeof console - 1; i++)
		assert_false(ending_console(&n, console + i, 1));
	ending_shutdown(&n, "guest-shutdown");
	ending_finish(&n, &exit_0, false);
	assert_string_equal(ending_detail(&n), "the guest powered off; last on the console: "
					       "[ 1.0] cannot mount ?/root");
	ending_clear(&n);
	struct ending unfinished = { 0 };
	char junk[1000];
	memset(junk, 'x', sizeof junk);
	assert_false(ending_console(&unfinished, junk, sizeof junk));
	ending_decide(&unfinished, TARGET_NEVER_UP, "late");
	ending_finish(&unfinished, &killed, false);
	assert_int_equal(strlen(ending_detail(&unfinished)),
		strlen("late; last on the console: ") + ENDING_LINE - 1);
	ending_clear(&unfinished);
	struct ending up = { 0 };
	assert_false(ending_console(&up, "x\n", 2));
	ending_decide(&up, TARGET_KILLED, "killed");
	ends(&up, &killed, TARGET_KILLED, "killed");
}

static void test_a_crash_under_kvm_before_it_was_up_is_kvms(void **unused)
{
	const struct proc_end aborted = { PROC_SIGNALED, SIGABRT };
	struct ending kvm = { .under_kvm = true };
	ending_finish(&kvm, &aborted, false);
	assert_int_equal(kvm.end, TARGET_NO_ACCEL);
	ending_clear(&kvm);
	struct ending up = { .under_kvm = true };
	ending_finish(&up, &aborted, true);
	assert_int_equal(up.end, TARGET_DIED);
	ending_clear(&up);
	struct ending tcg = { 0 };
	ending_finish(&tcg, &aborted, false);
	assert_int_equal(tcg.end, TARGET_DIED);
	ending_clear(&tcg);
}

static void test_endless_words_are_kept_at_both_ends_only(void **unused)
{
	struct ending n = { .running = true };
	char junk[3000];
	memset(junk, 'x', sizeof junk);
	ending_stderr(&n, "first\n", 6);
	for (int i = 0; i < 100; i++) {
		ending_stderr(&n, junk, i % 2 ? sizeof junk : 100);
		assert_true(n.stderr_head.len <= ENDING_STDERR);
		assert_true(n.stderr_tail.len <= ENDING_STDERR);
	}
	ending_stderr(&n, "\nlast\n", 6);
	auto_free char *first = ending_first_words(&n);
	assert_string_equal(first, "first");
	ends(&n, &exit_0, TARGET_DIED, "QEMU ended by itself: exit code 0: last");
}

static void test_what_the_guests_init_said_outlasts_its_kernels_words(void **unused)
{
	static const char console[] = "fsqa-guest: a\r\nfsqa-guest: no root\r\n[ 8.1] reboot: "
				      "Power down\r\n";
	struct ending n = { 0 };
	assert_false(ending_console(&n, console, sizeof console - 1));
	ending_shutdown(&n, "guest-shutdown");
	ending_finish(&n, &exit_0, false);
	assert_string_equal(ending_detail(&n),
		"the guest powered off; last on the console: fsqa-guest: no root");
	ending_clear(&n);
}

static void test_every_end_has_a_name(void **unused)
{
	for (int i = TARGET_POWEROFF; i <= TARGET_SAVED; i++)
		assert_string_not_equal(target_end_name((enum target_end)i), "?");
	assert_string_equal(target_end_name(TARGET_PANIC), "panic");
	assert_string_equal(target_end_name((enum target_end)(TARGET_SAVED + 1)), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_monitors_reason_decides_not_the_exit_code),
		cmocka_unit_test(test_a_panic_outranks_reset_kill_and_deadline_in_any_order),
		cmocka_unit_test(test_a_panic_that_only_the_device_saw_counts),
		cmocka_unit_test(test_qemus_own_death_has_its_last_words),
		cmocka_unit_test(test_one_that_never_was_up_tells_the_consoles_last_line),
		cmocka_unit_test(test_a_crash_under_kvm_before_it_was_up_is_kvms),
		cmocka_unit_test(test_endless_words_are_kept_at_both_ends_only),
		cmocka_unit_test(test_what_the_guests_init_said_outlasts_its_kernels_words),
		cmocka_unit_test(test_every_end_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
