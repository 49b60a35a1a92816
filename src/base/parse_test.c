/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/test.h"
#include <errno.h>

static void test_sizes_count_in_1024(void **unused)
{
	uint64_t v = 0;
	assert_int_equal(parse_size("20G", &v, NULL), 0);
	assert_int_equal(v, UINT64_C(20) << 30);
	assert_int_equal(parse_size("512 MiB", &v, NULL), 0);
	assert_int_equal(v, UINT64_C(512) << 20);
	assert_int_equal(parse_size("99999999999T", &v, NULL), -ERANGE);
	assert_int_equal(parse_size("-1", &v, NULL), -EINVAL);
	assert_int_equal(v, UINT64_C(512) << 20); /* untouched by a failure */
}

static void test_unknown_unit_is_named_with_the_known_ones(void **unused)
{
	struct err e = { 0 };
	uint64_t v = 0;
	assert_int_equal(parse_duration("5 parsecs", 1000000, &v, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "'parsecs'"));
	assert_non_null(strstr(e.msg, "ms s m h d"));
}

static void test_bare_duration_counts_the_given_unit(void **unused)
{
	uint64_t v = 0;
	assert_int_equal(parse_duration("30", 60000000, &v, NULL), 0);
	assert_int_equal(v, UINT64_C(1800) * 1000000);
	assert_int_equal(parse_duration("90s", 60000000, &v, NULL), 0);
	assert_int_equal(v, 90000000);
}

static void test_a_moment_is_a_date_that_there_is(void **unused)
{
	int64_t t = 7;
	static const char *const none[] = { "", "20260101", "20260101T000000", "20260101T000000Zx",
		"2026-01-01T00:00", "20260231T000000Z", "20261301T000000Z", "20260101T250000Z",
		"20260101T0000 0Z" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(parse_moment(none[i], &t, NULL), -EINVAL);
	assert_int_equal(t, 7);
	assert_int_equal(parse_moment("20260101T000000Z", &t, NULL), 0);
	assert_int_equal(t, 1767225600);
}

static void test_numbers_for_people(void **unused)
{
	char s[PARSE_SIZE_TEXT];
	char d[CLOCK_HUMAN_SIZE];
	assert_string_equal(parse_size_text(1500000, s), "1.4 MiB");
	assert_string_equal(parse_size_text(12, s), "12 B");
	assert_string_equal(clock_human(249000, d), "0.24s");
	assert_string_equal(clock_human(UINT64_C(247) * 1000000, d), "4m07s");
	assert_string_equal(clock_human(UINT64_C(7500) * 1000000, d), "2h05m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_count_in_1024),
		cmocka_unit_test(test_unknown_unit_is_named_with_the_known_ones),
		cmocka_unit_test(test_bare_duration_counts_the_given_unit),
		cmocka_unit_test(test_a_moment_is_a_date_that_there_is),
		cmocka_unit_test(test_numbers_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
