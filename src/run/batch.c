/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/batch.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "run/job.h"
#include "run/kernel_watch.h"
#include "run/outbox.h"
#include "run/spool_log.h"
#include "run/trial.h"
#include "suite/suite.h"
#include "target/target.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLS         100
#define ROWS         30
#define MAX_SUBTESTS 16          /* under way at once */
#define MAX_EVENTS   20000       /* subtests of one batch */
#define LOG_LIMIT    (32u << 20) /* of console.log and kernel.log */
#define PREPARE_US   (120u * 1000000)
#define COLLECT_US   (150u * 1000000)
#define OVERDUE_US   (30u * 1000000) /* after a stage's own timeout the agent has this long */
#define STOP_KILL_US (3u * 1000000)
#define STOP_GIVE_US (20u * 1000000)
#define SHUTDOWN_US  (15u * 1000000)

enum batch_state {
	BATCH_BOOTING,
	BATCH_BETWEEN, /* up, no stage runs */
	BATCH_STAGE,
	BATCH_JUDGING, /* the stage's command is over, the kernel's log is being caught up with */
	BATCH_SHELL,
	BATCH_ENDING, /* the target was asked to go */
	BATCH_OVER,
};

struct subtest {
	bool used;
	bool durable; /* its start was acknowledged, and so it runs */
	uint32_t stream;
	struct batch *batch;
	struct trial trial;
};

/* A stage while it runs. */
struct stage_run {
	struct suite_task *task;
	struct suite_spec spec;
	struct suite_result result;
	bool over; /* result is there */
	struct recording *cast;
	struct spool_log *log;
	uint64_t cast_start_us;
	char *dir;
	int logs_fd;
	unsigned failed, errors, passed; /* subtests */
	unsigned uncollected;            /* files of its logs */
	char failed_names[200];
};

struct batch {
	uv_loop_t *loop;
	const struct job *job;
	struct outbox *out;
	const struct batch_handler *h;
	void *ctx;
	enum batch_state state;
	struct target *target;
	struct session *session;
	uv_timer_t watchdog;
	int boots;
	size_t next_stage;
	enum verdict *verdicts; /* by stage; VERDICT_COUNT: none yet */
	json_t *tally;
	unsigned n_events;
	struct trial boot;
	struct trial trial; /* of the stage */
	struct stage_run stage;
	struct subtest subtests[MAX_SUBTESTS];
	struct recording *console_cast;
	struct spool_log *console_log, *kernel_log;
	uint64_t start_us;
	struct session_job *shell_job;
	int shell_code;
	char release[80];
	bool stopping;
	bool stage_lost; /* the session ended in the stage */
	const char *stop_why;
	char error[300];
	char end_detail[300];
	enum target_end end;
	int stop_calls;
};

static void boot_next(struct batch *b);
static void go_on(struct batch *b);
static void finish_stage(struct batch *b);

/* ---- the disk under the spool ---- */

/* Writing the record of a test failed: without it a verdict has no evidence, so stop. */
static void spool_failed(struct batch *b, const struct err *e)
{
	if (b->error[0] == '\0')
		(void)snprintf(b->error, sizeof b->error, "%s", e->msg); /* may be cut */
	if (!b->stopping)
		batch_stop(b, b->error);
}

static void watch(struct batch *b, uint64_t us, uv_timer_cb cb)
{
	uv_timer_start(&b->watchdog, cb, us / 1000 + 1, 0);
}

static void unwatch(struct batch *b)
{
	uv_timer_stop(&b->watchdog);
}

static void kill_overdue(uv_timer_t *t)
{
	struct batch *b = t->data;
	if (b->target)
		target_kill(b->target);
}

static void status(struct batch *b, const char *phase, const char *what)
{
	outbox_status(b->out, json_pack("{s:s, s:s}", "phase", phase, "what", what));
}

/* ---- console ---- */

static void on_console(void *ctx, const void *data, size_t n)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	uint64_t at = clock_mono_us() - b->start_us;
	if (recording_output(b->console_cast, at, data, n, &e) < 0 ||
		spool_log_add(b->console_log, data, n, &e) < 0)
		spool_failed(b, &e);
}

/* ---- the kernel's log ---- */

/* Say a message to whom it concerns: subtests under way, else the stage, else the boot. */
static void attribute(struct batch *b, enum kernel_class class, uint64_t us, const char *text)
{
	bool heard = false;
	for (size_t i = 0; i < MAX_SUBTESTS; i++) {
		if (!b->subtests[i].used)
			continue;
		heard = true;
		(void)trial_kernel(&b->subtests[i].trial, class, us, text); /* told at its end */
	}
	if (heard)
		return;
	if (b->state == BATCH_STAGE || b->state == BATCH_JUDGING)
		(void)trial_kernel(&b->trial, class, us, text);
	else if (b->state == BATCH_BOOTING)
		(void)trial_kernel(&b->boot, class, us, text);
}

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	auto_free char *line = xasprintf("<%u>[%5" PRIu64 ".%06" PRIu64 "] %s\n", k->level,
		k->us / 1000000, k->us % 1000000, k->text);
	if (spool_log_add(b->kernel_log, line, strlen(line), &e) < 0)
		spool_failed(b, &e);
	attribute(b, kernel_classify(k->text), k->us, k->text);
}

/* ---- subtests ---- */

static struct subtest *find_subtest(struct batch *b, uint32_t stream)
{
	for (size_t i = 0; i < MAX_SUBTESTS; i++) {
		if (b->subtests[i].used && b->subtests[i].stream == stream)
			return &b->subtests[i];
	}
	return NULL;
}

static void subtest_durable(void *ctx)
{
	struct subtest *s = ctx;
	if (!s->used || s->durable)
		return;
	s->durable = true;
	if (s->batch->session)
		session_event_ack(s->batch->session, s->stream);
}

/* What a guest announces is checked before it becomes a test: a bad name, too many at once or
 * in all is said as a note, and never acknowledged, so that fsqa-test fails aloud. */
static const char *refuse_subtest(struct batch *b, const char *name, struct subtest **ret)
{
	if (b->state != BATCH_STAGE)
		return "no stage is running";
	if (!trial_name_is_valid(name))
		return "not a test name";
	if (b->n_events >= MAX_EVENTS)
		return "too many subtests";
	for (size_t i = 0; i < MAX_SUBTESTS; i++) {
		if (!b->subtests[i].used) {
			*ret = &b->subtests[i];
			return NULL;
		}
	}
	return "too many subtests at once";
}

static void note(struct batch *b, const char *level, const char *text)
{
	outbox_record(b->out, "note",
		json_pack("{s:s, s:o}", "level", level, "text", json_bytes(text, strlen(text))),
		NULL, NULL);
}

static void subtest_start(struct batch *b, uint32_t stream, const json_t *event)
{
	const char *name = json_str_or(event, "test", "");
	struct subtest *s = NULL;
	const char *why = refuse_subtest(b, name, &s);
	if (why) {
		auto_free char *text = xasprintf("subtest '%.100s' refused: %s", name, why);
		note(b, "warning", text);
		return;
	}
	auto_free char *path = xasprintf("%s.%s", b->trial.test, name);
	s->used = true;
	s->durable = false;
	s->stream = stream;
	s->batch = b;
	b->n_events++;
	trial_begin(&s->trial, b->tally, b->trial.stage, path);
	s->trial.marker_us = clock_mono_us() - b->stage.cast_start_us;
	s->trial.log_from = spool_log_bytes(b->stage.log);
	size_t i;
	json_t *pattern;
	json_array_foreach (json_object_get(event, "expect"), i, pattern) {
		struct err e = { 0 };
		const char *text = json_string_value(pattern);
		if (text && kernel_expect_add(&s->trial.expect, text, &e) < 0)
			note(b, "warning", e.msg);
	}
	struct err e = { 0 };
	if (recording_mark(b->stage.cast, s->trial.marker_us, name, &e) < 0)
		spool_failed(b, &e);
	outbox_record(b->out, "attempt_start", trial_start_record(&s->trial), subtest_durable, s);
}

static void count_subtest(struct stage_run *stage, const struct trial *t, enum verdict v)
{
	stage->failed += v == VERDICT_FAIL || v == VERDICT_MISS;
	stage->errors += v == VERDICT_ERROR;
	stage->passed += v == VERDICT_PASS;
	if (v != VERDICT_FAIL && v != VERDICT_ERROR)
		return;
	size_t used = strlen(stage->failed_names);
	const char *name = t->test + strlen("script.") + strlen(t->stage) + 1;
	if (used + strlen(name) + 8 < sizeof stage->failed_names)
		(void)snprintf(stage->failed_names + used, sizeof stage->failed_names - used,
			"%s%s", used ? ", " : "", name); /* room was looked at */
}

static void end_subtest(struct batch *b, struct subtest *s, enum verdict v, const char *reason)
{
	json_t *record = trial_end_record(&s->trial, v, reason, spool_log_bytes(b->stage.log), &v);
	outbox_record(b->out, "attempt_end", record, NULL, NULL);
	count_subtest(&b->stage, &s->trial, v);
	trial_clear(&s->trial);
	s->used = false;
}

static void subtest_end(struct batch *b, uint32_t stream, const json_t *event)
{
	struct subtest *s = find_subtest(b, stream);
	if (!s)
		return;
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
	end_subtest(b, s, (enum verdict)v, text ? text : reason);
}

static void end_open_subtests(struct batch *b, enum verdict v, const char *reason)
{
	for (size_t i = 0; i < MAX_SUBTESTS; i++) {
		if (b->subtests[i].used)
			end_subtest(b, &b->subtests[i], v, reason);
	}
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	struct batch *b = ctx;
	const char *kind = json_str_or(event, "event", "");
	if (strcmp(kind, "start") == 0)
		subtest_start(b, stream, event);
	else if (strcmp(kind, "end") == 0)
		subtest_end(b, stream, event);
	else if (strcmp(kind, "collect") == 0 && b->stage.task)
		suite_script.collect(b->stage.task, json_str_or(event, "path", ""));
	else
		note(b, "warning", "the target sent an event that is not known");
}

/* ---- a stage ---- */

static void stage_output(void *ctx, const void *data, size_t n)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	uint64_t at = clock_mono_us() - b->stage.cast_start_us;
	if (recording_output(b->stage.cast, at, data, n, &e) < 0 ||
		spool_log_add(b->stage.log, data, n, &e) < 0)
		spool_failed(b, &e);
}

static void stage_phase(void *ctx, enum suite_phase phase)
{
	struct batch *b = ctx;
	if (b->stopping)
		return;
	if (phase == SUITE_PREPARING)
		watch(b, PREPARE_US, kill_overdue);
	else if (phase == SUITE_RUNNING)
		watch(b, b->stage.spec.timeout_us + OVERDUE_US, kill_overdue);
	else
		watch(b, COLLECT_US, kill_overdue);
}

static void stage_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct batch *b = ctx;
	auto_free char *full = xasprintf("%s/logs/%s", b->stage.dir, path);
	outbox_artifact(
		b->out, b->trial.test, b->trial.attempt, path, "file", full, cut, b->job->keep);
}

static void stage_skipped(void *ctx, const char *name, const char *why)
{
	struct batch *b = ctx;
	/* The count is in the verdict's record; a word on each only while they are few. */
	if (b->stage.uncollected++ >= 20)
		return;
	auto_free char *text =
		xasprintf("%s: not collected: %.100s: %s", b->trial.stage, name, why);
	note(b, "info", text);
}

static void synced(void *ctx)
{
	struct batch *b = ctx;
	if (b->state == BATCH_JUDGING)
		finish_stage(b);
}

static void stage_done(void *ctx, const struct suite_result *r)
{
	struct batch *b = ctx;
	b->stage.task = NULL;
	b->stage.result = *r;
	b->stage.over = true;
	b->state = BATCH_JUDGING;
	if (r->lost) {
		b->stage_lost = true; /* the target's end, which comes next, says why */
		return;
	}
	struct err e = { 0 };
	watch(b, COLLECT_US, kill_overdue);
	if (session_sync(b->session, synced, b, &e) < 0)
		b->stage_lost = true;
}

static const struct suite_handler stage_handler = {
	.on_output = stage_output,
	.on_phase = stage_phase,
	.on_file = stage_file,
	.on_skipped = stage_skipped,
	.on_done = stage_done,
};

static int open_stage_spool(struct batch *b, const struct job_stage *s, struct err *e)
{
	struct stage_run *r = &b->stage;
	*r = (struct stage_run){ .logs_fd = -1 };
	r->dir = path_join(b->job->work_dir, s->name);
	auto_free char *logs = path_join(r->dir, "logs");
	auto_free char *cast = path_join(r->dir, "terminal.cast");
	auto_free char *log = path_join(r->dir, "terminal.log");
	int rc = file_mkdirs(logs, 0755, e);
	if (rc < 0)
		return rc;
	r->logs_fd = open(logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->logs_fd < 0)
		return err_sys(e, "%s", logs);
	struct recording_spec spec = {
		.cols = COLS,
		.rows = ROWS,
		.timestamp = clock_wall_us() / 1000000,
		.title = s->name,
		.limit_bytes = b->job->record_limit,
	};
	auto_close int fd = open(cast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", cast);
	rc = recording_open(fd, &spec, &r->cast, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&fd); /* the recording has it now */
	r->cast_start_us = clock_mono_us();
	return spool_log_open(log, b->job->record_limit, &r->log, e);
}

/* The attempt is on the controller's disk: it may start. */
static void stage_durable(void *ctx)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	if (b->state != BATCH_STAGE || !b->session)
		return; /* stopped or lost meanwhile: its end is told there */
	const struct job_stage *s = &b->job->stages[b->next_stage];
	b->stage.spec = (struct suite_spec){
		.name = s->name,
		.script = s->script,
		.timeout_us = s->timeout_us,
		.env = b->job->env,
		.files = b->job->files,
		.n_files = b->job->n_files,
		.logs = s->logs,
		.logs_dirfd = b->stage.logs_fd,
		.logs_max_bytes = b->job->logs_max_bytes,
		.logs_max_files = b->job->logs_max_files,
		.cols = COLS,
		.rows = ROWS,
	};
	if (suite_script.run(b->loop, b->session, &b->stage.spec, &stage_handler, b, &b->stage.task,
		    &e) < 0) {
		struct suite_result r = { .code = -1 };
		(void)snprintf(r.error, sizeof r.error, "%s", e.msg); /* may be cut */
		stage_done(b, &r);
	}
}

static void send_stage_artifacts(struct batch *b)
{
	struct stage_run *r = &b->stage;
	auto_free char *cast = path_join(r->dir, "terminal.cast");
	auto_free char *log = path_join(r->dir, "terminal.log");
	bool cast_cut = r->cast && recording_cut(r->cast);
	bool log_cut = r->log && spool_log_cut(r->log);
	struct err e = { 0 };
	int rc = recording_close(&r->cast, &e);
	if (spool_log_close(&r->log, rc < 0 ? NULL : &e) < 0 || rc < 0)
		spool_failed(b, &e);
	outbox_artifact(b->out, b->trial.test, b->trial.attempt, "terminal.cast", "cast", cast,
		cast_cut, b->job->keep);
	outbox_artifact(b->out, b->trial.test, b->trial.attempt, "terminal.log", "log", log,
		log_cut, b->job->keep);
	close_fd(&r->logs_fd);
	free(r->dir);
	r->dir = NULL;
}

/* The stage's verdict from typed facts, the worst first; *ret is the caller's reason. */
static enum verdict judge_stage(struct batch *b, char **ret)
{
	const struct suite_result *r = &b->stage.result;
	const struct stage_run *s = &b->stage;
	if (b->stage_lost) {
		bool host = b->stopping || b->end == TARGET_DIED || b->end == TARGET_HOST_FULL ||
			    b->end == TARGET_LIED;
		bool overdue = b->end == TARGET_KILLED && !b->stopping;
		if (overdue)
			*ret = xstrdup("the target hung: the agent did not end the stage in time");
		else
			*ret = xstrdup(b->stopping ? b->stop_why : b->end_detail);
		return host ? VERDICT_MISS : VERDICT_FAIL;
	}
	if (r->stopped || b->stopping) {
		*ret = xstrdup(b->stop_why ? b->stop_why : "stopped");
		return VERDICT_MISS;
	}
	if (!r->started) {
		*ret = xasprintf("the stage did not start: %s", r->error);
		return VERDICT_ERROR;
	}
	char human[CLOCK_HUMAN_SIZE];
	if (r->timed_out) {
		*ret = xasprintf("timed out after %s", clock_human(s->spec.timeout_us, human));
		return VERDICT_FAIL;
	}
	if (s->failed || s->errors) {
		*ret = xasprintf("%u of %u subtests failed: %s", s->failed + s->errors,
			s->failed + s->errors + s->passed, s->failed_names);
		return s->failed ? VERDICT_FAIL : VERDICT_ERROR;
	}
	if (r->oom)
		*ret = xstrdup("killed: the target was out of memory");
	else if (r->signal)
		*ret = xasprintf("killed by signal %d (%s)", r->signal, strsignal(r->signal));
	else if (r->code != 0)
		*ret = xasprintf("exit code %d", r->code);
	else if (!r->completed)
		*ret = xasprintf("exited 0, but made neither /tmp/%s.completed nor "
				 "~/btrfsqe/%s.completed",
			b->trial.stage, b->trial.stage);
	else
		return VERDICT_PASS;
	return VERDICT_FAIL;
}

static void finish_stage(struct batch *b)
{
	auto_free char *reason = NULL;
	unwatch(b);
	enum verdict left = b->stage_lost && !b->stopping ? VERDICT_FAIL : VERDICT_ERROR;
	if (b->stopping || (b->stage_lost && (b->end == TARGET_DIED || b->end == TARGET_HOST_FULL ||
						     b->end == TARGET_LIED)))
		left = VERDICT_MISS;
	end_open_subtests(b, left,
		b->stopping                 ? b->stop_why
		: b->stage_lost             ? b->end_detail
		: b->stage.result.timed_out ? "its stage timed out"
					    : "its stage ended first");
	enum verdict v = judge_stage(b, &reason);
	const struct suite_result *r = &b->stage.result;
	json_t *record = trial_end_record(&b->trial, v, reason, spool_log_bytes(b->stage.log), &v);
	json_object_set_new(record, "exit_code", json_integer(r->code));
	json_object_set_new(record, "signal", json_integer(r->signal));
	json_object_set_new(record, "timed_out", json_boolean(r->timed_out));
	json_object_set_new(record, "completed", json_boolean(r->completed));
	json_object_set_new(
		record, "files_not_collected", json_integer((json_int_t)r->skipped_files));
	json_object_set_new(record, "command_us", json_integer((json_int_t)r->duration_us));
	b->verdicts[b->next_stage++] = v;
	outbox_record(b->out, "attempt_end", record, NULL, NULL);
	send_stage_artifacts(b);
	trial_clear(&b->trial);
	b->stage_lost = false;
	b->state = BATCH_BETWEEN;
	go_on(b);
}

/* NULL, or the first stage that this one requires and that did not pass. */
static const char *unmet(struct batch *b, const struct job_stage *s)
{
	for (size_t r = 0; s->requires[r]; r++) {
		for (size_t i = 0; i < b->next_stage; i++) {
			if (strcmp(b->job->stages[i].name, s->requires[r]) == 0 &&
				b->verdicts[i] != VERDICT_PASS)
			return s->requires[r];
		}
	}
	return NULL;
}

static void begin_stage_trial(struct batch *b, const struct job_stage *s)
{
	auto_free char *path = xasprintf("%s.%s", suite_script.name, s->name);
	trial_begin(&b->trial, b->tally, s->name, path);
}

static void end_unrun(struct batch *b, const struct job_stage *s, enum verdict v, const char *why)
{
	begin_stage_trial(b, s);
	outbox_record(b->out, "attempt_start", trial_start_record(&b->trial), NULL, NULL);
	outbox_record(
		b->out, "attempt_end", trial_end_record(&b->trial, v, why, 0, &v), NULL, NULL);
	trial_clear(&b->trial);
	b->verdicts[b->next_stage++] = v;
}

static void start_stage(struct batch *b, const struct job_stage *s)
{
	struct err e = { 0 };
	if (open_stage_spool(b, s, &e) < 0) {
		spool_failed(b, &e);
		return;
	}
	b->state = BATCH_STAGE;
	begin_stage_trial(b, s);
	b->trial.log_from = 0;
	outbox_record(b->out, "attempt_start", trial_start_record(&b->trial), stage_durable, b);
}

static void ask_shutdown(struct batch *b)
{
	b->state = BATCH_ENDING;
	status(b, "shutdown", "");
	target_shutdown(b->target, SHUTDOWN_US);
}

static void start_shell(struct batch *b);

/* Between stages: the next that can run, or the end. */
static void go_on(struct batch *b)
{
	if (b->stopping) {
		if (b->target) {
			b->state = BATCH_ENDING;
			target_kill(b->target);
		}
		return;
	}
	while (b->next_stage < b->job->n_stages) {
		const struct job_stage *s = &b->job->stages[b->next_stage];
		const char *missing = unmet(b, s);
		if (!missing)
			break;
		auto_free char *why = xasprintf("requires %s, which did not pass", missing);
		end_unrun(b, s, VERDICT_SKIP, why);
	}
	if (!b->session) /* lost between two stages: its end brings a fresh one, if one is needed */
		return;
	if (b->next_stage < b->job->n_stages)
		start_stage(b, &b->job->stages[b->next_stage]);
	else if (b->job->shell_argv)
		start_shell(b);
	else
		ask_shutdown(b);
}

/* ---- shell ---- */

static void shell_output(void *ctx, int which, const void *data, size_t n)
{
	struct batch *b = ctx;
	b->h->on_tty(b->ctx, data, n);
}

static void shell_exit(void *ctx, const struct session_exit *x)
{
	struct batch *b = ctx;
	b->shell_job = NULL;
	b->shell_code = x->signal ? 128 + x->signal : x->code;
	if (x->error[0] && !x->lost)
		(void)snprintf(b->error, sizeof b->error, "%s", x->error); /* may be cut */
	if (!x->lost)
		ask_shutdown(b);
}

static void start_shell(struct batch *b)
{
	struct err e = { 0 };
	struct session_exec x = {
		.argv = b->job->shell_argv,
		.env = b->job->env,
		.cwd = "/root",
		.pty = b->job->shell_pty,
		.cols = b->job->shell_cols,
		.rows = b->job->shell_rows,
		.stdin_open = true,
		.on_output = shell_output,
		.on_exit = shell_exit,
		.ctx = b,
	};
	b->state = BATCH_SHELL;
	status(b, "shell", b->release);
	if (session_exec(b->session, &x, &b->shell_job, &e) < 0) {
		(void)snprintf(b->error, sizeof b->error, "%s", e.msg); /* may be cut */
		ask_shutdown(b);
	}
}

void batch_tty_input(struct batch *b, const void *p, size_t n)
{
	if (!b->shell_job)
		return;
	if (n)
		(void)session_job_write(b->shell_job, p, n); /* a person's typing is small */
	else
		session_job_eof(b->shell_job);
}

void batch_tty_resize(struct batch *b, unsigned cols, unsigned rows)
{
	if (b->shell_job)
		session_job_resize(b->shell_job, cols, rows);
}

/* ---- the target ---- */

static void end_boot(struct batch *b, enum verdict v, const char *reason)
{
	if (b->boot.test[0] == '\0')
		return;
	outbox_record(
		b->out, "attempt_end", trial_end_record(&b->boot, v, reason, 0, NULL), NULL, NULL);
	trial_clear(&b->boot);
}

static void on_hello(void *ctx, const json_t *hello)
{
	struct batch *b = ctx;
	(void)snprintf(b->release, sizeof b->release, "%s",
		json_str_or(hello, "release", "?")); /* may be cut */
	outbox_record(b->out, "target",
		json_pack("{s:i, s:s, s:s, s:I}", "boot", b->boots, "accel", b->job->target.accel,
			"release", b->release, "hello_us",
			(json_int_t)(clock_mono_us() - b->boot.started_us)),
		NULL, NULL);
}

static void on_session(void *ctx, struct session *s)
{
	struct batch *b = ctx;
	b->session = s;
	/* A shell waits for nothing but the agent. */
}

static void on_ready(void *ctx)
{
	struct batch *b = ctx;
	if (b->state != BATCH_BOOTING)
		return; /* a target that says it twice */
	unwatch(b);
	end_boot(b, VERDICT_PASS, NULL);
	b->state = BATCH_BETWEEN;
	go_on(b);
}

static const struct session_handler session_handler = {
	.on_hello = on_hello,
	.on_ready = on_ready,
	.on_kmsg = on_kmsg,
	.on_event = on_event,
};

static void close_spool(struct batch *b)
{
	static const char *const names[] = { "console.cast", "console.log", "kernel.log" };
	static const char *const kinds[] = { "cast", "console", "kernel" };
	bool cut[] = { recording_cut(b->console_cast), spool_log_cut(b->console_log),
		spool_log_cut(b->kernel_log) };
	/* What could not be written was told when it happened. */
	(void)recording_close(&b->console_cast, NULL);
	(void)spool_log_close(&b->console_log, NULL);
	(void)spool_log_close(&b->kernel_log, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = path_join(b->job->work_dir, names[i]);
		outbox_artifact(b->out, "boot", 1, names[i], kinds[i], path, cut[i], b->job->keep);
	}
}

static void batch_over(struct batch *b)
{
	if (b->state == BATCH_OVER)
		return;
	b->state = BATCH_OVER;
	unwatch(b);
	while (b->next_stage < b->job->n_stages)
		end_unrun(b, &b->job->stages[b->next_stage], VERDICT_MISS,
			b->stopping && b->stop_why ? b->stop_why : b->error);
	close_spool(b);
	b->h->on_done(b->ctx, b->error[0] ? b->error : NULL, b->shell_code);
}

/* A boot that failed: whose fault it is says whether the kernel is to blame. */
static void boot_failed(struct batch *b)
{
	bool infra = b->stopping || b->end == TARGET_DIED || b->end == TARGET_HOST_FULL ||
		     b->end == TARGET_LIED || (b->end == TARGET_KILLED && b->stopping);
	end_boot(b, infra ? VERDICT_MISS : VERDICT_FAIL, b->stopping ? b->stop_why : b->end_detail);
	if (b->error[0] == '\0')
		(void)snprintf(b->error, sizeof b->error, "the target did not come up: %s",
			b->end_detail); /* may be cut */
	batch_over(b);
}

static void on_end(void *ctx, enum target_end end, const char *detail)
{
	struct batch *b = ctx;
	b->end = end;
	(void)snprintf(b->end_detail, sizeof b->end_detail, "%s", detail); /* may be cut */
	b->session = NULL;
	outbox_record(b->out, "target_end",
		json_pack("{s:i, s:s, s:o}", "boot", b->boots, "end", target_end_name(end),
			"detail", json_bytes(detail, strlen(detail))),
		NULL, NULL);
	target_free(take(&b->target));
	unwatch(b);
	enum batch_state was = b->state;
	if (was == BATCH_BOOTING) {
		boot_failed(b);
		return;
	}
	if (was == BATCH_STAGE && !b->stage.over) {
		/* Ended between the start's record and the suite's start. */
		struct suite_result r = { .lost = true, .code = -1 };
		b->stage.result = r;
		b->stage_lost = true;
	}
	if (was == BATCH_STAGE || was == BATCH_JUDGING) {
		b->stage_lost = true;
		finish_stage(b);
	} else if (was == BATCH_SHELL && b->error[0] == '\0' && end != TARGET_POWEROFF) {
		(void)snprintf(b->error, sizeof b->error, "the target ended: %s", detail);
	}
	bool host_broke = end == TARGET_HOST_FULL || end == TARGET_LIED;
	if (host_broke && b->error[0] == '\0')
		(void)snprintf(b->error, sizeof b->error, "%s", detail); /* may be cut */
	if (b->stopping || host_broke || b->next_stage >= b->job->n_stages)
		batch_over(b);
	else
		boot_next(b);
}

static const struct target_handler target_handler = {
	.on_console = on_console,
	.on_session = on_session,
	.on_end = on_end,
};

static int fresh_vm_folder(struct batch *b, struct err *e)
{
	int rc = file_remove_tree(b->job->target.work_dir, e);
	return rc < 0 ? rc : file_mkdirs(b->job->target.work_dir, 0700, e);
}

static void boot_durable(void *ctx)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	if (b->stopping) {
		batch_over(b);
		return;
	}
	status(b, "boot", b->job->target.accel);
	if (fresh_vm_folder(b, &e) < 0 || target_open(b->loop, &b->job->target, &target_handler,
						  &session_handler, b, &b->target, &e) < 0) {
		end_boot(b, VERDICT_MISS, e.msg);
		(void)snprintf(b->error, sizeof b->error, "%s", e.msg); /* may be cut */
		batch_over(b);
		return;
	}
	if (b->boots == 1) {
		auto_free char *command = target_command(b->target);
		outbox_record(b->out, "command", json_pack("{s:s}", "qemu", command), NULL, NULL);
	}
	/* The target watches the time to hello; this, that the devices settle. */
	watch(b, 2 * b->job->target.boot_deadline_us, kill_overdue);
}

static void boot_next(struct batch *b)
{
	b->boots++;
	b->state = BATCH_BOOTING;
	if (b->boots > 1) {
		auto_free char *text = xasprintf("resumed with %zu stages in a fresh target (%s)",
			b->job->n_stages - b->next_stage, b->end_detail);
		note(b, "info", text);
	}
	trial_begin(&b->boot, b->tally, "", "boot");
	outbox_record(b->out, "attempt_start", trial_start_record(&b->boot), boot_durable, b);
}

/* ---- the batch ---- */

static int open_spool(struct batch *b, struct err *e)
{
	auto_free char *cast = path_join(b->job->work_dir, "console.cast");
	auto_free char *console = path_join(b->job->work_dir, "console.log");
	auto_free char *kernel = path_join(b->job->work_dir, "kernel.log");
	int rc = file_mkdirs(b->job->work_dir, 0755, e);
	if (rc < 0)
		return rc;
	auto_close int fd = open(cast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", cast);
	struct recording_spec spec = {
		.cols = COLS,
		.rows = ROWS,
		.timestamp = clock_wall_us() / 1000000,
		.title = "console",
		.limit_bytes = b->job->record_limit,
	};
	rc = recording_open(fd, &spec, &b->console_cast, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&fd); /* the recording has it now */
	rc = spool_log_open(console, LOG_LIMIT, &b->console_log, e);
	return rc < 0 ? rc : spool_log_open(kernel, LOG_LIMIT, &b->kernel_log, e);
}

struct batch *batch_start(uv_loop_t *loop, const struct job *job, struct outbox *out,
	const struct batch_handler *h, void *ctx)
{
	struct err e = { 0 };
	struct batch *b = xcalloc(1, sizeof *b);
	b->loop = loop;
	b->job = job;
	b->out = out;
	b->h = h;
	b->ctx = ctx;
	b->tally = json_object();
	b->start_us = clock_mono_us();
	b->verdicts = xcalloc(job->n_stages, sizeof *b->verdicts);
	b->stage.logs_fd = -1;
	uv_timer_init(loop, &b->watchdog);
	b->watchdog.data = b;
	if (open_spool(b, &e) < 0) {
		b->state = BATCH_OVER;
		h->on_done(ctx, e.msg, 0);
		return b;
	}
	boot_next(b);
	return b;
}

static void stop_harder(uv_timer_t *t)
{
	struct batch *b = t->data;
	if (b->stage.task && b->stop_calls++ == 0) {
		suite_script.stop(b->stage.task);
		watch(b, STOP_GIVE_US, stop_harder);
	} else if (b->target) {
		target_kill(b->target);
	}
}

void batch_stop(struct batch *b, const char *why)
{
	bool again = b->stopping;
	b->stopping = true;
	if (!b->stop_why)
		b->stop_why = why;
	if (b->state == BATCH_OVER)
		return;
	if (b->stage.task && !again) {
		suite_script.stop(b->stage.task);
		watch(b, STOP_KILL_US, stop_harder);
	} else if (b->target) {
		target_kill(b->target);
	}
	/* With neither, an ACK is awaited, and finds `stopping` when it comes. */
}

static void free_batch(uv_handle_t *handle)
{
	struct batch *b = handle->data;
	trial_clear(&b->boot);
	trial_clear(&b->trial);
	for (size_t i = 0; i < MAX_SUBTESTS; i++) {
		if (b->subtests[i].used)
			trial_clear(&b->subtests[i].trial);
	}
	json_decref(b->tally);
	free(b->verdicts);
	free(b);
}

void batch_free(struct batch *b)
{
	if (b)
		uv_close((uv_handle_t *)&b->watchdog, free_batch);
}
