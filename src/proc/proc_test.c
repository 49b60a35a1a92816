/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "proc/proc.h"
#include <errno.h>
#include <signal.h>

#define SH(script) ((const char *const[]){ "/bin/sh", "-c", script, NULL })

static void test_output_and_exit_code_come_back(void **unused)
{
	const struct proc_spec s = {
		.argv = SH("echo out; echo err >&2; exit 3"), .in = PROC_NULL, .err = PROC_OUT
	};
	auto_buf struct buf out = { 0 };
	struct proc_end end;
	assert_int_equal(proc_run(&s, &out, 1000, &end, NULL), 0);
	assert_string_equal(buf_str(&out), "out\nerr\n");
	assert_int_equal(end.how, PROC_EXITED);
	assert_int_equal(end.value, 3);
	assert_true(end.max_rss_bytes > 100000);
	assert_true(end.duration_us > 0);
	assert_false(end.timed_out);
	assert_false(end.stopped);
}

static void test_missing_program_is_named_before_anything_starts(void **unused)
{
	const struct proc_spec s = { .argv = (const char *const[]){ "no-such-program", NULL },
		.in = PROC_NULL };
	struct err e = { 0 };
	assert_int_equal(proc_check(&s, NULL, 0, &e), -ENOENT);
	assert_string_equal(e.msg, "start no-such-program: no such program in PATH");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_exit_code_come_back),
		cmocka_unit_test(test_missing_program_is_named_before_anything_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
