/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/isolate.h"
#include <errno.h>

/* Fails behind all of these words. */
struct oracle {
	struct strv culprits;
	bool never;
	unsigned n_tries;
};

static int oracle(void *ctx, const char *const *before, size_t n, bool *ret, struct err *e)
{
	struct oracle *o = ctx;
	size_t there = 0;
	assert_null(before[n]);
	for (size_t i = 0; i < n; i++)
		there += strv_find(&o->culprits, before[i]) < o->culprits.n;
	*ret = !o->never && there == o->culprits.n;
	o->n_tries++;
	return 0;
}

/* "culprit: 3 7" of a list of `n`. */
static char *search(const char *culprits, bool never, size_t n, unsigned max, unsigned *ret_tries)
{
	struct oracle o = { .never = never };
	auto_strv struct strv before = { 0 };
	auto_strv struct strv left = { 0 };
	enum isolate_answer answer;
	bool done;
	struct buf b = { 0 };
	strv_split(&o.culprits, culprits, " ");
	for (size_t i = 0; i < n; i++)
		strv_addf(&before, "%zu", i);
	assert_int_equal(isolate(&before, oracle, &o, max, &answer, &left, &done, NULL), 0);
	buf_adds(&b, answer == ISOLATE_ALONE   ? "alone"
		     : answer == ISOLATE_NEVER ? "never"
					       : "behind");
	for (size_t i = 0; i < left.n; i++)
		buf_addf(&b, " %s", left.v[i]);
	if (!done)
		buf_adds(&b, " or fewer");
	*ret_tries = o.n_tries;
	strv_clear(&o.culprits);
	return buf_take(&b);
}

#define expect(culprits, never, n, max, text, most)                                                \
	do {                                                                                       \
		unsigned tries_;                                                                   \
		auto_free char *got_ = search(culprits, never, n, max, &tries_);                   \
		assert_string_equal(got_, text);                                                   \
		assert_true(tries_ <= (most));                                                     \
	} while (0)

static void test_one_culprit_is_found_by_halves(void **unused)
{
	expect("37", false, 100, 100, "behind 37", 2 + 2 * 7);
	expect("0", false, 100, 100, "behind 0", 2 + 7);
	expect("0", false, 1, 100, "behind 0", 2);
}

static void test_two_that_are_needed_together_are_both_left(void **unused)
{
	expect("3 97", false, 100, 1000, "behind 3 97", 100);
	expect("0 1 2 3", false, 4, 100, "behind 0 1 2 3", 20);
}

static void test_what_fails_alone_or_never_has_no_culprit(void **unused)
{
	expect("", false, 50, 100, "alone", 1);
	expect("3", true, 50, 100, "never", 2);
	expect("3", true, 0, 100, "never", 1);
}

static void test_too_few_tries_leave_more_than_need_be(void **unused)
{
	expect("6", false, 8, 4, "behind 4 5 6 7 or fewer", 4);
}

static int breaks(void *ctx, const char *const *before, size_t n, bool *ret, struct err *e)
{
	return err_set(e, EIO, "no machine");
}

static void test_a_try_that_breaks_ends_it(void **unused)
{
	enum isolate_answer answer;
	bool done;
	auto_strv struct strv left = { 0 };
	const struct strv none = { 0 };
	assert_int_equal(isolate(&none, breaks, NULL, 9, &answer, &left, &done, NULL), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_culprit_is_found_by_halves),
		cmocka_unit_test(test_two_that_are_needed_together_are_both_left),
		cmocka_unit_test(test_what_fails_alone_or_never_has_no_culprit),
		cmocka_unit_test(test_too_few_tries_leave_more_than_need_be),
		cmocka_unit_test(test_a_try_that_breaks_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
