/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/recording.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/parse.h"
#include <errno.h>
#include <inttypes.h>

#define LABEL_MAX 200u
#define TITLE_MAX 1000u
/* One event's raw bytes: escaped six times as long, still below RECORDING_LINE_MAX. */
#define PIECE_MAX (64u * 1024)

struct recording {
	int fd;
	uint64_t limit_bytes;
	uint64_t file_bytes; /* whole events written */
	uint64_t raw_bytes;
	uint64_t last_us;
	struct json_text text;
	struct buf line;
	bool cut;
	uint64_t dropped_bytes; /* given since the cut, those in the tail included */
	unsigned char *tail;    /* ring, allocated at the cut */
	size_t tail_at, tail_len;
	struct err failed; /* the first failure to write; code 0: none */
};

static int fail_again(const struct recording *r, struct err *e)
{
	if (e)
		*e = r->failed;
	return r->failed.code;
}

/* Write the finished line. One write(2), so that a reader never sees half an event, unless the
 * disk is full: then take the half back. */
static int put_line(struct recording *r, struct err *e)
{
	if (fd_write_all(r->fd, r->line.s, r->line.len, &r->failed) < 0) {
		(void)err_wrap(&r->failed, "write recording");
		/* A pipe cannot be cut; its reader takes the half line for the end. */
		int rc = ftruncate(r->fd, (off_t)r->file_bytes);
		(void)rc;
		return fail_again(r, e);
	}
	r->file_bytes += r->line.len;
	return 0;
}

static void begin_event(struct recording *r, uint64_t at_us, char code)
{
	if (at_us > r->last_us)
		r->last_us = at_us;
	buf_reset(&r->line);
	/* Whole numbers: "%f" would write a comma in some locales. */
	buf_addf(&r->line, "[%" PRIu64 ".%06" PRIu64 ", \"%c\", \"", r->last_us / 1000000,
		r->last_us % 1000000, code);
}

static int end_event(struct recording *r, struct err *e)
{
	buf_adds(&r->line, "\"]\n");
	return put_line(r, e);
}

static void add_string(struct buf *out, const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);
	if (n > max) {
		n = max;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	struct json_text t = { 0 };
	json_text_add(&t, out, s, n);
	json_text_end(&t, out);
}

static int check_size(unsigned cols, unsigned rows, struct err *e)
{
	if (cols == 0 || rows == 0 || cols > RECORDING_SIDE_MAX || rows > RECORDING_SIDE_MAX)
		return err_set(e, EINVAL, "recording of a %ux%u terminal: each side is 1 to %u",
			cols, rows, RECORDING_SIDE_MAX);
	return 0;
}

int recording_open(int fd, const struct recording_spec *spec, struct recording **ret, struct err *e)
{
	int rc = check_size(spec->cols, spec->rows, e);
	if (rc < 0)
		return rc;
	struct recording *r = xcalloc(1, sizeof *r);
	r->fd = fd;
	r->limit_bytes = spec->limit_bytes;
	buf_addf(
		&r->line, "{\"version\": 2, \"width\": %u, \"height\": %u", spec->cols, spec->rows);
	if (spec->timestamp)
		buf_addf(&r->line, ", \"timestamp\": %" PRId64, spec->timestamp);
	if (spec->title) {
		buf_adds(&r->line, ", \"title\": \"");
		add_string(&r->line, spec->title, TITLE_MAX);
		buf_addc(&r->line, '"');
	}
	buf_adds(&r->line, "}\n");
	rc = put_line(r, e);
	if (rc < 0) {
		buf_clear(&r->line);
		free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

static void tail_add(struct recording *r, const unsigned char *p, size_t n)
{
	r->dropped_bytes += n;
	if (n > RECORDING_TAIL) {
		p += n - RECORDING_TAIL;
		n = RECORDING_TAIL;
	}
	size_t first = RECORDING_TAIL - r->tail_at;
	first = first < n ? first : n;
	memcpy(r->tail + r->tail_at, p, first);
	memcpy(r->tail, p + first, n - first);
	r->tail_at = (r->tail_at + n) % RECORDING_TAIL;
	r->tail_len += n;
	if (r->tail_len > RECORDING_TAIL)
		r->tail_len = RECORDING_TAIL;
}

/* Write one piece as an event. 1: it would pass the limit; nothing written, the UTF-8 state as
 * it was. */
static int put_output(
	struct recording *r, uint64_t at_us, const unsigned char *p, size_t n, struct err *e)
{
	struct json_text before = r->text;
	begin_event(r, at_us, 'o');
	size_t empty = r->line.len;
	json_text_add(&r->text, &r->line, p, n);
	if (r->line.len == empty)
		return 0; /* all of it waits for the rest of a character */
	if (r->limit_bytes && r->file_bytes + r->line.len + 3 > r->limit_bytes) {
		r->text = before;
		return 1;
	}
	return end_event(r, e);
}

int recording_output(struct recording *r, uint64_t at_us, const void *p, size_t n, struct err *e)
{
	if (r->failed.code)
		return fail_again(r, e);
	r->raw_bytes += n;
	const unsigned char *s = p;
	while (n > 0 && !r->cut) {
		size_t piece = n < PIECE_MAX ? n : PIECE_MAX;
		int rc = put_output(r, at_us, s, piece, e);
		if (rc < 0)
			return rc;
		if (rc > 0) {
			r->cut = true;
			r->tail = xmalloc(RECORDING_TAIL);
			tail_add(r, r->text.held, r->text.n_held);
			r->text.n_held = 0;
			break;
		}
		s += piece;
		n -= piece;
	}
	if (r->cut) {
		if (at_us > r->last_us)
			r->last_us = at_us;
		tail_add(r, s, n);
	}
	return 0;
}

int recording_mark(struct recording *r, uint64_t at_us, const char *label, struct err *e)
{
	if (r->failed.code)
		return fail_again(r, e);
	begin_event(r, at_us, 'm');
	add_string(&r->line, label, LABEL_MAX);
	return end_event(r, e);
}

int recording_resize(
	struct recording *r, uint64_t at_us, unsigned cols, unsigned rows, struct err *e)
{
	if (r->failed.code)
		return fail_again(r, e);
	int rc = check_size(cols, rows, e);
	if (rc < 0)
		return rc;
	begin_event(r, at_us, 'r');
	buf_addf(&r->line, "%ux%u", cols, rows);
	return end_event(r, e);
}

uint64_t recording_bytes(const struct recording *r)
{
	return r->raw_bytes;
}

bool recording_cut(const struct recording *r)
{
	return r->cut;
}

/* The tail in order. It starts behind a line's end where there is one, else behind a cut
 * character: what comes before the ring's first byte is gone. */
static void tail_get(const struct recording *r, struct buf *out)
{
	size_t from = (r->tail_at + RECORDING_TAIL - r->tail_len) % RECORDING_TAIL;
	size_t first = RECORDING_TAIL - from;
	first = first < r->tail_len ? first : r->tail_len;
	buf_add(out, r->tail + from, first);
	buf_add(out, r->tail, r->tail_len - first);
	if (r->dropped_bytes == r->tail_len)
		return;
	char *nl = memchr(out->s, '\n', out->len / 2);
	size_t skip = nl ? (size_t)(nl - out->s) + 1 : 0;
	while (!nl && skip < 4 && skip < out->len && ((unsigned char)out->s[skip] & 0xc0) == 0x80)
		skip++;
	buf_consume(out, skip);
}

static int put_tail(struct recording *r, struct err *e)
{
	auto_buf struct buf tail = { 0 };
	tail_get(r, &tail);
	uint64_t missing = r->dropped_bytes - tail.len;
	begin_event(r, r->last_us, 'o');
	if (missing) {
		char text[PARSE_SIZE_TEXT];
		/* Colours and such from before do not run into what follows. */
		buf_addf(&r->line,
			"\\u001b[0m\\r\\n[fsqa: %s of output not recorded: the limit is reached]"
			"\\r\\n",
			parse_size_text(missing, text));
	}
	json_text_add(&r->text, &r->line, tail.s, tail.len);
	json_text_end(&r->text, &r->line);
	return end_event(r, e);
}

static int put_end(struct recording *r, struct err *e)
{
	if (r->failed.code)
		return fail_again(r, e);
	if (r->cut)
		return put_tail(r, e);
	if (r->text.n_held == 0)
		return 0;
	begin_event(r, r->last_us, 'o');
	json_text_end(&r->text, &r->line);
	return end_event(r, e);
}

int recording_close(struct recording **r, struct err *e)
{
	if (!*r)
		return 0;
	int rc = put_end(*r, e);
	if (close((*r)->fd) < 0 && rc == 0)
		rc = err_sys(e, "close recording");
	buf_clear(&(*r)->line);
	free((*r)->tail);
	free(*r);
	*r = NULL;
	return rc;
}
