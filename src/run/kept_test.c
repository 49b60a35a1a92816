/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/kept.h"
#include <errno.h>
#include <sys/stat.h>

struct bench {
	char *state, *path, *work;
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);
	b->state = test_folder();
	b->path = kept_path(b->state, "20260101-000000-x");
	b->work = xasprintf("%s/runs/20260101-000000-x/work/vm", b->state);
	assert_int_equal(file_mkdirs(b->work, 0755, NULL), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	(void)file_remove_tree(b->state, NULL);
	free(b->state);
	free(b->path);
	free(b->work);
	free(b);
	return 0;
}

static const struct kept example = {
	.pid = 4711, .test = "script.012_exit3", .since_us = 1000000, .until_us = 9000000
};

static void test_what_is_kept_is_read_as_long_as_its_lock_is_held(void **state)
{
	struct bench *b = *state;
	struct kept k;
	assert_int_equal(kept_read(b->path, &k), -ENOENT);
	int fd = kept_lock(b->path, NULL);
	assert_true(fd >= 0);
	assert_int_equal(kept_read(b->path, &k), -ENOENT); /* nothing is said yet */
	assert_int_equal(kept_write(fd, &example, NULL), 0);
	assert_int_equal(kept_read(b->path, &k), 0);
	assert_int_equal(k.pid, 4711);
	assert_string_equal(k.test, "script.012_exit3");
	assert_int_equal(k.until_us, 9000000);
	struct kept busy = example;
	busy.until_us = 0; /* a shorter text leaves nothing of the longer one */
	assert_int_equal(kept_write(fd, &busy, NULL), 0);
	assert_int_equal(kept_read(b->path, &k), 0);
	assert_int_equal(k.until_us, 0);
	close_fd(&fd);
	assert_int_equal(kept_read(b->path, &k), -ENOENT);
}

static void test_what_a_killed_worker_leaves_is_swept_and_what_lives_is_not(void **state)
{
	struct bench *b = *state;
	struct stat st;
	int fd = kept_lock(b->path, NULL);
	assert_int_equal(kept_write(fd, &example, NULL), 0);
	kept_sweep(b->state);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(stat(b->work, &st), 0);
	close_fd(&fd);
	kept_sweep(b->state);
	assert_int_equal(stat(b->path, &st), -1);
	assert_int_equal(stat(b->work, &st), -1);
	auto_free char *run = xasprintf("%s/runs/20260101-000000-x", b->state);
	assert_int_equal(stat(run, &st), 0);
}

static void test_a_file_that_is_just_being_made_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct stat st;
	int fd = kept_lock(b->path, NULL);
	assert_int_equal(truncate(b->path, 0), 0);
	close_fd(&fd);
	kept_sweep(b->state);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(stat(b->work, &st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_kept_is_read_as_long_as_its_lock_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_a_killed_worker_leaves_is_swept_and_what_lives_is_not, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_is_just_being_made_is_left_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
