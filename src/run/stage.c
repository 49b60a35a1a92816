/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "run/batch_priv.h"
#include "run/disk_faults.h"
#include "run/outbox.h"
#include "run/spool_log.h"
#include "wire/session.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREPARE_US (120u * 1000000)
#define COLLECT_US (150u * 1000000)
#define OVERDUE_US (30u * 1000000) /* after a stage's own timeout the agent has this long */
#define RESET_US   (60u * 1000000)
#define LEFT_US    (1u * 1000000) /* of its timeout, after a reboot, at least */

#define HUNG         "the target hung: the agent "
#define COLLECT_HUNG HUNG "did not hand over the stage's logs in 150 seconds"

static void finish_stage(struct batch *b);

/* ---- a stage ---- */

static void stage_output(void *ctx, const void *data, size_t n)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	uint64_t at = clock_mono_us() - b->stage.cast_start_us;
	batch_goes_on(b);
	if (recording_output(b->stage.cast, at, data, n, &e) < 0 ||
		spool_log_add(b->stage.log, data, n, &e) < 0)
		batch_spool_failed(b, &e);
}

static void stage_phase(void *ctx, enum suite_phase phase)
{
	struct batch *b = ctx;
	if (b->stopping || b->state != BATCH_STAGE)
		return;
	if (phase == SUITE_RUNNING)
		b->stage.entered_us = clock_mono_us();
	if (phase == SUITE_PREPARING)
		batch_deadline(b, PREPARE_US, HUNG "did not get ready for the stage in 2 minutes");
	else if (phase == SUITE_RUNNING && b->stage.spec.tests)
		batch_deadline(b, PREPARE_US + b->listed.stage->test_timeout_us,
			HUNG "did not come to the first test in its time");
	else if (phase == SUITE_RUNNING)
		batch_deadline(b, b->stage.spec.timeout_us + OVERDUE_US,
			HUNG "did not end the stage in time");
	else
		batch_deadline(b, COLLECT_US, COLLECT_HUNG);
}

void stage_artifact(struct batch *b, const char *path, const char *full, bool cut)
{
	const struct job_stage *s = &b->job->stages[b->next_stage];
	auto_free char *test = s->tests ? listed_owner(b, s, path) : NULL;
	outbox_artifact(b->out, test ? test : b->trial.test,
		test ? json_i64_or(b->tally, test, 1) : b->trial.attempt, path, "file", full, cut,
		b->job->keep);
}

static void stage_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct batch *b = ctx;
	auto_free char *full = xasprintf("%s/logs/%s", b->stage.dir, path);
	json_object_set_new(b->stage.collected, path, json_true());
	stage_artifact(b, path, full, cut);
}

void stage_skipped(void *ctx, const char *name, const char *why)
{
	struct batch *b = ctx;
	/* The count is in the verdict's record; a word on each only while they are few. */
	if (b->stage.uncollected++ >= 20)
		return;
	auto_free char *text =
		xasprintf("%s: not collected: %.100s: %s", b->trial.stage, name, why);
	batch_note(b, "info", text);
}

static void synced(void *ctx)
{
	struct batch *b = ctx;
	if (b->state == BATCH_JUDGING && !b->hung)
		finish_stage(b);
}

static void stage_healed(struct batch *b, uint32_t owner)
{
	struct err e = { 0 };
	if (b->state == BATCH_JUDGING && !b->hung && !b->stage_lost &&
		(!b->session || session_sync(b->session, synced, b, &e) < 0))
		b->stage_lost = true; /* the target's end, which comes next, says why */
}

static void stage_done(void *ctx, const struct suite_result *r)
{
	struct batch *b = ctx;
	b->stage.task = NULL;
	if (b->state == BATCH_RESETTING) /* as it asked: it is started again */
		return;
	b->stage.result = *r;
	b->stage.over = true;
	b->state = BATCH_JUDGING;
	if (r->lost || b->hung) {
		b->stage_lost = true; /* the target's end, which comes next, says why */
		return;
	}
	batch_deadline(b, COLLECT_US, COLLECT_HUNG);
	if (b->stopping || !disk_faults_heal(b, 0, stage_healed))
		stage_healed(b, 0);
}

static const struct suite_handler stage_handler = {
	.on_output = stage_output,
	.on_phase = stage_phase,
	.on_file = stage_file,
	.on_skipped = stage_skipped,
	.on_test = listed_event,
	.on_done = stage_done,
};

char *stage_path(const struct job_stage *s)
{
	return xasprintf("%s.%s", s->suite->name, s->name);
}

static int open_stage_spool(struct batch *b, const struct job_stage *s, struct err *e)
{
	struct stage_run *r = &b->stage;
	*r = (struct stage_run){ .logs_fd = -1, .salvage_fd = -1, .collected = json_object() };
	auto_free char *name = stage_path(s);
	r->dir = path_join(b->job->work_dir, s->suite == &suite_script ? s->name : name);
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
		.cols = BATCH_COLS,
		.rows = BATCH_ROWS,
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

static void stage_fails_to_start(struct batch *b, const char *why)
{
	struct suite_result r = { .code = -1 };
	(void)snprintf(r.error, sizeof r.error, "%s", why); /* may be cut */
	stage_done(b, &r);
}

static void run_suite(struct batch *b)
{
	struct err e = { 0 };
	const struct job_stage *s = &b->job->stages[b->next_stage];
	uint64_t spent = b->stage.spent_us;
	b->stage.spec = (struct suite_spec){
		.name = s->name,
		.script = s->script,
		.tests = listed_left(b),
		.resumed = b->trial.attempt > 1,
		.tree = s->tree,
		.config = s->config,
		.needs = s->needs,
		.test_timeout_us = s->test_timeout_us,
		.timeout_us = s->timeout_us > spent + LEFT_US ? s->timeout_us - spent : LEFT_US,
		.env = b->stage.reboots ? strv_get(&b->stage.env) : b->job->env,
		.files = s->files,
		.n_files = s->n_files,
		.logs = s->logs,
		.logs_dirfd = b->stage.logs_fd,
		.logs_max_bytes = b->job->logs_max_bytes,
		.logs_max_files = b->job->logs_max_files,
		.image_max_bytes = b->job->image_max_bytes,
		.own_report = s->own_report,
		.loops = s->loops,
		.cols = BATCH_COLS,
		.rows = BATCH_ROWS,
	};
	if (s->suite->run(
		    b->loop, b->session, &b->stage.spec, &stage_handler, b, &b->stage.task, &e) < 0)
		stage_fails_to_start(b, e.msg);
}

static void stage_faulted(struct batch *b, uint32_t owner, const char *why)
{
	if (b->state != BATCH_STAGE || !b->session || b->hung || b->stopping)
		return; /* its end is on the way */
	if (why)
		stage_fails_to_start(b, why);
	else
		run_suite(b);
}

static void enter_stage(struct batch *b)
{
	batch_deadline(b, PREPARE_US, HUNG "did not let go of the stage's disks in 2 minutes");
	if (!disk_faults_declared(b, 0, stage_faulted))
		run_suite(b);
}

/* The attempt is on the controller's disk: it may start. */
static void stage_durable(void *ctx)
{
	struct batch *b = ctx;
	if (b->state == BATCH_STAGE && b->session) /* else its end is told already */
		enter_stage(b);
}

void stage_reboot(struct batch *b, uint32_t stream, const char *mark)
{
	struct stage_run *r = &b->stage;
	struct err e = { 0 };
	uint64_t now = clock_mono_us();
	auto_free char *text = xasprintf("%s: reboots the machine: %s", b->trial.stage, mark);
	batch_note(b, "info", text);
	if (recording_mark(r->cast, now - r->cast_start_us, "reboot", &e) < 0)
		batch_spool_failed(b, &e);
	subtest_end_open(b, VERDICT_ERROR, "its stage rebooted the machine");
	strv_clear(&r->env);
	for (size_t i = 0; b->job->env && b->job->env[i]; i++)
		strv_add(&r->env, b->job->env[i]);
	strv_addf(&r->env, "FSQA_REBOOT_MARK=%s", mark);
	r->reboots++;
	r->spent_us += now - r->entered_us;
	b->state = BATCH_RESETTING;
	batch_deadline(b, RESET_US, HUNG "did not reboot the machine in a minute");
	session_event_ack(b->session, stream, NULL);
	session_shutdown(b->session, true);
}

void stage_again(struct batch *b)
{
	b->state = BATCH_STAGE;
	enter_stage(b);
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
		batch_spool_failed(b, &e);
	outbox_artifact(b->out, b->trial.test, b->trial.attempt, "terminal.cast", "cast", cast,
		cast_cut, b->job->keep);
	outbox_artifact(b->out, b->trial.test, b->trial.attempt, "terminal.log", "log", log,
		log_cut, b->job->keep);
	close_fd(&r->logs_fd);
	json_decref(r->collected);
	r->collected = NULL;
	strv_clear(&r->declared);
	strv_clear(&r->env);
	free(r->dir);
	r->dir = NULL;
}

/* Who was out of memory: the machine, or a group of processes that had a limit. */
static char *oom_reason(const struct splat *s)
{
	if (s->oom[0])
		return xasprintf("killed: the target was out of memory: %s", s->oom);
	if (s->cgroup_oom[0])
		return xasprintf("killed: a cgroup reached its limit of memory: %s", s->cgroup_oom);
	return xstrdup("killed: the target was out of memory");
}

/* The stage's verdict from typed facts, the worst first; *ret is the caller's reason. */
static enum verdict judge_stage(struct batch *b, char **ret)
{
	const struct suite_result *r = &b->stage.result;
	const struct stage_run *s = &b->stage;
	if (b->stage_lost) {
		const char *why = b->stopping ? b->stop_why : b->end_detail;
		*ret = s->reboots
			       ? xasprintf("%s (at reboot %u of the stage's own)", why, s->reboots)
			       : xstrdup(why);
		return batch_end_is_infra(b) ? VERDICT_MISS : VERDICT_FAIL;
	}
	if (r->stopped || b->stopping) {
		*ret = xstrdup(b->stop_why ? b->stop_why : "stopped");
		return VERDICT_MISS;
	}
	if (r->unfit) {
		*ret = xstrdup(r->error);
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
	if (s->counts.failed || s->counts.errors) {
		*ret = xasprintf("%u of %u subtests failed: %s",
			s->counts.failed + s->counts.errors,
			s->counts.failed + s->counts.errors + s->counts.passed,
			s->counts.failed_names);
		return s->counts.failed ? VERDICT_FAIL : VERDICT_ERROR;
	}
	if (r->oom)
		*ret = oom_reason(&b->kernel_splat);
	else if (r->signal)
		*ret = xasprintf("killed by signal %d (%s)", r->signal, strsignal(r->signal));
	else if (r->code != 0)
		*ret = xasprintf("exit code %d", r->code);
	else if (!r->completed)
		*ret = xstrdup(r->error);
	else
		return VERDICT_PASS;
	return VERDICT_FAIL;
}

/* Subtests that did not end by themselves: as their stage, or its target, ended. */
static void end_left_subtests(struct batch *b)
{
	if (b->stopping)
		subtest_end_open(b, VERDICT_MISS, b->stop_why);
	else if (b->stage_lost)
		subtest_end_open(
			b, batch_end_is_infra(b) ? VERDICT_MISS : VERDICT_FAIL, b->end_detail);
	else if (b->stage.result.timed_out)
		subtest_end_open(b, VERDICT_FAIL, "its stage timed out");
	else
		subtest_end_open(b, VERDICT_ERROR, "its stage ended first");
}

static void finish_stage(struct batch *b)
{
	auto_free char *reason = NULL;
	batch_unwatch(b);
	end_left_subtests(b);
	enum verdict v = judge_stage(b, &reason);
	const struct suite_result *r = &b->stage.result;
	json_t *record = trial_end_record(&b->trial, v, reason, spool_log_bytes(b->stage.log), &v);
	json_object_set_new(record, "exit_code", json_integer(r->code));
	json_object_set_new(record, "signal", json_integer(r->signal));
	json_object_set_new(record, "timed_out", json_boolean(r->timed_out));
	json_object_set_new(record, "completed", json_boolean(r->completed));
	json_object_set_new(
		record, "files_not_collected", json_integer((json_int_t)r->skipped_files));
	json_object_set_new(record, "command_us",
		json_integer((json_int_t)(b->stage.spent_us + r->duration_us)));
	outbox_record(b->out, "attempt_end", record, NULL, NULL);
	send_stage_artifacts(b);
	if (!listed_goes_on(b))
		b->verdicts[b->next_stage++] = v;
	if (b->job->hold_file && (!b->stage_lost || b->held) &&
		(v == VERDICT_FAIL || v == VERDICT_ERROR))
		b->keep_at = xstrdup(b->trial.test);
	trial_clear(&b->trial);
	b->stage_lost = false;
	b->state = BATCH_BETWEEN;
	batch_go_on(b);
}

static void begin_stage_trial(struct batch *b, const struct job_stage *s)
{
	auto_free char *path = stage_path(s);
	trial_begin(&b->trial, b->tally, s->name, path);
}

void stage_test_not_run(struct batch *b, const struct job_stage *s, const char *test,
	enum verdict v, const char *why)
{
	struct trial t;
	trial_begin(&t, b->tally, s->name, test);
	outbox_record(b->out, "attempt_start", trial_start_record(&t), NULL, NULL);
	outbox_record(b->out, "attempt_end", trial_end_record(&t, v, why, 0, &v), NULL, NULL);
	trial_clear(&t);
}

void stage_not_run(struct batch *b, const struct job_stage *s, enum verdict v, const char *why)
{
	auto_free char *path = stage_path(s);
	stage_test_not_run(b, s, path, v, why);
	listed_not_run(b, s, v, why);
	b->verdicts[b->next_stage++] = v;
}

void stage_start(struct batch *b, const struct job_stage *s)
{
	struct err e = { 0 };
	if (open_stage_spool(b, s, &e) < 0) {
		batch_spool_failed(b, &e);
		return;
	}
	splat_reset(&b->console_splat);
	splat_reset(&b->kernel_splat);
	uv_timer_stop(&b->stuck);
	b->state = BATCH_STAGE;
	begin_stage_trial(b, s);
	listed_begin(b, s);
	disk_faults_expect(b, &b->trial);
	b->trial.log_from = 0;
	outbox_record(b->out, "attempt_start", trial_start_record(&b->trial), stage_durable, b);
}

void stage_target_ended(struct batch *b)
{
	if (!b->stage.over) {
		/* Between the record of its start and the suite's start, or while it reboots. */
		b->stage.result = (struct suite_result){ .lost = true, .code = -1 };
	}
	b->stage_lost = true;
	finish_stage(b);
}
