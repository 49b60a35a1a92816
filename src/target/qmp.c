/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/qmp.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct command {
	int64_t id; /* 0: free */
	qmp_reply *fn;
	void *ctx;
};

struct qmp {
	uv_pipe_t pipe;
	const struct qmp_handler *handler;
	void *ctx;
	struct buf in;
	struct command commands[QMP_COMMANDS];
	int64_t last_id;
	int pass; /* descriptor that the next command takes along, or -1 */
	bool greeted, ready;
	bool over;   /* on_closed was called: nothing is read or sent any more */
	bool closed; /* qmp_close was called */
	char version[32];
	char chunk[4096];
};

struct write {
	uv_write_t req;
	char *text;
};

int qmp_next_line(
	struct buf *in, const char **ret_line, size_t *ret_n, size_t *ret_used, struct err *e)
{
	size_t at = 0;
	while (at < in->len && (in->s[at] == '\n' || in->s[at] == '\r'))
		at++;
	const char *line = buf_str(in) + at;
	const char *end = memchr(line, '\n', in->len - at);
	size_t n = end ? (size_t)(end - line) : in->len - at;
	if (n > QMP_LINE_MAX)
		return err_set(e, EPROTO, "QMP line is longer than %d bytes", QMP_LINE_MAX);
	if (!end) {
		buf_consume(in, at);
		return 0;
	}
	*ret_used = at + n + 1;
	while (n && line[n - 1] == '\r')
		n--;
	*ret_line = line;
	*ret_n = n;
	return 1;
}

static int parse_event(struct qmp_message *m, struct err *e)
{
	static json_t *none;
	if (!none)
		none = json_object();
	m->kind = QMP_EVENT;
	m->name = json_string_value(json_object_get(m->root, "event"));
	m->data = json_object_get(m->root, "data");
	if (!m->data)
		m->data = none;
	if (!m->name || !json_is_object(m->data))
		return err_set(e, EPROTO, "QMP event without a name or with odd data");
	return 0;
}

static int parse_kind(struct qmp_message *m, struct err *e)
{
	const json_t *error = json_object_get(m->root, "error");
	m->id = json_i64_or(m->root, "id", -1);
	if (json_object_get(m->root, "event"))
		return parse_event(m, e);
	if (error) {
		m->kind = QMP_ERROR;
		m->name = json_str_or(error, "desc", "no description");
		return 0;
	}
	m->kind = json_object_get(m->root, "QMP") ? QMP_GREETING : QMP_RETURN;
	m->data = json_object_get(m->root, m->kind == QMP_GREETING ? "QMP" : "return");
	if (!m->data)
		return err_set(e, EPROTO, "QMP line is no greeting, event, return or error");
	return 0;
}

int qmp_parse(const char *line, size_t n, struct qmp_message *ret, struct err *e)
{
	struct qmp_message m = { .id = -1 };
	struct err why = { 0 };
	if (json_parse_object(line, n, &m.root, &why) < 0)
		return err_set(e, EPROTO, "QMP line is no JSON object (%s)", why.msg);
	int rc = parse_kind(&m, e);
	if (rc < 0) {
		qmp_message_clear(&m);
		return rc;
	}
	*ret = m;
	return 0;
}

void qmp_message_clear(struct qmp_message *m)
{
	json_decref(m->root);
	*m = (struct qmp_message){ 0 };
}

static void answer(struct qmp *q, struct command *c, const json_t *ret, const struct err *why)
{
	struct command taken = *c;
	*c = (struct command){ 0 };
	if (taken.fn && !q->closed)
		taken.fn(taken.ctx, ret, why);
}

/* The end, told once; `why` may lie in the caller's frame. */
static void lost(struct qmp *q, const struct err *why)
{
	const struct err gone = { .code = -ENOTCONN, .msg = "QMP connection is closed" };
	if (q->over || q->closed)
		return;
	q->over = true;
	(void)uv_read_stop((uv_stream_t *)&q->pipe); /* never fails */
	for (size_t i = 0; i < QMP_COMMANDS; i++)
		if (q->commands[i].id)
			answer(q, &q->commands[i], NULL, &gone);
	if (!q->closed)
		q->handler->on_closed(q->ctx, why);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = (struct write *)req;
	struct qmp *q = req->data;
	struct err e = { 0 };
	if (status < 0 && status != UV_ECANCELED && status != UV_EPIPE && status != UV_ECONNRESET) {
		(void)err_code(&e, status, "write to QMP"); /* lost() tells it */
		lost(q, &e);
	}
	/* A peer that is gone is told by the reading side, behind its last words. */
	free(w->text);
	free(w);
}

static int queue_line(struct qmp *q, char *text, struct err *e)
{
	struct write *w = xcalloc(1, sizeof *w);
	w->text = text;
	w->req.data = q;
	uv_buf_t b = uv_buf_init(w->text, (unsigned)strlen(w->text));
	int rc = uv_write(&w->req, (uv_stream_t *)&q->pipe, &b, 1, on_written);
	if (rc == 0)
		return 0;
	free(w->text);
	free(w);
	return err_code(e, rc, "write to QMP");
}

/* A line with a descriptor goes by itself, for libuv passes only its own kinds: it is short, and
 * nothing waits before it, so the socket takes it whole. */
static int send_line_and_fd(struct qmp *q, const char *text, int fd, struct err *e)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof fd)];
	} control = { 0 };
	int socket;
	struct iovec v = { (char *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	if (uv_stream_get_write_queue_size((uv_stream_t *)&q->pipe) > 0)
		return err_set(e, EAGAIN, "QMP is busy");
	int rc = uv_fileno((uv_handle_t *)&q->pipe, &socket);
	if (rc < 0)
		return err_code(e, rc, "pass a descriptor to QEMU");
	if (sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)v.iov_len)
		return err_sys(e, "pass a descriptor to QEMU");
	return 0;
}

/* Takes `arguments`. */
static int send_command(
	struct qmp *q, const char *name, json_t *arguments, qmp_reply *fn, void *ctx, struct err *e)
{
	auto_json json_t *message = json_pack("{s:s, s:o*, s:I}", "execute", name, "arguments",
		arguments, "id", (json_int_t)(q->last_id + 1));
	struct command *c = NULL;
	for (size_t i = 0; i < QMP_COMMANDS && !c; i++)
		if (!q->commands[i].id)
			c = &q->commands[i];
	if (!c)
		return err_set(e, EAGAIN, "%s: %d QMP commands are under way", name, QMP_COMMANDS);
	auto_free char *line = json_line(message);
	auto_free char *text = xasprintf("%s\n", line);
	int fd = q->pass;
	q->pass = -1;
	q->last_id++;
	int rc = fd < 0 ? queue_line(q, take(&text), e) : send_line_and_fd(q, text, fd, e);
	if (rc == 0)
		*c = (struct command){ .id = q->last_id, .fn = fn, .ctx = ctx };
	return rc;
}

void qmp_pass(struct qmp *q, int fd)
{
	q->pass = fd;
}

int qmp_command(
	struct qmp *q, const char *name, json_t *arguments, qmp_reply *fn, void *ctx, struct err *e)
{
	if (q->ready && !q->over)
		return send_command(q, name, arguments, fn, ctx, e);
	json_decref(arguments);
	return err_set(e, ENOTCONN, "%s: QMP is not connected", name);
}

static void on_capabilities(void *ctx, const json_t *ret, const struct err *why)
{
	struct qmp *q = ctx;
	if (!ret) {
		lost(q, why);
		return;
	}
	q->ready = true;
	q->handler->on_ready(q->ctx, q->version);
}

static int greeting(struct qmp *q, const json_t *data, struct err *e)
{
	const json_t *v = json_object_get(json_object_get(data, "version"), "qemu");
	if (q->greeted)
		return err_set(e, EPROTO, "QMP greets twice");
	q->greeted = true;
	int n = snprintf(q->version, sizeof q->version, "%" PRId64 ".%" PRId64 ".%" PRId64,
		json_i64_or(v, "major", 0), json_i64_or(v, "minor", 0), json_i64_or(v, "micro", 0));
	if (n < 0 || (size_t)n >= sizeof q->version)
		return err_set(e, EPROTO, "QMP greets with an odd version");
	return send_command(q, "qmp_capabilities", NULL, on_capabilities, q, e);
}

static int reply(struct qmp *q, const struct qmp_message *m, struct err *e)
{
	for (size_t i = 0; i < QMP_COMMANDS; i++) {
		struct err why = { 0 };
		if (m->id <= 0 || q->commands[i].id != m->id)
			continue;
		if (m->kind == QMP_ERROR)
			(void)err_set(&why, EIO, "%s", m->name); /* goes to the command's owner */
		answer(q, &q->commands[i], m->data, &why);
		return 0;
	}
	if (m->kind == QMP_ERROR)
		return err_set(e, EPROTO, "QMP error to no command: %.100s", m->name);
	return err_set(e, EPROTO, "QMP reply to no command (id %" PRId64 ")", m->id);
}

static int dispatch(struct qmp *q, const struct qmp_message *m, struct err *e)
{
	if (m->kind == QMP_GREETING)
		return greeting(q, m->data, e);
	if (!q->greeted)
		return err_set(e, EPROTO, "QMP does not greet first");
	if (m->kind != QMP_EVENT)
		return reply(q, m, e);
	q->handler->on_event(q->ctx, m->name, m->data);
	return 0;
}

/* Callbacks may close us, so look after each. */
static void take_lines(struct qmp *q)
{
	while (!q->over && !q->closed) {
		const char *line;
		size_t n, used;
		struct qmp_message m = { 0 };
		struct err e = { 0 };
		int rc = qmp_next_line(&q->in, &line, &n, &used, &e);
		if (rc == 0)
			return;
		if (rc > 0)
			rc = qmp_parse(line, n, &m, &e);
		if (rc == 0) {
			buf_consume(&q->in, used);
			rc = dispatch(q, &m, &e);
		}
		qmp_message_clear(&m);
		if (rc < 0)
			lost(q, &e);
	}
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *ret)
{
	struct qmp *q = h->data;
	*ret = uv_buf_init(q->chunk, sizeof q->chunk);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct qmp *q = s->data;
	struct err e = { 0 };
	if (n > 0) {
		buf_add(&q->in, b->base, (size_t)n);
		take_lines(q);
	} else if (n == UV_EOF || n == UV_ECONNRESET) {
		lost(q, &e);
	} else if (n < 0) {
		(void)err_code(&e, (int)n, "read from QMP"); /* lost() tells it */
		lost(q, &e);
	}
}

static void on_pipe_closed(uv_handle_t *h)
{
	struct qmp *q = h->data;
	buf_clear(&q->in);
	free(q);
}

int qmp_open(uv_loop_t *loop, int fd, const struct qmp_handler *h, void *ctx, struct qmp **ret,
	struct err *e)
{
	struct qmp *q = xcalloc(1, sizeof *q);
	q->pass = -1;
	q->handler = h;
	q->ctx = ctx;
	int rc = uv_pipe_init(loop, &q->pipe, 0);
	if (rc < 0) {
		free(q);
		return err_code(e, rc, "QMP socket");
	}
	q->pipe.data = q;
	rc = uv_pipe_open(&q->pipe, fd);
	if (rc < 0) {
		uv_close((uv_handle_t *)&q->pipe, on_pipe_closed);
		return err_code(e, rc, "QMP socket");
	}
	rc = uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read);
	assert(rc == 0); /* an open stream that is not closing */
	*ret = q;
	return 0;
}

void qmp_close(struct qmp *q)
{
	if (!q || q->closed)
		return;
	q->closed = true;
	uv_close((uv_handle_t *)&q->pipe, on_pipe_closed);
}
