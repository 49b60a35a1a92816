/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/attempts.h"
#include "run/resume.h"
#include "store/store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct run_attempt attempt(const char *test, const char *stage, int n, enum verdict v)
{
	return (struct run_attempt){ .test = (char *)test,
		.stage = (char *)stage,
		.attempt = n,
		.batch = 2,
		.status = v,
		.ended = true };
}

/* Two scripts and two sections: the first of each is over, the second was cut off. */
static json_t *stages(void)
{
	return json_pack("[{s:s}, {s:s}, {s:s, s:s, s:[s, s]}, {s:s, s:s, s:[s, s, s, s]}]", "name",
		"001_a", "name", "002_b", "suite", "fstests", "name", "a", "tests", "generic/001",
		"generic/002", "suite", "fstests", "name", "b", "tests", "generic/001",
		"generic/002", "generic/003", "generic/004");
}

static struct run_attempt attempts[11]; /* of info() */

static struct run_info info(void)
{
	const struct run_attempt all[] = {
		attempt("boot", "", 1, VERDICT_PASS),
		attempt("script.001_a", "001_a", 1, VERDICT_FAIL),
		attempt("script.002_b", "002_b", 1, VERDICT_MISS),
		attempt("fstests.a", "a", 1, VERDICT_PASS),
		attempt("fstests.a.generic.001", "a", 1, VERDICT_PASS),
		attempt("fstests.a.generic.002", "a", 1, VERDICT_SKIP),
		attempt("fstests.b", "b", 3, VERDICT_MISS),
		attempt("fstests.b.generic.001", "b", 1, VERDICT_FAIL),
		attempt("fstests.b.generic.002", "b", 1, VERDICT_PASS),
		attempt("fstests.b.generic.003", "b", 1, VERDICT_MISS),
		attempt("boot", "", 2, VERDICT_PASS),
	};
	memcpy(attempts, all, sizeof all);
	attempts[0].superseded = true;
	return (struct run_info){
		.id = (char *)"x", .attempts = attempts, .n_attempts = ARRAY_LEN(attempts)
	};
}

static void test_what_has_no_verdict_is_run_again_and_nothing_else(void **state)
{
	const struct run_info r = info();
	auto_json json_t *all = stages();
	size_t n = 0;
	auto_json json_t *left = resume_stages(&r, all, &n);
	assert_int_equal(n, 3);
	assert_int_equal(json_array_size(left), 2);
	assert_string_equal(json_str_or(json_array_get(left, 0), "name", ""), "002_b");
	const json_t *tests = json_object_get(json_array_get(left, 1), "tests");
	assert_int_equal(json_array_size(tests), 2);
	assert_string_equal(json_string_value(json_array_get(tests, 0)), "generic/003");
	assert_string_equal(json_string_value(json_array_get(tests, 1)), "generic/004");
	/* What was frozen is as it was. */
	auto_json json_t *same = stages();
	assert_true(json_equal(all, same));
	assert_int_equal(resume_batches(&r), 2);
}

static int collect(void *ctx, const char *type, json_t *j, struct err *e)
{
	return json_array_append(ctx, j);
}

/* The end of section b, whose rest ends so. */
static json_t *section_end(const struct run_info *r, const char *status, json_t *all)
{
	struct err e = { 0 };
	auto_json json_t *js = stages();
	struct attempts *a = attempts_new(1, resume_batches(r));
	resume_attempts(r, js, a);
	json_t *end = json_pack("{s:s, s:i, s:s, s:s, s:s, s:i}", "test", "fstests.b", "attempt", 1,
		"stage", "b", "status", status, "reason", "why", "duration_us", 5);
	attempts_number(a, 0, "attempt_end", end);
	assert_int_equal(json_i64_or(end, "attempt", 0), 4);
	assert_int_equal(json_i64_or(end, "batch", 0), 3);
	json_decref(end);
	assert_int_equal(attempts_conclude(a, collect, all, &e), 0);
	attempts_free(a);
	return json_array_get(all, 1);
}

static void test_a_section_is_judged_by_what_went_before_too(void **state)
{
	struct run_info r = info();
	auto_json json_t *bad = json_array();
	const json_t *end = section_end(&r, "PASS", bad);
	assert_string_equal(json_str_or(end, "status", ""), "FAIL");
	assert_string_equal(json_str_or(end, "reason", ""), "before: 1 of 2 tests failed");
	assert_int_equal(json_i64_or(end, "attempt", 0), 5);
	attempts[7].status = VERDICT_PASS;
	auto_json json_t *good = json_array();
	assert_null(section_end(&r, "PASS", good));
	auto_json json_t *rest = json_array();
	end = section_end(&r, "MISS", rest);
	assert_string_equal(json_str_or(end, "status", ""), "MISS");
	assert_string_equal(json_str_or(end, "reason", ""), "batch 3: why");
}

/* As a second witness leaves it that takes a pass back. */
static void test_a_section_that_failed_still_has_when_the_rest_of_it_passes(void **state)
{
	struct run_info r = info();
	auto_json json_t *all = json_array();
	attempts[6].status = VERDICT_FAIL;
	const json_t *end = section_end(&r, "PASS", all);
	assert_string_equal(json_str_or(end, "status", ""), "FAIL");
	assert_string_equal(json_str_or(end, "reason", ""), "before: 1 of 2 tests failed");
	/* One of which nothing is left says nothing new. */
	struct attempts *a = attempts_new(1, 0);
	auto_json json_t *js = stages();
	auto_json json_t *none = json_array();
	struct err e = { 0 };
	json_array_remove(json_object_get(json_array_get(js, 3), "tests"), 3);
	attempts[9].status = VERDICT_PASS;
	resume_attempts(&r, js, a);
	assert_int_equal(attempts_conclude(a, collect, none, &e), 0);
	assert_int_equal(json_array_size(none), 0);
	attempts_free(a);
	/* But where its last part alone spoke for it. */
	a = attempts_new(1, 0);
	attempts[6].status = VERDICT_PASS;
	resume_attempts(&r, js, a);
	assert_int_equal(attempts_conclude(a, collect, none, &e), 0);
	assert_int_equal(json_array_size(none), 2);
	end = json_array_get(none, 1);
	assert_string_equal(json_str_or(end, "status", ""), "FAIL");
	assert_string_equal(json_str_or(end, "reason", ""), "before: 1 of 3 tests failed");
	attempts_free(a);
}

static void test_what_is_frozen_boots_afresh_and_names_what_is_gone(void **state)
{
	struct err e = { 0 };
	char dir[] = "/tmp/fsqa-resume-XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct run_info r = info();
	r.dir = dir;
	auto_json json_t *frozen = NULL;
	assert_int_equal(resume_read(&r, &frozen, &e), -ENOENT);
	auto_json json_t *job =
		json_pack("{s:{s:s, s:s, s:[{s:i}]}, s:b, s:{}}", "target", "kernel", "/dev/null",
			"clone_of", "/gone", "disks", "saved_bytes", 1, "keep", 1, "hold");
	assert_int_equal(resume_freeze(dir, "/profile", 2, job, &e), 0);
	assert_non_null(json_object_get(job, "hold")); /* the one that runs keeps it */
	assert_int_equal(resume_read(&r, &frozen, &e), 0);
	assert_int_equal(json_i64_or(frozen, "slots", 0), 2);
	const json_t *target = json_object_get(json_object_get(frozen, "job"), "target");
	assert_null(json_object_get(target, "clone_of"));
	assert_null(json_object_get(json_object_get(frozen, "job"), "hold"));
	json_object_set_new(
		json_object_get(job, "target"), "kernel", json_string("/nonexistent/bzImage"));
	assert_int_equal(resume_freeze(dir, "/profile", 2, job, &e), 0);
	auto_json json_t *gone = NULL;
	assert_int_equal(resume_read(&r, &gone, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent/bzImage"));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_has_no_verdict_is_run_again_and_nothing_else),
		cmocka_unit_test(test_a_section_is_judged_by_what_went_before_too),
		cmocka_unit_test(test_a_section_that_failed_still_has_when_the_rest_of_it_passes),
		cmocka_unit_test(test_what_is_frozen_boots_afresh_and_names_what_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
