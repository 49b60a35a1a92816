/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "run/batch_priv.h"
#include "run/disk_faults.h"
#include "run/kernel_watch.h"
#include "run/outbox.h"
#include "run/spool_log.h"
#include "suite/testpath.h"
#include "wire/session.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIED         "fsqa-test died"
#define MAX_EVENTS   20000 /* subtests of one batch */
#define DECLARED_MAX 64    /* logs of one stage */
#define REBOOTS_MAX  100   /* of one stage */

/* ---- the kernel's log ---- */

/* Say a message to whom it concerns: subtests under way, else the stage, else the boot. */
static void attribute(struct batch *b, enum kernel_class class, uint64_t us, const char *text)
{
	bool heard = false;
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		if (!b->subtests[i].used)
			continue;
		heard = true;
		(void)trial_kernel(&b->subtests[i].trial, class, us, text); /* told at its end */
	}
	if (heard)
		return;
	if (batch_in_stage(b))
		(void)trial_kernel(&b->trial, class, us, text);
	else if (b->state == BATCH_BOOTING)
		(void)trial_kernel(&b->boot, class, us, text);
}

void subtest_kernel(struct batch *b, const struct session_kmsg *k)
{
	struct err e = { 0 };
	auto_free char *line = xasprintf("<%u>[%5" PRIu64 ".%06" PRIu64 "] %s\n", k->level,
		k->us / 1000000, k->us % 1000000, k->text);
	if (spool_log_add(b->kernel_log, line, strlen(line), &e) < 0)
		batch_spool_failed(b, &e);
	/* What a process wrote to /dev/kmsg is no witness (docs/decisions/002). */
	if (k->facility != 0)
		return;
	attribute(b, kernel_classify(k->text), k->us, k->text);
	if (!b->hung) {
		splat_line(&b->kernel_splat, k->text);
		batch_kernel_said(b, &b->kernel_splat);
	}
}

/* ---- subtests ---- */

static struct subtest *find_subtest(struct batch *b, uint32_t stream)
{
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		if (b->subtests[i].used && b->subtests[i].stream == stream)
			return &b->subtests[i];
	}
	return NULL;
}

/* Of those that are listed one may be healed while the next is there. */
static struct subtest *find_listed(struct batch *b, bool ended)
{
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		struct subtest *s = &b->subtests[i];
		if (s->used && s->stream == SUBTEST_LISTED && s->ended == ended)
			return s;
	}
	return NULL;
}

static void end_and_heal(struct batch *b, struct subtest *s, enum verdict v, const char *reason);

static void answer(struct batch *b, struct subtest *s, const char *why)
{
	uint32_t stream = s->stream == SUBTEST_LISTED ? s->waits : s->stream;
	s->ready = true;
	s->waits = 0;
	if (b->session && stream)
		session_event_ack(b->session, stream, why);
}

static void subtest_faulted(struct batch *b, uint32_t stream, const char *why)
{
	struct subtest *s =
		stream == SUBTEST_LISTED ? find_listed(b, false) : find_subtest(b, stream);
	if (!s || s->ended || !b->session)
		return;
	answer(b, s, why);
	if (why) /* it does not start; of one that is listed nothing counts any more */
		end_and_heal(b, s, VERDICT_ERROR, why);
}

/* Its start is durable, and the one before it left its disks as they were. */
static void may_start(struct batch *b, struct subtest *s)
{
	if (b->session && !disk_faults_declared(b, s->stream, subtest_faulted))
		answer(b, s, NULL);
}

static void subtest_durable(void *ctx)
{
	struct subtest *s = ctx;
	if (--s->unacked > 0 || !s->used || s->ended)
		return;
	s->durable = true;
	if (s->stream != SUBTEST_LISTED || !find_listed(s->batch, true))
		may_start(s->batch, s);
}

/* What a guest announces is checked before it becomes a test: a bad name, too many at once or
 * in all is said as a note, and never acknowledged, so that fsqa-test fails aloud. */
static const char *refuse_subtest(
	struct batch *b, uint32_t stream, const char *name, struct subtest **ret)
{
	if (b->state != BATCH_STAGE)
		return "no stage is running";
	/* Else a test could give another one of the list a second, better end. */
	if (stream != SUBTEST_LISTED && listed_left(b))
		return "its suite lists its tests";
	if (!trial_name_is_valid(name))
		return "not a test name";
	if (b->n_events >= MAX_EVENTS)
		return "too many subtests";
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		if (!b->subtests[i].used) {
			*ret = &b->subtests[i];
			return NULL;
		}
	}
	return "too many subtests at once";
}

static void count_subtest(struct batch *b, const struct trial *t, enum verdict v)
{
	struct subtest_counts *c = &b->stage.counts;
	c->failed += v == VERDICT_FAIL || v == VERDICT_MISS;
	c->errors += v == VERDICT_ERROR;
	c->passed += v == VERDICT_PASS;
	if (v != VERDICT_FAIL && v != VERDICT_ERROR)
		return;
	size_t used = strlen(c->failed_names);
	const char *name = t->test + strlen(b->trial.test) + 1;
	if (used + strlen(name) + 8 < sizeof c->failed_names)
		(void)snprintf(c->failed_names + used, sizeof c->failed_names - used, "%s%s",
			used ? ", " : "", name); /* room was looked at */
}

static void end_subtest(struct batch *b, struct subtest *s, enum verdict v, const char *reason)
{
	json_t *record = trial_end_record(&s->trial, v, reason, spool_log_bytes(b->stage.log), &v);
	if (s->stream == SUBTEST_LISTED)
		json_object_set_new(record, "stage_attempt", json_integer(b->trial.attempt));
	if (s->said)
		json_object_update(record, s->said);
	outbox_record(b->out, "attempt_end", record, NULL, NULL);
	if (s->stream != SUBTEST_LISTED || !listed_ended(b, &s->trial, v, s->unbegun))
		count_subtest(b, &s->trial, v);
	trial_clear(&s->trial);
	free(s->reason);
	s->reason = NULL;
	json_decref(take(&s->said));
	s->used = s->ended = false;
	answer(b, s, NULL);
}

static void subtest_healed(struct batch *b, uint32_t stream)
{
	bool listed = stream == SUBTEST_LISTED;
	struct subtest *s = listed ? find_listed(b, true) : find_subtest(b, stream);
	if (s && s->ended)
		end_subtest(b, s, s->end, s->reason);
	s = listed ? find_listed(b, false) : NULL;
	if (s && s->durable && !s->ready)
		may_start(b, s);
}

/* Its own end, but its disks are as they were before the next test starts. */
static void end_and_heal(struct batch *b, struct subtest *s, enum verdict v, const char *reason)
{
	s->ended = true;
	s->end = v;
	s->reason = reason ? xstrdup(reason) : NULL;
	if (!disk_faults_heal(b, s->stream, subtest_healed))
		subtest_healed(b, s->stream);
}

/* The stage goes on, so they did not die of its end. */
static void end_dead_subtests(struct batch *b)
{
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		if (b->subtests[i].used && b->subtests[i].died)
			end_subtest(b, &b->subtests[i], VERDICT_ERROR, DIED);
	}
}

static struct subtest *begin(struct batch *b, uint32_t stream, const char *name)
{
	struct subtest *s = NULL;
	const char *why = refuse_subtest(b, stream, name, &s);
	if (why) {
		auto_free char *text = xasprintf("subtest '%.100s' refused: %s", name, why);
		batch_note(b, "warning", text);
		if (stream != SUBTEST_LISTED)
			session_event_ack(b->session, stream, why);
		return NULL;
	}
	auto_free char *path = xasprintf("%s.%s", b->trial.test, name);
	unsigned unacked = s->unacked + 1;
	*s = (struct subtest){ .used = true, .stream = stream, .batch = b, .unacked = unacked };
	b->n_events++;
	trial_begin(&s->trial, b->tally, b->trial.stage, path);
	s->trial.marker_us = clock_mono_us() - b->stage.cast_start_us;
	s->trial.log_from = spool_log_bytes(b->stage.log);
	struct err e = { 0 };
	if (recording_mark(b->stage.cast, s->trial.marker_us, name, &e) < 0)
		batch_spool_failed(b, &e);
	return s;
}

static void subtest_start(struct batch *b, uint32_t stream, const json_t *event)
{
	end_dead_subtests(b);
	struct subtest *s = begin(b, stream, json_str_or(event, "test", ""));
	if (!s)
		return;
	size_t i;
	json_t *pattern;
	json_array_foreach (json_object_get(event, "expect"), i, pattern) {
		struct err e = { 0 };
		const char *text = json_string_value(pattern);
		if (text && kernel_expect_add(&s->trial.expect, text, &e) < 0)
			batch_note(b, "warning", e.msg);
	}
	disk_faults_expect(b, &s->trial);
	outbox_record(b->out, "attempt_start", trial_start_record(&s->trial), subtest_durable, s);
}

static void subtest_end(struct batch *b, uint32_t stream, const json_t *event)
{
	struct subtest *s = find_subtest(b, stream);
	if (!s && b->session) /* one that was refused, or ended with its stage */
		session_event_ack(b->session, stream, NULL);
	if (!s || s->ended)
		return;
	/* A stage that is killed takes its subtests along: who died is judged when the stage's own
	 * end says whether it was stopped, timed out, or neither. */
	s->died = json_bool_or(event, "died", false);
	if (s->died)
		return;
	if (b->stopping) {
		end_subtest(b, s, VERDICT_MISS, b->stop_why);
		return;
	}
	int v = verdict_from_name(json_str_or(event, "status", "ERROR"));
	const char *reason = json_str_or(event, "reason", NULL);
	/* A guest may say how its test went, not that the infrastructure broke. */
	if (v < 0 || v == VERDICT_MISS)
		v = VERDICT_ERROR;
	auto_free char *text = NULL;
	if (v == VERDICT_FAIL && !reason)
		text = xasprintf("exit code %" PRIi64, json_i64_or(event, "code", -1));
	if (v == VERDICT_SKIP && (!reason || !*reason))
		text = xstrdup("no reason given");
	end_and_heal(b, s, (enum verdict)v, text ? text : reason);
}

/* It waits for us where its suite's program asks by an event (subtest_begins); else, and where it
 * is lost before this is durable, it is one of those that never ended. */
void subtest_begin_listed(struct batch *b, const char *name)
{
	auto_free char *path = testpath_make(b->trial.test, name);
	struct subtest *s = begin(b, SUBTEST_LISTED, path + strlen(b->trial.test) + 1);
	if (!s)
		return;
	disk_faults_expect(b, &s->trial);
	outbox_record(b->out, "attempt_start", trial_start_record(&s->trial), subtest_durable, s);
}

/* The event comes behind what the suite's program printed before it. */
static void subtest_begins(struct batch *b, uint32_t stream, const char *name)
{
	auto_free char *path = xasprintf("%s.%s", b->trial.test, name);
	struct subtest *s = b->stopping || b->hung ? NULL : find_listed(b, false);
	if (!s || strcmp(s->trial.test, path) != 0) {
		session_event_ack(b->session, stream, "its suite did not say that it begins");
		return;
	}
	if (s->asked) { /* by the test itself: it has no say in how long it may take */
		session_event_ack(b->session, stream, "it was asked for before");
		return;
	}
	s->asked = true;
	listed_begins(b, s->trial.test);
	s->waits = stream;
	if (s->ready)
		answer(b, s, NULL);
}

static json_t *said_by_suite(const struct suite_test *t)
{
	json_t *said = json_pack("{s:s}", "said", t->said);
	json_t *causes = json_array();
	for (size_t i = 0; i < t->n_causes; i++)
		json_array_append_new(
			causes, json_pack("{s:s, s:o}", "cause", t->causes[i].kind, "text",
					json_bytes(t->causes[i].text, strlen(t->causes[i].text))));
	if (t->n_causes)
		json_object_set(said, "causes", causes);
	if (t->seconds)
		json_object_set_new(said, "seconds", json_integer((json_int_t)t->seconds));
	if (t->n_runs > 1) {
		json_object_set_new(said, "runs", json_integer(t->n_runs));
		json_object_set_new(said, "failed_runs", json_integer(t->n_failed));
	}
	json_decref(causes);
	return said;
}

void subtest_end_listed(struct batch *b, const struct suite_test *t)
{
	struct subtest *s = find_listed(b, false);
	if (!s)
		return;
	s->said = t->said ? said_by_suite(t) : NULL;
	s->unbegun = t->unsaid && !s->asked;
	end_and_heal(b, s, s->unbegun ? VERDICT_MISS : t->verdict,
		s->unbegun ? "its suite's program ended before it began" : t->reason);
}

void subtest_end_open(struct batch *b, enum verdict v, const char *reason)
{
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		struct subtest *s = &b->subtests[i];
		if (s->used && s->ended)
			end_subtest(b, s, s->end, s->reason);
		else if (s->used)
			end_subtest(b, s, v, s->died && v == VERDICT_ERROR ? DIED : reason);
	}
}

static void collect(struct batch *b, const char *path)
{
	b->job->stages[b->next_stage].suite->collect(b->stage.task, path);
	if (b->stage.declared.n < DECLARED_MAX)
		strv_add(&b->stage.declared, path);
}

static void ask_reboot(struct batch *b, uint32_t stream, const char *mark)
{
	const char *why = NULL;
	if (b->state != BATCH_STAGE)
		why = "no stage is running";
	else if (!trial_name_is_valid(mark))
		why = "not a mark";
	else if (b->stage.reboots >= REBOOTS_MAX)
		why = "too many reboots";
	if (!why) {
		stage_reboot(b, stream, mark);
		return;
	}
	auto_free char *text = xasprintf("reboot '%.100s' refused: %s", mark, why);
	batch_note(b, "warning", text);
}

void subtest_event(struct batch *b, uint32_t stream, const json_t *event)
{
	const char *kind = json_str_or(event, "event", "");
	batch_goes_on(b);
	if (strcmp(kind, "start") == 0)
		subtest_start(b, stream, event);
	else if (strcmp(kind, "end") == 0)
		subtest_end(b, stream, event);
	else if (strcmp(kind, "disk") == 0)
		disk_fault_event(b, stream, event);
	else if (strcmp(kind, "begins") == 0)
		subtest_begins(b, stream, json_str_or(event, "test", ""));
	else if (strcmp(kind, "collect") == 0 && b->stage.task)
		collect(b, json_str_or(event, "path", ""));
	else if (strcmp(kind, "reboot") == 0)
		ask_reboot(b, stream, json_str_or(event, "mark", ""));
	else
		batch_note(b, "warning", "the target sent an event that is not known");
}

void subtest_clear_all(struct batch *b)
{
	for (size_t i = 0; i < BATCH_SUBTESTS; i++) {
		if (b->subtests[i].used)
			trial_clear(&b->subtests[i].trial);
		free(b->subtests[i].reason);
		json_decref(b->subtests[i].said);
	}
}
