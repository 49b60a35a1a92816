/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html.h: the only ways by which a string reaches a page. Whatever the bytes, what comes out is
 * UTF-8 without a raw < > & " ', and control characters that HTML forbids become U+FFFD.
 *   html_add(b, "<a href=\"", URL(name), "\">", TEXT(title), "</a>", NULL);
 * Source: HTML Living Standard, 13.1.2.3 (attributes) and 13.1.4 (character references). */
#pragma once
#include <stdint.h>
struct buf;

/* Text between tags. NULL counts as "". */
void html_text(struct buf *b, const char *s);
/* As html_text, with line breaks and tabs kept through attribute parsing. */
void html_attr(struct buf *b, const char *s);
/* One component of a relative URL: percent-encoded, but for letters, digits and - . _ ~ */
void html_url(struct buf *b, const char *s);

/* Append strings as they are (our own markup only), and those wrapped in TEXT, ATTR or URL
 * escaped. The last argument is NULL. */
void html_add(struct buf *b, ...) __attribute__((sentinel));
extern const char html_as_text[], html_as_attr[], html_as_url[];
static inline const char *html_or_empty(const char *s)
{
	return s ? s : "";
}
#define TEXT(s) html_as_text, html_or_empty(s)
#define ATTR(s) html_as_attr, html_or_empty(s)
#define URL(s)  html_as_url, html_or_empty(s)

/* A whole number, without a locale's marks. */
void html_number(struct buf *b, uint64_t n);
/* <time datetime="...">2026-11-21 10:05:33 UTC</time> */
void html_time(struct buf *b, int64_t wall_us);
/* Seconds with three digits behind the point: "12.345". */
void html_seconds(struct buf *b, uint64_t us);
