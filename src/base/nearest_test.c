/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/nearest.h"
#include "base/test.h"

static const char *const known[] = { "vm.memory", "vm.cpus", "disk.count", "001_kernel",
	"002_btrfsprogs", NULL };

static void test_each_kind_of_typing_error_costs_one(void **unused)
{
	assert_int_equal(nearest_distance("memory", "memory"), 0);
	assert_int_equal(nearest_distance("memry", "memory"), 1);
	assert_int_equal(nearest_distance("memmory", "memory"), 1);
	assert_int_equal(nearest_distance("memary", "memory"), 1);
	assert_int_equal(nearest_distance("memroy", "memory"), 1);
	assert_int_equal(nearest_distance("MEMORY", "memory"), 0);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
}

static void test_a_mistyped_name_finds_the_nearest(void **unused)
{
	assert_string_equal(nearest("vm.memroy", known), "vm.memory");
	assert_string_equal(nearest("vm.cpu", known), "vm.cpus");
	assert_string_equal(nearest("002_btrfsprog", known), "002_btrfsprogs");
}

static void test_the_start_of_a_name_is_enough(void **unused)
{
	assert_string_equal(nearest("002", known), "002_btrfsprogs");
	assert_string_equal(nearest("vm.mem", known), "vm.memory");
}

static void test_what_is_far_away_is_not_offered(void **unused)
{
	assert_null(nearest("sound.volume", known));
	assert_null(nearest("x", known));
	assert_null(nearest("", known));
	assert_null(nearest("q", (const char *const[]){ "p", NULL }));
	assert_null(nearest("vm.memory", NULL));
	char word[5000];
	memset(word, 'v', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	assert_null(nearest(word, known));
}

static void test_hint_is_empty_where_nothing_is_near(void **unused)
{
	auto_free char *near = nearest_hint("disk.cuont", known);
	auto_free char *far = nearest_hint("sound.volume", known);
	assert_string_equal(near, " (did you mean disk.count?)");
	assert_string_equal(far, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_of_typing_error_costs_one),
		cmocka_unit_test(test_a_mistyped_name_finds_the_nearest),
		cmocka_unit_test(test_the_start_of_a_name_is_enough),
		cmocka_unit_test(test_what_is_far_away_is_not_offered),
		cmocka_unit_test(test_hint_is_empty_where_nothing_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
