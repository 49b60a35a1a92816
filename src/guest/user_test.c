/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "guest/user.h"
#include <errno.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_user_has_ids_home_shell_and_groups),
		cmocka_unit_test(
			test_a_last_line_without_newline_counts_and_no_groups_file_is_fine),
		cmocka_unit_test(test_an_unknown_user_and_a_broken_line_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
