/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void test_replace_leaves_whole_content_and_no_other_file(void **state)
{
	auto_free char *path = path_join(*state, "f");
	assert_int_equal(file_replace(path, "one", 3, 0644, NULL), 0);
	assert_int_equal(file_replace(path, "second", 6, 0600, NULL), 0);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 100, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "second");
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(*state), 0); /* so nothing else lay there */
	assert_int_equal(mkdir(*state, 0700), 0);
}

static void test_read_refuses_more_than_its_limit(void **state)
{
	struct err e = { 0 };
	auto_free char *path = path_join(*state, "f");
	assert_int_equal(file_replace(path, "123456", 6, 0644, NULL), 0);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 5, &b, &e), -EFBIG);
	assert_non_null(strstr(e.msg, "larger than 5 bytes"));
}

static void test_open_beneath_refuses_every_way_out(void **state)
{
	auto_close int dir = open(*state, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	assert_int_equal(symlinkat("/etc", dir, "out"), 0);
	assert_int_equal(symlinkat("../../../../etc/passwd", dir, "up"), 0);
	assert_int_equal(file_open_beneath(dir, "../x", O_RDONLY, 0, NULL), -EXDEV);
	assert_int_equal(file_open_beneath(dir, "/etc/passwd", O_RDONLY, 0, NULL), -EXDEV);
	assert_int_equal(file_open_beneath(dir, "out/passwd", O_RDONLY, 0, NULL), -EXDEV);
	assert_int_equal(file_open_beneath(dir, "up", O_RDONLY, 0, NULL), -EXDEV);
	auto_close int fd = file_open_beneath(dir, "in", O_CREAT | O_WRONLY, 0600, NULL);
	assert_true(fd >= 0);
}

static void test_names_of_a_guest_are_one_component(void **unused)
{
	assert_true(file_name_is_safe("a\nb", 3));
	assert_true(file_name_is_safe("...", 3));
	assert_false(file_name_is_safe("..", 2));
	assert_false(file_name_is_safe(".", 1));
	assert_false(file_name_is_safe("", 0));
	assert_false(file_name_is_safe("a/b", 3));
	assert_false(file_name_is_safe("a\0b", 3));
}

static void test_lock_names_its_holder(void **state)
{
	struct err e = { 0 };
	auto_free char *path = path_join(*state, "lock");
	int fd = file_lock(path, 0, NULL);
	assert_true(fd >= 0);
	assert_int_equal(file_lock(path, 0, &e), -EWOULDBLOCK);
	assert_int_equal(file_lock_holder(path), getpid());
	auto_free char *who = xasprintf("process %ld", (long)getpid());
	assert_non_null(strstr(e.msg, who));
	close(fd);
	auto_close int again = file_lock(path, 0, NULL);
	assert_true(again >= 0);
}

static void test_copy_keeps_content_and_holes(void **state)
{
	auto_free char *from = path_join(*state, "sparse");
	auto_free char *to = path_join(*state, "copy");
	int fd = open(from, O_CREAT | O_RDWR, 0644);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	assert_int_equal(pwrite(fd, "data", 4, 32 << 20), 4);
	close(fd);
	assert_int_equal(file_copy(from, to, 0644, NULL), 0);
	char a[HASH_HEX_SIZE];
	char b[HASH_HEX_SIZE];
	assert_int_equal(hash_file(from, a, NULL), 0);
	assert_int_equal(hash_file(to, b, NULL), 0);
	assert_string_equal(a, b);
	struct stat st;
	assert_int_equal(stat(to, &st), 0);
	assert_true(st.st_blocks < 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_leaves_whole_content_and_no_other_file),
		cmocka_unit_test(test_read_refuses_more_than_its_limit),
		cmocka_unit_test(test_open_beneath_refuses_every_way_out),
		cmocka_unit_test(test_names_of_a_guest_are_one_component),
		cmocka_unit_test(test_lock_names_its_holder),
		cmocka_unit_test(test_copy_keeps_content_and_holes),
	};
	return cmocka_run_group_tests(tests, test_make_folder, test_remove_folder);
}
