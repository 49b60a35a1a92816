/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "suite/fstests_needs.h"
#include "suite/fstests_priv.h"
#include <stdlib.h>
#include <string.h>

static const struct fstests_need *find(const struct fstests_needs *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

static void add(struct fstests_needs *all, const char *test, const char *text)
{
	fstests_needs_of_script(test, text, strlen(text), all);
}

static void test_a_script_says_which_programs_users_and_options_it_wants(void **unused)
{
	auto_fstests_needs struct fstests_needs all = { 0 };
	add(&all, "generic/001",
		"_require_command \"$DBENCH_PROG\" dbench\n"
		"\t_require_fio $tmp.fio # twice\n_require_fio other\n"
		"_require_dm_target flakey\n_require_user\n_require_user fsgqa2\n");
	add(&all, "generic/002", "_require_command \"$KEYCTL_PROG\" \"keyctl\"\n_require_fio\n");
	const struct fstests_need *fio = find(&all, "fio");
	assert_int_equal(fio->tests, 2);
	assert_string_equal(fio->first, "generic/001");
	assert_string_equal(fio->package, "fio");
	assert_false(fio->hard);
	assert_string_equal(find(&all, "keyctl")->package, "keyutils");
	assert_string_equal(find(&all, "dbench")->first, "generic/001");
	assert_int_equal(find(&all, "CONFIG_DM_FLAKEY")->kind, FSTESTS_CONFIG);
	assert_non_null(find(&all, "CONFIG_BLK_DEV_DM"));
	assert_null(find(&all, "CONFIG_DM_SNAPSHOT"));
	assert_int_equal(find(&all, "fsgqa")->kind, FSTESTS_USER);
	assert_int_equal(find(&all, "fsgqa2")->tests, 1);
}

static void test_what_only_the_shell_understands_is_no_need(void **unused)
{
	auto_fstests_needs struct fstests_needs all = { 0 };
	add(&all, "generic/001",
		"# _require_fio\n_require_command src/btrfs_encoded_read\n"
		"_require_command \"$(type -P $CAT)\" $CAT\n_require_command\n"
		"echo _require_fio\n_require_something_else fio\n");
	assert_int_equal(all.n, 0);
}

static void test_check_itself_refuses_without_the_filesystems_own(void **unused)
{
	auto_fstests_needs struct fstests_needs all = { 0 };
	const struct fstests_picks none = { 0 };
	char dir[] = "/tmp/fsqa-needs-XXXXXX";
	static const char text[] = "[ \"$BC_PROG\" = \"\" ] && _fatal \"bc not found\"\n"
				   "[ x ] && _fatal \"mkfs_xfs not found\"\n";
	assert_non_null(mkdtemp(dir));
	auto_free char *common = path_join(dir, "common");
	auto_free char *config = path_join(common, "config");
	const struct fstests_tree tree = { .dir = dir };
	assert_int_equal(file_mkdirs(common, 0755, NULL), 0);
	assert_int_equal(file_replace(config, text, strlen(text), 0644, NULL), 0);
	assert_int_equal(fstests_needs_of(&tree, "xfs", &none, &all, NULL), 0);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	assert_true(find(&all, "mkfs.xfs")->hard);
	assert_string_equal(find(&all, "mkfs.xfs")->package, "xfsprogs");
	assert_true(find(&all, "CONFIG_XFS_FS")->hard);
	assert_string_equal(find(&all, "bc")->package, "bc");
	assert_null(find(&all, "perl")); /* this tree does not ask for it */
	assert_null(find(&all, "CONFIG_BTRFS_FS"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_script_says_which_programs_users_and_options_it_wants),
		cmocka_unit_test(test_what_only_the_shell_understands_is_no_need),
		cmocka_unit_test(test_check_itself_refuses_without_the_filesystems_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
