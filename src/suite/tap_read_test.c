/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "suite/tap_read.h"
#include <string.h>

static void check(const char *text, int code, enum verdict want, const char *why)
{
	auto_tap struct tap t = { 0 };
	auto_free char *got = NULL;
	tap_add(&t, text, strlen(text));
	tap_end(&t);
	assert_string_equal(verdict_name(tap_verdict(&t, code, &got)), verdict_name(want));
	assert_string_equal(got ? got : "", why);
}

static void test_all_of_a_plan_pass(void **unused)
{
	check("TAP version 13\n1..2\nok 1 - a\r\n# for people: not ok\nok 2 b\n", 0, VERDICT_PASS,
		"");
	check("ok\nok\n1..2", 0, VERDICT_PASS, "");
	check("okay then\nnot okay\n", 0, VERDICT_PASS, "");
}

static void test_one_that_fails_is_named(void **unused)
{
	check("1..3\nok 1 a\nnot ok 2 - b \\# c\nok 3\n", 0, VERDICT_FAIL,
		"1 of its 3 tests failed: 2 - b \\# c");
	check("not ok 1\nBail out! gone\n", 255, VERDICT_FAIL, "1 of its 1 tests failed: 1");
}

static void test_an_indented_line_is_a_subtest_s(void **unused)
{
	check("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  not ok 1 x\n  ok 2\nok 1 all\n", 0,
		VERDICT_PASS, "");
}

static void test_what_is_known_not_to_work_does_not_count(void **unused)
{
	check("1..2\nok 1\nnot ok 2 - a # TODO later\n", 0, VERDICT_PASS, "");
	check("1..2\nok 1\nnot ok 2 a # XFAIL\n", 0, VERDICT_PASS, "");
	check("1..1\nnot ok 1 a # TIMEOUT 45 seconds\n", 1, VERDICT_FAIL,
		"1 of its 1 tests failed: 1 a # TIMEOUT 45 seconds");
}

static void test_what_is_skipped_says_why(void **unused)
{
	check("1..0 # SKIP no such device\n", 0, VERDICT_SKIP, "no such device");
	check("1..2\nok 1 # skip: no quota\nok 2 # SKIP\n", 0, VERDICT_SKIP, "no quota");
	check("1..2\nok 1 # SKIP no quota\nok 2\n", 0, VERDICT_PASS, "");
	check("nobody asked\n", 4, VERDICT_SKIP, "no reason given");
}

static void test_a_plan_that_is_not_kept_is_an_error(void **unused)
{
	check("1..3\nok 1\nok 2\n", 0, VERDICT_ERROR, "it planned 3 tests, and told of 2");
	check("TAP version 14\n", 0, VERDICT_ERROR, "it told of no test");
	check("ok 1\nBail out! the disk is gone\n", 0, VERDICT_ERROR,
		"it bailed out: the disk is gone");
}

static void test_an_exit_code_counts_too(void **unused)
{
	check("1..1\nok 1\n", 3, VERDICT_FAIL, "exit code 3, though none of its 1 tests failed");
	check("no TAP\n", 1, VERDICT_FAIL, "exit code 1");
	check("", 0, VERDICT_PASS, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_a_plan_pass),
		cmocka_unit_test(test_one_that_fails_is_named),
		cmocka_unit_test(test_an_indented_line_is_a_subtest_s),
		cmocka_unit_test(test_what_is_known_not_to_work_does_not_count),
		cmocka_unit_test(test_what_is_skipped_says_why),
		cmocka_unit_test(test_a_plan_that_is_not_kept_is_an_error),
		cmocka_unit_test(test_an_exit_code_counts_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
