/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include <fcntl.h>

#define TAIL     (16u * 1024)
#define LINE_MAX 400u

/* Length of the escape sequence that starts at p (an ESC), 1 at least. ECMA-48: CSI ends at a
 * byte from @ to ~; OSC and other strings at BEL or ESC \; else two bytes. */
static size_t escape_len(const char *p, size_t n)
{
	if (n < 2)
		return n;
	size_t i = 2;
	if (p[1] == '[') {
		while (i < n && (p[i] < 0x40 || p[i] > 0x7e) && p[i] >= 0x20)
			i++;
		return i < n ? i + 1 : n;
	}
	if (strchr("]PX^_", p[1])) {
		while (i < n && p[i] != '\a' && p[i] != '\x1b' && p[i] != '\n')
			i++;
		if (i + 1 < n && p[i] == '\x1b' && p[i + 1] == '\\')
			return i + 2;
		return i < n && p[i] == '\a' ? i + 1 : i;
	}
	if (strchr("()*+#%", p[1]))
		return n < 3 ? n : 3;
	return 2;
}

/* Terminal bytes as the lines that were left standing. */
static void plain_lines(struct buf *out, const char *p, size_t n)
{
	size_t line = out->len; /* where the line under way starts */
	bool returned = false;  /* a carriage return came, and nothing behind it yet */
	for (size_t i = 0; i < n;) {
		if (p[i] == '\x1b') {
			i += escape_len(p + i, n - i);
			continue;
		}
		char c = p[i++];
		if (c == '\n') {
			buf_addc(out, c);
			line = out->len;
			returned = false;
		} else if (c == '\r') {
			returned = true;
		} else if (c == '\b') {
			if (out->len > line)
				out->s[--out->len] = '\0';
		} else if (c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f)) {
			if (returned && out->s) {
				out->len = line;
				out->s[line] = '\0';
			}
			returned = false;
			if (out->len - line < LINE_MAX)
				buf_addc(out, c);
		}
	}
}

/* The last lines of the n bytes; `cut`: they start in the middle of a line. */
static void last_lines(const char *p, size_t n, bool cut, unsigned max_lines, struct buf *out)
{
	const char *nl = cut ? memchr(p, '\n', n) : NULL;
	size_t skip = nl ? (size_t)(nl - p) + 1 : 0;
	auto_buf struct buf plain = { 0 };
	plain_lines(&plain, p + skip, n - skip);
	while (plain.len && strchr(" \n\t", plain.s[plain.len - 1]))
		plain.s[--plain.len] = '\0';
	size_t start = plain.len;
	unsigned lines = 0;
	while (start > 0 && (plain.s[start - 1] != '\n' || ++lines < max_lines))
		start--;
	if (plain.len)
		utf8_clean(out, plain.s + start, plain.len - start);
}

/* What comes last of a stream: at least TAIL of it, where it has that much. */
struct tail {
	struct buf b;
	bool cut;
};

static int tail_add(void *ctx, const void *p, size_t n, struct err *e)
{
	struct tail *t = ctx;
	buf_add(&t->b, p, n);
	if (t->b.len > 4 * TAIL) {
		buf_consume(&t->b, t->b.len - TAIL);
		t->cut = true;
	}
	return 0;
}

static void tail_lines(struct tail *t, unsigned max_lines, struct buf *out)
{
	if (t->b.len > TAIL) {
		buf_consume(&t->b, t->b.len - TAIL);
		t->cut = true;
	}
	if (t->b.len)
		last_lines(t->b.s, t->b.len, t->cut, max_lines, out);
	buf_clear(&t->b);
}

void site_excerpt(const struct run_info *run, const struct run_attempt *a, unsigned max_lines,
	struct buf *out)
{
	struct tail t = { 0 };
	/* What cannot be read is not shown; the log's own row says why. */
	(void)run_terminal_each(run, a, tail_add, &t, NULL);
	tail_lines(&t, max_lines, out);
}

void site_excerpt_file(const char *path, unsigned max_lines, struct buf *out)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	struct tail t = { 0 };
	off_t size = lseek(fd, 0, SEEK_END);
	t.cut = size > (off_t)TAIL;
	char piece[TAIL];
	ssize_t n = pread(fd, piece, sizeof piece, t.cut ? size - (off_t)TAIL : 0);
	if (n > 0)
		(void)tail_add(&t, piece, (size_t)n, NULL); /* cannot fail */
	tail_lines(&t, max_lines, out);
}
