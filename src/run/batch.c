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

static void boot_next(struct batch *b);

/* Infrastructure broke: the first error is the one to tell. */
static void set_error(struct batch *b, const char *text)
{
	if (b->error[0] == '\0')
		(void)snprintf(b->error, sizeof b->error, "%s", text); /* may be cut */
}

void batch_spool_failed(struct batch *b, const struct err *e)
{
	set_error(b, e->msg);
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

void batch_kill_overdue(uv_timer_t *t)
{
	struct batch *b = t->data;
	if (b->target)
		target_kill(b->target);
}

static void status(struct batch *b, const char *phase, const char *what)
{
	outbox_status(b->out, json_pack("{s:s, s:s}", "phase", phase, "what", what));
}

void batch_note(struct batch *b, const char *level, const char *text)
{
	outbox_record(b->out, "note",
		json_pack("{s:s, s:o}", "level", level, "text", json_bytes(text, strlen(text))),
		NULL, NULL);
}

bool batch_end_is_infra(const struct batch *b)
{
	return b->stopping || b->end == TARGET_DIED || b->end == TARGET_HOST_FULL ||
	       b->end == TARGET_NO_ACCEL || b->end == TARGET_LIED;
}

/* ---- console ---- */

static void on_console(void *ctx, const void *data, size_t n)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	uint64_t at = clock_mono_us() - b->start_us;
	if (recording_output(b->console_cast, at, data, n, &e) < 0 ||
		spool_log_add(b->console_log, data, n, &e) < 0)
		batch_spool_failed(b, &e);
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

static void ask_shutdown(struct batch *b)
{
	b->state = BATCH_ENDING;
	status(b, "shutdown", "");
	target_shutdown(b->target, SHUTDOWN_US);
}

static void start_shell(struct batch *b);

void batch_go_on(struct batch *b)
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
		stage_not_run(b, s, VERDICT_SKIP, why);
	}
	if (!b->session) /* lost between two stages: its end brings a fresh one, if one is needed */
		return;
	if (b->next_stage < b->job->n_stages)
		stage_start(b, &b->job->stages[b->next_stage]);
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
		set_error(b, x->error);
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
		set_error(b, e.msg);
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

void batch_tty_pause(struct batch *b, bool paused)
{
	if (b->shell_job)
		session_job_pause(b->shell_job, paused);
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
	if (b->state == BATCH_CONTROL)
		return;
	(void)snprintf(b->release, sizeof b->release, "%s",
		json_str_or(hello, "release", "?")); /* may be cut */
	json_t *record = json_pack("{s:i, s:s, s:s, s:I}", "boot", b->boots, "accel", b->spec.accel,
		"release", b->release, "hello_us",
		(json_int_t)(clock_mono_us() - b->boot.started_us));
	if (b->kvm_broke)
		json_object_set_new(
			record, "accel_reason", json_bytes(b->kvm_broke, strlen(b->kvm_broke)));
	outbox_record(b->out, "target", record, NULL, NULL);
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
	if (b->state == BATCH_CONTROL) {
		b->control_up = true;
		target_kill(b->target);
	}
	if (b->state != BATCH_BOOTING)
		return; /* a target that says it twice */
	batch_unwatch(b);
	end_boot(b, VERDICT_PASS, NULL);
	b->state = BATCH_BETWEEN;
	batch_go_on(b);
}

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	const struct batch *b = ctx;
	if (b->state != BATCH_CONTROL)
		subtest_kernel(ctx, k);
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	const struct batch *b = ctx;
	if (b->state != BATCH_CONTROL)
		subtest_event(ctx, stream, event);
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
		outbox_artifact(
			b->out, "boot", b->boots, names[i], kinds[i], path, cut[i], b->job->keep);
	}
}

static void miss_the_rest(struct batch *b, const char *why)
{
	while (b->next_stage < b->job->n_stages)
		stage_not_run(b, &b->job->stages[b->next_stage], VERDICT_MISS, why);
}

static void batch_over(struct batch *b)
{
	if (b->state == BATCH_OVER)
		return;
	b->state = BATCH_OVER;
	batch_unwatch(b);
	miss_the_rest(b, b->stopping && b->stop_why ? b->stop_why : b->error);
	close_spool(b);
	b->h->on_done(b->ctx, b->error[0] ? b->error : NULL, b->shell_code);
}

static void no_boot(struct batch *b, enum verdict v, const char *why)
{
	end_boot(b, v, b->stopping ? b->stop_why : why);
	auto_free char *text = xasprintf("the target did not come up: %s", why);
	if (v == VERDICT_MISS)
		set_error(b, text);
	miss_the_rest(b, b->stopping ? b->stop_why : text);
	batch_over(b);
}

static void open_target(struct batch *b, const struct target_spec *spec);

/* What a kernel known to boot does in its place says who is to blame: the kernel or the host. */
static void boot_failed(struct batch *b)
{
	const struct job_control *c = &b->job->control;
	if (batch_end_is_infra(b)) {
		no_boot(b, VERDICT_MISS, b->end_detail);
	} else if (!c->kernel) {
		no_boot(b, VERDICT_FAIL, b->end_detail);
	} else if (strcmp(c->kernel, b->spec.kernel) == 0) {
		auto_free char *why = xasprintf(
			"%s (and this is the known-good kernel: look at the host and the settings)",
			b->end_detail);
		no_boot(b, VERDICT_MISS, why);
	} else {
		struct target_spec spec = b->spec;
		spec.kernel = c->kernel;
		spec.initramfs = c->initramfs;
		spec.modules = c->modules;
		(void)snprintf(b->boot_why, sizeof b->boot_why, "%s", b->end_detail); /* as long */
		b->state = BATCH_CONTROL;
		b->control_up = false;
		auto_free char *text = xasprintf("%s did not come up: trying %s, which is known to",
			"the kernel under test", c->release);
		batch_note(b, "info", text);
		open_target(b, &spec);
	}
}

static void control_ended(struct batch *b)
{
	const char *release = b->job->control.release;
	auto_free char *fail = xasprintf("%s (%s boots here)", b->boot_why, release);
	auto_free char *miss = xasprintf(
		"%s; nor does %s, which is known to: %s", b->boot_why, release, b->end_detail);
	if (b->control_up)
		no_boot(b, VERDICT_FAIL, fail);
	else
		no_boot(b, VERDICT_MISS, miss);
}

/* KVM broke where nobody insisted on it: from here on without. */
static bool fall_back(struct batch *b)
{
	if (!b->job->may_emulate || b->stopping)
		return false;
	auto_free char *text =
		xasprintf("KVM does not work here, going on under TCG: %s", b->end_detail);
	free(b->kvm_broke);
	b->kvm_broke = xstrdup(b->end_detail);
	b->spec.accel = "tcg";
	batch_note(b, "warning", text);
	return true;
}

static void on_end(void *ctx, enum target_end end, const char *detail)
{
	struct batch *b = ctx;
	b->end = end;
	(void)snprintf(b->end_detail, sizeof b->end_detail, "%s", detail); /* may be cut */
	b->session = NULL;
	target_free(take(&b->target));
	batch_unwatch(b);
	/* At once, and not at the end: where they filled the host, what follows needs the room. */
	if (!b->job->keep)
		(void)file_remove_tree(b->job->target.work_dir, NULL); /* the next boot tells */
	outbox_record(b->out, "target_end",
		json_pack("{s:i, s:s, s:o}", "boot", b->boots, "end", target_end_name(end),
			"detail", json_bytes(detail, strlen(detail))),
		NULL, NULL);
	enum batch_state was = b->state;
	bool fell_back = end == TARGET_NO_ACCEL && fall_back(b);
	if (was == BATCH_BOOTING && fell_back) {
		open_target(b, &b->spec);
		return;
	}
	if (was == BATCH_BOOTING) {
		boot_failed(b);
		return;
	}
	if (was == BATCH_CONTROL) {
		control_ended(b);
		return;
	}
	if (was == BATCH_STAGE || was == BATCH_JUDGING) {
		stage_target_ended(b);
	} else if (was == BATCH_SHELL && end != TARGET_POWEROFF) {
		auto_free char *text = xasprintf("the target ended: %s", detail);
		set_error(b, text);
	}
	bool host_broke = end == TARGET_HOST_FULL || end == TARGET_LIED ||
			  (end == TARGET_NO_ACCEL && !fell_back);
	if (host_broke)
		set_error(b, detail);
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

static void open_target(struct batch *b, const struct target_spec *spec)
{
	struct err e = { 0 };
	status(b, "boot", spec->accel);
	if (fresh_vm_folder(b, &e) < 0 || target_open(b->loop, spec, &target_handler,
						  &session_handler, b, &b->target, &e) < 0) {
		end_boot(b, VERDICT_MISS, e.msg);
		set_error(b, e.msg);
		batch_over(b);
		return;
	}
	/* The target watches the time to hello; this, that the devices settle. */
	batch_watch(b, 2 * spec->boot_deadline_us, batch_kill_overdue);
}

static void boot_durable(void *ctx)
{
	struct batch *b = ctx;
	if (b->stopping) {
		batch_over(b);
		return;
	}
	open_target(b, &b->spec);
	if (b->target && b->boots == 1) {
		auto_free char *command = target_command(b->target);
		outbox_record(b->out, "command", json_pack("{s:s}", "qemu", command), NULL, NULL);
	}
}

static void boot_next(struct batch *b)
{
	b->boots++;
	b->state = BATCH_BOOTING;
	if (b->boots > 1) {
		auto_free char *text = xasprintf("resumed with %zu stages in a fresh target (%s)",
			b->job->n_stages - b->next_stage, b->end_detail);
		batch_note(b, "info", text);
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
		suite_script.stop(b->stage.task);
		batch_watch(b, STOP_KILL_US, stop_harder);
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
	subtest_clear_all(b);
	json_decref(b->tally);
	free(b->verdicts);
	free(b->kvm_broke);
	free(b);
}

void batch_free(struct batch *b)
{
	if (b)
		uv_close((uv_handle_t *)&b->watchdog, free_batch);
}
