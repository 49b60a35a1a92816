/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "kernel/git.h"
#include "kernel/history.h"

struct fixture {
	char *dir;
	char *main, *side, *fix, *pick; /* ids */
};

/* An empty commit on the branch that is checked out; its id, the caller's. */
static char *commit(const char *dir, const char *subject)
{
	const struct git g = { .cwd = dir };
	struct err e = { 0 };
	char *id = NULL;
	if (git_run(&g, NULL, &e, "-c", "user.name=n", "-c", "user.email=e@e", "commit", "--quiet",
		    "--allow-empty", "-m", subject, NULL) < 0 ||
		git_line(&g, &id, &e, "rev-parse", "HEAD", NULL) < 0)
		fail_msg("%s", e.msg);
	return id;
}

static void git(const char *dir, const char *a, const char *b, const char *c)
{
	const struct git g = { .cwd = dir };
	struct err e = { 0 };
	if (git_run(&g, NULL, &e, a, b, c, NULL) < 0)
		fail_msg("%s", e.msg);
}

/* base - "fix" - main, and base - "fix" picked - side. */
static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	git(f->dir, "init", "--quiet", "--initial-branch=main");
	free(commit(f->dir, "base"));
	git(f->dir, "branch", "--quiet", "side");
	f->fix = commit(f->dir, "btrfs: fix it");
	f->main = commit(f->dir, "more");
	git(f->dir, "checkout", "--quiet", "side");
	free(commit(f->dir, "btrfs: fix it all"));
	f->side = commit(f->dir, "side");
	f->pick = commit(f->dir, "btrfs: fix it\n\ncommit of upstream");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->dir);
	free(f->main);
	free(f->side);
	free(f->fix);
	free(f->pick);
	free(f);
	return 0;
}

static enum history_answer ask(const struct fixture *f, const char *built_of, const char *fix)
{
	auto_free char *origin = xasprintf("%s#main", f->dir);
	const struct history h = { .origin = origin, .commit = built_of };
	return history_has(&h, fix, "btrfs: fix it", NULL);
}

static void test_a_fix_that_is_an_ancestor_is_there(void **state)
{
	const struct fixture *f = *state;
	auto_free char *small = xstrndup(f->fix, 12);
	assert_int_equal(ask(f, f->main, f->fix), HISTORY_HAS);
	assert_int_equal(ask(f, f->main, small), HISTORY_HAS);
	assert_int_equal(ask(f, f->fix, f->fix), HISTORY_HAS);
	assert_int_equal(ask(f, f->side, f->fix), HISTORY_LACKS);
}

static void test_a_fix_that_was_picked_is_found_by_its_subject(void **state)
{
	const struct fixture *f = *state;
	auto_free char *as = NULL;
	const struct history h = { .origin = f->dir, .commit = f->pick };
	assert_int_equal(history_has(&h, f->fix, "btrfs: fix it", &as), HISTORY_HAS);
	assert_int_equal(strncmp(as, f->pick, strlen(as)), 0);
	/* Also where the fix itself was never fetched. */
	assert_int_equal(ask(f, f->pick, "0123456789abcdef"), HISTORY_HAS);
	assert_int_equal(ask(f, f->side, "0123456789abcdef"), HISTORY_UNKNOWN);
}

static void test_without_its_repository_nothing_is_known(void **state)
{
	const struct fixture *f = *state;
	const struct history none = { .commit = f->main };
	const struct history url = { .origin = "https://host/x.git#v6", .commit = f->main };
	const struct history other = { .origin = f->dir, .commit = "0123456789abcdef" };
	assert_int_equal(history_has(&none, f->fix, "", NULL), HISTORY_UNKNOWN);
	assert_int_equal(history_has(&url, f->fix, "", NULL), HISTORY_UNKNOWN);
	assert_int_equal(history_has(&other, f->fix, "", NULL), HISTORY_UNKNOWN);
	assert_int_equal(ask(f, f->main, "--help"), HISTORY_UNKNOWN);
}

static void test_versions_are_compared_as_numbers(void **state)
{
	const struct history h = { .release = "6.10.2-rc1+" };
	const struct history odd = { .release = "next-20260101" };
	assert_int_equal(history_is_since(&h, "v6.9"), HISTORY_HAS);
	assert_int_equal(history_is_since(&h, "v6.10.2"), HISTORY_HAS);
	assert_int_equal(history_is_since(&h, "6.10.3"), HISTORY_LACKS);
	assert_int_equal(history_is_since(&h, "v7.0"), HISTORY_LACKS);
	assert_int_equal(history_is_since(&h, "vX"), HISTORY_UNKNOWN);
	assert_int_equal(history_is_since(&odd, "v6.9"), HISTORY_UNKNOWN);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH(test_a_fix_that_is_an_ancestor_is_there),
		WITH(test_a_fix_that_was_picked_is_found_by_its_subject),
		WITH(test_without_its_repository_nothing_is_known),
		WITH(test_versions_are_compared_as_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
