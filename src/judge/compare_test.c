/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "judge/compare.h"
#include <stdlib.h>
#include <string.h>

/* "NAME STATUS" pairs, "-" for one that never ended; a name that comes again supersedes. */
static struct run_info *run(const char *const *words)
{
	struct run_info *r = xcalloc(1, sizeof *r);
	r->attempts = xcalloc(16, sizeof *r->attempts);
	for (; *words; words += 2) {
		struct run_attempt *a = &r->attempts[r->n_attempts++];
		a->test = xstrdup(words[0]);
		a->ended = strcmp(words[1], "-") != 0;
		a->status = a->ended ? (enum verdict)verdict_from_name(words[1]) : VERDICT_MISS;
		for (size_t i = 0; i + 1 < r->n_attempts; i++)
			if (strcmp(r->attempts[i].test, a->test) == 0)
				r->attempts[i].superseded = true;
	}
	return r;
}

static void check(const char *const *baseline, const char *const *candidate, const char *want)
{
	struct compare c;
	char got[1000] = "";
	size_t n = 0;
	auto_run_info struct run_info *a = run(baseline);
	auto_run_info struct run_info *b = run(candidate);
	unsigned counted = 0;
	compare_runs(a, b, &c);
	for (size_t i = 0; i < c.n; i++)
		n += (size_t)snprintf(got + n, sizeof got - n, "%s%s %s", i ? ", " : "",
			compare_test(&c.rows[i]), compare_change_name(c.rows[i].change));
	for (int i = 0; i < COMPARE_CHANGES; i++)
		counted += c.counts[i];
	assert_string_equal(got, want);
	assert_int_equal(counted, c.n);
	compare_clear(&c);
}

#define W(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_what_passed_and_does_not_any_more_is_a_regression(void **state)
{
	check(W("a", "PASS", "b", "PASS", "c", "DONE", "d", "PASS", "e", "PASS"),
		W("a", "FAIL", "b", "ERROR", "c", "SKIP", "e", "PASS"),
		"a regressed, b regressed, c regressed, d regressed, e same");
}

static void test_a_failure_that_the_baseline_does_not_have_is_a_regression(void **state)
{
	check(W("a", "SKIP", "b", "PASS"), W("a", "FAIL", "b", "PASS", "new", "ERROR"),
		"a regressed, b same, new regressed");
}

static void test_a_failure_of_both_is_none(void **state)
{
	check(W("a", "FAIL", "b", "FAIL", "c", "SKIP", "d", "FAIL"),
		W("a", "FAIL", "b", "ERROR", "c", "PASS", "d", "PASS", "new", "PASS"),
		"a same, b changed, c changed, d fixed, new changed");
}

static void test_what_did_not_really_run_says_nothing(void **state)
{
	check(W("a", "PASS", "b", "MISS", "c", "FAIL", "d", "PASS"),
		W("a", "MISS", "b", "FAIL", "c", "-", "d", "PASS"),
		"a unknown, b unknown, c unknown, d same");
}

static void test_a_subtest_not_reached_is_unknown_where_its_stage_is_a_miss(void **state)
{
	check(W("s.1", "FAIL", "s.1.x", "PASS", "s.2", "PASS", "s.2.x", "PASS"),
		W("s.1", "MISS", "s.2", "FAIL"),
		"s.1 unknown, s.1.x unknown, s.2 regressed, s.2.x regressed");
	check(W("s.1", "MISS"), W("s.1", "FAIL", "s.1.x", "FAIL"), "s.1 unknown, s.1.x unknown");
}

static void test_the_last_attempt_counts(void **state)
{
	check(W("boot", "FAIL", "boot", "PASS", "a", "PASS"),
		W("boot", "PASS", "a", "FAIL", "a", "PASS"), "boot same, a same");
}

static void test_several_runs_stand_side_by_side(void **state)
{
	struct compare_lines l;
	auto_run_info struct run_info *a = run(W("x", "PASS", "y", "FAIL", "y", "PASS"));
	auto_run_info struct run_info *b = run(W("x", "PASS", "y", "PASS", "build", "FAIL"));
	auto_run_info struct run_info *c = run(W("z", "-", "x", "PASS"));
	const struct run_info *const runs[] = { a, b, c };
	compare_side_by_side(runs, 3, &l);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.n_differ, 3);
	assert_string_equal(l.lines[0].test, "x");
	assert_false(l.lines[0].differs);
	assert_string_equal(l.lines[1].test, "y");
	assert_int_equal(l.lines[1].verdicts[0], VERDICT_PASS);
	assert_int_equal(l.lines[1].verdicts[2], VERDICT_COUNT);
	/* A kernel that needed no build has one that passed. */
	assert_string_equal(l.lines[2].test, "build");
	assert_int_equal(l.lines[2].verdicts[0], VERDICT_PASS);
	assert_int_equal(l.lines[2].verdicts[1], VERDICT_FAIL);
	assert_int_equal(l.lines[3].verdicts[2], VERDICT_MISS);
	compare_lines_clear(&l);
}

static void test_a_runs_baseline_is_the_one_it_names_else_the_first(void **state)
{
	auto_run_info struct run_info *a = run(W("x", "PASS"));
	auto_run_info struct run_info *b = run(W("x", "PASS"));
	auto_run_info struct run_info *c = run(W("x", "PASS"));
	const struct run_info *const runs[] = { a, b, c };
	a->id = xstrdup("a");
	b->id = xstrdup("b");
	c->id = xstrdup("c");
	c->first = json_pack("{s:s}", "baseline", "b");
	b->first = json_pack("{s:s}", "baseline", "elsewhere");
	assert_null(compare_baseline(runs, 3, 0));
	assert_ptr_equal(compare_baseline(runs, 3, 1), a);
	assert_ptr_equal(compare_baseline(runs, 3, 2), b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_runs_stand_side_by_side),
		cmocka_unit_test(test_a_runs_baseline_is_the_one_it_names_else_the_first),
		cmocka_unit_test(test_what_passed_and_does_not_any_more_is_a_regression),
		cmocka_unit_test(test_a_failure_that_the_baseline_does_not_have_is_a_regression),
		cmocka_unit_test(test_a_failure_of_both_is_none),
		cmocka_unit_test(test_what_did_not_really_run_says_nothing),
		cmocka_unit_test(test_a_subtest_not_reached_is_unknown_where_its_stage_is_a_miss),
		cmocka_unit_test(test_the_last_attempt_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
