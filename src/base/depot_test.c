/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

/* Make DIR/<key> with a file "a" and a file "sub/b". */
static void make(const char *dir, const char *key)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	auto_json json_t *manifest = json_object();
	assert_int_equal(depot_begin(&(struct depot){ .dir = dir }, key, &b, NULL), 0);
	put(b.tmp, "a", "alpha");
	auto_free char *sub = path_join(b.tmp, "sub");
	assert_int_equal(mkdir(sub, 0755), 0);
	put(sub, "b", "beta");
	assert_false(depot_has(dir, key, NULL));
	assert_int_equal(depot_publish(&b, manifest, NULL), 0);
}

static bool exists(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	return access(path, F_OK) == 0;
}

static void test_an_entry_is_whole_with_sizes_and_hashes(void **state)
{
	auto_json json_t *m = NULL;
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	make(*state, "k");
	assert_true(depot_has(*state, "k", &m));
	json_t *file = json_object_get(json_object_get(m, "files"), "sub/b");
	assert_int_equal(json_i64_or(file, "bytes", 0), 4);
	assert_string_equal(json_str_or(file, "sha256", ""),
		"f44e64e75f3948e9f73f8dfa94721c4ce8cbb4f265c4790c702b2d41cfbf2753");
	assert_non_null(json_object_get(m, "made_at"));
	assert_int_equal(depot_begin(&(struct depot){ .dir = *state }, "k", &b, NULL), 1);
	assert_false(exists(*state, ".k.tmp"));
}

static void test_what_is_not_published_leaves_nothing(void **state)
{
	struct depot_build b = DEPOT_BUILD_NONE;
	assert_int_equal(depot_begin(&(struct depot){ .dir = *state }, "k", &b, NULL), 0);
	put(b.tmp, "a", "alpha");
	depot_clear(&b);
	assert_false(exists(*state, ".k.tmp"));
	assert_false(exists(*state, "k"));
}

static void test_an_entry_that_lost_bytes_is_to_be_made_again(void **state)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	make(*state, "k");
	auto_free char *a = path_join(*state, "k/a");
	assert_int_equal(truncate(a, 3), 0);
	assert_false(depot_has(*state, "k", NULL));
	assert_int_equal(depot_begin(&(struct depot){ .dir = *state }, "k", &b, NULL), 0);
	assert_false(exists(*state, "k"));
}

static void test_sweep_takes_the_dead_and_leaves_the_living(void **state)
{
	auto_depot_build struct depot_build living = DEPOT_BUILD_NONE;
	assert_int_equal(depot_begin(&(struct depot){ .dir = *state }, "living", &living, NULL), 0);
	auto_free char *dead = path_join(*state, ".dead.tmp");
	assert_int_equal(mkdir(dead, 0755), 0);
	put(dead, "half", "half");
	put(*state, "other.tmp", "not ours");
	depot_sweep(&(struct depot){ .dir = *state });
	assert_false(exists(*state, ".dead.tmp"));
	assert_true(exists(*state, ".living.tmp"));
	assert_true(exists(*state, "other.tmp"));
	depot_sweep(&(struct depot){ .dir = "/no/such/folder" });
}

static void test_who_is_waited_for_in_vain_is_named(void **state)
{
	struct err e = { 0 };
	auto_depot_build struct depot_build first = DEPOT_BUILD_NONE;
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	const struct depot d = { .dir = *state, .wait_us = 50000 };
	auto_free char *who = xasprintf("process %d makes ", (int)getpid());
	assert_int_equal(depot_begin(&d, "k", &first, NULL), 0);
	assert_int_equal(depot_begin(&d, "k", &b, &e), -EWOULDBLOCK);
	assert_non_null(strstr(e.msg, who));
	assert_non_null(strstr(e.msg, ": wait for it, or end it"));
	depot_clear(&first);
	assert_int_equal(depot_begin(&d, "k", &b, NULL), 0);
}

static void test_a_folder_that_cannot_be_written_is_told(void **unused)
{
	struct err e = { 0 };
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	assert_int_equal(
		depot_begin(&(struct depot){ .dir = "/proc/depot" }, "k", &b, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/proc/depot"));
}

static void test_an_entry_that_is_held_is_not_removed(void **state)
{
	struct err e = { 0 };
	const struct depot d = { .dir = *state };
	int held = -1;
	int again = -1;
	make(*state, "k");
	assert_false(depot_is_held(*state, "k"));
	assert_int_equal(depot_hold(*state, "k", &held, NULL), 0);
	assert_int_equal(depot_hold(*state, "k", &again, NULL), 0);
	assert_true(depot_is_held(*state, "k"));
	assert_int_equal(depot_remove(&d, "k", NULL, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "/k is in use"));
	close(held);
	assert_int_equal(depot_remove(&d, "k", NULL, NULL), -EBUSY);
	close(again);
	assert_int_equal(depot_remove(&d, "k", NULL, NULL), 0);
	assert_false(exists(*state, "k"));
	assert_false(exists(*state, ".k.tmp"));
	assert_int_equal(depot_hold(*state, "k", &held, NULL), -ENOENT);
	assert_int_equal(depot_remove(&d, "k", NULL, NULL), -ENOENT);
}

static void test_what_is_being_made_and_what_is_outside_is_not_removed(void **state)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	auto_free char *inner = path_join(*state, "inner");
	const struct depot d = { .dir = inner };
	make(inner, "k");
	put(*state, "outside", "x");
	assert_int_equal(depot_remove(&d, "../outside", NULL, NULL), -ENOENT);
	assert_int_equal(depot_remove(&d, "..", NULL, NULL), -ENOENT);
	assert_int_equal(depot_remove(&d, ".k.lock", NULL, NULL), -ENOENT);
	auto_free char *a = path_join(inner, "k/a");
	assert_int_equal(unlink(a), 0); /* damaged: it is made again */
	assert_int_equal(depot_begin(&d, "k", &b, NULL), 0);
	auto_free char *k = path_join(inner, "k");
	assert_int_equal(mkdir(k, 0755), 0);
	assert_int_equal(depot_remove(&d, "k", NULL, NULL), -EBUSY);
	depot_clear(&b);
	auto_json json_t *all = depot_list(inner);
	assert_int_equal(json_array_size(all), 1);
	const json_t *damaged = json_array_get(all, 0);
	assert_string_equal(json_str_or(damaged, "key", ""), "k");
	assert_false(json_bool_or(damaged, "whole", true));
	assert_false(json_bool_or(damaged, "held", true));
	assert_int_equal(depot_remove(&d, "k", NULL, NULL), 0);
	assert_true(exists(*state, "outside"));
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, test_make_folder, test_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_an_entry_is_whole_with_sizes_and_hashes),
		in_folder(test_what_is_not_published_leaves_nothing),
		in_folder(test_an_entry_that_lost_bytes_is_to_be_made_again),
		in_folder(test_sweep_takes_the_dead_and_leaves_the_living),
		in_folder(test_who_is_waited_for_in_vain_is_named),
		in_folder(test_an_entry_that_is_held_is_not_removed),
		in_folder(test_what_is_being_made_and_what_is_outside_is_not_removed),
		cmocka_unit_test(test_a_folder_that_cannot_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
