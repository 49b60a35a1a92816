/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/capacity.h"
#include "run/plan.h"
#include "run/suite_stages.h"
#include "store/store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000u

/* Eight tests of fstests in two sections, and two scripts. */
static const char conf[] = "[fstests]\ntree = tree\n[disk]\ncount = 2\n[vm]\ncpus = 1\n"
			   "memory = 128M\n[section \"a\"]\nmkfs = -n 4096\n"
			   "[section \"b\"]\nmount = -o noatime\n";

struct fixture {
	char dir[64];
	struct profile *profile;
	json_t *fstests;
};

static void put(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	auto_free char *path = path_join(f->dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
}

static void mkdirs(const struct fixture *f, const char *name)
{
	auto_free char *path = path_join(f->dir, name);
	assert_int_equal(file_mkdirs(path, 0755, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	memcpy(f->dir, "/tmp/fsqa-plan-XXXXXX", 22);
	assert_non_null(mkdtemp(f->dir));
	mkdirs(f, "p/tree/tests/generic");
	mkdirs(f, "p/tree/results/b");
	mkdirs(f, "p/scripts");
	put(f, "p/tree/check", "SRC_GROUPS=\"generic\"\n", 0755);
	put(f, "p/tree/tests/generic/group.list", "001 auto\n002 auto\n003 auto\n004 auto\n", 0644);
	for (int i = 1; i <= 4; i++) {
		auto_free char *name = xasprintf("p/tree/tests/generic/00%d", i);
		put(f, name, "#! /bin/sh\n", 0755);
	}
	put(f, "p/scripts/001_one", "#! /bin/sh\n", 0755);
	put(f, "p/scripts/002_two", "#! /bin/sh\n", 0755);
	put(f, "p/fsqa.conf", conf, 0644);
	*state = f;
	return 0;
}

static void unload(struct fixture *f)
{
	profile_free(take(&f->profile));
	json_decref(take(&f->fstests));
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unload(f);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

/* The plan with one more setting; the profile is the fixture's until the next. */
static int make_plan(
	struct fixture *f, const char *setting, bool alone, struct plan *ret, struct err *e)
{
	const char *const settings[] = { setting, NULL };
	auto_free char *dir = path_join(f->dir, "p");
	unload(f);
	assert_int_equal(profile_load(dir, settings, &f->profile, e), 0);
	const char *tree = config_str(f->profile->config, "fstests.tree");
	assert_int_equal(suite_stages(f->profile->config, tree, &f->fstests, e), 0);
	auto_json json_t *stages = plan_stages(f->profile, f->fstests);
	const struct plan_query q = {
		.state_dir = f->dir,
		.profile = f->profile,
		.stages = stages,
		.cpus = 1,
		.alone = alone,
	};
	return plan_make(&q, ret, e);
}

static const struct plan_test *find(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_tests; i++)
		if (strcmp(p->tests[i].path, path) == 0)
			return &p->tests[i];
	fail_msg("%s is not in the plan", path);
	return NULL;
}

static void add_end(struct run_writer *w, const char *test, const char *status, int seconds)
{
	auto_json json_t *start = json_pack("{s:s, s:i}", "test", test, "attempt", 1);
	auto_json json_t *end = json_pack("{s:s, s:i, s:s, s:I}", "test", test, "attempt", 1,
		"status", status, "duration_us", (json_int_t)seconds * SECOND);
	assert_int_equal(run_append(w, "attempt_start", start, false, NULL), 0);
	assert_int_equal(run_append(w, "attempt_end", end, false, NULL), 0);
}

/* One run of that profile with generic/001 of section a, which took so long. */
static void add_run(const struct fixture *f, const char *profile, const char *status, int seconds)
{
	struct run_writer *w = NULL;
	assert_int_equal(run_create(f->dir, profile, NULL, &w, NULL), 0);
	add_end(w, "fstests.a.generic.001", status, seconds);
	auto_json json_t *end = json_pack("{s:s}", "status", "PASS");
	assert_int_equal(run_append(w, "run_end", end, true, NULL), 0);
	assert_int_equal(run_writer_close(&w, NULL), 0);
}

static void test_everything_is_in_one_batch_in_its_order(void **state)
{
	auto_plan struct plan p = { 0 };
	assert_int_equal(make_plan(*state, "run.slots=1", false, &p, NULL), 0);
	assert_int_equal(p.n_tests, 10);
	assert_int_equal(p.slots, 1);
	assert_int_equal(p.n_batches, 1);
	assert_int_equal(p.batches[0].n, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(p.batches[0].v[i], i);
	assert_string_equal(p.tests[0].path, "script.001_one");
	assert_string_equal(p.tests[2].path, "fstests.a.generic.001");
	assert_string_equal(p.tests[9].path, "fstests.b.generic.004");
	assert_true(p.estimate_us > p.total_us); /* there is a boot */
}

static void test_durations_come_from_where_they_are_known_best(void **state)
{
	struct fixture *f = *state;
	auto_plan struct plan p = { 0 };
	put(f, "p/tree/results/check.time", "generic/001 5\ngeneric/002 7\n", 0644);
	put(f, "p/tree/results/b/check.time", "generic/003 9\nnonsense\n", 0644);
	assert_int_equal(make_plan(f, "run.slots=1", false, &p, NULL), 0);
	assert_int_equal(find(&p, "fstests.a.generic.001")->expected_us, 5 * SECOND);
	assert_int_equal(find(&p, "fstests.b.generic.003")->source, PLAN_CHECK_TIME);
	assert_int_equal(find(&p, "fstests.a.generic.004")->source, PLAN_GUESS);
	plan_clear(&p);
	add_run(f, "p", "PASS", 40);
	add_run(f, "other", "PASS", 60);
	add_run(f, "p", "MISS", 900);
	assert_int_equal(make_plan(f, "run.slots=1", false, &p, NULL), 0);
	const struct plan_test *t = find(&p, "fstests.a.generic.001");
	assert_int_equal(t->expected_us, 40 * SECOND); /* this profile's, and one that ran */
	assert_int_equal(t->source, PLAN_MEASURED);
	t = find(&p, "fstests.b.generic.001");
	assert_int_equal(t->expected_us, 40 * SECOND);
	assert_int_equal(t->source, PLAN_OTHER_SECTION);
	assert_int_equal(find(&p, "fstests.a.generic.002")->expected_us, 7 * SECOND);
}

static void test_each_test_is_in_one_batch_and_scripts_stay_together(void **state)
{
	auto_plan struct plan p = { 0 };
	unsigned seen[10] = { 0 };
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) /* two slots do not fit there */
		skip();
	assert_int_equal(make_plan(*state, "run.slots=2", false, &p, NULL), 0);
	assert_int_equal(p.slots, 2);
	assert_int_equal(p.n_batches, 2);
	for (size_t b = 0; b < p.n_batches; b++) {
		for (size_t i = 0; i < p.batches[b].n; i++) {
			seen[p.batches[b].v[i]]++;
			assert_true(i == 0 || p.batches[b].v[i] > p.batches[b].v[i - 1]);
		}
	}
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(seen[i], 1);
	/* 120 s of scripts against 8 tests of 15 s. */
	assert_int_equal(p.batches[0].expected_us, p.batches[1].expected_us);
	size_t with_scripts = p.batches[0].v[0] == 0 ? 0 : 1;
	assert_int_equal(p.batches[with_scripts].n, 2);
	assert_int_equal(p.estimate_us, p.batches[0].expected_us);
}

static void test_long_lists_are_cut_into_batches_of_limited_length(void **state)
{
	auto_plan struct plan p = { 0 };
	struct fixture *f = *state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	put(f, "p/tree/results/check.time",
		"generic/001 100\ngeneric/002 10\ngeneric/003 10\ngeneric/004 10\n", 0644);
	auto_free char *two = xasprintf("%s[run]\nslots = 2\n", conf);
	put(f, "p/fsqa.conf", two, 0644);
	assert_int_equal(make_plan(f, "run.batch=1m", false, &p, NULL), 0);
	assert_true(p.n_batches > 2);
	for (size_t b = 1; b < p.n_batches; b++)
		assert_true(p.batches[b - 1].expected_us >= p.batches[b].expected_us);
	assert_int_equal(p.slots, 2);
}

static void test_short_work_and_a_machine_to_be_kept_have_one_slot(void **state)
{
	auto_plan struct plan p = { 0 };
	assert_int_equal(make_plan(*state, "run.slots=0", false, &p, NULL), 0);
	assert_int_equal(p.slots, 1); /* two minutes of tests */
	plan_clear(&p);
	assert_int_equal(make_plan(*state, "run.slots=9", true, &p, NULL), 0);
	assert_int_equal(p.slots, 1);
}

static void test_machines_that_do_not_fit_the_host_are_refused(void **state)
{
	struct err e = { 0 };
	struct plan p;
	assert_int_equal(make_plan(*state, "run.slots=64", false, &p, &e),
		sysconf(_SC_NPROCESSORS_ONLN) < 64 ? -EINVAL : 0);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 64)
		assert_non_null(strstr(e.msg, "run.slots is 64"));
	else
		plan_clear(&p);
}

static json_t *stage_of(json_t *job, const char *name)
{
	return json_find(json_object_get(job, "stages"), "name", name);
}

static void test_a_batch_has_a_job_with_its_tests_alone(void **state)
{
	struct fixture *f = *state;
	auto_plan struct plan p = { 0 };
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	assert_int_equal(make_plan(f, "run.slots=2", false, &p, NULL), 0);
	auto_json json_t *stages =
		json_pack("[{s:s}, {s:s}]", "name", "001_one", "name", "002_two");
	json_array_extend(stages, f->fstests);
	auto_json json_t *job = json_pack("{s:i, s:O}", "x", 7, "stages", stages);
	size_t n_listed = 0;
	size_t n_scripts = 0;
	for (size_t b = 0; b < 2; b++) {
		auto_json json_t *one = plan_job(&p, job, b);
		assert_int_equal(json_i64_or(one, "x", 0), 7);
		n_scripts += stage_of(one, "001_one") && stage_of(one, "002_two") ? 2 : 0;
		n_listed += json_array_size(json_object_get(stage_of(one, "a"), "tests"));
		n_listed += json_array_size(json_object_get(stage_of(one, "b"), "tests"));
	}
	assert_int_equal(n_scripts, 2);
	assert_int_equal(n_listed, 8);
	/* The job itself is as it was. */
	assert_int_equal(json_array_size(json_object_get(job, "stages")), 4);
	assert_int_equal(json_array_size(json_object_get(stage_of(job, "a"), "tests")), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_everything_is_in_one_batch_in_its_order),
		TEST(test_durations_come_from_where_they_are_known_best),
		TEST(test_each_test_is_in_one_batch_and_scripts_stay_together),
		TEST(test_long_lists_are_cut_into_batches_of_limited_length),
		TEST(test_short_work_and_a_machine_to_be_kept_have_one_slot),
		TEST(test_machines_that_do_not_fit_the_host_are_refused),
		TEST(test_a_batch_has_a_job_with_its_tests_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
