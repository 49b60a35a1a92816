/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "kernel/git.h"
#include "kernel/slot.h"
#include "kernel/source.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const no_files[] = { NULL };
static const struct source_kind kind = { .name = "test", .files = no_files };

/* A repository with the files `same` and `version`, and a slot to check them out in. */
struct fixture {
	char *dir, *tree, *state;
	struct slot slot;
};

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void assert_holds(const struct fixture *f, const char *name, const char *text)
{
	auto_free char *path = path_join(f->slot.src, name);
	auto_buf struct buf content = { 0 };
	assert_int_equal(file_read(path, 1024, &content, NULL), 0);
	assert_string_equal(buf_str(&content), text);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	f->tree = path_join(f->dir, "tree");
	f->state = path_join(f->dir, "state");
	const struct git g = { .cwd = f->dir };
	assert_int_equal(git_run(&g, NULL, NULL, "init", "--quiet", "tree", NULL), 0);
	put(f->tree, "same", "as ever");
	assert_int_equal(slot_take(f->state, "hash", &f->slot, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	slot_clear(&f->slot);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->dir);
	free(f->tree);
	free(f->state);
	free(f);
	return 0;
}

/* Commit `version` to the repository, and check it out. */
static void check_out(struct fixture *f, const char *version)
{
	const struct git g = { .cwd = f->tree };
	auto_source struct source *s = NULL;
	struct err e = { 0 };
	put(f->tree, "version", version);
	if (git_run(&g, NULL, &e, "add", "-A", NULL) < 0 ||
		git_run(&g, NULL, &e, "-c", "user.name=n", "-c", "user.email=e@e", "commit",
			"--quiet", "-m", version, NULL) < 0 ||
		source_get(f->state, f->tree, &kind, NULL, NULL, &s, &e) < 0 ||
		slot_checkout(&f->slot, s, &e) < 0)
		fail_msg("%s", e.msg);
	assert_holds(f, "version", version);
}

static void test_of_a_known_tree_only_what_differs_is_looked_at(void **state)
{
	struct fixture *f = *state;
	check_out(f, "first");
	assert_holds(f, "same", "as ever");
	put(f->slot.src, "same", "nobody looks");
	check_out(f, "second");
	assert_holds(f, "same", "nobody looks");
}

static void test_a_tree_that_may_not_be_whole_is_looked_through(void **state)
{
	struct fixture *f = *state;
	auto_free char *left = path_join(f->slot.src, "left");
	check_out(f, "first");
	put(f->slot.src, "same", "cut");
	put(f->slot.src, "left", "over");
	put(f->slot.dir, "whole", "");
	check_out(f, "second");
	assert_holds(f, "same", "as ever");
	assert_int_not_equal(access(left, F_OK), 0);
}

static void test_what_was_written_before_the_host_booted_is_not_trusted(void **state)
{
	struct fixture *f = *state;
	auto_free char *whole = path_join(f->slot.dir, "whole");
	auto_buf struct buf line = { 0 };
	check_out(f, "first");
	assert_int_equal(file_read(whole, 1024, &line, NULL), 0);
	auto_free char *other = xstrdup(buf_str(&line));
	char *id = strchr(other, ' ') + 1;
	*id = *id == '0' ? '1' : '0';
	put(f->slot.dir, "whole", other);
	put(f->slot.src, "same", "cut");
	check_out(f, "second");
	assert_holds(f, "same", "as ever");
}

static void test_what_git_cannot_bring_there_is_made_anew(void **state)
{
	struct fixture *f = *state;
	check_out(f, "first");
	put(f->slot.dir, "index", "none of git's");
	check_out(f, "second");
	assert_holds(f, "same", "as ever");
}

static void test_objects_of_a_clock_that_was_set_back_are_not_trusted(void **state)
{
	struct fixture *f = *state;
	const struct timespec later[2] = { { .tv_sec = time(NULL) + 3600 },
		{ .tv_sec = time(NULL) + 3600 } };
	auto_free char *note = path_join(f->slot.dir, "state.json");
	f->slot.steps = 7;
	assert_int_equal(slot_note(&f->slot, "tree", SLOT_WHOLE, NULL), 0);
	slot_clear(&f->slot);
	assert_int_equal(slot_take(f->state, "hash", &f->slot, NULL), 0);
	assert_string_equal(f->slot.tree, "tree");
	slot_clear(&f->slot);
	assert_int_equal(utimensat(AT_FDCWD, note, later, 0), 0);
	assert_int_equal(slot_take(f->state, "hash", &f->slot, NULL), 0);
	assert_null(f->slot.tree);
	assert_int_equal(f->slot.steps, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_of_a_known_tree_only_what_differs_is_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_tree_that_may_not_be_whole_is_looked_through, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_was_written_before_the_host_booted_is_not_trusted, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_git_cannot_bring_there_is_made_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_objects_of_a_clock_that_was_set_back_are_not_trusted, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
