/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/batch_priv.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* More than anybody has, and a bound on what we remember of a guest that lies. */
#define GET_ENTRIES 10000000

static void end_machine(struct batch *b)
{
	if (b->spec.clone_of) { /* nobody will see its disks again */
		b->state = BATCH_ENDING;
		target_kill(b->target);
	} else {
		batch_ask_shutdown(b);
	}
}

static void fail(struct batch *b, const char *what, const char *why)
{
	auto_free char *text = xasprintf("%s: %s", what, why);
	batch_error(b, text);
	end_machine(b);
}

/* ---- after the command: files from the machine ---- */

static void get_next(struct batch *b);

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct batch *b = ctx;
	auto_free char *text = xasprintf("not fetched: %s: %s", name, why);
	batch_note(b, "warning", text);
}

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	if (cut)
		on_skipped(ctx, path, "cut, for no room is left or it became shorter meanwhile");
}

static void got(void *ctx, const struct session_exit *x)
{
	struct batch *b = ctx;
	close_fd(&b->shell_dirfd);
	if (x->lost)
		return;
	if (x->error[0]) {
		fail(b, "get", x->error);
		return;
	}
	b->shell_copy++;
	get_next(b);
}

static int get(struct batch *b, const struct job_copy *c, struct err *e)
{
	uint64_t room;
	int rc = file_mkdirs(c->to, 0755, e);
	if (rc < 0)
		return rc;
	b->shell_dirfd = open(c->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->shell_dirfd < 0)
		return err_sys(e, "%s", c->to);
	rc = file_free_bytes(c->to, &room, e);
	if (rc < 0)
		return rc;
	const struct session_get g = {
		.path = c->from,
		.dirfd = b->shell_dirfd,
		.max_bytes = room,
		.max_entries = GET_ENTRIES,
		.whole = true,
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_exit = got,
		.ctx = b,
	};
	return session_get(b->session, &g, e);
}

static void get_next(struct batch *b)
{
	struct err e = { 0 };
	if (b->shell_copy == b->job->n_fetch) {
		end_machine(b);
		return;
	}
	batch_status(b, "get", b->job->fetch[b->shell_copy].from);
	if (get(b, &b->job->fetch[b->shell_copy], &e) < 0) {
		close_fd(&b->shell_dirfd);
		fail(b, "get", e.msg);
	}
}

/* ---- the command ---- */

static void shell_output(void *ctx, int which, const void *data, size_t n)
{
	struct batch *b = ctx;
	b->h->on_tty(b->ctx, which, data, n);
}

static void shell_input(void *ctx, size_t n)
{
	const struct batch *b = ctx;
	b->h->on_tty_taken(b->ctx, n);
}

static void shell_exit(void *ctx, const struct session_exit *x)
{
	struct batch *b = ctx;
	b->shell_job = NULL;
	b->shell_code = x->signal ? 128 + x->signal : x->code;
	if (x->error[0] && !x->lost)
		batch_error(b, x->error);
	if (x->lost)
		return;
	b->shell_copy = 0;
	get_next(b);
}

static void run_command(struct batch *b)
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
		.on_input = shell_input,
		.on_exit = shell_exit,
		.ctx = b,
	};
	batch_status(b, "shell", b->release);
	if (session_exec(b->session, &x, &b->shell_job, &e) < 0)
		fail(b, "start the command", e.msg);
}

void batch_tty_input(struct batch *b, const void *p, size_t n)
{
	if (!b->shell_job)
		return;
	if (n)
		(void)session_job_write(b->shell_job, p, n); /* a window's at most */
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

/* ---- before the command: files to the machine ---- */

static void put_next(struct batch *b);

static void was_put(void *ctx, const struct session_exit *x)
{
	struct batch *b = ctx;
	if (x->lost)
		return;
	if (x->error[0]) {
		fail(b, "put", x->error);
		return;
	}
	if (x->warning[0])
		batch_note(b, "warning", x->warning);
	b->shell_copy++;
	put_next(b);
}

static void put_next(struct batch *b)
{
	struct err e = { 0 };
	if (b->shell_copy == b->job->n_put) {
		run_command(b);
		return;
	}
	const struct job_copy *c = &b->job->put[b->shell_copy];
	const struct session_put p = {
		.from = c->from,
		.path = c->to,
		.owners = geteuid() == 0,
		.on_exit = was_put,
		.ctx = b,
	};
	batch_status(b, "put", c->from);
	if (session_put(b->session, &p, &e) < 0)
		fail(b, "put", e.msg);
}

void shell_start(struct batch *b)
{
	b->state = BATCH_SHELL;
	b->shell_copy = 0;
	put_next(b);
}
