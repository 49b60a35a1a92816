/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsqa-salvage: on descriptor 4 the image of a dead machine's disk, on 3 the worker, to whom it
 * speaks as the machine's agent would (wire/agent.h), but for GET alone. So what the worker does
 * with its answers is what it does with a guest's: nothing of them is trusted. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "proc/sandbox.h"
#include "salvage/image.h"
#include "wire/agent.h"
#include "wire/entry.h"
#include "wire/frame.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#define PORT     3
#define IMAGE    4
#define UPPER    "/upper" /* guest/boot.c: what the guest wrote, as it saw it */
#define NO_IMAGE 3        /* exit codes: bad use or broken worker 2 */

struct server {
	struct frame_decoder decoder;
	struct image *image;
	uint32_t stream; /* of the GET under way */
	size_t credit;
	bool given_up; /* the worker does not want the rest of it */
};

static noreturn void die(int code, const char *text)
{
	auto_free char *line = xasprintf("fsqa-salvage: %s\n", text);
	(void)!write(STDERR_FILENO, line, strlen(line)); /* where else? */
	_exit(code);
}

static void send_frame(struct server *s, uint16_t type, const void *p, size_t n)
{
	uint8_t head[FRAME_HEADER];
	const struct frame f = { .type = type, .stream = s->stream, .length = (uint32_t)n };
	frame_header(&f, head);
	if (fd_write_all(PORT, head, sizeof head, NULL) < 0 || fd_write_all(PORT, p, n, NULL) < 0)
		_exit(0); /* the worker has gone */
}

static void send_json(struct server *s, uint16_t type, json_t *j)
{
	auto_free char *line = json_line(j);
	json_decref(j);
	send_frame(s, type, line, strlen(line));
}

/* Wait for the worker's next frame; its end is ours. */
static void next_frame(struct server *s, struct frame *ret)
{
	int rc;
	while ((rc = frame_next(&s->decoder, ret)) == 0) {
		size_t room;
		uint8_t *space = frame_decoder_space(&s->decoder, &room);
		ssize_t n = read(PORT, space, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		frame_decoder_fed(&s->decoder, (size_t)n);
	}
	if (rc < 0)
		die(2, "the worker sent what is no frame");
}

static void take_credit(struct server *s, const struct frame *f)
{
	const uint8_t *p = f->payload;
	if (f->type == AGENT_SIGNAL && f->stream == s->stream)
		s->given_up = true;
	if (f->type != AGENT_CREDIT || f->stream != s->stream || f->length != 4)
		return;
	s->credit += (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

static size_t room(void *ctx)
{
	struct server *s = ctx;
	struct frame f;
	while (s->credit == 0 && !s->given_up) {
		next_frame(s, &f);
		take_credit(s, &f);
	}
	size_t n = s->credit < FRAME_MAX_PAYLOAD ? s->credit : FRAME_MAX_PAYLOAD;
	return s->given_up ? 0 : n;
}

static void on_data(void *ctx, const void *p, size_t n)
{
	struct server *s = ctx;
	s->credit -= n;
	send_frame(s, AGENT_DATA, p, n);
}

static void on_entry(void *ctx, const struct image_entry *n)
{
	const struct entry x = {
		.kind = n->kind,
		.mode = n->mode,
		.size = n->size,
		.mtime = { .tv_sec = n->mtime_s },
		.path = n->path,
		.path_len = strlen(n->path),
		.target = n->target,
		.target_len = n->target ? strlen(n->target) : 0,
	};
	auto_buf struct buf b = { 0 };
	entry_encode(&x, &b);
	send_frame(ctx, AGENT_ENTRY, b.s, b.len);
}

static int get(struct server *s, const struct frame *f, uint64_t *ret_skipped, struct err *e)
{
	auto_json json_t *j = NULL;
	const char *path = NULL;
	int64_t bytes = 0;
	int64_t entries = 0;
	const struct image_sink sink = { on_entry, room, on_data, s };
	int rc = json_parse_object((const char *)f->payload, f->length, &j, e);
	if (rc == 0)
		rc = json_get_str(j, "path", &path, e);
	if (rc == 0)
		rc = json_get_i64(j, "max_bytes", &bytes, e);
	if (rc == 0)
		rc = json_get_i64(j, "max_entries", &entries, e);
	if (rc == 0 && (bytes < 0 || entries < 0 || path[0] != '/'))
		rc = err_set(e, EINVAL, "GET that makes no sense");
	if (rc < 0)
		return rc;
	auto_free char *full = xasprintf(UPPER "%s", path);
	return image_get(s->image, full, (uint64_t)bytes, (uint64_t)entries, &sink, ret_skipped, e);
}

static void serve_get(struct server *s, const struct frame *f)
{
	struct err e = { 0 };
	uint64_t skipped = 0;
	s->stream = f->stream;
	s->credit = AGENT_WINDOW;
	s->given_up = false;
	int rc = get(s, f, &skipped, &e);
	json_t *j = json_pack("{s:i, s:I}", "code", rc < 0 ? 1 : 0, "skipped", (json_int_t)skipped);
	if (rc < 0)
		json_object_set_new(j, "error", json_bytes(e.msg, strlen(e.msg)));
	send_json(s, AGENT_EXIT, j);
}

int main(int argc, char **argv)
{
	static struct server s;
	struct err e = { 0 };
	struct frame f;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* last words may go to a file */
	frame_decoder_init(&s.decoder);
	json_object_seed(0); /* opens /dev/urandom, which cannot be done later */
	if (sandbox_enter(PORT, PORT, IMAGE, &e) < 0)
		die(2, e.msg);
	if (image_open(IMAGE, &s.image, &e) < 0)
		die(NO_IMAGE, e.msg);
	send_json(&s, AGENT_HELLO,
		json_pack("{s:i, s:s}", "protocol", AGENT_PROTOCOL, "release", "none"));
	for (;;) {
		next_frame(&s, &f);
		if (f.type == AGENT_GET)
			serve_get(&s, &f);
	}
}
