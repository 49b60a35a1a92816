/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/outbox.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/protocol.h"
#include "wire/link.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 32768

/* One thing that waits for its ACK, or an artifact that waits for its turn. */
struct item {
	struct item *next;
	uint32_t seq;
	void (*on_durable)(void *ctx);
	void *ctx;
	char *path; /* of an artifact */
	json_t *head;
	bool cut;
	bool keep;
};

struct list {
	struct item *first, **end;
};

struct outbox {
	struct link *link;
	void (*on_idle)(void *ctx);
	void *ctx;
	uint32_t last_seq;
	struct list unacked;
	struct list waiting; /* artifacts not yet sent; the first may be under way */
	int fd;              /* of the artifact under way, or -1 */
};

static void push(struct list *l, struct item *i)
{
	i->next = NULL;
	*l->end = i;
	l->end = &i->next;
}

static void drop_item(struct item *i)
{
	json_decref(i->head);
	free(i->path);
	free(i);
}

static struct item *pop(struct list *l)
{
	struct item *i = l->first;
	l->first = i->next;
	if (!l->first)
		l->end = &l->first;
	return i;
}

struct outbox *outbox_new(struct link *l, void (*on_idle)(void *ctx), void *ctx)
{
	struct outbox *o = xcalloc(1, sizeof *o);
	o->link = l;
	o->on_idle = on_idle;
	o->ctx = ctx;
	o->unacked.end = &o->unacked.first;
	o->waiting.end = &o->waiting.first;
	o->fd = -1;
	return o;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	while (o->unacked.first)
		drop_item(pop(&o->unacked));
	while (o->waiting.first)
		drop_item(pop(&o->waiting));
	close_fd(&o->fd);
	free(o);
}

static void send_json(struct outbox *o, uint16_t type, uint32_t seq, const json_t *j)
{
	auto_free char *line = json_line(j);
	size_t n = strlen(line);
	if (n <= FRAME_MAX_PAYLOAD)
		link_send(o->link, type, seq, line, n);
}

void outbox_record(struct outbox *o, const char *type, json_t *fields,
	void (*on_durable)(void *ctx), void *ctx)
{
	struct item *i = xcalloc(1, sizeof *i);
	i->seq = ++o->last_seq;
	i->on_durable = on_durable;
	i->ctx = ctx;
	json_object_set_new(fields, "type", json_string(type));
	send_json(o, RUN_RECORD, i->seq, fields);
	json_decref(fields);
	push(&o->unacked, i);
}

void outbox_status(struct outbox *o, json_t *fields)
{
	send_json(o, RUN_STATUS, 0, fields);
	json_decref(fields);
}

/* Send the artifact under way until it ends or the link has enough for now. */
static void pump(struct outbox *o)
{
	while (o->waiting.first) {
		struct item *i = o->waiting.first;
		if (o->fd < 0) {
			o->fd = open(i->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			send_json(o, RUN_ARTIFACT, 0, i->head);
		}
		ssize_t n = 0;
		char chunk[CHUNK];
		while (o->fd >= 0 && link_queued(o->link) < LINK_HIGH &&
			(n = read(o->fd, chunk, sizeof chunk)) > 0)
			link_send(o->link, RUN_ARTIFACT_DATA, 0, chunk, (size_t)n);
		if (o->fd >= 0 && n > 0)
			return;
		if (o->fd >= 0 && link_queued(o->link) >= LINK_HIGH)
			return;
		/* A file that could not be read to its end is there as far as it went. */
		json_t *end = json_pack("{s:b}", "cut", i->cut || o->fd < 0 || n < 0);
		/* Numbered only now: an ACK covers all numbers before it, and records that were
		 * sent in the middle of this artifact say nothing of it. */
		i->seq = ++o->last_seq;
		send_json(o, RUN_ARTIFACT_END, i->seq, end);
		json_decref(end);
		close_fd(&o->fd);
		push(&o->unacked, pop(&o->waiting));
	}
}

void outbox_artifact(struct outbox *o, const char *test, int64_t attempt, const char *name,
	const char *kind, const char *path, bool cut, bool keep)
{
	struct item *i = xcalloc(1, sizeof *i);
	i->path = xstrdup(path);
	i->cut = cut;
	i->keep = keep;
	i->head = json_pack("{s:s, s:I, s:o, s:s}", "test", test, "attempt", (json_int_t)attempt,
		"name", json_bytes(name, strlen(name)), "kind", kind);
	push(&o->waiting, i);
	pump(o);
}

void outbox_acked(struct outbox *o, uint32_t seq)
{
	/* The other end answers in order; an ACK also covers what was sent before it. */
	while (o->unacked.first && o->unacked.first->seq <= seq) {
		struct item *i = pop(&o->unacked);
		if (i->path && !i->keep)
			(void)unlink(i->path); /* a file that stays is removed with its folder */
		if (i->on_durable)
			i->on_durable(i->ctx);
		drop_item(i);
	}
	if (outbox_is_idle(o))
		o->on_idle(o->ctx);
}

void outbox_drained(struct outbox *o)
{
	pump(o);
}

bool outbox_is_idle(const struct outbox *o)
{
	return !o->unacked.first && !o->waiting.first;
}
