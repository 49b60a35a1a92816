/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/salvage.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "proc/proc.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FD_PORT     3
#define FD_IMAGE    4
#define DEADLINE_US (90u * 1000000)

struct salvage {
	struct salvage_spec spec;
	struct proc *proc;
	struct session *session;
	size_t next; /* of its paths */
	uint64_t bytes_left;
	uint32_t files_left;
	bool complete; /* all paths were asked for and answered */
	bool stopped;
	char why[256];
	char said[200]; /* the start of its standard error */
	size_t said_len;
};

static void get_next(struct salvage *s);

static void set_why(struct salvage *s, const char *why)
{
	if (!s->why[0])
		(void)snprintf(s->why, sizeof s->why, "%.255s", why); /* may be cut */
}

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct salvage *s = ctx;
	s->bytes_left -= size < s->bytes_left ? size : s->bytes_left;
	s->files_left -= s->files_left > 0;
	s->spec.on_file(s->spec.ctx, path, size, cut);
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct salvage *s = ctx;
	s->spec.on_skipped(s->spec.ctx, name, why);
}

static void on_got(void *ctx, const struct session_exit *x)
{
	struct salvage *s = ctx;
	if (x->lost)
		return; /* its end says why */
	/* That the first, /tmp/logs, is not there is nothing to tell. */
	if (x->error[0] && (s->next > 1 || !strstr(x->error, "not on the disk")))
		s->spec.on_skipped(s->spec.ctx, s->spec.paths[s->next - 1], x->error);
	get_next(s);
}

static void get_next(struct salvage *s)
{
	struct err e = { 0 };
	const char *path = s->spec.paths[s->next];
	if (!path) {
		/* Its end of the socket closes with ours. */
		s->complete = true;
		session_close(s->session);
		s->session = NULL;
		return;
	}
	s->next++;
	const struct session_get g = {
		.path = path,
		.dirfd = s->spec.dirfd,
		.max_bytes = s->bytes_left,
		.max_entries = s->files_left,
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_exit = on_got,
		.ctx = s,
	};
	if (session_get(s->session, &g, &e) < 0) {
		set_why(s, e.msg);
		proc_stop(s->proc);
	}
}

static void on_hello(void *ctx, const json_t *hello)
{
	get_next(ctx);
}

static void on_lost(void *ctx, const struct err *why)
{
	struct salvage *s = ctx;
	if (why->code) /* it lied; else its end says why */
		set_why(s, why->msg);
	proc_stop(s->proc);
}

static const struct session_handler session_handler = {
	.on_hello = on_hello,
	.on_lost = on_lost,
};

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct salvage *s = ctx;
	size_t room = sizeof s->said - 1 - s->said_len;
	n = n < room ? n : room;
	memcpy(s->said + s->said_len, data, n);
	s->said_len += n;
}

static void on_end(void *ctx, const struct proc_end *end)
{
	struct salvage *s = ctx;
	auto_free char *how = proc_end_text(end);
	s->said[strcspn(s->said, "\n")] = '\0';
	if (!s->complete)
		set_why(s, s->stopped ? "stopped" : s->said[0] ? s->said : how);
	session_close(s->session);
	proc_free(s->proc);
	s->spec.on_done(s->spec.ctx, s->why[0] ? s->why : NULL);
	free(s);
}

static int spawn(uv_loop_t *loop, struct salvage *s, int image, int port, struct err *e)
{
	const char *const argv[] = { s->spec.program, NULL };
	const char *const env[] = { NULL };
	const struct proc_fd fds[] = { { port, FD_PORT }, { image, FD_IMAGE } };
	const struct proc_spec p = {
		.argv = argv,
		.env = env,
		.cwd = "/",
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_PIPE,
		.fds = fds,
		.n_fds = ARRAY_LEN(fds),
		.deadline_us = DEADLINE_US,
		.on_output = on_output,
		.on_end = on_end,
		.ctx = s,
	};
	return proc_spawn(loop, &p, &s->proc, e);
}

int salvage_start(
	uv_loop_t *loop, const struct salvage_spec *spec, struct salvage **ret, struct err *e)
{
	int pair[2];
	auto_close int image = open(spec->image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (image < 0)
		return err_sys(e, "%s", spec->image);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	auto_close int ours = pair[0];
	auto_close int theirs = pair[1];
	struct salvage *s = xcalloc(1, sizeof *s);
	s->spec = *spec;
	s->bytes_left = spec->max_bytes;
	s->files_left = spec->max_files;
	int rc = session_open(loop, ours, &session_handler, s, &s->session, e);
	if (rc == 0)
		(void)take_fd(&ours); /* the session has it now */
	if (rc == 0)
		rc = spawn(loop, s, image, theirs, e);
	if (rc < 0) {
		session_close(s->session);
		free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void salvage_stop(struct salvage *s)
{
	s->stopped = true;
	proc_stop(s->proc);
}
