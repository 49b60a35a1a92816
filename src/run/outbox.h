/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outbox.h: the worker's half of run/protocol.h that sends: records in order, artifacts streamed
 * from the spool without holding a file in memory, and what became durable at the other end. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct frame;
struct link;
struct outbox;

/* Borrows `l` for its life. `on_idle` comes whenever everything sent so far is durable. */
struct outbox *outbox_new(struct link *l, void (*on_idle)(void *ctx), void *ctx);
void outbox_free(struct outbox *o);

/* Send {"type": type, fields...}. Takes `fields` (one reference). `on_durable` (may be NULL)
 * comes when the other end has it on disk. */
void outbox_record(struct outbox *o, const char *type, json_t *fields,
	void (*on_durable)(void *ctx), void *ctx);
/* Queue the file at `path` (copied) as an artifact; it is read when its turn comes, and removed
 * when the other end has it, unless `keep`. */
void outbox_artifact(struct outbox *o, const char *test, int64_t attempt, const char *name,
	const char *kind, const char *path, bool cut, bool keep);
/* For the display: may be lost. Takes `fields`. */
void outbox_status(struct outbox *o, json_t *fields);
/* Feed it the link's ACK frames and on_drained. */
void outbox_acked(struct outbox *o, uint32_t seq);
void outbox_drained(struct outbox *o);
bool outbox_is_idle(const struct outbox *o);
