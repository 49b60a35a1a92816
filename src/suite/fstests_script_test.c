/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "suite/fstests_script.h"

static struct fstests_script parse(const char *text)
{
	struct fstests_script s = { 0 };
	fstests_script_parse(text, strlen(text), &s);
	return s;
}

static void test_groups_are_those_of_the_first_begin_line(void **unused)
{
	struct fstests_script s = parse("#! /bin/bash\n"
					"# _begin_fstest not this\n"
					"\t_begin_fstest nor this\n"
					"_begin_fstest auto  quick\trw # all\n"
					"_begin_fstest late\n");
	assert_true(s.has_groups);
	assert_int_equal(s.groups.n, 3);
	assert_string_equal(s.groups.v[0], "auto");
	assert_string_equal(s.groups.v[2], "rw");
	fstests_script_clear(&s);
	s = parse("_begin_fstestament auto\n");
	assert_false(s.has_groups);
	fstests_script_clear(&s);
}

static void test_hints_name_package_commit_and_subject(void **unused)
{
	struct fstests_script s =
		parse("_fixed_by_kernel_commit a4859d75944a \\\n"
		      "\t\"btrfs: don't lose it; ever\"\n"
		      "_fixed_by_git_commit xfsprogs 10a01bcd 'xfs_db: fix' # why\n"
		      "_fixed_in_kernel_version \"v4.14\"\n"
		      "_wants_kernel_commit 0123456789ab x y\n"
		      "_fixed_by_git_commit xfsdump \\\n"
		      "\t\"XXXXXXXXXXXX xfsrestore: fix\"\n"
		      "_fixed_by_kernel_commit xxxxxxxxxxxx \"btrfs: soon\"");
	assert_int_equal(s.n_hints, 6);
	assert_int_equal(s.hints[0].kind, FSTESTS_FIXED_BY_COMMIT);
	assert_string_equal(s.hints[0].package, "kernel");
	assert_string_equal(s.hints[0].commit, "a4859d75944a");
	assert_string_equal(s.hints[0].subject, "btrfs: don't lose it; ever");
	assert_null(s.hints[0].fstyp);
	assert_string_equal(s.hints[1].package, "xfsprogs");
	assert_string_equal(s.hints[1].commit, "10a01bcd");
	assert_string_equal(s.hints[1].subject, "xfs_db: fix");
	assert_int_equal(s.hints[2].kind, FSTESTS_FIXED_IN_VERSION);
	assert_string_equal(s.hints[2].version, "v4.14");
	assert_null(s.hints[2].commit);
	assert_int_equal(s.hints[3].kind, FSTESTS_WANTS_COMMIT);
	assert_string_equal(s.hints[3].subject, "x y");
	assert_null(s.hints[4].commit);
	assert_string_equal(s.hints[4].subject, "XXXXXXXXXXXX xfsrestore: fix");
	assert_null(s.hints[5].commit);
	assert_string_equal(s.hints[5].subject, "btrfs: soon");
	fstests_script_clear(&s);
}

static void test_hint_of_another_filesystem_does_not_apply(void **unused)
{
	static const struct {
		const char *text, *fstyp;
		bool btrfs, xfs, ext4;
	} cases[] = {
		{ "_fixed_by_kernel_commit 1234567 x\n", NULL, true, true, true },
		{ "[ $FSTYP == \"btrfs\" ] && _fixed_by_kernel_commit 1234567 x\n", "btrfs", true,
			false, false },
		{ "[ \"$FSTYP\" = btrfs ] &&\n\t_fixed_by_kernel_commit 1234567 \\\n x\n", "btrfs",
			true, false, false },
		{ "test \"$FSTYP\" != \"xfs\" && \\\n_fixed_by_kernel_commit 1234567 x\n", "!xfs",
			true, false, true },
		{ "[[ \"$FSTYP\" =~ ext[0-9]+ ]] && _fixed_by_kernel_commit 1234567 x\n",
			"ext[0-9]+", false, false, true },
		{ "if [ \"$FSTYP\" = \"xfs\" ]; then\n\ttrue\n\t_fixed_by_kernel_commit 1234567 "
		  "x\nfi\n",
			"xfs", false, true, false },
		{ "if [ $FSTYP = xfs ]; then\n:\nelif [ $FSTYP = ext4 ]; then\n"
		  "_fixed_by_kernel_commit 1234567 x\nfi\n",
			"ext4", false, false, true },
		{ "if [ $FSTYP = xfs ]; then\n:\nfi\n_fixed_by_kernel_commit 1234567 x\n", NULL,
			true, true, true },
		{ "case \"$FSTYP\" in\n\"btrfs\")\n:\n;;\n\"xfs\")\n"
		  "_fixed_by_kernel_commit 1234567 x\n;;\nesac\n",
			"xfs", false, true, false },
		{ "if [ $? -eq 0 ]; then\n_fixed_by_kernel_commit 1234567 x\nfi\n", NULL, true,
			true, true },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fstests_script s = parse(cases[i].text);
		assert_int_equal(s.n_hints, 1);
		const struct fstests_hint *h = &s.hints[0];
		if (cases[i].fstyp)
			assert_string_equal(h->fstyp, cases[i].fstyp);
		else
			assert_null(h->fstyp);
		assert_string_equal(h->subject, "x");
		assert_int_equal(fstests_hint_applies(h, "btrfs"), cases[i].btrfs);
		assert_int_equal(fstests_hint_applies(h, "xfs"), cases[i].xfs);
		assert_int_equal(fstests_hint_applies(h, "ext4"), cases[i].ext4);
		fstests_script_clear(&s);
	}
}

static void test_helper_that_is_only_mentioned_is_no_hint(void **unused)
{
	struct fstests_script s = parse("# _fixed_by_kernel_commit 1234567 x\n"
					"echo _fixed_by_kernel_commit 1234567 x\n"
					"my_fixed_by_kernel_commit 1234567 x\n"
					"_fixed_by_kernel_commits 1234567 x\n"
					"_fixed_by_kernel_commit\n"
					"_fixed_by_git_commit\n"
					"_fixed_in_kernel_version\n");
	assert_int_equal(s.n_hints, 0);
	fstests_script_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_are_those_of_the_first_begin_line),
		cmocka_unit_test(test_hints_name_package_commit_and_subject),
		cmocka_unit_test(test_hint_of_another_filesystem_does_not_apply),
		cmocka_unit_test(test_helper_that_is_only_mentioned_is_no_hint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
