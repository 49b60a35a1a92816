/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp.h: QEMU's monitor over a connected socket, one JSON object a line:
 *   <- {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}, ...}, ...}}
 *   -> {"execute": "qmp_capabilities", "id": 1}        <- {"return": {}, "id": 1}
 *   -> {"execute": "cont", "id": 2}                    <- {"error": {"class": C, "desc": D}, ...}
 *   <- {"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}, "timestamp": T}
 * The guest runs inside the peer, so the peer is not trusted: lines and the number of commands
 * under way are bounded, and what is no QMP ends the connection.
 * Source: QEMU's docs/interop/qmp-spec.txt */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct buf;
struct err;
struct qmp;

#define QMP_LINE_MAX 65536
#define QMP_COMMANDS 16 /* under way at once */

struct qmp_handler {
	/* Greeted and negotiated: commands may be sent. `version`: "7.2.22". */
	void (*on_ready)(void *ctx, const char *version);
	/* `data` is an object, borrowed; empty where the event has none. */
	void (*on_event)(void *ctx, const char *name, const json_t *data);
	/* Once, last: the peer closed (code 0), broke the protocol (-EPROTO) or the socket failed.
	 * Commands under way were answered with -ENOTCONN before. */
	void (*on_closed)(void *ctx, const struct err *why);
};

/* Takes `fd` (on success only), a connected stream socket. `h` is borrowed until qmp_close. */
int qmp_open(uv_loop_t *loop, int fd, const struct qmp_handler *h, void *ctx, struct qmp **ret,
	struct err *e);
/* `why` has code 0 and `ret` the result, both borrowed; or ret is NULL and why tells. */
typedef void qmp_reply(void *ctx, const json_t *ret, const struct err *why);
/* Send a command with `arguments` (taken; an object, or NULL for none). `fn` (may be NULL) is
 * called once, unless qmp_close comes first. -ENOTCONN: not ready yet, or closed. -EAGAIN:
 * QMP_COMMANDS are under way. */
int qmp_command(struct qmp *q, const char *name, json_t *arguments, qmp_reply *fn, void *ctx,
	struct err *e);
/* The next command takes a copy of this descriptor along, for "getfd". Borrowed for that call. */
void qmp_pass(struct qmp *q, int fd);
/* No callback comes any more; it may be called in one. The memory goes when the loop has run. NULL:
 * no-op. */
void qmp_close(struct qmp *q);

/* One line of the monitor's, taken apart. For qmp.c and its tests. */
enum qmp_kind {
	QMP_GREETING,
	QMP_EVENT,
	QMP_RETURN,
	QMP_ERROR
};
struct qmp_message {
	enum qmp_kind kind;
	json_t *root;     /* owned: qmp_message_clear */
	const char *name; /* event's name, or error's text; borrowed from root */
	const json_t
		*data; /* of event, greeting or return; borrowed; never NULL but for an error */
	int64_t id;    /* of return and error; -1: none */
};
/* -EPROTO: the line is no QMP; the message quotes no more than its start. */
int qmp_parse(const char *line, size_t n, struct qmp_message *ret, struct err *e);
void qmp_message_clear(struct qmp_message *m);
/* Cut the next line, without its end, off `in`: 1: *ret_line and *ret_n are it, borrowed from
 * `in`; buf_consume *ret_used bytes when done with it. 0: none is whole yet. -EPROTO: longer
 * than QMP_LINE_MAX. Empty lines are passed over. */
int qmp_next_line(
	struct buf *in, const char **ret_line, size_t *ret_n, size_t *ret_used, struct err *e);
