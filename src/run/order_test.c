/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/order.h"
#include "store/store.h"
#include <stdlib.h>
#include <string.h>

static json_t *stages(void)
{
	json_t *all = json_array();
	for (int s = 0; s < 2; s++) {
		json_t *tests = json_array();
		for (int i = 0; i < 20; i++) {
			auto_free char *name = xasprintf("generic/%03d", i);
			json_array_append_new(tests, json_string(name));
		}
		json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "suite", "fstests", "name",
						   s ? "b" : "a", "tests", tests));
	}
	return all;
}

static char *text_of(const json_t *all, size_t stage)
{
	return json_dumps(json_object_get(json_array_get(all, stage), "tests"), 0);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(
		json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static void test_one_seed_is_one_order_with_all_the_tests(void **state)
{
	auto_json json_t *plain = stages();
	auto_json json_t *one = stages();
	auto_json json_t *same = stages();
	auto_json json_t *other = stages();
	order_apply(&(struct order){ .shuffle = true, .seed = 7 }, one);
	order_apply(&(struct order){ .shuffle = true, .seed = 7 }, same);
	order_apply(&(struct order){ .shuffle = true, .seed = 8 }, other);
	assert_true(json_equal(one, same));
	assert_false(json_equal(one, other));
	assert_false(json_equal(one, plain));
	auto_free char *a = text_of(one, 0);
	auto_free char *b = text_of(one, 1);
	assert_string_not_equal(a, b);
	const json_t *tests = json_object_get(json_array_get(one, 0), "tests");
	json_t *v[20];
	assert_int_equal(json_array_size(tests), 20);
	for (size_t i = 0; i < 20; i++)
		v[i] = json_array_get(tests, i);
	qsort(v, 20, sizeof *v, by_text);
	tests = json_object_get(json_array_get(plain, 0), "tests");
	for (size_t i = 0; i < 20; i++)
		assert_true(json_equal(v[i], json_array_get(tests, i)));
	/* The order of today is that of years ago. */
	static const char head[] = "[\"generic/008\", \"generic/017\", \"generic/003\"";
	assert_memory_equal(a, head, strlen(head));
}

static struct run_attempt attempt(
	const char *test, const char *stage, enum verdict v, bool superseded)
{
	return (struct run_attempt){ .test = (char *)test,
		.stage = (char *)stage,
		.status = v,
		.ended = true,
		.superseded = superseded };
}

static void test_what_went_wrong_comes_first_and_the_rest_keeps_its_order(void **state)
{
	struct run_attempt attempts[] = {
		attempt("boot", "", VERDICT_FAIL, false),
		attempt("fstests.a", "a", VERDICT_FAIL, false),
		attempt("fstests.a.generic.007", "a", VERDICT_MISS, false),
		attempt("fstests.a.generic.005", "a", VERDICT_FAIL, true),
		attempt("fstests.a.generic.005", "a", VERDICT_PASS, false),
		attempt("fstests.a.generic.003", "a", VERDICT_FAIL, false),
		attempt("fstests.a.gone.001", "a", VERDICT_FAIL, false),
	};
	const struct run_info r = { .attempts = attempts, .n_attempts = ARRAY_LEN(attempts) };
	auto_order struct order o = { 0 };
	auto_json json_t *all = stages();
	order_failed_first(&o, &r);
	assert_int_equal(order_apply(&o, all), 2);
	static const char *const want[] = { "generic/003", "generic/007", "generic/000",
		"generic/001", "generic/002", "generic/004", "generic/005", "generic/006" };
	const json_t *tests = json_object_get(json_array_get(all, 0), "tests");
	assert_int_equal(json_array_size(tests), 20);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(json_string_value(json_array_get(tests, i)), want[i]);
	/* Another section is as it was. */
	tests = json_object_get(json_array_get(all, 1), "tests");
	assert_string_equal(json_string_value(json_array_get(tests, 0)), "generic/000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_seed_is_one_order_with_all_the_tests),
		cmocka_unit_test(test_what_went_wrong_comes_first_and_the_rest_keeps_its_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
