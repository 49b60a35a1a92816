/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include <errno.h>
#include <math.h>

#define READ_SIZE (64u * 1024)

struct recording_reader {
	int fd;
	bool eof;
	struct buf in;  /* read and not yet given out, from `at` on */
	size_t at;      /* where the next line starts */
	size_t scanned; /* up to here there is no newline behind `at` */
	uint64_t line;  /* number of the line given out last */
	double last_s;
	json_t *event; /* holds the text that is lent out */
};

/* Make room and read more. 1: something came. 0: the end. */
static int refill(struct recording_reader *r, struct err *e)
{
	if (r->eof)
		return 0;
	buf_consume(&r->in, r->at);
	r->scanned -= r->at;
	r->at = 0;
	if (r->in.len > RECORDING_LINE_MAX)
		return err_set(e, EFBIG, "line %ju: longer than %u bytes", (uintmax_t)r->line + 1,
			RECORDING_LINE_MAX);
	char piece[READ_SIZE];
	ssize_t n;
	do
		n = read(r->fd, piece, sizeof piece);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "read recording");
	if (n == 0)
		r->eof = true;
	buf_add(&r->in, piece, (size_t)n);
	return n > 0;
}

/* The next line that is not blank, borrowed until the next call. 1: a whole line. 2: the last,
 * without a newline. 0: the end. */
static int next_line(struct recording_reader *r, const char **ret, size_t *ret_len, struct err *e)
{
	for (;;) {
		const char *nl =
			r->in.s ? memchr(r->in.s + r->scanned, '\n', r->in.len - r->scanned) : NULL;
		if (!nl) {
			r->scanned = r->in.len;
			int rc = refill(r, e);
			if (rc < 0)
				return rc;
			if (rc > 0)
				continue;
			if (r->in.len == r->at)
				return 0;
		}
		const char *start = r->in.s + r->at;
		size_t len = nl ? (size_t)(nl - start) : r->in.len - r->at;
		r->at += nl ? len + 1 : len;
		r->scanned = r->at;
		r->line++;
		if (len > RECORDING_LINE_MAX)
			return err_set(e, EFBIG, "line %ju: longer than %u bytes",
				(uintmax_t)r->line, RECORDING_LINE_MAX);
		size_t blank = 0;
		while (blank < len && strchr(" \t\r", start[blank]) && start[blank] != '\0')
			blank++;
		if (blank == len)
			continue;
		*ret = start;
		*ret_len = len;
		return nl ? 1 : 2;
	}
}

static int side(const json_t *header, const char *key, unsigned *ret, struct err *e)
{
	json_int_t v = 0;
	const json_t *j = json_object_get(header, key);
	if (json_is_integer(j))
		v = json_integer_value(j);
	if (v < 1 || v > RECORDING_SIDE_MAX)
		return err_set(e, EINVAL, "line 1: \"%s\" is not 1 to %u", key, RECORDING_SIDE_MAX);
	*ret = (unsigned)v;
	return 0;
}

static int read_header(
	struct recording_reader *r, unsigned *ret_cols, unsigned *ret_rows, struct err *e)
{
	const char *line;
	size_t len;
	int rc = next_line(r, &line, &len, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, EINVAL, "line 1: empty, not an asciicast");
	json_error_t at;
	auto_json json_t *header = json_loadb(line, len, JSON_ALLOW_NUL, &at);
	if (!json_is_object(header))
		return err_set(e, EINVAL, "line 1: not the header of an asciicast: %s",
			header ? "no object" : at.text);
	int64_t version = json_i64_or(header, "version", 0);
	if (version != 2)
		return err_set(e, EINVAL, "line 1: asciicast version %jd; 2 is what is read",
			(intmax_t)version);
	rc = side(header, "width", ret_cols, e);
	return rc < 0 ? rc : side(header, "height", ret_rows, e);
}

int recording_reader_open(int fd, unsigned *ret_cols, unsigned *ret_rows,
	struct recording_reader **ret, struct err *e)
{
	struct recording_reader *r = xcalloc(1, sizeof *r);
	r->fd = fd;
	unsigned cols = 0;
	unsigned rows = 0;
	int rc = read_header(r, &cols, &rows, e);
	if (rc < 0) {
		r->fd = -1; /* still the caller's */
		recording_reader_close(r);
		return rc;
	}
	*ret_cols = cols;
	*ret_rows = rows;
	*ret = r;
	return 0;
}

/* "80x24" */
static bool parse_sides(const char *s, size_t len, unsigned *cols, unsigned *rows)
{
	unsigned v[2] = { 0, 0 };
	size_t which = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == 'x' && which == 0 && v[0] > 0) {
			which = 1;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		v[which] = v[which] * 10 + (unsigned)(s[i] - '0');
		if (v[which] > RECORDING_SIDE_MAX)
			return false;
	}
	*cols = v[0];
	*rows = v[1];
	return v[1] > 0;
}

/* NULL: an event was read into *ret (code 0 where its code is none of ours); else what is wrong. */
static const char *take_event(struct recording_reader *r, struct recording_event *ret)
{
	const json_t *at = json_array_get(r->event, 0);
	const json_t *code = json_array_get(r->event, 1);
	const json_t *text = json_array_get(r->event, 2);
	if (!json_is_number(at) || !json_is_string(code))
		return "no [SECONDS, \"CODE\", \"TEXT\"]";
	double at_s = json_number_value(at);
	if (!isfinite(at_s) || at_s < 0)
		return "its time is below zero";
	/* Some recorders write a time a little before the last one. */
	r->last_s = at_s > r->last_s ? at_s : r->last_s;
	*ret = (struct recording_event){ .at_s = r->last_s };
	if (json_string_length(code) != 1 || !memchr("oimr", *json_string_value(code), 4))
		return NULL;
	if (!json_is_string(text))
		return "its text is no string";
	ret->code = *json_string_value(code);
	ret->text = json_string_value(text);
	ret->len = json_string_length(text);
	if (ret->code == 'r' && !parse_sides(ret->text, ret->len, &ret->cols, &ret->rows))
		return "its size is no COLSxROWS";
	return NULL;
}

int recording_reader_next(struct recording_reader *r, struct recording_event *ret, struct err *e)
{
	for (;;) {
		json_decref(r->event);
		r->event = NULL;
		const char *line;
		size_t len;
		int how = next_line(r, &line, &len, e);
		if (how <= 0)
			return how;
		json_error_t at;
		r->event = json_loadb(line, len, JSON_ALLOW_NUL, &at);
		if (!r->event && how == 2)
			return 0;
		if (!r->event)
			return err_set(e, EINVAL, "line %ju: %s", (uintmax_t)r->line, at.text);
		struct recording_event event;
		const char *bad = take_event(r, &event);
		if (bad)
			return err_set(
				e, EINVAL, "line %ju: not an event: %s", (uintmax_t)r->line, bad);
		if (event.code) {
			*ret = event;
			return 1;
		}
	}
}

void recording_reader_close(struct recording_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	json_decref(r->event);
	buf_clear(&r->in);
	free(r);
}
