/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/journal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "suite/verdict.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_TRIES   50
#define LOCK_WAIT_US 20000
#define CRC_TAIL     18 /* ,"crc":"01234567"} */
#define LAST_LINE    4096

enum member_kind {
	MEMBER_STR,
	MEMBER_INT, /* not negative */
	MEMBER_BOOL,
	MEMBER_ARRAY,
	MEMBER_OBJECT,
	MEMBER_STATUS,
	MEMBER_SHA256,
};

static const struct {
	const char *type;
	struct {
		const char *name;
		enum member_kind kind;
	} need[8];
} types[] = {
	{ "run", { { "id", MEMBER_STR }, { "profile", MEMBER_STR } } },
	{ "plan", { { "tests", MEMBER_ARRAY } } },
	{ "target", { { 0 } } },
	{ "target_end", { { "end", MEMBER_STR }, { "detail", MEMBER_STR } } },
	{ "command", { { "qemu", MEMBER_STR } } },
	{ "attempt_start", { { "test", MEMBER_STR }, { "attempt", MEMBER_INT } } },
	{ "attempt_end", { { "test", MEMBER_STR }, { "attempt", MEMBER_INT },
				 { "status", MEMBER_STATUS }, { "duration_us", MEMBER_INT } } },
	{ "artifact",
		{ { "test", MEMBER_STR }, { "attempt", MEMBER_INT }, { "name", MEMBER_STR },
			{ "kind", MEMBER_STR }, { "offset", MEMBER_INT }, { "length", MEMBER_INT },
			{ "size", MEMBER_INT }, { "sha256", MEMBER_SHA256 } } },
	{ "fault", { { "test", MEMBER_STR }, { "attempt", MEMBER_INT }, { "disk", MEMBER_STR },
			   { "action", MEMBER_STR }, { "text", MEMBER_STR } } },
	{ "witness", { { "test", MEMBER_STR }, { "attempt", MEMBER_INT },
			     { "status", MEMBER_STATUS }, { "reason", MEMBER_STR } } },
	{ "note", { { "level", MEMBER_STR }, { "text", MEMBER_STR } } },
	{ "run_end", { { "status", MEMBER_STATUS } } },
	{ "resume", { { 0 } } },
};

static bool is_sha256(const char *s)
{
	return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool member_fits(const json_t *v, enum member_kind kind)
{
	switch (kind) {
	case MEMBER_STR:
		return json_is_string(v);
	case MEMBER_INT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case MEMBER_BOOL:
		return json_is_boolean(v);
	case MEMBER_ARRAY:
		return json_is_array(v);
	case MEMBER_OBJECT:
		return json_is_object(v);
	case MEMBER_STATUS:
		return json_is_string(v) && verdict_from_name(json_string_value(v)) >= 0;
	case MEMBER_SHA256:
		return is_sha256(json_string_value(v));
	}
	return false;
}

static int type_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].type, type) == 0)
			return (int)i;
	}
	return -1;
}

int journal_record_check(const json_t *rec, struct err *e)
{
	const char *type = NULL;
	int rc = json_get_str(rec, "type", &type, e);
	if (rc < 0)
		return rc;
	int t = type_find(type);
	if (t < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(types[t].need) && types[t].need[i].name; i++) {
		const char *name = types[t].need[i].name;
		if (!member_fits(json_object_get(rec, name), types[t].need[i].kind))
			return err_set(
				e, EINVAL, "record %s: member \"%s\" missing or wrong", type, name);
	}
	return 0;
}

/* The record as one line with checksum and newline. */
static int format_line(const struct journal *j, const char *type, const json_t *fields,
	struct buf *out, struct err *e)
{
	static const char *const reserved[] = { "seq", "wall_us", "at_us", "crc" };
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (json_object_get(fields, reserved[i]))
			return err_set(e, EINVAL, "record %s: member \"%s\" is the journal's own",
				type, reserved[i]);
	}
	if (strcmp(json_str_or(fields, "type", type), type) != 0)
		return err_set(e, EINVAL, "record %s: says that it is another", type);
	auto_json json_t *rec = json_pack("{s:I, s:I, s:I, s:s}", "seq", (json_int_t)(j->seq + 1),
		"wall_us", (json_int_t)clock_wall_us(), "at_us",
		(json_int_t)(clock_mono_us() - j->start_us), "type", type);
	if (!rec || (fields && json_object_update(rec, (json_t *)fields) < 0))
		return err_set(e, EINVAL, "record %s: not an object", type);
	int rc = journal_record_check(rec, e);
	if (rc < 0)
		return rc;
	auto_free char *text = json_dumps(rec, JSON_COMPACT);
	if (!text)
		return err_set(e, EINVAL, "record %s: cannot be written as JSON", type);
	size_t n = strlen(text) - 1; /* without the last brace */
	buf_add(out, text, n);
	buf_addf(out, ",\"crc\":\"%08" PRIx32 "\"}\n", hash_crc32(text, n));
	if (out->len > JOURNAL_LINE_MAX)
		return err_set(e, EMSGSIZE, "record %s: %zu bytes, a line may have %u", type,
			out->len, JOURNAL_LINE_MAX);
	return 0;
}

static int cut_tail(struct journal *j, struct err *e)
{
	if (ftruncate(j->fd, (off_t)j->end) < 0) {
		j->torn = true;
		return err_sys(e, "cut torn line of %s", j->path);
	}
	j->torn = false;
	return 0;
}

static int write_at(int fd, const char *p, size_t n, off_t at)
{
	while (n) {
		ssize_t w = pwrite(fd, p, n, at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int journal_append(struct journal *j, const char *type, const json_t *fields, struct err *e)
{
	if (j->failed)
		return err_code(e, j->failed, "%s: an earlier sync failed", j->path);
	if (type_find(type) < 0 || j->over)
		return err_set(e, EINVAL, "%s: record %s %s", j->path, type,
			j->over ? "after run_end" : "is of no known type");
	auto_buf struct buf line = { 0 };
	int rc = format_line(j, type, fields, &line, e);
	if (rc < 0)
		return rc;
	if (j->torn) {
		rc = cut_tail(j, e);
		if (rc < 0)
			return rc;
	}
	rc = write_at(j->fd, line.s, line.len, (off_t)j->end);
	if (rc < 0) {
		(void)cut_tail(j, NULL); /* remembered in `torn`; the write's error is told */
		return err_code(e, rc, "write %s", j->path);
	}
	j->end += line.len;
	j->seq++;
	j->dirty = true;
	j->over = strcmp(type, "run_end") == 0;
	return 0;
}

int journal_sync(struct journal *j, struct err *e)
{
	if (j->failed)
		return err_code(e, j->failed, "%s: an earlier sync failed", j->path);
	if (!j->dirty)
		return 0;
	if (fdatasync(j->fd) < 0) {
		j->failed = -errno;
		return err_code(e, j->failed, "sync %s", j->path);
	}
	j->dirty = false;
	return 0;
}

void journal_clear(struct journal *j)
{
	close_fd(&j->fd); /* drops the lock */
	free(j->path);
	j->path = NULL;
}

/* One line without its newline: checksum and JSON. */
static int parse_line(const char *line, size_t n, json_t **ret, struct err *e)
{
	char tail[CRC_TAIL + 1];
	if (n <= CRC_TAIL)
		return err_set(e, EBADMSG, "checksum");
	size_t body = n - CRC_TAIL;
	(void)snprintf(tail, sizeof tail, ",\"crc\":\"%08" PRIx32 "\"}",
		hash_crc32(line, body)); /* fits: eight digits */
	if (memcmp(line + body, tail, CRC_TAIL) != 0)
		return err_set(e, EBADMSG, "checksum");
	json_error_t why;
	*ret = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	return *ret ? 0 : err_set(e, EBADMSG, "%s", why.text);
}

static int check_line(const char *line, size_t n, uint64_t want_seq, json_t **ret, struct err *e)
{
	auto_json json_t *rec = NULL;
	int rc = parse_line(line, n, &rec, e);
	if (rc < 0)
		return rc;
	int64_t seq = json_i64_or(rec, "seq", 0);
	if (seq < 0 || (uint64_t)seq != want_seq)
		return err_set(
			e, EBADMSG, "record %" PRId64 " where %" PRIu64 " is due", seq, want_seq);
	rc = journal_record_check(rec, e);
	if (rc == 0)
		*ret = take(&rec);
	return rc;
}

struct scan_state {
	struct journal_scan *s;
	int (*each)(void *ctx, const json_t *rec, struct err *e);
	void *ctx;
};

/* False: damaged, and s->damage says how. */
static bool scan_line(struct scan_state *st, const char *line, size_t n)
{
	struct err why = { 0 };
	auto_json json_t *rec = NULL;
	int rc = check_line(line, n, st->s->seq + 1, &rec, &why);
	if (rc == 0)
		rc = st->each(st->ctx, rec, &why);
	if (rc < 0) {
		(void)snprintf(st->s->damage, sizeof st->s->damage, "line %" PRIu64 ": %s",
			st->s->seq + 1, why.msg); /* a cut reason is still a reason */
		return false;
	}
	st->s->seq++;
	st->s->end += n + 1;
	int64_t at_us = json_i64_or(rec, "at_us", 0);
	if (at_us > 0 && (uint64_t)at_us > st->s->at_us)
		st->s->at_us = (uint64_t)at_us;
	return true;
}

/* The whole lines of `b`, which starts at a line's start; consumes them. */
static bool scan_lines(struct scan_state *st, struct buf *b, size_t seen)
{
	size_t start = 0;
	char *nl;
	while ((nl = memchr(b->s + seen, '\n', b->len - seen))) {
		size_t end = (size_t)(nl - b->s);
		if (!scan_line(st, b->s + start, end - start))
			return false;
		start = end + 1;
		seen = start;
	}
	buf_consume(b, start);
	if (b->len < JOURNAL_LINE_MAX)
		return true;
	(void)snprintf(st->s->damage, sizeof st->s->damage,
		"line %" PRIu64 ": longer than %u bytes", st->s->seq + 1,
		JOURNAL_LINE_MAX); /* fits */
	return false;
}

int journal_scan(int fd, int (*each)(void *ctx, const json_t *rec, struct err *e), void *ctx,
	struct journal_scan *s, struct err *e)
{
	*s = (struct journal_scan){ 0 };
	struct scan_state st = { s, each, ctx };
	auto_buf struct buf b = { 0 };
	char chunk[32768];
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read journal");
		if (n == 0)
			return 0;
		at += n;
		size_t seen = b.len;
		buf_add(&b, chunk, (size_t)n);
		if (!scan_lines(&st, &b, seen))
			return 0;
	}
}

bool journal_has_ended(int fd)
{
	char tail[LAST_LINE + 1];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > LAST_LINE ? size - LAST_LINE : 0;
	ssize_t n = size < 0 ? -1 : pread(fd, tail, LAST_LINE, from);
	if (n < 1 || tail[n - 1] != '\n')
		return false;
	tail[n - 1] = '\0';
	const char *nl = memrchr(tail, '\n', (size_t)n - 1);
	auto_json json_t *rec = NULL;
	if (!nl || parse_line(nl + 1, (size_t)(tail + n - 1 - (nl + 1)), &rec, NULL) < 0)
		return false;
	return strcmp(json_str_or(rec, "type", ""), "run_end") == 0;
}

/* Someone who only looks holds a shared lock for a moment; a writer holds its own for good. */
int journal_lock_dead(const char *path)
{
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_SH | LOCK_NB) < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return take_fd(&fd);
		(void)usleep(LOCK_WAIT_US);
	}
	return -EWOULDBLOCK;
}
