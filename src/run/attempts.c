/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/attempts.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/plan.h"
#include "suite/testpath.h"
#include "suite/verdict.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE "before"

struct attempts {
	size_t n_batches, before;
	json_t *last;     /* by test: the newest number */
	json_t **numbers; /* of each batch, by "TEST#NUMBER" of its own: the journal's */
	json_t *ends;     /* by test that may be in several: {batch or BEFORE: attempt_end} */
};

struct attempts *attempts_new(size_t n_batches, size_t before)
{
	struct attempts *a = xcalloc(1, sizeof *a);
	a->n_batches = n_batches;
	a->before = before;
	a->last = json_object();
	a->ends = json_object();
	a->numbers = xcalloc(n_batches + 1, sizeof *a->numbers);
	for (size_t i = 0; i < n_batches; i++)
		a->numbers[i] = json_object();
	return a;
}

void attempts_free(struct attempts *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_batches; i++)
		json_decref(a->numbers[i]);
	free(a->numbers);
	json_decref(a->last);
	json_decref(a->ends);
	free(a);
}

void attempts_seen(struct attempts *a, const char *test, int64_t attempt)
{
	if (attempt > json_i64_or(a->last, test, 0))
		json_object_set_new(a->last, test, json_integer(attempt));
}

static int64_t next(struct attempts *a, const char *test)
{
	int64_t n = json_i64_or(a->last, test, 0) + 1;
	json_object_set_new(a->last, test, json_integer(n));
	return n;
}

/* The journal's number of a batch's own; a new one, where it is the first that is heard of it. */
static int64_t number_of(struct attempts *a, size_t batch, const char *test, int64_t own)
{
	auto_free char *key = xasprintf("%s#%" PRId64, test, own);
	int64_t n = json_i64_or(a->numbers[batch], key, 0);
	if (n == 0) {
		n = next(a, test);
		json_object_set_new(a->numbers[batch], key, json_integer(n));
	}
	return n;
}

/* Boot, and stages: what lies below them is in one batch alone. */
static bool may_be_in_several(const char *test, const char *stage)
{
	const char *dot = strchr(test, '.');
	return *stage == '\0' || (dot && strcmp(dot + 1, stage) == 0);
}

/* A test's ends by batch, and BEFORE. */
static json_t *ends_of(struct attempts *a, const char *test)
{
	json_t *ends = json_object_get(a->ends, test);
	if (!ends) {
		ends = json_object();
		json_object_set_new(a->ends, test, ends);
	}
	return ends;
}

static void remember_end(struct attempts *a, size_t batch, const json_t *end)
{
	char key[32];
	const char *test = json_str_or(end, "test", "");
	if (!may_be_in_several(test, json_str_or(end, "stage", "")))
		return;
	json_t *of_test = ends_of(a, test);
	(void)snprintf(key, sizeof key, "%zu", batch); /* fits */
	json_object_set(of_test, key, (json_t *)end);  /* its last one counts */
}

void attempts_before(
	struct attempts *a, const char *test, const char *stage, enum verdict v, const char *reason)
{
	json_object_set_new(ends_of(a, test), BEFORE,
		json_pack("{s:s, s:s, s:o, s:i}", "stage", stage, "status", verdict_name(v),
			"reason", json_bytes(reason, strlen(reason)), "duration_us", 0));
}

void attempts_number(struct attempts *a, size_t batch, const char *type, json_t *record)
{
	const char *test = json_str_or(record, "test", NULL);
	int64_t own = json_i64_or(record, "attempt", 0);
	int64_t boot = json_i64_or(record, "boot", 0);
	if (test && own)
		json_object_set_new(
			record, "attempt", json_integer(number_of(a, batch, test, own)));
	if (boot)
		json_object_set_new(
			record, "boot", json_integer(number_of(a, batch, "boot", boot)));
	if (strcmp(type, "artifact") != 0)
		json_object_set_new(
			record, "batch", json_integer((json_int_t)(a->before + batch + 1)));
	if (strcmp(type, "attempt_end") == 0)
		remember_end(a, batch, record);
}

/* ---- records of our own ---- */

static int write_two(struct attempts *a, size_t batch, json_t *start, json_t *end,
	attempts_write *write, void *ctx, struct err *e)
{
	if (batch < a->n_batches) {
		attempts_number(a, batch, "attempt_start", start);
		attempts_number(a, batch, "attempt_end", end);
	}
	int rc = write(ctx, "attempt_start", start, e);
	if (rc == 0)
		rc = write(ctx, "attempt_end", end, e);
	json_decref(start);
	json_decref(end);
	return rc;
}

static int miss(struct attempts *a, size_t batch, const char *test, const char *stage,
	const char *why, attempts_write *write, void *ctx, struct err *e)
{
	json_t *start = json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", stage);
	json_t *end = json_pack("{s:s, s:i, s:s, s:s, s:o, s:i}", "test", test, "attempt", 1,
		"stage", stage, "status", verdict_name(VERDICT_MISS), "reason",
		json_bytes(why, strlen(why)), "duration_us", 0);
	return write_two(a, batch, start, end, write, ctx, e);
}

int attempts_not_run(struct attempts *a, size_t batch, const json_t *job, const char *why,
	attempts_write *write, void *ctx, struct err *e)
{
	size_t i;
	size_t k;
	json_t *stage;
	json_t *test;
	json_array_foreach (json_object_get(job, "stages"), i, stage) {
		const char *name = json_str_or(stage, "name", "");
		auto_free char *path = plan_stage_path(stage);
		int rc = miss(a, batch, path, name, why, write, ctx, e);
		json_array_foreach (json_object_get(stage, "tests"), k, test) {
			auto_free char *below = testpath_make(path, json_string_value(test));
			if (rc == 0)
				rc = miss(a, batch, below, name, why, write, ctx, e);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* "batch 2: 1 of 7 subtests failed: generic.002; batch 4: ..." */
static json_t *end_of_all(struct attempts *a, const char *test, const json_t *ends)
{
	auto_buf struct buf why = { 0 };
	enum verdict worst = VERDICT_COUNT;
	int64_t duration_us = 0;
	const char *stage = "";
	for (size_t i = 0; i <= a->n_batches; i++) {
		char key[32];
		char who[32];
		(void)snprintf(key, sizeof key, "%zu", i - 1);               /* fits */
		(void)snprintf(who, sizeof who, "batch %zu", a->before + i); /* fits */
		if (i == 0)
			memcpy(key, BEFORE, sizeof BEFORE);
		const json_t *end = json_object_get(ends, key);
		int v = end ? verdict_from_name(json_str_or(end, "status", "")) : -1;
		if (v < 0)
			continue;
		worst = verdict_worst(worst, (enum verdict)v);
		duration_us += json_i64_or(end, "duration_us", 0);
		stage = json_str_or(end, "stage", "");
		if (v != VERDICT_PASS)
			buf_addf(&why, "%s%s: %s", why.len ? "; " : "", i ? who : BEFORE,
				json_str_or(end, "reason", verdict_name((enum verdict)v)));
	}
	bool is_told = !json_object_get(ends, BEFORE) || json_object_size(ends) > 1;
	if (worst == VERDICT_COUNT || (worst == VERDICT_PASS && is_told))
		return NULL; /* each of its new attempts says so */
	return json_pack("{s:s, s:I, s:s, s:s, s:o, s:I}", "test", test, "attempt",
		(json_int_t)next(a, test), "stage", stage, "status", verdict_name(worst), "reason",
		json_bytes(buf_str(&why), why.len), "duration_us", (json_int_t)duration_us);
}

int attempts_conclude(struct attempts *a, attempts_write *write, void *ctx, struct err *e)
{
	const char *test;
	json_t *ends;
	int rc = 0;
	json_object_foreach (a->ends, test, ends) {
		bool several = json_object_size(ends) > 1 || json_object_get(ends, BEFORE);
		json_t *end = several ? end_of_all(a, test, ends) : NULL;
		if (!end || rc < 0)
			continue;
		json_t *start = json_pack("{s:s, s:O, s:O}", "test", test, "attempt",
			json_object_get(end, "attempt"), "stage", json_object_get(end, "stage"));
		rc = write_two(a, a->n_batches, start, end, write, ctx, e);
	}
	return rc;
}
