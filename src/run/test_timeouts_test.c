/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/test_timeouts.h"
#include "store/store_test.h"

/* A run on `accel` in which fstests.s.generic.00N ended so. */
static void add_run(const char *state, const char *accel, const char *n, const char *status, int s)
{
	auto_json json_t *first = json_pack("{s:s}", "accel", accel);
	struct run_writer *w = NULL;
	auto_free char *test = xasprintf("fstests.s.generic.%s", n);
	ok(run_create(state, "p", first, &w, e));
	test_start(w, test, 1, "s");
	test_append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:i}", "test", test, "attempt", 1, "status", status,
			"duration_us", s * 1000000));
	free(test_finish(w, status));
}

/* The timeout of each test in seconds, and of the stage. */
static char *timeouts(const char *state, const char *accel, const char *config)
{
	auto_json json_t *stages = json_pack(
		"[{s:s, s:s}, {s:s, s:s, s:s, s:[sss], s:I, s:I, s:I}]", "name", "010_script",
		"script", "x", "suite", "fstests", "name", "s", "config", config, "tests",
		"generic/001", "generic/002", "generic/003", "timeout_us", (json_int_t)400000000,
		"test_timeout_us", (json_int_t)100000000, "timeout_factor", (json_int_t)10);
	test_timeouts_set(state, "p", accel, stages);
	const json_t *stage = json_array_get(stages, 1);
	struct buf b = { 0 };
	const char *name;
	json_t *us;
	json_object_foreach (json_object_get(stage, "timeouts_us"), name, us)
		buf_addf(&b, "%s %lld\n", name, (long long)json_integer_value(us) / 1000000);
	buf_addf(&b, "all %lld\n", (long long)json_i64_or(stage, "timeout_us", 0) / 1000000);
	assert_null(json_object_get(json_array_get(stages, 0), "timeouts_us"));
	return buf_take(&b);
}

#define expect(state, accel, config, text)                                                         \
	do {                                                                                       \
		auto_free char *got_ = timeouts(state, accel, config);                             \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_a_test_that_passed_has_a_multiple_of_its_longest_pass(void **state)
{
	expect(*state, "tcg", "[s]\n", "all 400\n");
	add_run(*state, "tcg", "001", "PASS", 1);
	add_run(*state, "tcg", "002", "PASS", 50);
	add_run(*state, "tcg", "002", "PASS", 40);
	add_run(*state, "tcg", "003", "FAIL", 90); /* as long as it was let */
	expect(*state, "tcg", "[s]\n", "generic/001 60\ngeneric/002 500\nall 800\n");
}

static void test_another_accelerator_says_nothing(void **state)
{
	add_run(*state, "kvm", "001", "PASS", 1);
	expect(*state, "tcg", "[s]\n", "all 400\n");
}

static void test_what_a_section_soaks_is_added(void **state)
{
	add_run(*state, "tcg", "001", "PASS", 1);
	expect(*state, "tcg", "[s]\nSOAK_DURATION=\"2m\"\n",
		"generic/001 180\ngeneric/002 220\ngeneric/003 220\nall 720\n");
	expect(*state, "tcg", "[s]\nSOAK_DURATION=9z\n", "generic/001 60\nall 400\n");
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		WITH(test_a_test_that_passed_has_a_multiple_of_its_longest_pass),
		WITH(test_another_accelerator_says_nothing),
		WITH(test_what_a_section_soaks_is_added),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
