/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BTRFSQA's protocol. A stage is ~/btrfsqe/NAME in the target; it passes only if it exits 0 and
 * made NAME.completed, in /tmp or in ~/btrfsqe; what lies in /tmp/logs is collected, whatever
 * the end. One task walks the steps below; each step's end starts the next. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/suite.h"
#include "wire/session.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOME      "/root"
#define STAGE_DIR HOME "/btrfsqe"
#define LOG_DIR   "/tmp/logs"
#define MAX_LOGS  64
#define HELPER_US (60u * 1000000) /* for the small commands around a stage */

enum step {
	STEP_PREPARE,
	STEP_FILES,
	STEP_RUN,
	STEP_MARKER,
	STEP_COLLECT,
	STEP_TIDY,
};

struct suite_task {
	struct session *session;
	const struct suite_spec *spec;
	const struct suite_handler *h;
	void *ctx;
	enum step step;
	struct session_job *job; /* the stage's command, while it runs */
	size_t next_file;
	int file_fd;
	struct strv logs;
	size_t next_log;
	uint64_t bytes_left;
	uint32_t files_left;
	uint64_t started_us;
	struct suite_result result;
};

static void next_step(struct suite_task *t);

static void finish(struct suite_task *t)
{
	t->h->on_done(t->ctx, &t->result);
	strv_clear(&t->logs);
	close_fd(&t->file_fd);
	free(t);
}

static void fail(struct suite_task *t, const char *what, const char *why)
{
	(void)snprintf(
		t->result.error, sizeof t->result.error, "%s: %s", what, why); /* may be cut */
	finish(t);
}

/* A session that ended under us: nothing more can be learnt through it. */
static bool is_lost(struct suite_task *t, const struct session_exit *x)
{
	if (!x->lost)
		return false;
	t->result.lost = true;
	finish(t);
	return true;
}

/* Run a small command as root, to the end of which `on_exit` belongs. */
static void run_helper(struct suite_task *t, const char *const *argv,
	void (*on_exit)(void *ctx, const struct session_exit *x))
{
	struct err e = { 0 };
	struct session_job *job = NULL;
	struct session_exec x = {
		.argv = argv,
		.deadline_us = HELPER_US,
		.on_exit = on_exit,
		.ctx = t,
	};
	if (session_exec(t->session, &x, &job, &e) < 0)
		fail(t, argv[0], e.msg);
}

/* ---- prepare: folders, no marker of an earlier try ---- */

static void prepared(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	if (is_lost(t, x))
		return;
	if (x->code != 0) {
		fail(t, "prepare the stage's folders in the target",
			x->error[0] ? x->error : "mkdir failed");
		return;
	}
	t->step = STEP_FILES;
	next_step(t);
}

static void prepare(struct suite_task *t)
{
	const char *const argv[] = { "/bin/sh", "-c",
		"mkdir -p " STAGE_DIR " " LOG_DIR " && rm -f \"/tmp/$1.completed\" \"" STAGE_DIR
		"/$1.completed\"",
		"sh", t->spec->name, NULL };
	run_helper(t, argv, prepared);
}

/* ---- files: the profile's, then the script itself ---- */

static void file_put(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	close_fd(&t->file_fd);
	if (is_lost(t, x))
		return;
	if (x->code != 0) {
		fail(t, "put a file into the target", x->error);
		return;
	}
	t->next_file++;
	next_step(t);
}

static void put_next_file(struct suite_task *t)
{
	struct err e = { 0 };
	auto_free char *script_dest = xasprintf(STAGE_DIR "/%s", t->spec->name);
	struct suite_file f = { t->spec->script, script_dest, 0755 };
	if (t->next_file > t->spec->n_files) {
		t->step = STEP_RUN;
		next_step(t);
		return;
	}
	if (t->next_file < t->spec->n_files)
		f = t->spec->files[t->next_file];
	FILE *in = fopen(f.path, "re");
	if (!in) {
		err_sys(&e, "%s", f.path);
		fail(t, "put a file into the target", e.msg);
		return;
	}
	t->file_fd = dup(fileno(in));
	(void)fclose(in); /* only read */
	const struct session_put p = {
		.fd = t->file_fd, .mode = f.mode, .path = f.dest, .on_exit = file_put, .ctx = t
	};
	if (session_put(t->session, &p, &e) < 0)
		fail(t, f.dest, e.msg);
}

/* ---- run ---- */

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct suite_task *t = ctx;
	t->h->on_output(t->ctx, data, n);
}

static void ran(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	t->job = NULL;
	t->result.duration_us = clock_mono_us() - t->started_us;
	if (is_lost(t, x))
		return;
	t->result.started = x->error[0] == '\0';
	t->result.timed_out = x->timed_out;
	t->result.oom = x->oom;
	t->result.code = x->code;
	t->result.signal = x->signal;
	(void)snprintf(t->result.error, sizeof t->result.error, "%s", x->error); /* may be cut */
	t->step = STEP_MARKER;
	next_step(t);
}

static void run(struct suite_task *t)
{
	struct err e = { 0 };
	auto_free char *path = xasprintf(STAGE_DIR "/%s", t->spec->name);
	/* Output goes to the terminal, input comes from nowhere: a command that waits for somebody
	 * to type would wait until the stage's time is over. */
	const char *const argv[] = { "/bin/sh", "-c", "exec \"$0\" </dev/null", path, NULL };
	struct session_exec x = {
		.argv = argv,
		.env = t->spec->env,
		.cwd = HOME,
		.pty = true,
		.cols = t->spec->cols,
		.rows = t->spec->rows,
		.deadline_us = t->spec->timeout_us,
		.on_output = on_output,
		.on_exit = ran,
		.ctx = t,
	};
	t->started_us = clock_mono_us();
	t->h->on_phase(t->ctx, SUITE_RUNNING);
	if (session_exec(t->session, &x, &t->job, &e) < 0)
		fail(t, "start the stage", e.msg);
}

/* ---- marker ---- */

static void marker_seen(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	if (is_lost(t, x))
		return;
	t->result.completed = x->code == 0 && x->error[0] == '\0';
	t->step = STEP_COLLECT;
	next_step(t);
}

static void look_for_marker(struct suite_task *t)
{
	const char *const argv[] = { "/bin/sh", "-c",
		"test -e \"/tmp/$1.completed\" || test -e \"" STAGE_DIR "/$1.completed\"", "sh",
		t->spec->name, NULL };
	run_helper(t, argv, marker_seen);
}

/* ---- collect ---- */

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct suite_task *t = ctx;
	t->bytes_left -= size < t->bytes_left ? size : t->bytes_left;
	t->files_left -= t->files_left > 0;
	t->h->on_file(t->ctx, path, size, cut);
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct suite_task *t = ctx;
	t->result.skipped_files++;
	t->h->on_skipped(t->ctx, name, why);
}

static void collected(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	if (is_lost(t, x))
		return;
	const char *path = t->logs.v[t->next_log++];
	/* A declared log that is not there is worth a word, an absent /tmp/logs is not. */
	if (x->error[0] && t->next_log > 1)
		t->h->on_skipped(t->ctx, path, x->error);
	next_step(t);
}

static void collect_next(struct suite_task *t)
{
	struct err e = { 0 };
	if (t->next_log >= t->logs.n) {
		t->step = STEP_TIDY;
		next_step(t);
		return;
	}
	struct session_get g = {
		.path = t->logs.v[t->next_log],
		.dirfd = t->spec->logs_dirfd,
		.max_bytes = t->bytes_left,
		.max_entries = t->files_left,
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_exit = collected,
		.ctx = t,
	};
	if (session_get(t->session, &g, &e) < 0)
		fail(t, "collect logs", e.msg);
}

/* ---- tidy: the next stage's logs are its own ---- */

static void tidied(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	if (!is_lost(t, x))
		finish(t);
}

static void tidy(struct suite_task *t)
{
	const char *const argv[] = { "/bin/rm", "-rf", LOG_DIR, NULL };
	run_helper(t, argv, tidied);
}

static void next_step(struct suite_task *t)
{
	switch (t->step) {
	case STEP_PREPARE:
		prepare(t);
		break;
	case STEP_FILES:
		put_next_file(t);
		break;
	case STEP_RUN:
		run(t);
		break;
	case STEP_MARKER:
		t->h->on_phase(t->ctx, SUITE_COLLECTING);
		look_for_marker(t);
		break;
	case STEP_COLLECT:
		collect_next(t);
		break;
	case STEP_TIDY:
		tidy(t);
		break;
	}
}

static int script_run(uv_loop_t *loop, struct session *s, const struct suite_spec *spec,
	const struct suite_handler *h, void *ctx, struct suite_task **ret, struct err *e)
{
	struct suite_task *t = xcalloc(1, sizeof *t);
	t->session = s;
	t->spec = spec;
	t->h = h;
	t->ctx = ctx;
	t->file_fd = -1;
	t->result.code = -1;
	t->bytes_left = spec->logs_max_bytes;
	t->files_left = spec->logs_max_files;
	strv_add(&t->logs, LOG_DIR);
	for (size_t i = 0; spec->logs && spec->logs[i] && t->logs.n < MAX_LOGS; i++)
		strv_add(&t->logs, spec->logs[i]);
	*ret = t;
	h->on_phase(ctx, SUITE_PREPARING);
	next_step(t);
	return 0;
}

static void script_collect(struct suite_task *t, const char *path)
{
	if (t->logs.n < MAX_LOGS)
		strv_add(&t->logs, path);
}

static void script_stop(struct suite_task *t)
{
	if (t->job)
		session_job_signal(t->job, t->result.stopped ? SIGKILL : SIGTERM);
	t->result.stopped = true;
}

const struct suite suite_script = {
	.name = "script",
	.run = script_run,
	.collect = script_collect,
	.stop = script_stop,
};
