/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "config/profile.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LANES 64 /* machines at once: as many as run.slots allows */

/* What one of several machines does. */
struct lane {
	int64_t batch;
	char test[140]; /* under way, or empty */
	uint64_t since_us;
};

struct progress {
	struct cli *cli;
	const struct profile *profile;
	bool living; /* standard error is a terminal that can rewrite a line */
	bool shown;  /* a living line stands there */
	bool quiet;
	char phase[200];
	char stage[100]; /* under way, or empty */
	char subtest[140];
	uint64_t stage_start_us;
	uint64_t timeout_us;
	struct lane lanes[LANES]; /* of a run with several batches; else `stage` and so on */
	size_t n_lanes;
	unsigned done; /* tests of theirs */
	unsigned subtests;
	unsigned ticks;
	uint64_t start_us;
	json_t *tests; /* every attempt_end */
	json_t *run;   /* first record */
	struct strv recovered;
};

struct progress *progress_new(struct cli *cli, const struct profile *profile)
{
	struct progress *p = xcalloc(1, sizeof *p);
	const char *term = getenv("TERM");
	p->cli = cli;
	p->profile = profile;
	p->quiet = cli_verbosity(cli) < 0;
	p->living = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0) && !p->quiet;
	p->start_us = clock_mono_us();
	p->tests = json_array();
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	json_decref(p->tests);
	json_decref(p->run);
	strv_clear(&p->recovered);
	free(p);
}

const char *const *progress_recovered(const struct progress *p)
{
	return strv_get(&p->recovered);
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

static unsigned terminal_columns(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

static void draw_lanes(struct progress *p, struct buf *b)
{
	char human[CLOCK_HUMAN_SIZE];
	uint64_t now = clock_mono_us();
	buf_addf(b, "%s  %u tests", clock_human(now - p->start_us, human), p->done);
	for (size_t i = 0; i < p->n_lanes; i++) {
		const struct lane *l = &p->lanes[i];
		if (l->test[0])
			buf_addf(b, "  [%" PRId64 "] %s %s", l->batch, l->test,
				clock_human(now - l->since_us, human));
	}
}

static void draw(struct progress *p)
{
	static const char spinner[] = "|/-\\";
	auto_buf struct buf b = { 0 };
	char elapsed[CLOCK_HUMAN_SIZE];
	char limit[CLOCK_HUMAN_SIZE];
	if (!p->living)
		return;
	uint64_t since = p->stage[0] ? p->stage_start_us : p->start_us;
	buf_addf(&b, "%c ", spinner[p->ticks % 4]);
	if (p->n_lanes)
		draw_lanes(p, &b);
	else if (p->stage[0])
		buf_addf(&b, "%s  %s of %s  %s", p->stage,
			clock_human(clock_mono_us() - since, elapsed),
			clock_human(p->timeout_us, limit), p->subtest);
	else
		buf_addf(&b, "%s  %s", p->phase, clock_human(clock_mono_us() - since, elapsed));
	size_t room = terminal_columns() - 1;
	fprintf(stderr, "\r\033[K%.*s", (int)(b.len < room ? b.len : room), buf_str(&b));
	p->shown = true;
}

static void say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct progress *p, const char *fmt, ...)
{
	if (p->quiet)
		return;
	progress_clear(p);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void say_verdict(
	struct progress *p, const char *indent, const char *name, const json_t *record)
{
	const char *status = json_str_or(record, "status", "?");
	const char *reason = json_str_or(record, "reason", "");
	char human[CLOCK_HUMAN_SIZE];
	int v = verdict_from_name(status);
	enum cli_color color = v == VERDICT_PASS   ? CLI_GREEN
			       : v == VERDICT_SKIP ? CLI_YELLOW
						   : CLI_RED;
	say(p, "%s%s%-5s%s %-28s %7s%s%s", indent, cli_color_on(p->cli, stderr, color), status,
		cli_color_off(p->cli, stderr), name,
		clock_human((uint64_t)json_i64_or(record, "duration_us", 0), human),
		*reason ? "  " : "", reason);
}

void progress_text(void *ctx, const char *text)
{
	struct progress *p = ctx;
	if (strchr(text, '\n')) { /* an excerpt, to stay */
		progress_clear(p);
		fputs(text, stderr);
		return;
	}
	(void)snprintf(p->phase, sizeof p->phase, "%s", text); /* may be cut */
	if (p->living)
		draw(p);
	else
		say(p, "%s", text);
}

static void on_recovered(void *ctx, const char *id, const char *what)
{
	struct progress *p = ctx;
	progress_clear(p);
	cli_warn(p->cli, "run %s: %s", id, what);
	strv_add(&p->recovered, id);
}

static void on_begin(void *ctx, const char *id, const json_t *first)
{
	struct progress *p = ctx;
	const json_t *env = json_object_get(first, "environment");
	const char *why = json_str_or(env, "accel_reason", "");
	p->run = json_deep_copy(first);
	p->start_us = clock_mono_us();
	(void)snprintf(p->phase, sizeof p->phase, "starting"); /* fits */
	const char *variant = json_str_or(first, "variant", "");
	say(p, "run %s  profile %s  kernel %s%s%s", id, json_str_or(first, "profile", "?"),
		json_str_or(first, "kernel", json_str_or(first, "kernel_source", "?")),
		*variant ? "  variant " : "", variant);
	if (strcmp(json_str_or(first, "accel", ""), "tcg") == 0)
		say(p, "accelerator tcg: slow, the guest's processor is emulated%s%s",
			*why ? " because " : "", why);
}

static const struct profile_stage *stage_of(struct progress *p, const char *name)
{
	return p->profile ? profile_stage(p->profile, name) : NULL;
}

/* The batch's own, or that of one that is over. */
static struct lane *lane_of(struct progress *p, int64_t batch)
{
	struct lane *free_one = NULL;
	for (size_t i = 0; i < p->n_lanes; i++) {
		if (p->lanes[i].batch == batch)
			return &p->lanes[i];
		if (p->lanes[i].batch == 0)
			free_one = &p->lanes[i];
	}
	if (!free_one)
		free_one = &p->lanes[p->n_lanes < LANES ? p->n_lanes++ : 0];
	*free_one = (struct lane){ .batch = batch };
	return free_one;
}

static void enter_lane(struct progress *p, int64_t batch, const char *what)
{
	struct lane *l = lane_of(p, batch);
	(void)snprintf(l->test, sizeof l->test, "%s", what); /* may be cut */
	l->since_us = clock_mono_us();
}

static void on_start(struct progress *p, const json_t *record)
{
	int64_t batch = json_i64_or(record, "batch", 0);
	const char *test = json_str_or(record, "test", "");
	const char *stage = json_str_or(record, "stage", "");
	size_t n = strcspn(test, ".") + 1 + strlen(stage); /* SUITE.STAGE */
	if (batch) {
		enter_lane(p, batch, *stage == '\0' ? "booting" : strchr(test, '.') + 1);
	} else if (*stage == '\0') {
		(void)snprintf(p->phase, sizeof p->phase, "booting"); /* fits */
	} else if (strlen(test) > n) {
		(void)snprintf(p->subtest, sizeof p->subtest, "%s", test + n + 1); /* may be cut */
		p->subtests++;
	} else {
		const struct profile_stage *s = stage_of(p, stage);
		(void)snprintf(p->stage, sizeof p->stage, "%s", stage); /* may be cut */
		p->subtest[0] = '\0';
		p->subtests = 0;
		p->stage_start_us = clock_mono_us();
		p->timeout_us = s ? s->timeout_us : 0;
		if (!p->living)
			say(p, "start %s", stage);
	}
	draw(p);
}

static void on_end(struct progress *p, const json_t *record)
{
	const char *test = json_str_or(record, "test", "");
	const char *stage = json_str_or(record, "stage", "");
	size_t n = strcspn(test, ".") + 1 + strlen(stage); /* SUITE.STAGE */
	int64_t batch = json_i64_or(record, "batch", 0);
	json_array_append_new(p->tests, json_deep_copy(record));
	if (batch) {
		lane_of(p, batch)->test[0] = '\0';
		p->done += strlen(test) > n;
	}
	if (batch && (*stage == '\0' || strlen(test) <= n)) {
		auto_free char *name =
			xasprintf("%s, batch %" PRId64, *stage ? stage : test, batch);
		say_verdict(p, "", name, record);
	} else if (*stage == '\0') {
		say_verdict(p, "", test, record);
	} else if (strlen(test) > n) {
		bool good = strcmp(json_str_or(record, "status", ""), "PASS") == 0;
		p->subtest[0] = '\0';
		if (!p->living || !good || cli_verbosity(p->cli) > 0)
			say_verdict(p, "  ", test + n + 1, record);
	} else {
		p->stage[0] = '\0';
		say_verdict(p, "", stage, record);
	}
}

/* The files of a test say worse of it than was told. */
static void on_witness(struct progress *p, const json_t *record)
{
	size_t i;
	json_t *t;
	json_array_foreach (p->tests, i, t) {
		if (strcmp(json_str_or(t, "test", ""), json_str_or(record, "test", "")) != 0 ||
			json_i64_or(t, "attempt", 0) != json_i64_or(record, "attempt", 0))
			continue;
		json_object_set(t, "status", json_object_get(record, "status"));
		json_object_set(t, "reason", json_object_get(record, "reason"));
		say_verdict(p, "", json_str_or(t, "test", ""), t);
	}
}

static void on_record(void *ctx, const char *type, const json_t *record)
{
	struct progress *p = ctx;
	if (strcmp(type, "attempt_start") == 0)
		on_start(p, record);
	else if (strcmp(type, "attempt_end") == 0)
		on_end(p, record);
	else if (strcmp(type, "witness") == 0)
		on_witness(p, record);
	else if (strcmp(type, "target_end") == 0 && json_i64_or(record, "batch", 0))
		lane_of(p, json_i64_or(record, "batch", 0))->batch = 0;
	else if (strcmp(type, "note") == 0 && strcmp(json_str_or(record, "level", ""), "info") != 0)
		say(p, "%s: %s", json_str_or(record, "level", "note"),
			json_str_or(record, "text", ""));
	else if (strcmp(type, "command") == 0 && cli_verbosity(p->cli) > 1)
		say(p, "%s", json_str_or(record, "qemu", ""));
}

static void on_status(void *ctx, const char *phase, const char *what)
{
	struct progress *p = ctx;
	if (strcmp(phase, "boot") == 0)
		(void)snprintf(p->phase, sizeof p->phase, "booting"); /* fits */
	else if (strcmp(phase, "shutdown") == 0)
		(void)snprintf(p->phase, sizeof p->phase, "shutting down"); /* fits */
	draw(p);
}

static void on_tick(void *ctx)
{
	struct progress *p = ctx;
	p->ticks++;
	draw(p);
}

const struct run_observer progress_observer = {
	.on_progress = progress_text,
	.on_recovered = on_recovered,
	.on_begin = on_begin,
	.controller = { .on_record = on_record, .on_status = on_status, .on_tick = on_tick },
};

static void list_bad(struct progress *p, const struct run_result *r)
{
	size_t i;
	json_t *t;
	bool first = true;
	json_array_foreach (p->tests, i, t) {
		int v = verdict_from_name(json_str_or(t, "status", ""));
		if (v != VERDICT_FAIL && v != VERDICT_ERROR && v != VERDICT_MISS)
			continue;
		if (first)
			printf("\n");
		first = false;
		printf("%s%-5s%s %s: %s\n", cli_color_on(p->cli, stdout, CLI_RED),
			json_str_or(t, "status", ""), cli_color_off(p->cli, stdout),
			json_str_or(t, "test", ""), json_str_or(t, "reason", ""));
	}
	if (!first)
		printf("\nEvidence: fsqa logs %s TEST\n", r->id);
}

void progress_summary(struct progress *p, const struct run_result *r, const char *report)
{
	char human[CLOCK_HUMAN_SIZE];
	const unsigned *n = r->ended.counts;
	progress_clear(p);
	list_bad(p, r);
	enum verdict v = r->ended.error[0] && r->ended.status > VERDICT_MISS ? VERDICT_MISS
									     : r->ended.status;
	printf("\n%s%s%s  %u passed, %u failed, %u errors, %u missed, %u skipped in %s\n",
		cli_color_on(p->cli, stdout, v == VERDICT_PASS ? CLI_GREEN : CLI_RED),
		verdict_name(v), cli_color_off(p->cli, stdout), n[VERDICT_PASS], n[VERDICT_FAIL],
		n[VERDICT_ERROR], n[VERDICT_MISS], n[VERDICT_SKIP],
		clock_human(clock_mono_us() - p->start_us, human));
	printf("Run     %s\n", r->id);
	if (report)
		printf("Report  %s\n", report);
}

json_t *progress_json(struct progress *p, const struct run_result *r, const char *report)
{
	json_t *counts = json_object();
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_object_set_new(
			counts, verdict_name((enum verdict)v), json_integer(r->ended.counts[v]));
	json_t *j = json_pack("{s:s, s:s, s:o, s:i, s:b, s:s?, s:s?, s:O}", "id", r->id, "status",
		verdict_name(r->ended.status), "counts", counts, "exit_code", r->exit_code,
		"interrupted", r->ended.interrupted, "error",
		r->ended.error[0] ? r->ended.error : NULL, "report", report, "tests", p->tests);
	if (p->run)
		json_object_set(j, "run", p->run);
	return j;
}
