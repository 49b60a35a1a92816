/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "kernel/git.h"
#include "kernel/source.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const no_files[] = { NULL };
static const struct source_kind kind = { .name = "test", .files = no_files };

/* A repository with the file `version`, of two commits. */
struct fixture {
	char *dir, *tree, *state;
};

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void commit(const struct fixture *f, const char *version)
{
	const struct git g = { .cwd = f->tree };
	put(f->tree, "version", version);
	assert_int_equal(git_run(&g, NULL, NULL, "add", "-A", NULL), 0);
	assert_int_equal(git_run(&g, NULL, NULL, "-c", "user.name=n", "-c", "user.email=e@e",
				 "commit", "--quiet", "-m", version, NULL),
		0);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	f->tree = path_join(f->dir, "tree");
	f->state = path_join(f->dir, "state");
	const struct git g = { .cwd = f->dir };
	assert_int_equal(
		git_run(&g, NULL, NULL, "init", "--quiet", "--initial-branch=main", "tree", NULL),
		0);
	commit(f, "first\n");
	commit(f, "other\n");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->dir);
	free(f->tree);
	free(f->state);
	free(f);
	return 0;
}

static struct source *get(const struct fixture *f, const char *spec)
{
	struct source *s = NULL;
	struct err e = { 0 };
	if (source_get(f->state, spec, &kind, NULL, NULL, &s, &e) < 0)
		fail_msg("%s: %s", spec, e.msg);
	return s;
}

static void test_a_folder_is_read_after_one_that_was_killed(void **state)
{
	const struct fixture *f = *state;
	auto_free char *plain = path_join(f->dir, "plain");
	assert_int_equal(file_mkdirs(plain, 0755, NULL), 0);
	put(plain, "version", "first\n");
	auto_source struct source *before = get(f, plain);
	put(before->mirror, "index.lock", "");
	put(plain, "version", "other\n");
	auto_source struct source *s = get(f, plain);
	assert_string_not_equal(s->tree, before->tree);
}

static void test_changes_are_found_after_one_that_was_killed(void **state)
{
	const struct fixture *f = *state;
	auto_source struct source *before = get(f, f->tree);
	auto_free char *lock = xasprintf("index-%d.lock", (int)getpid());
	assert_false(before->dirty);
	put(before->mirror, lock, "");
	put(f->tree, "version", "third\n");
	auto_source struct source *s = get(f, f->tree);
	assert_true(s->dirty);
}

/* What changed a tree within the second that its index is of, at the same size: only the index's
 * own time tells that the file is to be read. */
static void test_a_change_in_the_second_of_the_index_is_seen(void **state)
{
	const struct fixture *f = *state;
	const struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	const struct git g = { .cwd = f->tree };
	auto_free char *file = path_join(f->tree, "version");
	auto_free char *index = path_join(f->tree, ".git/index");
	/* git's own of then, which no test can set */
	setenv("GIT_CONFIG_COUNT", "2", 1);
	setenv("GIT_CONFIG_KEY_0", "core.trustctime", 1);
	setenv("GIT_CONFIG_VALUE_0", "false", 1);
	setenv("GIT_CONFIG_KEY_1", "core.checkStat", 1);
	setenv("GIT_CONFIG_VALUE_1", "minimal", 1);
	assert_int_equal(utimensat(AT_FDCWD, file, then, 0), 0);
	assert_int_equal(git_run(&g, NULL, NULL, "update-index", "--refresh", NULL), 0);
	put(f->tree, "version", "third\n");
	assert_int_equal(utimensat(AT_FDCWD, file, then, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, index, then, 0), 0);
	auto_source struct source *s = get(f, f->tree);
	unsetenv("GIT_CONFIG_COUNT");
	assert_true(s->dirty);
}

static void test_an_earlier_commit_is_found_by_how_it_begins_after_its_branch(void **state)
{
	const struct fixture *f = *state;
	const struct git g = { .cwd = f->tree };
	auto_free char *id = NULL;
	assert_int_equal(git_line(&g, &id, NULL, "rev-parse", "main^", NULL), 0);
	auto_free char *branch = xasprintf("file://%s#main", f->tree);
	auto_free char *ancestor = xasprintf("file://%s#%.10s", f->tree, id);
	auto_source struct source *of_branch = get(f, branch);
	auto_source struct source *s = get(f, ancestor);
	assert_string_equal(s->commit, id);
	assert_string_not_equal(s->commit, of_branch->commit);
	/* again, from where nothing lacks its history */
	auto_free char *absent = xasprintf("file://%s#0123456789", f->tree);
	struct source *none = NULL;
	assert_int_equal(source_get(f->state, absent, &kind, NULL, NULL, &none, NULL), -ENOENT);
}

static void test_a_url_with_a_secret_is_refused(void **state)
{
	const struct fixture *f = *state;
	static const char *const urls[] = { "https://me:tokken@host.invalid/linux.git",
		"https://tokken@host.invalid/linux.git#main", "http://tokken@host.invalid",
		"ssh://me:tokken@host.invalid/linux.git" };
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct source *s = NULL;
		struct err e = { 0 };
		assert_int_equal(source_get(f->state, urls[i], &kind, NULL, NULL, &s, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "a URL with a password or token in it"));
		assert_null(strstr(e.msg, "tokken"));
	}
}

/* ---- patches ---- */

#define PATCH "--- a/version\n+++ b/version\n@@ -1 +1 @@\n-other\n+third\n"
#define COVER                                                                                      \
	"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"                 \
	"From: n <e@e>\nSubject: [PATCH 0/1] a series\n\nWhat for.\n"

static int patch(const struct fixture *f, const char *what, struct source *s, struct err *e)
{
	const char *const patches[] = { what, NULL };
	return source_patch(f->state, s, patches, NULL, NULL, e);
}

static void test_a_series_may_have_a_cover_letter(void **state)
{
	static const char *const covers[] = { COVER "\n version | 1 +\n\n-- \n2.39.5\n",
		COVER "---\nn (1):\n  a patch\n\n version | 1 +\n---\nbase-commit: 01\n" };
	const struct fixture *f = *state;
	auto_free char *dir = path_join(f->dir, "series");
	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	put(dir, "0001-x.patch", PATCH);
	for (size_t i = 0; i < ARRAY_LEN(covers); i++) {
		struct err e = { 0 };
		auto_source struct source *s = get(f, f->tree);
		put(dir, "0000-cover-letter.patch", covers[i]);
		if (patch(f, dir, s, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(s->patches.n, 1);
	}
}

static void test_a_file_that_is_named_has_a_patch(void **state)
{
	const struct fixture *f = *state;
	struct err e = { 0 };
	auto_source struct source *s = get(f, f->tree);
	auto_free char *dir = path_join(f->dir, "series");
	auto_free char *cover = path_join(dir, "0000-cover-letter.patch");
	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	put(dir, "0000-cover-letter.patch", COVER);
	assert_int_equal(patch(f, cover, s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "there is no patch in it"));
	assert_int_equal(patch(f, dir, s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "there is no patch in its files"));
	put(dir, "0001-x.patch", PATCH);
	put(dir, "series", "0000-cover-letter.patch\n0001-x.patch\n");
	assert_int_equal(patch(f, dir, s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "cover-letter.patch: there is no patch in it"));
	put(dir, "text.patch", "no patch at all\n");
	auto_free char *text = path_join(dir, "text.patch");
	assert_int_equal(patch(f, text, s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "text.patch: there is no patch in it"));
}

static void test_patches_apply_after_one_that_was_killed(void **state)
{
	const struct fixture *f = *state;
	struct err e = { 0 };
	auto_source struct source *s = get(f, f->tree);
	auto_free char *left = xasprintf("%s/sources/.patch.%d.tmp", f->state, (int)getpid());
	auto_free char *file = path_join(f->dir, "x.patch");
	put(f->dir, "x.patch", PATCH);
	assert_int_equal(file_mkdirs(left, 0755, NULL), 0);
	put(left, "index.lock", "");
	if (patch(f, file, s, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(s->patches.n, 1);
	assert_int_not_equal(access(left, F_OK), 0);
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(test_a_folder_is_read_after_one_that_was_killed),
		IN_FIXTURE(test_changes_are_found_after_one_that_was_killed),
		IN_FIXTURE(test_a_change_in_the_second_of_the_index_is_seen),
		IN_FIXTURE(test_an_earlier_commit_is_found_by_how_it_begins_after_its_branch),
		IN_FIXTURE(test_a_url_with_a_secret_is_refused),
		IN_FIXTURE(test_a_series_may_have_a_cover_letter),
		IN_FIXTURE(test_a_file_that_is_named_has_a_patch),
		IN_FIXTURE(test_patches_apply_after_one_that_was_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
