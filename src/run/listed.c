/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that a suite lists before it runs them (fstests): each gets a verdict, whatever becomes of
 * the machine. After one that took it down, those never reached go on in a fresh one. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/batch_priv.h"
#include "run/outbox.h"
#include "suite/testpath.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t find(const struct listed *l, const char *stage, const char *path)
{
	for (size_t i = 0; i < l->n_left; i++) {
		auto_free char *one = testpath_make(stage, l->left[i]);
		if (strcmp(one, path) == 0)
			return i;
	}
	return l->n_left;
}

static void take_out(struct listed *l, size_t i)
{
	memmove(&l->left[i], &l->left[i + 1], (l->n_left - i) * sizeof *l->left);
	l->n_left--;
}

void listed_begin(struct batch *b, const struct job_stage *s)
{
	struct listed *l = &b->listed;
	if (!s->tests)
		return;
	if (l->stage != s) {
		listed_clear(b);
		l->stage = s;
		while (s->tests[l->n_left])
			l->n_left++;
		l->left = xcalloc(l->n_left + 1, sizeof *l->left);
		memcpy(l->left, s->tests, l->n_left * sizeof *l->left);
	}
	l->n_at_start = l->n_left;
	l->imaging = false;
	/* The stage's verdict is on all of its tests. */
	b->stage.counts = l->counts;
}

const char *const *listed_left(const struct batch *b)
{
	return b->job->stages[b->next_stage].tests ? (const char *const *)b->listed.left : NULL;
}

static void watch_test(struct batch *b, const char *name)
{
	char human[CLOCK_HUMAN_SIZE];
	const struct job_stage *stage = b->listed.stage;
	int64_t own_us = json_i64_or(stage->timeouts, name, 0);
	uint64_t us = own_us > 0 ? (uint64_t)own_us : stage->test_timeout_us;
	us += b->listed.imaging ? SUITE_IMAGES_US : 0;
	auto_free char *why = xasprintf(
		"the target hung: nothing was heard of %s for %s", name, clock_human(us, human));
	batch_deadline(b, us, why);
}

void listed_begins(struct batch *b, const char *test)
{
	auto_free char *name = testpath_name(test);
	b->listed.imaging = false;
	watch_test(b, name);
}

void listed_event(void *ctx, const struct suite_test *t)
{
	struct batch *b = ctx;
	if (b->state != BATCH_STAGE || b->stopping || b->hung)
		return;
	if (!t->name) {
		batch_note(b, "warning", t->reason);
		return;
	}
	if (t->ended || t->again)
		b->listed.imaging = t->verdict == VERDICT_FAIL && b->job->image_max_bytes;
	watch_test(b, t->name);
	if (t->ended)
		subtest_end_listed(b, t);
	else if (!t->again)
		subtest_begin_listed(b, t->name);
}

bool listed_ended(struct batch *b, const struct trial *t, enum verdict v, bool unbegun)
{
	struct listed *l = &b->listed;
	size_t i = find(l, b->trial.test, t->test);
	if (i == l->n_left) /* again, for something that was said of it later */
		return false;
	bool lost = b->stage_lost && batch_end_is_infra(b);
	bool again = v == VERDICT_MISS && (lost || unbegun) && strcmp(l->lost_at, t->test) != 0;
	if (again)
		memcpy(l->lost_at, t->test, sizeof l->lost_at);
	else
		take_out(l, i);
	return again;
}

static void not_run(struct batch *b, const struct job_stage *s, const char *const *names,
	enum verdict v, const char *why)
{
	auto_free char *stage = stage_path(s);
	for (; names && *names; names++) {
		auto_free char *path = testpath_make(stage, *names);
		stage_test_not_run(b, s, path, v, why);
	}
}

/* Those that are left will not be reached. */
static void give_up(struct batch *b, const char *why)
{
	struct listed *l = &b->listed;
	not_run(b, l->stage, (const char *const *)l->left, VERDICT_MISS, why);
	l->left[0] = NULL;
	l->n_left = 0;
}

bool listed_goes_on(struct batch *b)
{
	struct listed *l = &b->listed;
	const struct stage_run *r = &b->stage;
	if (l->stage != &b->job->stages[b->next_stage] || l->n_left == 0)
		return false;
	/* A machine may be lost before its first test, and check may end of it: once. */
	bool moved = l->n_left < l->n_at_start;
	if (b->stopping) {
		give_up(b, b->stop_why ? b->stop_why : "stopped");
	} else if (r->result.unfit || (!moved && l->stuck)) {
		auto_free char *why = xasprintf(
			"not reached: %s", b->stage_lost ? b->end_detail : r->result.error);
		give_up(b, why);
	} else {
		l->stuck = !moved;
		l->counts = r->counts;
		auto_free char *text = xasprintf(
			"%s: goes on with %zu tests never reached", b->trial.test, l->n_left);
		batch_note(b, "info", text);
		b->renew = !b->stage_lost; /* who ended the list early may have done more */
		return true;
	}
	return false;
}

void listed_not_run(struct batch *b, const struct job_stage *s, enum verdict v, const char *why)
{
	if (b->listed.stage == s) /* it was begun, and is not gone on with */
		give_up(b, why);
	else
		not_run(b, s, (const char *const *)s->tests, v, why);
}

char *listed_owner(const struct batch *b, const struct job_stage *s, const char *path)
{
	size_t n = 0;
	const char *name = s->suite->test_of ? s->suite->test_of(path, &n) : NULL;
	for (size_t i = 0; name && s->tests[i]; i++)
		if (strlen(s->tests[i]) == n && strncmp(s->tests[i], name, n) == 0)
			return testpath_make(b->trial.test, s->tests[i]);
	return NULL;
}

void listed_clear(struct batch *b)
{
	free(b->listed.left);
	b->listed = (struct listed){ 0 };
}
