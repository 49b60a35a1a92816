/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/attach.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/protocol.h"
#include "run/tty.h"
#include "wire/link.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct visit {
	uv_loop_t loop;
	struct link *link;
	struct tty *tty;
	bool passes_input; /* until the last word */
	int code;
	int dup; /* of the connection, where it outlives this; or -1 */
	struct err why;
};

static void end_visit(struct visit *v)
{
	tty_close(take(&v->tty));
	link_close(take(&v->link), 0);
}

static void on_done(struct visit *v, const struct frame *f)
{
	auto_json json_t *j = NULL;
	(void)json_parse_object((const char *)f->payload, f->length, &j, &v->why);
	const char *error = json_str_or(j, "error", NULL);
	if (error)
		(void)err_set(&v->why, EIO, "%s", error);
	v->code = (int)json_i64_or(j, "exit", 0);
	if (!v->passes_input)
		v->dup = link_dup(v->link);
	end_visit(v);
}

static void on_frame(void *ctx, const struct frame *f)
{
	struct visit *v = ctx;
	if (f->type == RUN_TTY_OUT)
		tty_output((int)f->stream, f->payload, f->length);
	else if (f->type == RUN_TTY_TAKEN)
		tty_taken(v->tty, f);
	else if (f->type == RUN_DONE)
		on_done(v, f);
}

static void on_closed(void *ctx, const struct err *why)
{
	struct visit *v = ctx;
	(void)err_set(&v->why, EIO, "the machine ended");
	end_visit(v);
}

static const struct link_handler handler = {
	.on_frame = on_frame,
	.on_closed = on_closed,
};

/* By the folder's descriptor, for a path may be longer than such an address. */
static int connect_to(const char *work_dir, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	auto_close int dirfd = open(work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (dirfd < 0)
		return err_sys(e, "%s", work_dir);
	if (fd < 0)
		return err_sys(e, "socket");
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "/proc/self/fd/%d/" RUN_ATTACH,
		dirfd); /* fits */
	if (connect(fd, (const struct sockaddr *)&sun, sizeof sun) < 0)
		return err_sys(e, "%s/" RUN_ATTACH, work_dir);
	return take_fd(&fd);
}

/* To the last word. v->why tells how it went. */
static int visit(struct visit *v, const char *work_dir, uint16_t type, json_t *request, bool raw,
	struct err *e)
{
	auto_json json_t *own = request;
	auto_free char *line = own ? json_line(own) : xstrdup("");
	size_t n = strlen(line);
	if (n > FRAME_MAX_PAYLOAD)
		return err_set(e, E2BIG, "a command of %zu bytes", n);
	auto_close int fd = connect_to(work_dir, e);
	if (fd < 0)
		return fd;
	uv_loop_init(&v->loop);
	int rc = link_open(&v->loop, fd, &handler, v, &v->link, e);
	if (rc == 0) {
		(void)take_fd(&fd); /* the link has it */
		link_send(v->link, type, 0, line, n);
		if (v->passes_input)
			v->tty = tty_open(&v->loop, v->link, raw);
	}
	uv_run(&v->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&v->loop); /* all handles are closed: uv_run came back */
	if (rc == 0 && v->why.code)
		rc = err_set(e, v->why.code, "%s", v->why.msg);
	return rc;
}

int attach_command(
	const char *work_dir, const char *const *argv, bool tty, int *ret_code, struct err *e)
{
	struct visit v = { .passes_input = true, .dup = -1 };
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	json_t *words = json_array();
	for (size_t i = 0; argv[i]; i++)
		json_array_append_new(words, json_bytes(argv[i], strlen(argv[i])));
	if (tty)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size); /* else the usual size stands */
	int rc = visit(&v, work_dir, RUN_ATTACH_EXEC,
		json_pack("{s:o, s:b, s:i, s:i}", "argv", words, "pty", (int)tty, "cols",
			(int)size.ws_col, "rows", (int)size.ws_row),
		tty, e);
	if (rc == 0)
		*ret_code = v.code;
	return rc;
}

int attach_gdb(const char *work_dir, struct err *e)
{
	struct visit v = { .dup = -1 };
	int rc = visit(&v, work_dir, RUN_ATTACH_GDB, NULL, false, e);
	if (rc < 0) {
		close_fd(&v.dup);
		return rc;
	}
	return v.dup;
}
