/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "guest/user.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "broken:x:zero:0\n"
			     "fsgqa2:x:1002:1002::/home/two:\n"
			     "fsgqa:x:1001:1001:,,,:/home/fsgqa:/bin/sh\n"
			     "last:x:7:8::/:/bin/false";
static const char group[] = "root:x:0:\nsys:x:3:fsgqa2,fsgqa\n:x\nfsgqa:x:1001:fsgqa\n"
			    "disk:x:6:fsgqa2\ntape:x:26:fsgqa\n";

struct folder {
	char *path, *passwd, *group;
};

static void setup(struct folder *f)
{
	f->path = test_folder();
	f->passwd = path_join(f->path, "passwd");
	f->group = path_join(f->path, "group");
	assert_int_equal(file_replace(f->passwd, passwd, sizeof passwd - 1, 0644, NULL), 0);
	assert_int_equal(file_replace(f->group, group, sizeof group - 1, 0644, NULL), 0);
}

static void teardown(struct folder *f)
{
	file_remove_tree(f->path, NULL);
	free(f->path);
	free(f->passwd);
	free(f->group);
}

static void test_a_user_has_ids_home_shell_and_groups(void **unused)
{
	struct folder f;
	setup(&f);
	auto_user struct user u = { 0 };
	assert_int_equal(user_find(f.passwd, f.group, "fsgqa", &u, NULL), 0);
	assert_int_equal(u.uid, 1001);
	assert_string_equal(u.home, "/home/fsgqa");
	assert_string_equal(u.shell, "/bin/sh");
	assert_int_equal(u.n_groups, 3);
	assert_int_equal(u.groups[0], 1001);
	assert_int_equal(u.groups[1], 3);
	assert_int_equal(u.groups[2], 26);
	teardown(&f);
}

static void test_a_last_line_without_newline_counts_and_no_groups_file_is_fine(void **unused)
{
	struct folder f;
	setup(&f);
	auto_user struct user u = { 0 };
	assert_int_equal(user_find(f.passwd, "/nonexistent", "last", &u, NULL), 0);
	assert_int_equal(u.gid, 8);
	assert_int_equal(u.n_groups, 1);
	teardown(&f);
}

static void test_an_unknown_user_and_a_broken_line_are_told_apart(void **unused)
{
	struct folder f;
	setup(&f);
	struct err e = { 0 };
	auto_user struct user u = { 0 };
	assert_int_equal(user_find(f.passwd, f.group, "fsg", &u, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "no user fsg"));
	assert_int_equal(user_find(f.passwd, f.group, "broken", &u, &e), -EINVAL);
	assert_int_equal(user_find(f.passwd, f.group, "", &u, &e), -ENOENT);
	assert_int_equal(user_find("/nonexistent", f.group, "root", &u, &e), -ENOENT);
	teardown(&f);
}

static void write_at(const char *root, const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/%s", root, path);
	assert_int_equal(file_replace(full, text, strlen(text), 0644, NULL), 0);
}

static void assert_holds(const char *root, const char *path, const char *want)
{
	auto_free char *full = xasprintf("%s/%s", root, path);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(full, 4096, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
}

static void test_a_new_user_gets_an_id_that_neither_file_has_a_group_and_a_home(void **unused)
{
	auto_free char *root = test_folder();
	auto_free char *etc = path_join(root, "etc");
	auto_free char *home = path_join(root, "home/12-x");
	assert_int_equal(file_mkdirs(etc, 0755, NULL), 0);
	write_at(root, "etc/passwd", "root:x:0:0::/:/bin/sh\na:x:1003:5::/:\nnobody:x:65534:1::/:");
	write_at(root, "etc/group", "root:x:0:\nb:x:1004:\n");
	write_at(root, "etc/shadow", "root:*:1::::::\n");
	int rc = user_add(root, "12-x", NULL);
	if (getuid() == 0) /* else the home cannot be given away */
		assert_int_equal(rc, 0);
	assert_int_equal(access(home, X_OK), 0);
	assert_holds(root, "etc/passwd",
		"root:x:0:0::/:/bin/sh\na:x:1003:5::/:\nnobody:x:65534:1::/:\n"
		"12-x:x:1005:1005::/home/12-x:/bin/sh\n");
	assert_holds(root, "etc/group", "root:x:0:\nb:x:1004:\n12-x:x:1005:\n");
	assert_holds(root, "etc/shadow", "root:*:1::::::\n12-x:*:1::::::\n");
	assert_int_equal(user_add(root, "a", NULL), 0);
	struct err e = { 0 };
	assert_int_equal(user_add(root, "b", &e), -EEXIST);
	assert_non_null(strstr(e.msg, "group b is there"));
	assert_holds(root, "etc/group", "root:x:0:\nb:x:1004:\n12-x:x:1005:\n");
	assert_int_equal(file_remove_tree(root, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_user_has_ids_home_shell_and_groups),
		cmocka_unit_test(
			test_a_last_line_without_newline_counts_and_no_groups_file_is_fine),
		cmocka_unit_test(test_an_unknown_user_and_a_broken_line_are_told_apart),
		cmocka_unit_test(
			test_a_new_user_gets_an_id_that_neither_file_has_a_group_and_a_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
