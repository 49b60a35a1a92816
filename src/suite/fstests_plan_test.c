/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "suite/fstests_plan.h"

#define S 1000000u

static char *plan(const char *const *tests, const char *history, struct fstests_limits limits)
{
	auto_fstests_durations struct fstests_durations *d = fstests_durations_new();
	auto_fstests_batches struct fstests_batches b = { 0 };
	struct buf out = { 0 };
	fstests_durations_add(d, history, strlen(history));
	fstests_plan(tests, d, &limits, &b);
	for (size_t i = 0; i < b.n; i++) {
		buf_addf(&out, "%u:", (unsigned)(b.v[i].expected_us / S));
		for (size_t k = 0; k < b.v[i].tests.n; k++)
			buf_addf(&out, " %s", b.v[i].tests.v[k]);
		buf_addc(&out, '\n');
	}
	return out.s ? out.s : xstrdup("");
}

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define expect(text, tests, history, ...)                                                          \
	do {                                                                                       \
		auto_free char *got_ =                                                             \
			plan(tests, history, (struct fstests_limits){ __VA_ARGS__ });              \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_durations_are_those_said_last(void **unused)
{
	auto_fstests_durations struct fstests_durations *d = fstests_durations_new();
	assert_int_equal(fstests_durations_get(d, "a/001", 7), 7);
	static const char one[] = "a/002 5\na/001 9\nno number\n\na/001 3\r\na/003 -1\na/004 2s\n";
	fstests_durations_add(d, one, strlen(one));
	assert_int_equal(fstests_durations_get(d, "a/001", 7), 3 * S);
	assert_int_equal(fstests_durations_get(d, "a/002", 7), 5 * S);
	assert_int_equal(fstests_durations_get(d, "a/003", 7), 7);
	assert_int_equal(fstests_durations_get(d, "a/004", 7), 7);
	fstests_durations_add(d, "a/001 4\na/005 1", 15);
	assert_int_equal(fstests_durations_get(d, "a/001", 7), 4 * S);
	assert_int_equal(fstests_durations_get(d, "a/002", 7), 5 * S);
	assert_int_equal(fstests_durations_get(d, "a/005", 7), 1 * S);
}

static void test_batches_have_the_longest_first_and_keep_the_order(void **unused)
{
	const char *const *tests = LIST("g/001", "g/002", "g/003", "g/004", "g/005");
	static const char history[] = "g/001 10\ng/002 60\ng/003 30\ng/004 20\ng/005 0\n";
	expect("120: g/001 g/002 g/003 g/004 g/005\n", tests, history, .slots = 1);
	expect("60: g/002 g/005\n60: g/001 g/003 g/004\n", tests, history, .slots = 2);
	expect("60: g/002\n30: g/003 g/005\n30: g/001 g/004\n", tests, history, .batch_us = 45 * S,
		.slots = 1);
	expect("5: g/001\n5: g/002\n", LIST("g/001", "g/002"), "", .unknown_us = 5 * S, .slots = 9);
	expect("", LIST(NULL), "", .slots = 2);
}

static void test_every_test_is_in_one_batch_and_the_limit_is_kept(void **unused)
{
	auto_strv struct strv tests = { 0 };
	auto_buf struct buf history = { 0 };
	auto_fstests_durations struct fstests_durations *d = fstests_durations_new();
	uint32_t seed = 7;
	uint64_t total = 0;
	for (int i = 0; i < 900; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned s = 1 + (seed >> 16) % 100;
		strv_addf(&tests, "generic/%03d", i);
		buf_addf(&history, "generic/%03d %u\n", i, s);
		total += (uint64_t)s * S;
	}
	fstests_durations_add(d, history.s, history.len);
	const struct fstests_limits limits = { .batch_us = 600u * S, .slots = 2 };
	auto_fstests_batches struct fstests_batches b = { 0 };
	fstests_plan(strv_get(&tests), d, &limits, &b);
	size_t n = 0;
	uint64_t sum = 0;
	for (size_t i = 0; i < b.n; i++) {
		assert_true(b.v[i].expected_us <= limits.batch_us);
		assert_true(i == 0 || b.v[i].expected_us <= b.v[i - 1].expected_us);
		n += b.v[i].tests.n;
		sum += b.v[i].expected_us;
	}
	assert_int_equal(n, 900);
	assert_int_equal(sum, total);
	/* No more batches than a tenth over what they must be. */
	assert_true(b.n <= total / limits.batch_us * 11 / 10 + 1);
	/* Two slots are nearly twice as quick as one. */
	assert_int_equal(fstests_plan_estimate(&b, 1), total);
	assert_true(fstests_plan_estimate(&b, 2) < total * 53 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_are_those_said_last),
		cmocka_unit_test(test_batches_have_the_longest_first_and_keep_the_order),
		cmocka_unit_test(test_every_test_is_in_one_batch_and_the_limit_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
