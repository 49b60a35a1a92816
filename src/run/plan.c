/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/plan.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/capacity.h"
#include "run/suite_stages.h"
#include "store/store.h"
#include "suite/fstests_plan.h"
#include "suite/suite.h"
#include "suite/testpath.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US 1000000u
#define RUNS      20                /* of which the history is read */
#define TEST_US   (15u * SECOND_US) /* of a test of which nobody has an idea */
#define BOOT_US   (10u * SECOND_US)
#define SLOT_US   (300u * SECOND_US) /* what a further machine has to do to be worth its boot */
#define SCRIPTS   "script"           /* all of them, as one piece */

/* What is known of durations, "NAME SECONDS" each; by_name has no section. */
struct history {
	struct fstests_durations *by_path, *by_name, *hints;
	struct buf paths, names; /* text of the first two */
};

const char *plan_source_name(enum plan_source s)
{
	static const char *const names[] = {
		[PLAN_MEASURED] = "measured",
		[PLAN_OTHER_SECTION] = "another section",
		[PLAN_CHECK_TIME] = "check.time",
		[PLAN_GUESS] = "guess",
	};
	return names[s];
}

/* ---- how long ---- */

/* "generic.001" of "fstests.zstd.generic.001"; NULL: it is none of a section's tests. */
static const char *without_section(const char *path)
{
	const struct suite *s = suite_of(path);
	return s && s->stages ? testpath_below(path) : NULL;
}

static void on_duration(void *ctx, const char *test, uint64_t us)
{
	struct history *h = ctx;
	const char *name = without_section(test);
	unsigned long long s = (us + SECOND_US - 1) / SECOND_US;
	buf_addf(&h->paths, "%s %llu\n", test, s);
	if (name)
		buf_addf(&h->names, "%s %llu\n", name, s);
}

static void read_index(struct history *h, const struct plan_query *q)
{
	struct index_db *x = NULL;
	auto_free char *runs = path_join(q->state_dir, "runs");
	if (access(runs, F_OK) == 0 && index_open(q->state_dir, &x, NULL) == 0)
		(void)index_durations(x, q->profile->name, RUNS, on_duration, h, NULL);
	index_close(x);
	fstests_durations_add(h->by_path, buf_str(&h->paths), h->paths.len);
	fstests_durations_add(h->by_name, buf_str(&h->names), h->names.len);
}

/* "generic/001 5" */
static void read_hints(struct history *h, const struct plan_query *q)
{
	auto_free char *text = suite_durations(q->profile->config, q->stages);
	for (char *p = text; *p; p++)
		if (*p == '/')
			*p = '.';
	fstests_durations_add(h->hints, text, strlen(text));
}

static void history_open(struct history *h, const struct plan_query *q)
{
	*h = (struct history){ .by_path = fstests_durations_new(),
		.by_name = fstests_durations_new(),
		.hints = fstests_durations_new() };
	read_index(h, q);
	read_hints(h, q);
}

static void history_close(struct history *h)
{
	fstests_durations_free(h->by_path);
	fstests_durations_free(h->by_name);
	fstests_durations_free(h->hints);
	buf_clear(&h->paths);
	buf_clear(&h->names);
}

static uint64_t expect(
	const struct history *h, const char *path, uint64_t guess_us, enum plan_source *ret_source)
{
	const char *name = without_section(path);
	const struct fstests_durations *const from[] = {
		[PLAN_MEASURED] = h->by_path,
		[PLAN_OTHER_SECTION] = name ? h->by_name : NULL,
		[PLAN_CHECK_TIME] = name ? h->hints : NULL,
	};
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		uint64_t us = fstests_durations_get(from[i], i ? name : path, UINT64_MAX);
		*ret_source = (enum plan_source)i;
		if (us != UINT64_MAX)
			return us ? us : SECOND_US / 2;
	}
	*ret_source = PLAN_GUESS;
	return guess_us;
}

/* ---- the tests ---- */

static void add_test(struct plan *p, const struct history *h, char *path, const char *name,
	const char *suite, const char *section)
{
	const struct suite *s = suite_find(suite);
	struct plan_test *t = &p->tests[p->n_tests++];
	*t = (struct plan_test){ .path = path, .name = name, .suite = suite, .section = section };
	t->expected_us =
		expect(h, path, s && s->expected_us ? s->expected_us : TEST_US, &t->source);
	p->total_us += t->expected_us;
}

char *plan_stage_path(const json_t *stage)
{
	return xasprintf("%s.%s", json_str_or(stage, "suite", suite_script.name),
		json_str_or(stage, "name", ""));
}

/* Scripts come first in a job. */
static void add_tests(struct plan *p, const struct history *h)
{
	size_t n = 0;
	size_t i;
	size_t k;
	json_t *stage;
	json_t *test;
	json_array_foreach (p->stages, i, stage)
		n += 1 + json_array_size(json_object_get(stage, "tests"));
	p->tests = xcalloc(n + 1, sizeof *p->tests);
	json_array_foreach (p->stages, i, stage) {
		const char *name = json_str_or(stage, "name", "");
		const char *suite = json_str_or(stage, "suite", suite_script.name);
		const json_t *tests = json_object_get(stage, "tests");
		auto_free char *above = plan_stage_path(stage);
		if (!tests)
			add_test(p, h, xstrdup(above), name, suite, "");
		json_array_foreach (tests, k, test) {
			const char *its = json_string_value(test);
			add_test(p, h, testpath_make(above, its), its, suite, name);
		}
	}
}

json_t *plan_stages(const struct profile *profile, const json_t *listed)
{
	json_t *all = json_array();
	for (size_t i = 0; i < profile->n_stages; i++)
		json_array_append_new(all, json_pack("{s:s}", "name", profile->stages[i].name));
	json_array_extend(all, (json_t *)listed);
	return all;
}

/* ---- the batches ---- */

static const char *piece_of(const struct plan_test *t)
{
	return t->section[0] ? t->path : SCRIPTS;
}

/* The pieces of which each is in one batch, and how long they take. */
static void add_pieces(const struct plan *p, struct strv *pieces, struct fstests_durations *d)
{
	auto_buf struct buf text = { 0 };
	uint64_t scripts_us = 0;
	for (size_t i = 0; i < p->n_tests; i++) {
		const struct plan_test *t = &p->tests[i];
		unsigned long long s = (t->expected_us + SECOND_US - 1) / SECOND_US;
		if (!t->section[0])
			scripts_us += t->expected_us;
		else
			buf_addf(&text, "%s %llu\n", t->path, s);
		if (t->section[0] || i == 0)
			strv_add(pieces, piece_of(t));
	}
	buf_addf(&text, SCRIPTS " %llu\n", (unsigned long long)(scripts_us / SECOND_US));
	fstests_durations_add(d, buf_str(&text), text.len);
}

/* Both are in the plan's order. */
static void take_batch(struct plan *p, const struct fstests_batch *b, uint64_t boot_us)
{
	struct plan_batch *to = &p->batches[p->n_batches++];
	size_t at = 0;
	to->v = xcalloc(p->n_tests, sizeof *to->v);
	to->expected_us = boot_us;
	for (size_t i = 0; i < p->n_tests && at < b->tests.n; i++) {
		const struct plan_test *t = &p->tests[i];
		if (strcmp(piece_of(t), b->tests.v[at]) != 0)
			continue;
		to->v[to->n++] = i;
		to->expected_us += t->expected_us;
		if (t->section[0] || i + 1 == p->n_tests || p->tests[i + 1].section[0])
			at++;
	}
}

static void share_out(struct plan *p, const struct plan_query *q, uint64_t boot_us)
{
	auto_strv struct strv pieces = { 0 };
	auto_fstests_durations struct fstests_durations *d = fstests_durations_new();
	auto_fstests_batches struct fstests_batches b = { 0 };
	add_pieces(p, &pieces, d);
	const struct fstests_limits limits = {
		.unknown_us = TEST_US,
		.slots = p->slots,
		.batch_us = p->slots > 1 ? config_num(q->profile->config, "run.batch") : 0,
	};
	fstests_plan(strv_get(&pieces), d, &limits, &b);
	p->batches = xcalloc(b.n + 1, sizeof *p->batches);
	for (size_t i = 0; i < b.n; i++) {
		take_batch(p, &b.v[i], boot_us);
		b.v[i].expected_us = p->batches[i].expected_us;
	}
	if (p->slots > p->n_batches)
		p->slots = p->n_batches ? (unsigned)p->n_batches : 1;
	p->estimate_us = fstests_plan_estimate(&b, p->slots);
}

/* Without a wish, as many as are worth it: scripts are one piece. */
static unsigned choose_slots(const struct plan *p, const struct plan_query *q)
{
	uint64_t asked = config_num(q->profile->config, "run.slots");
	unsigned most = capacity_slots(q->profile->config, q->cpus);
	uint64_t listed_us = 0;
	for (size_t i = 0; i < p->n_tests; i++)
		listed_us += p->tests[i].section[0] ? p->tests[i].expected_us : 0;
	uint64_t worth = listed_us / SLOT_US;
	if (q->alone || listed_us == 0)
		return 1;
	if (asked)
		return (unsigned)asked;
	return worth < 1 ? 1 : worth < most ? (unsigned)worth : most;
}

int plan_make(const struct plan_query *q, struct plan *ret, struct err *e)
{
	struct history h;
	enum plan_source source;
	int rc = q->alone ? 0 : capacity_check(q->profile->config, q->cpus, e);
	if (rc < 0)
		return rc;
	*ret = (struct plan){ .stages = json_incref(q->stages) };
	history_open(&h, q);
	add_tests(ret, &h);
	ret->slots = choose_slots(ret, q);
	share_out(ret, q, expect(&h, "boot", BOOT_US, &source));
	history_close(&h);
	return 0;
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n_tests; i++)
		free(p->tests[i].path);
	for (size_t i = 0; i < p->n_batches; i++)
		free(p->batches[i].v);
	free(p->tests);
	free(p->batches);
	json_decref(p->stages);
	*p = (struct plan){ 0 };
}

/* ---- the jobs ---- */

/* The batch's tests of that stage; an empty array: none. */
static json_t *tests_of(const struct plan *p, const struct plan_batch *b, const json_t *stage)
{
	json_t *tests = json_array();
	const char *suite = json_str_or(stage, "suite", suite_script.name);
	const char *name = json_str_or(stage, "name", "");
	for (size_t i = 0; i < b->n; i++) {
		const struct plan_test *t = &p->tests[b->v[i]];
		const char *its = t->section[0] ? t->section : t->name;
		if (strcmp(t->suite, suite) == 0 && strcmp(its, name) == 0)
			json_array_append_new(tests, json_string(t->name));
	}
	return tests;
}

static void set_timeouts(json_t *part, const json_t *tests)
{
	const json_t *all = json_object_get(part, "timeouts_us");
	json_t *own = json_object();
	size_t i;
	json_t *name;
	json_array_foreach (tests, i, name)
		json_object_set(own, json_string_value(name),
			json_object_get(all, json_string_value(name)));
	if (all)
		json_object_set(part, "timeouts_us", own);
	json_decref(own);
}

json_t *plan_job(const struct plan *p, const json_t *job, size_t batch)
{
	json_t *one = json_copy((json_t *)job);
	json_t *stages = json_array();
	size_t i;
	json_t *stage;
	if (p->n_batches <= 1) {
		json_decref(stages);
		return one;
	}
	json_array_foreach (json_object_get(job, "stages"), i, stage) {
		auto_json json_t *tests = tests_of(p, &p->batches[batch], stage);
		json_t *part = json_copy(stage);
		if (json_object_get(stage, "tests")) {
			json_object_set(part, "tests", tests);
			set_timeouts(part, tests);
		}
		if (json_array_size(tests))
			json_array_append(stages, part);
		json_decref(part);
	}
	json_object_set_new(one, "stages", stages);
	return one;
}
