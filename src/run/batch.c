/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/batch.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "run/batch_priv.h"
#include "run/outbox.h"
#include "run/salvage.h"
#include "run/spool_log.h"
#include "wire/session.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LIMIT    (32u << 20) /* of console.log and kernel.log */
#define STOP_KILL_US (3u * 1000000)
#define STOP_GIVE_US (20u * 1000000)
#define SHUTDOWN_US  (15u * 1000000)
#define SAVE_US      (120u * 1000000)

void batch_error(struct batch *b, const char *text)
{
	if (b->error[0] == '\0')
		(void)snprintf(b->error, sizeof b->error, "%s", text); /* may be cut */
}

void batch_spool_failed(struct batch *b, const struct err *e)
{
	batch_error(b, e->msg);
	if (!b->stopping)
		batch_stop(b, b->error);
}

void batch_watch(struct batch *b, uint64_t us, uv_timer_cb cb)
{
	uv_timer_start(&b->watchdog, cb, us / 1000 + 1, 0);
}

void batch_unwatch(struct batch *b)
{
	uv_timer_stop(&b->watchdog);
}

static void give_up(struct batch *b, const char *why)
{
	if (!b->target || b->hung)
		return;
	b->hung = true;
	uv_timer_stop(&b->stuck);
	batch_status(b, "hang", why);
	target_hang(b->target, why);
}

static void overdue(uv_timer_t *t)
{
	struct batch *b = t->data;
	give_up(b, b->overdue_why);
}

static void on_stuck(uv_timer_t *t)
{
	struct batch *b = t->data;
	char human[CLOCK_HUMAN_SIZE];
	auto_free char *why = xasprintf("the target hung: nothing went on for %s after that",
		clock_human(b->job->hang_timeout_us, human));
	if (b->state == BATCH_STAGE)
		give_up(b, why);
}

static void start_stuck(struct batch *b)
{
	uv_timer_start(&b->stuck, on_stuck, b->job->hang_timeout_us / 1000 + 1, 0);
}

void batch_kernel_said(struct batch *b, const struct splat *s)
{
	bool hangs = s->class == KERNEL_STALL || s->class == KERNEL_HUNG_TASK;
	if (hangs && b->state == BATCH_STAGE && !b->hung && !uv_is_active((uv_handle_t *)&b->stuck))
		start_stuck(b);
}

void batch_goes_on(struct batch *b)
{
	if (uv_is_active((uv_handle_t *)&b->stuck))
		start_stuck(b);
}

const struct splat *batch_splat(const struct batch *b)
{
	const struct splat *k = &b->kernel_splat;
	const struct splat *c = &b->console_splat;
	/* The log has what is not for the console; but it ends where the agent did. */
	return c->rank > k->rank || (c->rank == k->rank && c->n_lines > k->n_lines) ? c : k;
}

void batch_deadline(struct batch *b, uint64_t us, const char *why)
{
	(void)snprintf(b->overdue_why, sizeof b->overdue_why, "%s", why); /* may be cut */
	batch_watch(b, us, overdue);
}

void batch_status(struct batch *b, const char *phase, const char *what)
{
	outbox_status(b->out, json_pack("{s:s, s:s}", "phase", phase, "what", what));
}

void batch_note(struct batch *b, const char *level, const char *text)
{
	outbox_record(b->out, "note",
		json_pack("{s:s, s:o}", "level", level, "text", json_bytes(text, strlen(text))),
		NULL, NULL);
}

bool batch_in_stage(const struct batch *b)
{
	return b->state == BATCH_STAGE || b->state == BATCH_JUDGING ||
	       b->state == BATCH_RESETTING || b->state == BATCH_REBOOTING;
}

bool batch_end_is_infra(const struct batch *b)
{
	return b->stopping || b->wrong[0] || b->end == TARGET_DIED ||
	       b->end == TARGET_QEMU_KILLED || b->end == TARGET_QEMU_ERROR ||
	       b->end == TARGET_HOST_FULL || b->end == TARGET_NO_ACCEL || b->end == TARGET_LIED;
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

void batch_ask_shutdown(struct batch *b)
{
	b->state = BATCH_ENDING;
	batch_status(b, "shutdown", "");
	target_shutdown(b->target, SHUTDOWN_US);
}

static void keep_target(struct batch *b);

void batch_go_on(struct batch *b)
{
	if (b->stopping) {
		if (b->target) {
			b->state = BATCH_ENDING;
			target_kill(b->target);
		}
		return;
	}
	if (b->keep_at && (b->session || b->held)) {
		keep_target(b);
		return;
	}
	while (b->next_stage < b->job->n_stages) {
		const struct job_stage *s = &b->job->stages[b->next_stage];
		const char *missing = unmet(b, s);
		if (!missing)
			break;
		auto_free char *why = xasprintf("requires %s, which did not pass", missing);
		stage_not_run(b, s, VERDICT_SKIP, why);
	}
	if (!b->session) /* lost between two stages: its end brings a fresh one, if one is needed */
		return;
	if (b->spec.save_to) { /* the target saves itself, and ends */
		b->state = BATCH_ENDING;
		batch_deadline(b, SAVE_US, "it is not saved in time");
	} else if (b->next_stage < b->job->n_stages && ((b->job->isolate && b->used) || b->renew)) {
		b->state = BATCH_RENEWING; /* its end brings the next one */
		target_kill(b->target);
	} else if (b->next_stage < b->job->n_stages && !outbox_is_idle(b->out)) {
		b->waits = true; /* a stage that goes on writes to files of the same names */
	} else if (b->next_stage < b->job->n_stages) {
		b->used = true;
		stage_start(b, &b->job->stages[b->next_stage]);
	} else if (b->job->shell_argv) {
		shell_start(b);
	} else {
		batch_ask_shutdown(b);
	}
}

void batch_sent(struct batch *b)
{
	bool go_on = b->waits && b->state == BATCH_BETWEEN;
	b->waits = false;
	if (go_on)
		batch_go_on(b);
}

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
		outbox_artifact(
			b->out, "boot", b->boots, names[i], kinds[i], path, cut[i], b->job->keep);
	}
}

void batch_miss_the_rest(struct batch *b, const char *why)
{
	while (b->next_stage < b->job->n_stages)
		stage_not_run(b, &b->job->stages[b->next_stage], VERDICT_MISS, why);
}

void batch_over(struct batch *b)
{
	if (b->state == BATCH_OVER)
		return;
	b->state = BATCH_OVER;
	batch_unwatch(b);
	batch_miss_the_rest(b, b->stopping && b->stop_why ? b->stop_why : b->error);
	close_spool(b);
	b->h->on_done(b->ctx, b->error[0] ? b->error : NULL, b->shell_code);
}

/* ---- a target that is kept ---- */

/* As the failed test left it: no other stage touches it. */
static void keep_target(struct batch *b)
{
	auto_free char *why = xasprintf("not run: %s's machine is kept", b->keep_at);
	b->state = BATCH_KEPT;
	batch_unwatch(b);
	uv_timer_stop(&b->stuck);
	auto_free char *text = xasprintf("the machine is kept as %s left it%s", b->keep_at,
		b->held ? ", standing still: only fsqa gdb can look into it" : "");
	batch_note(b, "info", text);
	while (b->next_stage < b->job->n_stages)
		stage_not_run(b, &b->job->stages[b->next_stage], VERDICT_SKIP, why);
	close_spool(b);
	struct err e = { 0 };
	if (spool_log_open(b->job->hold_console, LOG_LIMIT, &b->kept_log, &e) < 0)
		batch_note(b, "warning", e.msg);
	b->h->on_done(b->ctx, NULL, 0);
}

const char *batch_kept(const struct batch *b)
{
	return b->state == BATCH_KEPT ? b->keep_at : NULL;
}

struct session *batch_session(const struct batch *b)
{
	bool usable = b->state == BATCH_BETWEEN || b->state == BATCH_STAGE ||
		      b->state == BATCH_JUDGING || b->state == BATCH_SHELL ||
		      b->state == BATCH_KEPT;
	return usable && !b->hung ? b->session : NULL;
}

struct target *batch_target(const struct batch *b)
{
	return b->state == BATCH_ENDING || b->hung ? NULL : b->target;
}

void batch_attached(struct batch *b, const char *what)
{
	if (b->state == BATCH_KEPT || b->state == BATCH_OVER)
		return;
	auto_free char *text = xasprintf("somebody attached to the machine: %s%s%s", what,
		b->state == BATCH_STAGE ? ", during " : "",
		b->state == BATCH_STAGE ? b->trial.test : "");
	batch_note(b, "warning", text);
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
		.cols = BATCH_COLS,
		.rows = BATCH_ROWS,
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
	b->spec = job->target;
	b->out = out;
	b->h = h;
	b->ctx = ctx;
	b->tally = json_object();
	b->start_us = clock_mono_us();
	b->verdicts = xcalloc(job->n_stages, sizeof *b->verdicts);
	b->stage.logs_fd = -1;
	b->shell_dirfd = -1;
	uv_timer_init(loop, &b->watchdog);
	uv_timer_init(loop, &b->stuck);
	b->watchdog.data = b->stuck.data = b;
	if (open_spool(b, &e) < 0) {
		b->state = BATCH_OVER;
		h->on_done(ctx, e.msg, 0);
		return b;
	}
	boot_start(b);
	return b;
}

static void stop_harder(uv_timer_t *t)
{
	struct batch *b = t->data;
	if (b->stage.task && b->stop_calls++ == 0) {
		b->job->stages[b->next_stage].suite->stop(b->stage.task);
		batch_watch(b, STOP_GIVE_US, stop_harder);
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
		b->job->stages[b->next_stage].suite->stop(b->stage.task);
		batch_watch(b, STOP_KILL_US, stop_harder);
	} else if (b->target) {
		target_kill(b->target);
	} else if (b->salvage) {
		salvage_stop(b->salvage);
	}
	/* With none, an ACK is awaited, and finds `stopping` when it comes. */
}

static void free_batch(uv_handle_t *handle)
{
	struct batch *b = handle->data;
	trial_clear(&b->boot);
	trial_clear(&b->trial);
	subtest_clear_all(b);
	json_decref(b->tally);
	free(b->verdicts);
	listed_clear(b);
	splat_clear(&b->console_splat);
	splat_clear(&b->kernel_splat);
	free(b->kvm_broke);
	free(b->keep_at);
	(void)spool_log_close(&b->kept_log, NULL); /* nobody is there to be told */
	free(b);
}

static void close_watchdog(uv_handle_t *handle)
{
	struct batch *b = handle->data;
	uv_close((uv_handle_t *)&b->watchdog, free_batch);
}

void batch_free(struct batch *b)
{
	if (b)
		uv_close((uv_handle_t *)&b->stuck, close_watchdog);
}
