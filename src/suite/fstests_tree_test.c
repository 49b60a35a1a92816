/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "proc/proc.h"
#include "suite/fstests_tree.h"
#include <errno.h>

struct fixture {
	char *dir;
	struct fstests_tree *tree;
};

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0755, NULL), 0);
}

/* A new tree: groups stand in the tests, but for xfs, whose list was built. */
static int make_tree(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	put(f->dir, "check", "#!/bin/bash\nneedwrap=true\nSRC_GROUPS=\"generic\"\n");
	put(f->dir, "tests/generic/001", "_begin_fstest auto quick\n");
	put(f->dir, "tests/generic/001.out", "QA output created by 001\n");
	put(f->dir, "tests/generic/002", "_begin_fstest auto\n_fixed_in_kernel_version v4.2\n");
	put(f->dir, "tests/generic/010-name", "_begin_fstest auto dangerous\n");
	put(f->dir, "tests/generic/group-x", "_begin_fstest auto\n");
	put(f->dir, "tests/generic/1000", "_begin_fstest quick\n");
	put(f->dir, "tests/xfs/001", "_begin_fstest stale\n");
	put(f->dir, "tests/xfs/002", "true\n");
	put(f->dir, "tests/xfs/003-odd", "true\n");
	put(f->dir, "tests/xfs/group.list",
		"# QA groups\n001 auto quick # why\n003 quick auto\n999 auto\n  002 auto\n");
	put(f->dir, "tests/ext4/001", "_begin_fstest auto quick\n");
	put(f->dir, "tests/shared/001", "_begin_fstest auto quick\n");
	assert_int_equal(fstests_tree_open(f->dir, &f->tree, NULL), 0);
	*state = f;
	return 0;
}

static int remove_tree(void **state)
{
	struct fixture *f = *state;
	fstests_tree_free(f->tree);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->dir);
	free(f);
	return 0;
}

/* The names chosen, a blank behind each, "!" before one that is expunged; or the error. */
static char *choose(struct fixture *f, const struct fstests_choice *c)
{
	auto_fstests_picks struct fstests_picks p = { 0 };
	struct err e = { 0 };
	if (fstests_tree_choose(f->tree, c, &p, &e) < 0) {
		assert_true(strncmp(e.msg, f->dir, strlen(f->dir)) == 0);
		return xstrdup(e.msg + strlen(f->dir));
	}
	char *text = xstrdup("");
	for (size_t i = 0; i < p.n; i++) {
		char *more =
			xasprintf("%s%s%s ", text, p.v[i].expunged ? "!" : "", p.v[i].test->name);
		free(text);
		text = more;
	}
	return text;
}

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

#define expect(f, text, ...)                                                                       \
	do {                                                                                       \
		const struct fstests_choice choice_ = { __VA_ARGS__ };                             \
		auto_free char *got_ = choose(f, &choice_);                                        \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_groups_choose_generic_and_the_filesystems_own_tests(void **state)
{
	struct fixture *f = *state;
	expect(f, "generic/001 generic/1000 xfs/001 xfs/003-odd ", .fstyp = "xfs",
		.groups = LIST("quick"));
	expect(f, "ext4/001 generic/001 generic/1000 ", .fstyp = "ext3", .groups = LIST("quick"));
	expect(f, "generic/001 generic/1000 ", .fstyp = "nfs", .groups = LIST("quick"));
	expect(f, "generic/001 generic/002 generic/010-name xfs/001 xfs/003-odd ", .fstyp = "xfs");
	expect(f, "generic/010-name xfs/001 xfs/003-odd ", .fstyp = "ext4",
		.groups = LIST("dangerous,xfs/quick"));
	expect(f,
		"generic/001 generic/002 generic/010-name generic/1000 xfs/001 xfs/002 "
		"xfs/003-odd ",
		.fstyp = "xfs", .groups = LIST("all"));
	expect(f, "generic/002 generic/010-name ", .fstyp = "xfs", .groups = LIST("auto"),
		.not_groups = LIST("quick", "xfs/auto"));
}

static void test_tests_are_named_by_number_or_pattern(void **state)
{
	struct fixture *f = *state;
	expect(f, "generic/001 generic/002 xfs/003-odd ", .fstyp = "xfs",
		.tests = LIST("xfs/003", "generic/00?", "tests/generic/001"));
	expect(f, "xfs/002 generic/001 generic/010-name ", .fstyp = "xfs", .exact_order = true,
		.tests = LIST("xfs/002", "generic/001", "xfs/002"), .groups = LIST("dangerous"));
	expect(f, "generic/002 ", .fstyp = "xfs", .tests = LIST("generic/00*"),
		.not_groups = LIST("quick"));
}

static void test_excluded_tests_are_listed_as_expunged(void **state)
{
	struct fixture *f = *state;
	put(f->dir, "list", "# generic/001\n generic/001\ngeneric/002 # flaky\nxfs/0010\n");
	put(f->dir, "tests/xfs/.exclude", "001 003-odd # both\n");
	put(f->dir, "tests/ext4/.exclude", "001\n");
	auto_free char *list = path_join(f->dir, "list");
	expect(f, "generic/001 !generic/002 ", .fstyp = "xfs", .tests = LIST("generic/00?"),
		.exclude_files = LIST(list));
	expect(f, "!generic/001 generic/1000 !xfs/001 !xfs/003-odd ", .fstyp = "xfs",
		.groups = LIST("quick"), .exclude_name = ".exclude",
		.excludes = LIST("xfs/777,generic/001", "ext4/001"));
}

static void test_names_nobody_knows_are_told_with_the_nearest(void **state)
{
	struct fixture *f = *state;
	expect(f, ": no group 'quik' (did you mean quick?)", .fstyp = "xfs",
		.groups = LIST("auto,quik"));
	expect(f, ": no group 'quik' (did you mean quick?)", .fstyp = "xfs",
		.not_groups = LIST("quik"));
	expect(f, ": no test 'generic/01' (did you mean generic/001?)", .fstyp = "xfs",
		.tests = LIST("generic/01"));
	expect(f, ": no test 'xfs/9*'", .fstyp = "xfs", .tests = LIST("xfs/9*"));
	expect(f, ": group 'xfs/dangerous' has no test for xfs", .fstyp = "xfs",
		.groups = LIST("xfs/dangerous"));
	/* Known elsewhere: nothing to leave out here. */
	expect(f, "xfs/001 xfs/003-odd ", .fstyp = "xfs", .groups = LIST("xfs/quick"),
		.not_groups = LIST("dangerous"));
	struct fstests_picks p = { 0 };
	const struct fstests_choice c = { .fstyp = "xfs", .exclude_files = LIST("/nonexistent") };
	assert_int_equal(fstests_tree_choose(f->tree, &c, &p, NULL), -ENOENT);
}

static void test_old_trees_have_shared_and_a_group_file(void **state)
{
	struct fixture *f = *state;
	put(f->dir, "old/check", "#!/bin/bash\nSRC_GROUPS=\"generic shared\"\n");
	put(f->dir, "old/tests/generic/001", "true\n");
	put(f->dir, "old/tests/generic/group", "# QA groups\nauto Nathan\n001 quick\n");
	put(f->dir, "old/tests/shared/032", "true\n");
	put(f->dir, "old/tests/shared/group", "032 mkfs auto quick\n");
	auto_free char *dir = path_join(f->dir, "old");
	auto_fstests_tree struct fstests_tree *t = NULL;
	assert_int_equal(fstests_tree_open(dir, &t, NULL), 0);
	struct fixture old = { .dir = dir, .tree = t };
	expect(&old, "generic/001 shared/032 ", .fstyp = "xfs", .groups = LIST("quick"));
}

static void test_what_is_no_tree_is_told(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	struct fstests_tree *t = NULL;
	auto_free char *dir = path_join(f->dir, "tests");
	assert_int_equal(fstests_tree_open(dir, &t, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "no tree of fstests: it has no file 'check'"));
	put(f->dir, "none/check", "");
	put(f->dir, "none/tests/generic/Makefile", "");
	auto_free char *none = path_join(f->dir, "none");
	assert_int_equal(fstests_tree_open(none, &t, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "no test in it"));
}

static void test_a_tests_hints_and_golden_output_are_found(void **state)
{
	struct fixture *f = *state;
	const struct fstests_test *t = fstests_tree_find(f->tree, "generic/002");
	assert_non_null(t);
	assert_int_equal(t->n_hints, 1);
	assert_string_equal(t->hints[0].version, "v4.2");
	assert_string_equal(fstests_tree_find(f->tree, "generic/010")->name, "generic/010-name");
	assert_null(fstests_tree_find(f->tree, "generic/group-x"));
	assert_null(fstests_tree_find(f->tree, "generic/01"));
	auto_free char *golden = fstests_tree_golden(f->tree, "generic/001");
	assert_int_equal(access(golden, R_OK), 0);
}

static void git(const char *dir, const char *const *words)
{
	auto_strv struct strv argv = { 0 };
	strv_addl(&argv, "git", "-C", dir, "-c", "user.name=t", "-c", "user.email=t@invalid", NULL);
	for (; *words; words++)
		strv_add(&argv, *words);
	struct proc_spec spec = {
		.argv = strv_get(&argv), .in = PROC_NULL, .out = PROC_PIPE, .err = PROC_PIPE
	};
	struct err e = { 0 };
	if (proc_check(&spec, NULL, 0, &e) < 0)
		fail_msg("%s", e.msg);
}

static void test_revision_is_the_commit_and_tells_changes(void **state)
{
	struct fixture *f = *state;
	char *revision = NULL;
	assert_int_equal(fstests_tree_revision(f->dir, &revision, NULL), -ENOENT);
	git(f->dir, LIST("init", "-q", "."));
	git(f->dir, LIST("add", "."));
	git(f->dir, LIST("commit", "-q", "-m", "all"));
	assert_int_equal(fstests_tree_revision(f->dir, &revision, NULL), 0);
	assert_int_equal(strlen(revision), 40);
	put(f->dir, "check", "changed\n");
	auto_free char *dirty = NULL;
	assert_int_equal(fstests_tree_revision(f->dir, &dirty, NULL), 0);
	auto_free char *expected = xasprintf("%s-dirty", revision);
	assert_string_equal(dirty, expected);
	free(revision);
	/* A folder inside of a work tree is another project's. */
	put(f->dir, "in/check", "");
	put(f->dir, "in/tests/generic/001", "");
	auto_free char *in = path_join(f->dir, "in");
	auto_fstests_tree struct fstests_tree *t = NULL;
	assert_int_equal(fstests_tree_open(in, &t, NULL), 0);
	assert_int_equal(fstests_tree_revision(in, &revision, NULL), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)
	const struct CMUnitTest tests[] = {
		TEST(test_groups_choose_generic_and_the_filesystems_own_tests),
		TEST(test_tests_are_named_by_number_or_pattern),
		TEST(test_excluded_tests_are_listed_as_expunged),
		TEST(test_names_nobody_knows_are_told_with_the_nearest),
		TEST(test_old_trees_have_shared_and_a_group_file),
		TEST(test_what_is_no_tree_is_told),
		TEST(test_a_tests_hints_and_golden_output_are_found),
		TEST(test_revision_is_the_commit_and_tells_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
