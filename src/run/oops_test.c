/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/test.h"
#include "run/oops.h"
#include <string.h>

static void test_oopses_are_cut_out_of_what_goes_on_around_them(void **state)
{
	static const char text[] =
		"[    1.000000] Linux version 6.1\r\n"
		"[    2.000000] ------------[ cut here ]------------\r\n"
		"[    2.000001] WARNING: CPU: 0 PID: 9 at fs/x.c:1 f+0x1/0x2\r\n"
		"[    2.000002] Call Trace:\r\n"
		"[    2.000003] ---[ end trace 0000000000000000 ]---\r\n"
		"[    3.000000] usual\r\n"
		"[    4.000000][  T12] BUG: kernel NULL pointer dereference, address: 0\r\n"
		"[    4.000001][  T12] RIP: 0010:g+0x1/0x2\r\n";
	auto_buf struct buf out = { 0 };
	oops_extract(text, sizeof text - 1, NULL, &out);
	assert_string_equal(buf_str(&out),
		"[    2.000001] WARNING: CPU: 0 PID: 9 at fs/x.c:1 f+0x1/0x2\n"
		"[    2.000002] Call Trace:\n"
		"[    2.000003] ---[ end trace 0000000000000000 ]---\n"
		"\n"
		"[    4.000000][  T12] BUG: kernel NULL pointer dereference, address: 0\n"
		"[    4.000001][  T12] RIP: 0010:g+0x1/0x2\n");
}

static void test_what_the_console_had_is_not_told_again(void **state)
{
	static const char console[] = "[    2.0] WARNING: CPU: 0 PID: 9 at a+0x1/0x2\n"
				      "[    2.1] ---[ end trace 0 ]---\n";
	static const char log[] = "<4>[    2.0] WARNING: CPU: 0 PID: 9 at a+0x1/0x2\n"
				  "<4>[    2.1] ---[ end trace 0 ]---\n"
				  "<4>[    9.0] WARNING: CPU: 0 PID: 9 at b+0x1/0x2\n";
	auto_buf struct buf out = { 0 };
	auto_buf struct buf known = { 0 };
	oops_extract(console, sizeof console - 1, NULL, &known);
	oops_extract(log, sizeof log - 1, &known, &out);
	assert_string_equal(buf_str(&out), "[    9.0] WARNING: CPU: 0 PID: 9 at b+0x1/0x2\n");
}

static void test_a_log_without_any_gives_nothing(void **state)
{
	static const char text[] =
		"[    1.0] Linux version 6.1\n<6>[ 2.0] all is well+0x1/0x2\n\n<";
	auto_buf struct buf out = { 0 };
	oops_extract(text, sizeof text - 1, NULL, &out);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oopses_are_cut_out_of_what_goes_on_around_them),
		cmocka_unit_test(test_what_the_console_had_is_not_told_again),
		cmocka_unit_test(test_a_log_without_any_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
