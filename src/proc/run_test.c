/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/proc_test.h"

static void test_run_collects_output_and_the_end(void **unused)
{
	const struct proc_spec s = {
		.argv = SH("echo out; echo err >&2; exit 3"), .in = PROC_NULL, .err = PROC_OUT
	};
	auto_buf struct buf out = { 0 };
	struct proc_end end;
	assert_int_equal(proc_run(&s, &out, 8, &end, NULL), 0);
	assert_string_equal(buf_str(&out), "out\nerr\n");
	assert_int_equal(end.how, PROC_EXITED);
	assert_int_equal(end.value, 3);
	assert_true(end.max_rss_bytes > 100000);
	assert_true(end.duration_us > 0);
	assert_false(end.timed_out);
	assert_false(end.stopped);
}

static void test_run_stops_a_child_that_writes_without_end(void **unused)
{
	const struct proc_spec s = { .argv = (const char *const[]){ "yes", NULL },
		.in = PROC_NULL };
	auto_buf struct buf out = { 0 };
	struct proc_end end = { .value = 77 };
	struct err e = { 0 };
	assert_int_equal(proc_run(&s, &out, 100000, &end, &e), -EFBIG);
	assert_string_equal(e.msg, "yes wrote more than 100000 bytes");
	assert_int_equal(out.len, 100000);
	assert_int_equal(end.value, 77); /* untouched */
}

static void test_check_names_program_end_and_last_line_of_its_error(void **unused)
{
	struct proc_spec s = { .argv = SH(
				       "echo first >&2; printf 'disk\\033 full\\n\\n' >&2; exit 9"),
		.in = PROC_NULL };
	struct err e = { 0 };
	assert_int_equal(proc_check(&s, NULL, 0, &e), -EIO);
	assert_string_equal(e.msg, "/bin/sh: exit code 9: disk  full");
	s.argv = SH("kill -SEGV $$");
	assert_int_equal(proc_check(&s, NULL, 0, &e), -EIO);
	assert_string_equal(e.msg, "/bin/sh: killed by signal 11 (Segmentation fault)");
	s.argv = SH("seq 1 100000 >&2; echo the cause; exit 1");
	s.err = PROC_OUT;
	auto_buf struct buf out = { 0 };
	assert_int_equal(proc_check(&s, &out, 1 << 20, &e), -EIO);
	assert_string_equal(e.msg, "/bin/sh: exit code 1: the cause");
	s.argv = SH("exit 0");
	assert_int_equal(proc_check(&s, NULL, 0, NULL), 0);
}

static void test_check_counts_a_timeout_as_failure_even_after_exit_0(void **unused)
{
	const struct proc_spec s = { .argv = SH("trap 'exit 0' TERM; while :; do sleep 0.02; done"),
		.in = PROC_NULL,
		.deadline_us = 100000 };
	struct err e = { 0 };
	assert_int_equal(proc_check(&s, NULL, 0, &e), -EIO);
	assert_non_null(strstr(e.msg, "/bin/sh: timed out after "));
}

static void test_missing_program_is_named(void **unused)
{
	const struct proc_spec s = { .argv = (const char *const[]){ "no-such-program", NULL },
		.in = PROC_NULL };
	struct err e = { 0 };
	assert_int_equal(proc_check(&s, NULL, 0, &e), -ENOENT);
	assert_string_equal(e.msg, "start no-such-program: no such program in PATH");
}

static void test_programs_of_the_administrator_are_found_without_their_path(void **unused)
{
	auto_free char *before = xstrdup(getenv("PATH"));
	setenv("PATH", "/nowhere", 1);
	const struct proc_spec s = { .argv = (const char *const[]){ "ldconfig", "--version", NULL },
		.in = PROC_NULL };
	auto_free char *path = NULL;
	auto_free char *none = NULL;
	int rc = proc_check(&s, NULL, 0, NULL);
	int found = proc_find("ldconfig", &path);
	int missing = proc_find("no-such-program", &none);
	setenv("PATH", before, 1);
	assert_int_equal(rc, 0);
	assert_int_equal(found, 0);
	assert_string_equal(path, "/usr/sbin/ldconfig");
	assert_int_equal(missing, -ENOENT);
	assert_int_equal(proc_find("/etc/passwd", &none), -EACCES);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_collects_output_and_the_end),
		cmocka_unit_test(test_run_stops_a_child_that_writes_without_end),
		cmocka_unit_test(test_check_names_program_end_and_last_line_of_its_error),
		cmocka_unit_test(test_check_counts_a_timeout_as_failure_even_after_exit_0),
		cmocka_unit_test(test_missing_program_is_named),
		cmocka_unit_test(test_programs_of_the_administrator_are_found_without_their_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
