/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"

static void test_pieces_join_and_consume_drops_the_front(void **unused)
{
	auto_buf struct buf b = { 0 };
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%03d,", i);
	assert_int_equal(b.len, 4000);
	buf_consume(&b, 3992);
	assert_string_equal(buf_str(&b), "998,999,");
	auto_free char *s = buf_take(&b);
	assert_string_equal(s, "998,999,");
	assert_string_equal(buf_str(&b), "");
}

static void test_shell_line_quotes_what_a_shell_would_read_otherwise(void **unused)
{
	auto_strv struct strv v = { 0 };
	strv_addl(&v, "echo", "a b", "it's", "", "$HOME", "plain-1.0", NULL);
	auto_free char *s = strv_shell(strv_get(&v));
	assert_string_equal(s, "echo 'a b' 'it'\\''s' '' '$HOME' plain-1.0");
}

static void test_split_and_sort(void **unused)
{
	auto_strv struct strv v = { 0 };
	strv_split(&v, " xfs,btrfs ,, ext4", ", ");
	strv_sort(&v);
	assert_int_equal(v.n, 3);
	assert_string_equal(v.v[0], "btrfs");
	assert_string_equal(v.v[2], "xfs");
	assert_null(v.v[3]);
	auto_free char *joined = strv_join(&v, "; ");
	assert_string_equal(joined, "btrfs; ext4; xfs");
	auto_strv struct strv none = { 0 };
	auto_free char *nothing = strv_join(&none, "; ");
	assert_string_equal(nothing, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_join_and_consume_drops_the_front),
		cmocka_unit_test(test_shell_line_quotes_what_a_shell_would_read_otherwise),
		cmocka_unit_test(test_split_and_sort),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
