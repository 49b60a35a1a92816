/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One task walks the steps below; each step's end starts the next. */
#include "suite/task.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/needs.h"
#include "wire/session.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LOGS  64
#define PROBE_MAX (256u << 10)    /* bytes of its output that are kept */
#define HELPER_US (60u * 1000000) /* for the small commands around a stage */

enum step {
	STEP_PREPARE,
	STEP_FILES,
	STEP_PROBE,
	STEP_RUN,
	STEP_MARKER,
	STEP_COLLECT,
	STEP_TIDY,
};

struct suite_task {
	const struct task_kind *kind;
	void *state; /* of its kind */
	struct session *session;
	const struct suite_spec *spec;
	const struct suite_handler *h;
	void *ctx;
	enum step step;
	struct session_job *job; /* the stage's command, while it runs */
	size_t next_file;
	int file_fd;
	bool probes; /* of its kind */
	struct buf probed;
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
	if (t->kind->end)
		t->kind->end(t->state, &t->result);
	t->h->on_done(t->ctx, &t->result);
	strv_clear(&t->logs);
	buf_clear(&t->probed);
	close_fd(&t->file_fd);
	free(t);
}

static void fail(struct suite_task *t, const char *what, const char *why)
{
	auto_free char *text = xasprintf("%s: %s", what, why);
	(void)snprintf(t->result.error, sizeof t->result.error, "%s", text); /* may be cut */
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

static void run_helper_argv(struct suite_task *t, const char *const *argv,
	void (*on_output)(void *ctx, int which, const void *data, size_t n),
	void (*on_exit)(void *ctx, const struct session_exit *x))
{
	struct err e = { 0 };
	struct session_job *job = NULL;
	struct session_exec x = {
		.argv = argv,
		.env = t->spec->env,
		.deadline_us = HELPER_US,
		.on_output = on_output,
		.on_exit = on_exit,
		.ctx = t,
	};
	if (session_exec(t->session, &x, &job, &e) < 0)
		fail(t, "a command around the stage", e.msg);
}

/* Run a small script of the shell as root, $1 is the stage's name; to its end `on_exit` belongs. */
static void run_helper(struct suite_task *t, const char *text,
	void (*on_exit)(void *ctx, const struct session_exit *x))
{
	const char *const argv[] = { "/bin/sh", "-c", text, "sh", t->spec->name, NULL };
	run_helper_argv(t, argv, NULL, on_exit);
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

/* The next of the spec's files, or the kind's own behind them: its descriptor, or -errno. */
static int open_file(struct suite_task *t, char **ret_dest, unsigned *ret_mode, struct err *e)
{
	if (t->next_file == t->spec->n_files)
		return t->kind->own_file(t->spec, ret_dest, ret_mode, e);
	const struct suite_file *f = &t->spec->files[t->next_file];
	*ret_dest = xstrdup(f->dest);
	*ret_mode = f->mode;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "%s", f->path) : fd;
}

static void put_next_file(struct suite_task *t)
{
	struct err e = { 0 };
	auto_free char *dest = NULL;
	unsigned mode = 0;
	if (t->next_file >= t->spec->n_files + (t->kind->own_file != NULL)) {
		t->step = STEP_PROBE;
		next_step(t);
		return;
	}
	t->file_fd = open_file(t, &dest, &mode, &e);
	if (t->file_fd < 0) {
		fail(t, "put a file into the target", e.msg);
		return;
	}
	const struct session_put p = {
		.fd = t->file_fd, .mode = mode, .path = dest, .on_exit = file_put, .ctx = t
	};
	if (session_put(t->session, &p, &e) < 0)
		fail(t, dest, e.msg);
}

/* ---- probe ---- */

static void on_probe_output(void *ctx, int which, const void *data, size_t n)
{
	struct suite_task *t = ctx;
	const char *text = data;
	for (size_t i = 0; i < n && t->probed.len < PROBE_MAX; i++)
		buf_addc(&t->probed, text[i] ? text[i] : '?');
}

static void lacks(void *ctx, const char *text)
{
	struct suite_task *t = ctx;
	t->h->on_test(t->ctx, &(struct suite_test){ .reason = text });
}

static char *unfit(struct suite_task *t, int code)
{
	const char *said = buf_str(&t->probed);
	const char *rest;
	char *why = needs_missing(t->spec->needs, said, lacks, t, &rest);
	if (!rest)
		return xasprintf("a look at the target ended with exit code %d", code);
	if (!why && t->probes)
		why = t->kind->probed(
			t->state, t->spec, rest, t->probed.len - (size_t)(rest - said), code);
	return why;
}

static void probed(void *ctx, const struct session_exit *x)
{
	struct suite_task *t = ctx;
	if (is_lost(t, x))
		return;
	auto_free char *why = x->error[0] ? xstrdup(x->error) : unfit(t, x->code);
	if (why) {
		t->result.unfit = true;
		(void)snprintf(t->result.error, sizeof t->result.error, "%s", why); /* may be cut */
		finish(t);
		return;
	}
	t->step = STEP_RUN;
	next_step(t);
}

static void probe(struct suite_task *t)
{
	auto_strv struct strv argv = { 0 };
	bool needs = t->spec->needs && t->spec->needs->what && !t->spec->resumed;
	needs_argv(t->spec->needs, &argv);
	t->probes = t->kind->probe && t->kind->probe(t->spec, &argv);
	if (needs || t->probes) {
		run_helper_argv(t, strv_get(&argv), on_probe_output, probed);
		return;
	}
	t->step = STEP_RUN;
	next_step(t);
}

/* ---- run ---- */

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct suite_task *t = ctx;
	t->h->on_output(t->ctx, data, n);
	if (t->kind->output)
		t->kind->output(t->state, data, n);
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
	if (t->kind->ran)
		t->kind->ran(t->state, &t->result);
	bool more =
		t->result.started && !t->result.stopped && t->kind->more && t->kind->more(t->state);
	t->step = more ? STEP_RUN : STEP_MARKER;
	next_step(t);
}

static void run(struct suite_task *t)
{
	struct err e = { 0 };
	auto_strv struct strv argv = { 0 };
	t->kind->command(t->state, t->spec, &argv);
	struct session_exec x = {
		.argv = strv_get(&argv),
		.env = t->spec->env,
		.cwd = TASK_HOME,
		.pty = true,
		.cols = t->spec->cols,
		.rows = t->spec->rows,
		.deadline_us = t->kind->limit_us ? t->kind->limit_us(t->spec) : t->spec->timeout_us,
		.on_output = on_output,
		.on_exit = ran,
		.ctx = t,
	};
	if (t->started_us == 0) {
		t->started_us = clock_mono_us();
		t->h->on_phase(t->ctx, SUITE_RUNNING);
	}
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
	if (t->kind->marker) {
		run_helper(t, t->kind->marker, marker_seen);
		return;
	}
	t->step = STEP_COLLECT;
	next_step(t);
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
	/* A declared log that is not there is worth a word, an absent folder of logs is not. */
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
		.halve = t->spec->tests, /* one test's log is not at the cost of all others' */
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

static void next_step(struct suite_task *t)
{
	switch (t->step) {
	case STEP_PREPARE:
		run_helper(t, t->kind->prepare, prepared);
		break;
	case STEP_FILES:
		put_next_file(t);
		break;
	case STEP_PROBE:
		probe(t);
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
		run_helper(t, t->kind->tidy, tidied);
		break;
	}
}

int task_start(const struct suite *suite, const struct task_kind *kind, void *state,
	struct session *s, const struct suite_spec *spec, const struct suite_handler *h, void *ctx,
	struct suite_task **ret)
{
	struct suite_task *t = xcalloc(1, sizeof *t);
	t->kind = kind;
	t->state = state;
	t->session = s;
	t->spec = spec;
	t->h = h;
	t->ctx = ctx;
	t->file_fd = -1;
	t->result.code = -1;
	t->bytes_left = spec->logs_max_bytes;
	t->files_left = spec->logs_max_files;
	strv_add(&t->logs, suite->log_dir);
	for (size_t i = 0; spec->logs && spec->logs[i] && t->logs.n < MAX_LOGS; i++)
		strv_add(&t->logs, spec->logs[i]);
	*ret = t;
	h->on_phase(ctx, SUITE_PREPARING);
	next_step(t);
	return 0;
}

void task_collect(struct suite_task *t, const char *path)
{
	if (t->logs.n < MAX_LOGS)
		strv_add(&t->logs, path);
}

void task_stop(struct suite_task *t)
{
	if (t->job)
		session_job_signal(t->job, t->result.stopped ? SIGKILL : SIGTERM);
	t->result.stopped = true;
}
