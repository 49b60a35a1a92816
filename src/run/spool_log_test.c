/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/spool_log.h"

static void write_lines(const char *path, uint64_t limit, int lines, bool *ret_cut)
{
	struct spool_log *l = NULL;
	assert_int_equal(spool_log_open(path, limit, &l, NULL), 0);
	for (int i = 0; i < lines; i++) {
		char line[16];
		int n = snprintf(line, sizeof line, "line %08d\n", i);
		assert_int_equal(spool_log_add(l, line, (size_t)n, NULL), 0);
	}
	*ret_cut = spool_log_cut(l);
	assert_int_equal(spool_log_bytes(l), (uint64_t)lines * 14);
	assert_int_equal(spool_log_close(&l, NULL), 0);
	assert_null(l);
}

static void test_a_long_log_keeps_head_and_tail_and_says_what_is_missing(void **unused)
{
	auto_free char *dir = test_folder();
	auto_free char *path = path_join(dir, "log");
	bool cut = false;
	write_lines(path, 1400, 100000, &cut);
	assert_true(cut);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 1 << 20, &b, NULL), 0);
	assert_int_equal(strncmp(b.s, "line 00000000\n", 14), 0);
	assert_non_null(strstr(b.s, "line 00000099\n\n[fsqa: 1333064 bytes left out here]\n"));
	assert_string_equal(b.s + b.len - 14, "line 00099999\n");
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void test_what_fits_is_whole(void **unused)
{
	auto_free char *dir = test_folder();
	auto_free char *path = path_join(dir, "log");
	bool cut = true;
	/* head 1400 bytes, the rest fits the tail: nothing is lost, nothing is said */
	write_lines(path, 1400, 1000, &cut);
	assert_false(cut);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 1 << 20, &b, NULL), 0);
	assert_int_equal(b.len, 14000);
	assert_null(strstr(b.s, "left out"));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_log_keeps_head_and_tail_and_says_what_is_missing),
		cmocka_unit_test(test_what_fits_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
