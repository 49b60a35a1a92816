/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/attach_serve.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "run/protocol.h"
#include "target/target.h"
#include "wire/link.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG   8
#define FLUSH_US  5000000
#define HANGUP_MS 2000 /* from HUP to KILL */

struct visitor {
	struct visitor *next;
	struct attach_serve *a;
	struct link *link; /* NULL: it is gone */
	struct session_job *job;
	bool debugs;
	uv_timer_t timer; /* to KILL */
};

struct attach_serve {
	struct attach_serve_spec spec;
	int dirfd, fd;
	uv_poll_t poll;
	struct visitor *visitors;
	unsigned n;
};

/* ---- visitors come and go ---- */

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void leave(struct visitor *v)
{
	struct attach_serve *a = v->a;
	struct visitor **at = &a->visitors;
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	a->n--;
	link_close(v->link, FLUSH_US);
	uv_close((uv_handle_t *)&v->timer, on_timer_closed);
	a->spec.on_visitors(a->spec.ctx, a->n, NULL);
}

static void stop_debugger(struct visitor *v)
{
	struct target *t = v->a->spec.target(v->a->spec.ctx);
	v->debugs = false;
	(void)unlinkat(v->a->dirfd, RUN_GDB, 0); /* it may not be there */
	if (t)
		target_gdb_end(t);
}

/* The last word to it. `error` NULL: its command ended with `code`. */
static void tell(struct visitor *v, const char *error, int code)
{
	auto_json json_t *j = error ? json_pack("{s:o}", "error", json_bytes(error, strlen(error)))
				    : json_pack("{s:i}", "exit", code);
	auto_free char *line = json_line(j);
	if (v->link)
		link_send(v->link, RUN_DONE, 0, line, strlen(line));
}

static void refuse(struct visitor *v, const char *error)
{
	tell(v, error, 0);
	leave(v);
}

/* ---- a command ---- */

/* Of a terminal, as they may be asked for. */
static unsigned cells(const json_t *j, const char *key, unsigned otherwise)
{
	int64_t v = json_i64_or(j, key, otherwise);
	return v > 0 && v < 10000 ? (unsigned)v : otherwise;
}

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct visitor *v = ctx;
	const char *p = data;
	while (v->link && n) {
		size_t piece = n < FRAME_MAX_PAYLOAD ? n : FRAME_MAX_PAYLOAD;
		link_send(v->link, RUN_TTY_OUT, (uint32_t)which, p, piece);
		p += piece;
		n -= piece;
	}
	if (v->link && link_queued(v->link) >= LINK_HIGH)
		session_job_pause(v->job, true);
}

static void on_input(void *ctx, size_t n)
{
	const struct visitor *v = ctx;
	uint32_t taken = (uint32_t)n;
	if (v->link)
		link_send(v->link, RUN_TTY_TAKEN, 0, &taken, sizeof taken);
}

static void on_exit_job(void *ctx, const struct session_exit *x)
{
	struct visitor *v = ctx;
	v->job = NULL;
	if (x->lost)
		tell(v, "the machine ended", 0);
	else if (x->error[0])
		tell(v, x->error, 0);
	else
		tell(v, NULL, x->signal ? 128 + x->signal : x->code);
	leave(v);
}

static void run_command(struct visitor *v, const json_t *j)
{
	struct err e = { 0 };
	struct attach_serve *a = v->a;
	struct session *s = a->spec.session(a->spec.ctx);
	auto_strv struct strv argv = { 0 };
	size_t i;
	json_t *word;
	json_array_foreach (json_object_get(j, "argv"), i, word)
		strv_add(&argv, json_is_string(word) ? json_string_value(word) : "");
	if (!s) {
		refuse(v, a->spec.target(a->spec.ctx)
				  ? "the machine's agent does not answer: it boots, hangs or "
				    "panicked; fsqa gdb looks into it"
				  : "the machine is not up");
		return;
	}
	if (argv.n == 0) {
		refuse(v, "no command");
		return;
	}
	struct session_exec x = {
		.argv = strv_get(&argv),
		.env = a->spec.env,
		.cwd = "/root",
		.pty = json_bool_or(j, "pty", false),
		.cols = cells(j, "cols", 80),
		.rows = cells(j, "rows", 24),
		.stdin_open = true,
		.on_output = on_output,
		.on_input = on_input,
		.on_exit = on_exit_job,
		.ctx = v,
	};
	if (session_exec(s, &x, &v->job, &e) < 0)
		refuse(v, e.msg);
	else
		a->spec.on_visitors(a->spec.ctx, a->n, argv.v[0]);
}

static void input(struct visitor *v, const struct frame *f)
{
	if (f->length == 0)
		session_job_eof(v->job);
	else if (session_job_write(v->job, f->payload, f->length) > RUN_TTY_WINDOW)
		session_job_signal(v->job, SIGKILL); /* a client that knows no window */
}

static void on_hangup_over(uv_timer_t *t)
{
	struct visitor *v = t->data;
	if (v->job)
		session_job_signal(v->job, SIGKILL);
}

/* ---- a debugger ---- */

static void on_gdb(void *ctx, const struct err *why)
{
	/* It may have gone meanwhile. */
	struct attach_serve *a = ctx;
	struct visitor *v = a->visitors;
	while (v && !v->debugs)
		v = v->next;
	if (!v)
		return;
	if (why->code == 0) {
		tell(v, NULL, 0);
		return;
	}
	stop_debugger(v);
	refuse(v, why->msg);
}

/* A listening socket of that name in the work folder; by the folder's descriptor, for a path may be
 * longer than such an address. */
static int listen_at(int dirfd, const char *name, int flags, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "/proc/self/fd/%d/%s", dirfd, name); /* fits */
	(void)unlinkat(dirfd, name, 0); /* one of a worker that was killed */
	/* What has a mode before it has a name is never open to others. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof sun) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen at socket %s", name);
	return take_fd(&fd);
}

static void serve_debugger(struct visitor *v)
{
	struct err e = { 0 };
	struct attach_serve *a = v->a;
	struct target *t = a->spec.target(a->spec.ctx);
	for (const struct visitor *o = a->visitors; o; o = o->next)
		if (o->debugs) {
			refuse(v, "another debugger is attached");
			return;
		}
	if (!t) {
		refuse(v, "the machine is not up");
		return;
	}
	auto_close int fd = listen_at(a->dirfd, RUN_GDB, 0, &e);
	v->debugs = true;
	if (fd < 0 || target_gdb(t, fd, on_gdb, a, &e) < 0) {
		v->debugs = false;
		refuse(v, e.msg);
	} else {
		a->spec.on_visitors(a->spec.ctx, a->n, "gdb");
	}
}

/* ---- frames ---- */

static void on_frame(void *ctx, const struct frame *f)
{
	struct visitor *v = ctx;
	auto_json json_t *j = NULL;
	bool busy = v->job || v->debugs;
	if (f->type == RUN_TTY_IN && v->job) {
		input(v, f);
	} else if (f->type == RUN_TTY_SIZE && v->job) {
		if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0)
			session_job_resize(v->job, cells(j, "cols", 80), cells(j, "rows", 24));
	} else if (f->type == RUN_ATTACH_GDB && !busy) {
		serve_debugger(v);
	} else if (f->type == RUN_ATTACH_EXEC && !busy &&
		   json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0) {
		run_command(v, j);
	} else if (!busy) {
		refuse(v, "that is no request");
	}
}

static void on_closed(void *ctx, const struct err *why)
{
	struct visitor *v = ctx;
	link_close(take(&v->link), 0);
	if (v->debugs)
		stop_debugger(v);
	if (!v->job) {
		leave(v);
		return;
	}
	session_job_pause(v->job, false);
	session_job_signal(v->job, SIGHUP);
	uv_timer_start(&v->timer, on_hangup_over, HANGUP_MS, 0);
}

static void on_drained(void *ctx)
{
	const struct visitor *v = ctx;
	if (v->job)
		session_job_pause(v->job, false);
}

static const struct link_handler handler = {
	.on_frame = on_frame,
	.on_closed = on_closed,
	.on_drained = on_drained,
};

/* The socket's mode keeps others out; where the filesystem does not know modes, this does. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void on_listen(uv_poll_t *p, int status, int events)
{
	struct attach_serve *a = p->data;
	auto_close int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || !is_ours(fd) || a->n >= ATTACH_MAX)
		return;
	struct visitor *v = xcalloc(1, sizeof *v);
	if (link_open(a->spec.loop, fd, &handler, v, &v->link, NULL) < 0) {
		free(v);
		return;
	}
	(void)take_fd(&fd); /* the link has it */
	uv_timer_init(a->spec.loop, &v->timer);
	v->timer.data = v;
	v->a = a;
	v->next = a->visitors;
	a->visitors = v;
	a->n++;
}

/* ---- birth and death ---- */

int attach_serve_open(
	const struct attach_serve_spec *spec, struct attach_serve **ret, struct err *e)
{
	auto_close int dirfd = open(spec->work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(e, "%s", spec->work_dir);
	auto_close int fd = listen_at(dirfd, RUN_ATTACH, SOCK_NONBLOCK, e);
	if (fd < 0)
		return fd;
	struct attach_serve *a = xcalloc(1, sizeof *a);
	a->spec = *spec;
	int rc = uv_poll_init(spec->loop, &a->poll, fd);
	if (rc < 0) {
		free(a);
		return err_code(e, rc, "watch socket %s", RUN_ATTACH);
	}
	a->poll.data = a;
	a->dirfd = take_fd(&dirfd);
	a->fd = take_fd(&fd);
	uv_poll_start(&a->poll, UV_READABLE, on_listen);
	*ret = a;
	return 0;
}

void attach_serve_gone(struct attach_serve *a, const char *why)
{
	struct visitor *next;
	for (struct visitor *v = a->visitors; v; v = next) {
		next = v->next;
		if (!v->job && !v->debugs)
			continue; /* it has not asked yet */
		v->job = NULL;
		v->debugs = false;
		refuse(v, why);
	}
}

static void on_poll_closed(uv_handle_t *h)
{
	free(h->data);
}

static void no_visitors(void *ctx, unsigned n, const char *what)
{
}

void attach_serve_close(struct attach_serve *a)
{
	if (!a)
		return;
	a->spec.on_visitors = no_visitors;
	while (a->visitors)
		leave(a->visitors);
	(void)unlinkat(a->dirfd, RUN_ATTACH, 0); /* they may be gone with the folder */
	(void)unlinkat(a->dirfd, RUN_GDB, 0);
	uv_close((uv_handle_t *)&a->poll, on_poll_closed);
	close_fd(&a->dirfd);
	close_fd(&a->fd);
}
