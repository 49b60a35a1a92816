/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge/compare.h"
#include "base/json.h"
#include "base/mem.h"
#include <string.h>

static const char *const names[] = {
	[COMPARE_REGRESSED] = "regressed",
	[COMPARE_FIXED] = "fixed",
	[COMPARE_CHANGED] = "changed",
	[COMPARE_UNKNOWN] = "unknown",
	[COMPARE_SAME] = "same",
};

const char *compare_change_name(enum compare_change c)
{
	return names[c];
}

const char *compare_test(const struct compare_row *r)
{
	return r->baseline ? r->baseline->test : r->candidate->test;
}

static const struct run_attempt *find(const struct run_info *r, const char *test, size_t n)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		if (!a->superseded && strncmp(a->test, test, n) == 0 && a->test[n] == '\0')
			return a;
	}
	return NULL;
}

/* `a`: the test's attempt in `r`, or NULL. */
static enum verdict verdict_in(
	const struct run_info *r, const struct run_attempt *a, const char *test)
{
	if (a)
		return a->ended ? a->status : VERDICT_MISS;
	if (strcmp(test, "build") == 0) /* a kernel that needed none */
		return VERDICT_PASS;
	for (const char *dot = test; (dot = strchr(dot, '.')); dot++) {
		const struct run_attempt *above = find(r, test, (size_t)(dot - test));
		if (above && verdict_in(r, above, test) == VERDICT_MISS)
			return VERDICT_MISS;
	}
	return VERDICT_COUNT;
}

static bool is_good(enum verdict v)
{
	return v == VERDICT_PASS || v == VERDICT_DONE;
}

static bool is_bad(enum verdict v)
{
	return v == VERDICT_FAIL || v == VERDICT_ERROR;
}

static enum compare_change change_of(enum verdict a, enum verdict b)
{
	if (a == VERDICT_MISS || b == VERDICT_MISS)
		return COMPARE_UNKNOWN;
	if (is_good(a) != is_good(b))
		return is_good(a) ? COMPARE_REGRESSED : is_bad(a) ? COMPARE_FIXED : COMPARE_CHANGED;
	if (is_bad(b) && !is_bad(a))
		return COMPARE_REGRESSED;
	return a == b ? COMPARE_SAME : COMPARE_CHANGED;
}

static void add(struct compare *c, const struct run_info *x, const struct run_info *y,
	const struct run_attempt *a, const struct run_attempt *b)
{
	struct compare_row *r = &c->rows[c->n++];
	*r = (struct compare_row){ .baseline = a, .candidate = b };
	r->a = verdict_in(x, a, compare_test(r));
	r->b = verdict_in(y, b, compare_test(r));
	r->change = change_of(r->a, r->b);
	c->counts[r->change]++;
}

void compare_runs(
	const struct run_info *baseline, const struct run_info *candidate, struct compare *ret)
{
	struct compare c = { 0 };
	c.rows = xcalloc(baseline->n_attempts + candidate->n_attempts, sizeof *c.rows);
	for (size_t i = 0; i < baseline->n_attempts; i++) {
		const struct run_attempt *a = &baseline->attempts[i];
		if (!a->superseded)
			add(&c, baseline, candidate, a, find(candidate, a->test, strlen(a->test)));
	}
	for (size_t i = 0; i < candidate->n_attempts; i++) {
		const struct run_attempt *b = &candidate->attempts[i];
		if (!b->superseded && !find(baseline, b->test, strlen(b->test)))
			add(&c, baseline, candidate, NULL, b);
	}
	*ret = c;
}

static void add_line(
	struct compare_lines *l, const struct run_info *const *runs, size_t n, const char *test)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->lines[i].test, test) == 0)
			return;
	struct compare_line line = { .test = test };
	for (size_t i = 0; i < n; i++) {
		line.verdicts[i] = verdict_in(runs[i], find(runs[i], test, strlen(test)), test);
		line.differs |= line.verdicts[i] != line.verdicts[0];
	}
	l->lines = xrealloc(l->lines, (l->n + 1) * sizeof *l->lines);
	l->lines[l->n++] = line;
	l->n_differ += line.differs;
}

void compare_side_by_side(const struct run_info *const *runs, size_t n, struct compare_lines *ret)
{
	struct compare_lines l = { 0 };
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i]->n_attempts; k++)
			add_line(&l, runs, n, runs[i]->attempts[k].test);
	*ret = l;
}

void compare_lines_clear(struct compare_lines *l)
{
	free(l->lines);
	*l = (struct compare_lines){ 0 };
}

const struct run_info *compare_baseline(const struct run_info *const *runs, size_t n, size_t i)
{
	const char *id = json_str_or(runs[i]->first, "baseline", "");
	for (size_t k = 0; k < i; k++)
		if (strcmp(runs[k]->id, id) == 0)
			return runs[k];
	return i ? runs[0] : NULL;
}

void compare_clear(struct compare *c)
{
	free(c->rows);
	*c = (struct compare){ 0 };
}
