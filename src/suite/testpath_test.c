/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/test.h"
#include "base/mem.h"
#include "suite/testpath.h"

static void test_a_path_has_dots_where_the_suites_name_has_slashes(void **unused)
{
	auto_free char *path = testpath_make("fstests.a", "generic/001");
	assert_string_equal(path, "fstests.a.generic.001");
}

static void stage(const char *planned, const char *want)
{
	auto_free char *got = testpath_stage(planned);
	assert_string_equal(got, want);
}

static void test_a_planned_test_has_a_stage_unless_it_is_of_the_machine(void **unused)
{
	stage("boot", "");
	stage("build", "");
	stage("script.010_pass", "010_pass");
	stage("script.010_a.b", "010_a.b");
	stage("fstests.zstd", "zstd");
	stage("fstests.zstd.generic.001", "zstd");
}

static void name(const char *test, const char *below, const char *want)
{
	auto_free char *got = testpath_name(test);
	assert_string_equal(got, want);
	if (below)
		assert_string_equal(testpath_below(test), below);
	else
		assert_null(testpath_below(test));
}

static void test_what_stands_behind_the_stage_is_the_suites_name(void **unused)
{
	name("fstests.zstd.generic.001", "generic.001", "generic/001");
	name("fstests.zstd", NULL, "");
	name("boot", NULL, "");
}

static void test_what_only_begins_alike_is_not_below(void **unused)
{
	assert_true(testpath_is_below("script.002.x", "script.002"));
	assert_false(testpath_is_below("script.002", "script.002"));
	assert_false(testpath_is_below("script.0021.x", "script.002"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_has_dots_where_the_suites_name_has_slashes),
		cmocka_unit_test(test_a_planned_test_has_a_stage_unless_it_is_of_the_machine),
		cmocka_unit_test(test_what_stands_behind_the_stage_is_the_suites_name),
		cmocka_unit_test(test_what_only_begins_alike_is_not_below),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
