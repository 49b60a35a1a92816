/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/depot.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/gc.h"
#include "store/store.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (24 * 3600 * INT64_C(1000000))

/* ---- who goes ---- */

static char run_x[] = "run x";
static char branch_y[] = "branch y";
#define ITEM(size, days, by)                                                                       \
	{                                                                                          \
		.bytes = (size), .used_us = (days)*DAY, .user = (by)                               \
	}

static void choose(struct gc_item *items, size_t n, uint64_t max)
{
	struct gc_list l = { items, n };
	const struct gc_policy p = { max, (uint64_t)(30 * DAY), 100 * DAY };
	gc_choose(&l, &p);
}

static void test_what_fits_and_was_used_lately_stays(void **unused)
{
	struct gc_item i[] = { ITEM(10, 71, NULL), ITEM(10, 1, run_x) };
	choose(i, 2, 20);
	assert_int_equal(i[0].fate, GC_KEPT);
	assert_int_equal(i[1].fate, GC_KEPT);
}

static void test_what_nothing_refers_to_goes_when_it_is_old(void **unused)
{
	struct gc_item i[] = { ITEM(10, 69, NULL), ITEM(10, 1, run_x) };
	choose(i, 2, 20);
	assert_int_equal(i[0].fate, GC_GONE);
	assert_int_equal(i[1].fate, GC_KEPT);
}

static void test_what_nothing_refers_to_goes_first_and_the_rest_by_last_use(void **unused)
{
	struct gc_item i[] = { ITEM(10, 90, run_x), ITEM(10, 95, branch_y), ITEM(10, 99, NULL),
		ITEM(10, 98, NULL) };
	choose(i, 4, 30);
	assert_int_equal(i[3].fate, GC_GONE);
	assert_int_equal(i[2].fate, GC_KEPT);
	i[3].fate = GC_KEPT;
	choose(i, 4, 10);
	assert_int_equal(i[3].fate, GC_GONE);
	assert_int_equal(i[2].fate, GC_GONE);
	assert_int_equal(i[0].fate, GC_GONE);
	assert_int_equal(i[1].fate, GC_KEPT);
}

static void test_what_is_in_use_counts_and_stays(void **unused)
{
	struct gc_item i[] = { ITEM(10, 1, NULL), ITEM(10, 99, run_x) };
	i[0].fate = GC_IN_USE;
	choose(i, 2, 10);
	assert_int_equal(i[0].fate, GC_IN_USE);
	assert_int_equal(i[1].fate, GC_GONE);
}

/* ---- what there is ---- */

static char state[] = "/tmp/fsqa-gc-XXXXXX";

static char *at(const char *name)
{
	return path_join(state, name);
}

static void put(const char *name, size_t n)
{
	auto_free char *path = at(name);
	auto_free char *dir = xstrdup(path);
	auto_free char *data = xcalloc(1, n + 1);
	memset(data, 'x', n);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_replace(path, data, n, 0644, NULL), 0);
}

static void put_kernel(const char *key, const char *build_id)
{
	auto_free char *name = xasprintf("kernels/%s/manifest.json", key);
	auto_free char *path = at(name);
	auto_json json_t *m = json_pack("{s:s, s:{}}", "build_id", build_id, "files");
	put(name, 1);
	assert_int_equal(json_dump_file(m, path, 0), 0);
}

static struct gc_item *find(const struct gc_list *l, const char *name)
{
	for (size_t n = 0; n < l->n; n++)
		if (strcmp(l->items[n].name, name) == 0)
			return &l->items[n];
	return NULL;
}

static void put_run(json_t *first)
{
	auto_json json_t *record = first;
	auto_run_writer struct run_writer *w = NULL;
	assert_int_equal(run_create(state, "p", record, &w, NULL), 0);
}

static void test_results_refer_by_key_and_before_by_build_id(void **unused)
{
	struct gc_list l = { 0 };
	put_kernel("a", "aaaa");
	put_kernel("b", "bbbb");
	put_kernel("c", "cccc");
	put_run(json_pack("{s:s, s:s}", "kernel_key", "a", "kernel_build_id", "cccc"));
	put_run(json_pack("{s:s}", "kernel_build_id", "bbbb"));
	assert_int_equal(gc_collect(state, &l, NULL), 0);
	assert_non_null(find(&l, "a")->user);
	assert_non_null(find(&l, "b")->user);
	assert_null(find(&l, "c")->user);
	gc_clear(&l);
}

static void test_what_somebody_holds_is_in_use_and_stays(void **unused)
{
	struct gc_list l = { 0 };
	struct gc_policy all = { 0 };
	auto_free char *kernels = at("kernels");
	auto_free char *build = at("builds/x-0.lock");
	auto_free char *source = at("sources/y.git.lock");
	auto_close int held = -1;
	put_kernel("held", "1111");
	put_kernel("free", "2222");
	put("builds/x-0/state.json", 10);
	put("builds/x-1/state.json", 10);
	put("builds/.x-2.gone/state.json", 10);
	put("sources/y.git/HEAD", 10);
	put("sources/z.git/HEAD", 10);
	/* Begun by one that lives, and by one that is gone: no process has such a number. */
	auto_free char *living = xasprintf("sources/.patch.%d.tmp", (int)getpid());
	auto_free char *patch = xasprintf("%s/index", living);
	put(patch, 10);
	put("sources/.patch.2147483647.tmp/index", 10);
	put("sources/.v.git.2147483647.tmp/HEAD", 10);
	put("kernels/.linux-6.2147483647.tmp/vmlinux", 10);
	assert_int_equal(depot_hold(kernels, "held", &held, NULL), 0);
	auto_close int building = file_lock(build, 0, NULL);
	auto_close int reading = file_lock_shared(source, NULL);
	assert_true(building >= 0 && reading >= 0);
	assert_int_equal(gc_collect(state, &l, NULL), 0);
	gc_choose(&l, &all);
	assert_int_equal(find(&l, "held")->fate, GC_IN_USE);
	assert_int_equal(find(&l, "x-0")->fate, GC_IN_USE);
	assert_int_equal(find(&l, "y.git")->fate, GC_IN_USE);
	assert_int_equal(find(&l, "free")->fate, GC_GONE);
	/* Begun to be used after the look. */
	find(&l, "held")->fate = find(&l, "x-0")->fate = find(&l, "y.git")->fate = GC_GONE;
	gc_remove(state, &l);
	assert_int_equal(find(&l, "held")->fate, GC_IN_USE);
	assert_int_equal(find(&l, "x-0")->fate, GC_IN_USE);
	assert_int_equal(find(&l, "y.git")->fate, GC_IN_USE);
	const char *const stay[] = { "kernels/held", "builds/x-0/state.json", "sources/y.git/HEAD",
		patch, "kernels/.linux-6.2147483647.tmp" };
	static const char *const go[] = { "kernels/free", "builds/x-1", "sources/z.git",
		"builds/.x-2.gone", "sources/.patch.2147483647.tmp",
		"sources/.v.git.2147483647.tmp" };
	for (size_t i = 0; i < ARRAY_LEN(stay); i++) {
		auto_free char *path = at(stay[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(go); i++) {
		auto_free char *path = at(go[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
	gc_clear(&l);
}

static void test_an_empty_state_has_nothing(void **unused)
{
	struct gc_list l = { 0 };
	assert_int_equal(gc_collect("/nonexistent", &l, NULL), 0);
	assert_int_equal(l.n, 0);
	gc_clear(&l);
}

static int make_state(void **unused)
{
	return mkdtemp(state) ? 0 : -1;
}

static int remove_state(void **unused)
{
	return file_remove_tree(state, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_fits_and_was_used_lately_stays),
		cmocka_unit_test(test_what_nothing_refers_to_goes_when_it_is_old),
		cmocka_unit_test(test_what_nothing_refers_to_goes_first_and_the_rest_by_last_use),
		cmocka_unit_test(test_what_is_in_use_counts_and_stays),
		cmocka_unit_test(test_results_refer_by_key_and_before_by_build_id),
		cmocka_unit_test(test_what_somebody_holds_is_in_use_and_stays),
		cmocka_unit_test(test_an_empty_state_has_nothing),
	};
	return cmocka_run_group_tests(tests, make_state, remove_state);
}
