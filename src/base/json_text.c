/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json_text.h"
#include "base/buf.h"
#include <string.h>

/* Length of the sequence that byte c starts (1..4), 0: c starts none. */
static size_t sequence_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

/* Whether byte c may stand at place i of a sequence that starts with `first` (RFC 3629: no
 * overlong form, no surrogate, nothing above U+10FFFF). */
static int continues(unsigned char first, size_t i, unsigned char c)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	if (i == 1) {
		if (first == 0xe0)
			low = 0xa0;
		else if (first == 0xed)
			high = 0x9f;
		else if (first == 0xf0)
			low = 0x90;
		else if (first == 0xf4)
			high = 0x8f;
	}
	return c >= low && c <= high;
}

static void add_ascii(struct buf *out, unsigned char c)
{
	if (c == '"' || c == '\\') {
		buf_addc(out, '\\');
		buf_addc(out, (char)c);
	} else if (c == '\n') {
		buf_adds(out, "\\n");
	} else if (c == '\r') {
		buf_adds(out, "\\r");
	} else if (c == '\t') {
		buf_adds(out, "\\t");
	} else if (c < 0x20 || c == 0x7f) {
		buf_addf(out, "\\u%04x", c);
	} else {
		buf_addc(out, (char)c);
	}
}

/* Feed one byte through the held sequence. */
static void feed(struct json_text *t, struct buf *out, unsigned char c,
	void (*ascii)(struct buf *, unsigned char), const char *replacement)
{
	if (t->n_held && !continues(t->held[0], t->n_held, c)) {
		buf_adds(out, replacement);
		t->n_held = 0;
	}
	if (t->n_held == 0) {
		size_t len = sequence_len(c);
		if (len == 1)
			ascii(out, c);
		else if (len == 0)
			buf_adds(out, replacement);
		else
			t->held[t->n_held++] = c;
		return;
	}
	t->held[t->n_held++] = c;
	if (t->n_held == sequence_len(t->held[0])) {
		buf_add(out, t->held, t->n_held);
		t->n_held = 0;
	}
}

void json_text_add(struct json_text *t, struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;
	for (size_t i = 0; i < n;) {
		/* Plain text is the common case: copy it in one piece. */
		size_t run = 0;
		while (t->n_held == 0 && i + run < n && s[i + run] >= 0x20 && s[i + run] < 0x7f &&
			s[i + run] != '"' && s[i + run] != '\\')
			run++;
		if (run) {
			buf_add(out, s + i, run);
			i += run;
			continue;
		}
		feed(t, out, s[i++], add_ascii, "\\ufffd");
	}
}

void json_text_end(struct json_text *t, struct buf *out)
{
	if (t->n_held)
		buf_adds(out, "\\ufffd");
	t->n_held = 0;
}

static void add_plain(struct buf *out, unsigned char c)
{
	buf_addc(out, (char)c);
}

void utf8_clean(struct buf *out, const void *p, size_t n)
{
	struct json_text t = { 0 };
	const unsigned char *s = p;
	for (size_t i = 0; i < n; i++)
		feed(&t, out, s[i], add_plain, "\xef\xbf\xbd");
	if (t.n_held)
		buf_adds(out, "\xef\xbf\xbd");
}
