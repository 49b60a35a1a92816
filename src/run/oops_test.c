/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test.h"
#include "run/oops.h"
#include <stdlib.h>
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

static void append(struct run_writer *w, const char *type, json_t *fields)
{
	auto_json json_t *j = fields;
	assert_int_equal(run_append(w, type, j, false, NULL), 0);
}

static void attempt(
	struct run_writer *w, const char *test, const char *reason, const char *said, int us)
{
	json_t *log = said ? json_pack("[{s:s, s:i}]", "text", said, "us", us) : json_array();
	append(w, "attempt_start", json_pack("{s:s, s:i}", "test", test, "attempt", 1));
	append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:o}", "test", test, "attempt", 1, "status",
			"FAIL", "reason", reason, "duration_us", 1, "kernel_log", log));
}

static void test_each_says_which_test_it_came_in_the_innermost(void **state)
{
	static const char console[] = "[    2.000000] WARNING: CPU: 0 PID: 9 at a+0x1/0x2\r\n"
				      "[    2.100000] ---[ end trace 0 ]---\r\n"
				      "[    3.000000] WARNING: CPU: 0 PID: 9 at b+0x1/0x2\r\n"
				      "[    3.100000] ---[ end trace 0 ]---\r\n"
				      "[    9.000000] Kernel panic - not syncing: no more\r\n";
	char *dir = test_folder();
	auto_buf struct buf out = { 0 };
	auto_run_info struct run_info *r = NULL;
	auto_json json_t *first = json_pack("{s:s}", "profile", "p");
	auto_run_writer struct run_writer *w = NULL;
	assert_int_equal(run_create(dir, "p", first, &w, NULL), 0);
	static const char said[] = "WARNING: CPU: 0 PID: 9 at a+0x1/0x2";
	attempt(w, "script.0", "the same, before", said, 1000000);
	attempt(w, "script.1", "one below failed", said, 2000000);
	attempt(w, "script.10", "no subtest of that", said, 2000000);
	attempt(w, "script.1.sub", "", said, 2000000);
	attempt(w, "script.2", "panic: Kernel panic - not syncing: no more", NULL, 0);
	assert_int_equal(run_artifact_begin(w, "boot", 1, "console.log", "console", NULL), 0);
	assert_int_equal(run_artifact_add(w, console, sizeof console - 1, NULL), 0);
	assert_int_equal(run_artifact_end(w, false, NULL), 0);
	assert_int_equal(run_sync(w, NULL), 0);
	assert_int_equal(run_read(dir, run_writer_id(w), &r, NULL), 0);
	assert_int_equal(oops_collect(r, &out, NULL), 0);
	assert_string_equal(buf_str(&out), "# in script.1.sub\n"
					   "[    2.000000] WARNING: CPU: 0 PID: 9 at a+0x1/0x2\n"
					   "[    2.100000] ---[ end trace 0 ]---\n"
					   "\n# in no test's record\n"
					   "[    3.000000] WARNING: CPU: 0 PID: 9 at b+0x1/0x2\n"
					   "[    3.100000] ---[ end trace 0 ]---\n"
					   "\n# in script.2\n"
					   "[    9.000000] Kernel panic - not syncing: no more\n");
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oopses_are_cut_out_of_what_goes_on_around_them),
		cmocka_unit_test(test_what_the_console_had_is_not_told_again),
		cmocka_unit_test(test_a_log_without_any_gives_nothing),
		cmocka_unit_test(test_each_says_which_test_it_came_in_the_innermost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
