/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h: one run's artifacts, for the store's own files: brotli streams (RFC 7932) one behind
 * the other, found by offset and length from the journal. Format: docs/formats/pack.md. */
#pragma once
#include "base/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

struct pack;
struct pack_entry {
	uint64_t offset, length; /* of the stream in the pack */
	uint64_t size;           /* of the plain bytes, whose hash this is: */
	char sha256[HASH_HEX_SIZE];
};

/* Open (or make) the pack for appending at `end`; what lies behind it is cut off: nobody's. */
int pack_open(const char *path, uint64_t end, struct pack **ret, struct err *e);
/* One stream at a time. size_hint 0: not known. -EBUSY: one is open. */
int pack_begin(struct pack *p, uint64_t size_hint, struct err *e);
/* On failure the stream is dropped and its room in the file given back; the next pack_begin
 * works again. -EINVAL: none is open. */
int pack_add(struct pack *p, const void *data, size_t n, struct err *e);
int pack_end(struct pack *p, struct pack_entry *ret, struct err *e);
/* Drop the open stream, if any. */
void pack_drop(struct pack *p);
bool pack_is_open(const struct pack *p);
int pack_sync(struct pack *p, struct err *e);
void pack_close(struct pack *p);

/* Decompress one entry of the pack at `path`, giving the plain bytes to sink() piece by piece;
 * an error of sink() ends it. At most `x->size` bytes come out. -EBADMSG: the stream is
 * damaged or its hash or size differ (told last: the bytes have gone to sink() by then). */
int pack_read(const char *path, const struct pack_entry *x,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e);
