/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json_text.h: bytes of a terminal as the inside of a JSON string, cut anywhere. */
#pragma once
#include <stddef.h>
struct buf;

/* Holds the start of a UTF-8 sequence that the last piece ended in. Zero to begin. */
struct json_text {
	unsigned char held[4];
	size_t n_held;
};

/* Append to `out` the n bytes as JSON string content (no quotes): control characters, quote
 * and backslash escaped, UTF-8 as it is, what is no UTF-8 as \ufffd. A sequence cut at the
 * end waits in `t` for the next call. */
void json_text_add(struct json_text *t, struct buf *out, const void *p, size_t n);
/* The end: a held piece of a sequence becomes \ufffd. */
void json_text_end(struct json_text *t, struct buf *out);

/* Append n bytes to `out` as valid UTF-8, what is none replaced by U+FFFD; NUL stays. */
void utf8_clean(struct buf *out, const void *p, size_t n);
