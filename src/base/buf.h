/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf.h: a growing byte string, always NUL-terminated once something was added. */
#pragma once
#include <stddef.h>

struct buf {
	char *s;
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* Empty it, keep the memory. */
void buf_reset(struct buf *b);
/* The text, never NULL, borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* The text, the caller's; the buffer is empty afterwards. */
char *buf_take(struct buf *b);
void buf_clear(struct buf *b);
#define auto_buf __attribute__((cleanup(buf_clear)))
