/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include <fcntl.h>

#define READ_MAX (16u * 1024)
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
		} else if (c == '\t' || (unsigned char)c >= 0x20) {
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

void site_excerpt(const char *path, uint64_t from, uint64_t to, unsigned max_lines, struct buf *out)
{
	if (!path || to <= from || to > INT64_MAX)
		return;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	bool whole = to - from <= READ_MAX;
	if (!whole)
		from = to - READ_MAX;
	char raw[READ_MAX];
	size_t got = 0;
	while (got < to - from) {
		ssize_t n = pread(fd, raw + got, (size_t)(to - from) - got, (off_t)(from + got));
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	/* What was cut in front starts in the middle of a line. */
	const char *nl = whole ? NULL : memchr(raw, '\n', got);
	size_t skip = nl ? (size_t)(nl - raw) + 1 : 0;
	auto_buf struct buf plain = { 0 };
	plain_lines(&plain, raw + skip, got - skip);
	while (plain.len && strchr(" \n\t", plain.s[plain.len - 1]))
		plain.s[--plain.len] = '\0';
	size_t start = plain.len;
	unsigned lines = 0;
	while (start > 0 && (plain.s[start - 1] != '\n' || ++lines < max_lines))
		start--;
	if (plain.len)
		utf8_clean(out, plain.s + start, plain.len - start);
}
