/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "base/test.h"
#include "run/attempts.h"
#include <errno.h>
#include <string.h>

static json_t *record(const char *test, const char *stage, int attempt, const char *status)
{
	return json_pack("{s:s, s:s, s:i, s:s*, s:s, s:i}", "test", test, "stage", stage, "attempt",
		attempt, "status", status, "reason", status ? status : "", "duration_us", 1000);
}

/* What the journal's number of it is. */
static int64_t start(struct attempts *a, size_t batch, const char *test, const char *stage, int own)
{
	auto_json json_t *j = record(test, stage, own, NULL);
	attempts_number(a, batch, "attempt_start", j);
	assert_int_equal(json_i64_or(j, "batch", 0), batch + 1);
	return json_i64_or(j, "attempt", 0);
}

static int64_t end(struct attempts *a, size_t batch, const char *test, const char *stage, int own,
	const char *status)
{
	auto_json json_t *j = record(test, stage, own, status);
	attempts_number(a, batch, "attempt_end", j);
	return json_i64_or(j, "attempt", 0);
}

static int collect(void *ctx, const char *type, json_t *j, struct err *e)
{
	json_object_set_new(j, "type", json_string(type));
	return json_array_append(ctx, j);
}

static int refuse(void *ctx, const char *type, json_t *j, struct err *e)
{
	return err_set(e, ENOSPC, "full");
}

static void test_attempts_of_two_workers_have_numbers_of_their_own(void **state)
{
	struct attempts *a = attempts_new(2, 0);
	assert_int_equal(start(a, 1, "boot", "", 1), 1);
	assert_int_equal(start(a, 0, "boot", "", 1), 2);
	assert_int_equal(start(a, 1, "boot", "", 2), 3); /* its machine was lost */
	assert_int_equal(end(a, 0, "boot", "", 1, "PASS"), 2);
	assert_int_equal(end(a, 1, "boot", "", 1, "PASS"), 1);
	assert_int_equal(start(a, 0, "fstests.s.generic.001", "s", 1), 1);
	auto_json json_t *artifact = record("boot", "", 2, NULL);
	attempts_number(a, 1, "artifact", artifact);
	assert_int_equal(json_i64_or(artifact, "attempt", 0), 3);
	assert_null(json_object_get(artifact, "batch"));
	auto_json json_t *target = json_pack("{s:i}", "boot", 2);
	attempts_number(a, 1, "target", target);
	assert_int_equal(json_i64_or(target, "boot", 0), 3);
	attempts_free(a);
}

static void test_what_the_journal_has_already_is_not_numbered_again(void **state)
{
	struct attempts *a = attempts_new(1, 3);
	attempts_seen(a, "boot", 4);
	attempts_seen(a, "boot", 2);
	auto_json json_t *j = record("boot", "", 1, NULL);
	attempts_number(a, 0, "attempt_start", j);
	assert_int_equal(json_i64_or(j, "attempt", 0), 5);
	assert_int_equal(json_i64_or(j, "batch", 0), 4);
	attempts_free(a);
}

/* The verdict on a section whose two parts end so, the second one first or last. */
static json_t *concluded(const char *first, const char *second, bool second_is_quicker)
{
	struct attempts *a = attempts_new(2, 0);
	json_t *all = json_array();
	struct err e = { 0 };
	for (size_t i = 0; i < 2; i++) {
		size_t b = second_is_quicker ? 1 - i : i;
		start(a, b, "fstests.s", "s", 1);
		end(a, b, "fstests.s", "s", 1, b ? second : first);
	}
	assert_int_equal(attempts_conclude(a, collect, all, &e), 0);
	attempts_free(a);
	return all;
}

static void test_a_section_is_as_bad_as_its_worst_part_whoever_was_quicker(void **state)
{
	for (int quicker = 0; quicker < 2; quicker++) {
		auto_json json_t *good = concluded("PASS", "PASS", quicker);
		assert_int_equal(json_array_size(good), 0);
		auto_json json_t *bad = concluded("FAIL", "PASS", quicker);
		assert_int_equal(json_array_size(bad), 2);
		const json_t *j = json_array_get(bad, 1);
		assert_string_equal(json_str_or(j, "status", ""), "FAIL");
		assert_string_equal(json_str_or(j, "reason", ""), "batch 1: FAIL");
		assert_int_equal(json_i64_or(j, "attempt", 0), 3);
		assert_int_equal(json_i64_or(j, "duration_us", 0), 2000);
		auto_json json_t *both = concluded("MISS", "FAIL", quicker);
		j = json_array_get(both, 1);
		assert_string_equal(json_str_or(j, "status", ""), "FAIL");
		assert_string_equal(json_str_or(j, "reason", ""), "batch 1: MISS; batch 2: FAIL");
	}
}

static void test_a_test_that_one_batch_had_is_as_that_batch_left_it(void **state)
{
	struct attempts *a = attempts_new(2, 0);
	auto_json json_t *all = json_array();
	struct err e = { 0 };
	start(a, 0, "fstests.s.generic.001", "s", 1);
	end(a, 0, "fstests.s.generic.001", "s", 1, "FAIL");
	start(a, 1, "fstests.t", "t", 1);
	end(a, 1, "fstests.t", "t", 1, "FAIL");
	assert_int_equal(attempts_conclude(a, collect, all, &e), 0);
	assert_int_equal(json_array_size(all), 0);
	attempts_free(a);
}

static void test_of_a_batch_that_was_not_started_each_test_is_missed(void **state)
{
	struct attempts *a = attempts_new(2, 0);
	struct err e = { 0 };
	auto_json json_t *all = json_array();
	auto_json json_t *job = json_pack("{s:[{s:s}, {s:s, s:s, s:[s]}]}", "stages", "name",
		"010_x", "suite", "fstests", "name", "s", "tests", "generic/001");
	start(a, 0, "fstests.s", "s", 1);
	end(a, 0, "fstests.s", "s", 1, "PASS");
	assert_int_equal(attempts_not_run(a, 1, job, "stopped", collect, all, &e), 0);
	static const char *const want[] = { "script.010_x", "fstests.s", "fstests.s.generic.001" };
	assert_int_equal(json_array_size(all), 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(json_str_or(json_array_get(all, i), "test", ""), want[i / 2]);
	assert_int_equal(json_i64_or(json_array_get(all, 3), "attempt", 0), 2);
	assert_string_equal(json_str_or(json_array_get(all, 5), "status", ""), "MISS");
	assert_string_equal(json_str_or(json_array_get(all, 5), "reason", ""), "stopped");
	/* And its part of the section counts. */
	assert_int_equal(attempts_conclude(a, collect, all, &e), 0);
	assert_string_equal(json_str_or(json_array_get(all, 7), "status", ""), "MISS");
	assert_int_equal(attempts_not_run(a, 1, job, "x", refuse, NULL, &e), -ENOSPC);
	assert_int_equal(attempts_conclude(a, refuse, NULL, &e), -ENOSPC);
	attempts_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts_of_two_workers_have_numbers_of_their_own),
		cmocka_unit_test(test_what_the_journal_has_already_is_not_numbered_again),
		cmocka_unit_test(test_a_section_is_as_bad_as_its_worst_part_whoever_was_quicker),
		cmocka_unit_test(test_a_test_that_one_batch_had_is_as_that_batch_left_it),
		cmocka_unit_test(test_of_a_batch_that_was_not_started_each_test_is_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
