/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "wire/session_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_US   200000
#define WATCH_MS   5000
#define SILENCE_US 120000000 /* of a put or get: a filesystem in the guest hangs */

void session_enter(struct session *s)
{
	s->busy++;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void destroy(struct session *s)
{
	while (s->jobs) {
		struct session_job *j = s->jobs;
		s->jobs = j->next;
		job_free(j);
	}
	if (s->link)
		link_close(s->link, FLUSH_US);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

void session_leave(struct session *s)
{
	if (--s->busy == 0 && s->closed)
		destroy(s);
}

void session_close(struct session *s)
{
	if (!s || s->closed)
		return;
	session_enter(s);
	s->closed = true;
	session_leave(s);
}

static void lose(struct session *s, const struct err *why)
{
	if (!s->link || s->closed)
		return;
	session_enter(s);
	link_close(s->link, 0);
	s->link = NULL;
	while (s->jobs && !s->closed)
		job_end(s->jobs, &(struct session_exit){ .lost = true, .code = -1 });
	if (!s->closed && s->h->on_lost)
		s->h->on_lost(s->ctx, why);
	session_leave(s);
}

void session_drop(struct session *s)
{
	struct err e = { 0 };
	(void)err_set(&e, ENOTCONN, "the session was given up");
	lose(s, &e);
}

void session_broke(struct session *s, const char *fmt, ...)
{
	struct err e = { 0 };
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* cut is good enough for a message */
	va_end(ap);
	(void)err_set(&e, EPROTO, "the agent in the guest broke the protocol: %s", text);
	lose(s, &e);
}

void session_send(struct session *s, uint16_t type, uint32_t stream, const void *p, size_t n)
{
	if (s->link)
		link_send(s->link, type, stream, p, n);
}

int session_send_json(struct session *s, uint16_t type, uint32_t stream, json_t *j, struct err *e)
{
	auto_json json_t *own = j;
	auto_free char *line = json_line(own);
	size_t n = strlen(line);
	if (n > FRAME_MAX_PAYLOAD)
		return err_set(e, E2BIG, "%zu bytes of arguments and environment, at most %d", n,
			FRAME_MAX_PAYLOAD);
	session_send(s, type, stream, line, n);
	return 0;
}

/* One control object; NULL after session_broke. */
static json_t *control(struct session *s, const struct frame *f, const char *what)
{
	json_t *j = NULL;
	struct err e = { 0 };
	if (f->length > AGENT_JSON_MAX)
		session_broke(s, "%s of %u bytes", what, f->length);
	else if (json_parse_object((const char *)f->payload, f->length, &j, &e) < 0)
		session_broke(s, "%s: %s", what, e.msg);
	return j;
}

static void take_hello(struct session *s, const struct frame *f)
{
	auto_json json_t *j = s->hello || f->stream ? NULL : control(s, f, "HELLO");
	if (!j) {
		session_broke(s, "a HELLO too many"); /* no-op where it is lost already */
		return;
	}
	int64_t protocol = json_i64_or(j, "protocol", -1);
	if (protocol != AGENT_PROTOCOL) {
		session_broke(s, "it speaks version %lld, this fsqa version %d",
			(long long)protocol, AGENT_PROTOCOL);
		return;
	}
	s->hello = true;
	if (s->h->on_hello)
		s->h->on_hello(s->ctx, j);
}

static void take_ready(struct session *s, const struct frame *f)
{
	auto_json json_t *j = s->ready || f->stream ? NULL : control(s, f, "READY");
	if (!j) {
		session_broke(s, "a READY too many");
		return;
	}
	s->ready = true;
	if (s->h->on_ready)
		s->h->on_ready(s->ctx);
}

/* /dev/kmsg writes what is not printable ASCII as \xNN. Undo it for text; leave control
 * characters as they are written. */
static void unescape(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char hex[3] = { 0 };
		char *end = hex;
		unsigned long v = 0;
		if (p[i] == '\\' && i + 3 < n && p[i + 1] == 'x') {
			memcpy(hex, p + i + 2, 2);
			v = strtoul(hex, &end, 16);
		}
		if (end == hex + 2 && (v >= 0x80 || v == '\n' || v == '\t' || v == '\\')) {
			buf_addc(out, (char)v);
			i += 3;
		} else if ((unsigned char)p[i] < ' ' && p[i] != '\t') {
			buf_addf(out, "\\x%02x", (unsigned char)p[i]);
		} else {
			buf_addc(out, p[i]);
		}
	}
}

/* "PRIO,SEQ,USEC,FLAGS...;text" without its newline. */
static void take_record(struct session *s, const char *p, size_t n)
{
	char head[96];
	const char *semicolon = memchr(p, ';', n);
	size_t k = semicolon ? (size_t)(semicolon - p) : 0;
	unsigned prio;
	unsigned long long seq;
	unsigned long long us;
	if (k == 0 || k >= sizeof head)
		return;
	memcpy(head, p, k);
	head[k] = '\0';
	if (sscanf(head, "%u,%llu,%llu,", &prio, &seq, &us) != 3)
		return;
	auto_buf struct buf raw = { 0 };
	auto_buf struct buf text = { 0 };
	unescape(&raw, p + k + 1, n - k - 1);
	while (raw.len && raw.s[raw.len - 1] == '\n')
		raw.len--;
	utf8_clean(&text, raw.s, raw.len);
	struct session_kmsg m = { .level = prio & 7,
		.facility = prio >> 3,
		.seq = seq,
		.us = us,
		.text = buf_str(&text) };
	s->h->on_kmsg(s->ctx, &m);
}

static void take_kmsg(struct session *s, const struct frame *f)
{
	const char *p = (const char *)f->payload;
	size_t left = s->h->on_kmsg ? f->length : 0;
	while (left && s->link && !s->closed) {
		const char *nl = memchr(p, '\n', left);
		size_t n = nl ? (size_t)(nl - p) : left;
		if (n && p[0] != ' ') /* a blank begins a record's dictionary */
			take_record(s, p, n);
		p += nl ? n + 1 : n;
		left -= nl ? n + 1 : n;
	}
}

static struct event_stream *event_find(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < AGENT_STREAMS; i++)
		if (s->events[i].id == id)
			return &s->events[i];
	return NULL;
}

/* Whether its members are as agent.h says. They come from any process in the guest that can
 * open fsqa-test's socket: a wrong one is that test's trouble, not the session's. */
static bool event_is_good(const json_t *j, const char *what)
{
	const char *s = NULL;
	size_t i;
	json_t *v;
	if (strcmp(what, "start") == 0) {
		json_t *expect = json_object_get(j, "expect");
		if (json_get_str(j, "test", &s, NULL) < 0 || !s[0] ||
			(expect && !json_is_array(expect)))
			return false;
		json_array_foreach (expect, i, v)
			if (!json_is_string(v))
				return false;
		return true;
	}
	if (strcmp(what, "end") == 0)
		return json_get_str(j, "status", &s, NULL) == 0 &&
		       (!strcmp(s, "PASS") || !strcmp(s, "FAIL") || !strcmp(s, "ERROR") ||
			       !strcmp(s, "SKIP"));
	if (strcmp(what, "begins") == 0)
		return json_get_str(j, "test", &s, NULL) == 0 && s[0];
	if (strcmp(what, "reboot") == 0)
		return json_get_str(j, "mark", &s, NULL) == 0 && s[0];
	if (strcmp(what, "disk") == 0)
		return json_get_str(j, "disk", &s, NULL) == 0 &&
		       json_get_str(j, "action", &s, NULL) == 0;
	return strcmp(what, "collect") == 0 && json_get_str(j, "path", &s, NULL) == 0 &&
	       s[0] == '/';
}

static void event_went_bad(struct session *s, struct event_stream *known)
{
	if (!known || known->bad)
		return;
	uint32_t id = known->id;
	known->bad = true;
	auto_json json_t *j =
		json_pack("{s:s, s:s, s:i, s:s, s:i}", "event", "end", "status", "ERROR", "code",
			-1, "reason", "a malformed event came from the guest", "duration_us", 0);
	s->h->on_event(s->ctx, id, j);
}

static void take_event(struct session *s, const struct frame *f)
{
	if (f->stream % 2 == 0 || f->length > AGENT_JSON_MAX) {
		session_broke(s, "event of %u bytes on stream %u", f->length, f->stream);
		return;
	}
	auto_json json_t *j = NULL;
	struct event_stream *known = event_find(s, f->stream);
	(void)json_parse_object((const char *)f->payload, f->length, &j, NULL); /* NULL is told */
	const char *what = j ? json_str_or(j, "event", "") : "";
	bool start = strcmp(what, "start") == 0;
	bool end = strcmp(what, "end") == 0;
	if (!s->h->on_event)
		return;
	if (!j || !event_is_good(j, what) || (start && known) || (end && !known)) {
		event_went_bad(s, known);
		return;
	}
	if (start) {
		struct event_stream *room = event_find(s, 0);
		if (!room) {
			session_broke(s, "more than %d tests at once", AGENT_STREAMS);
			return;
		}
		*room = (struct event_stream){ .id = f->stream };
	}
	bool tell = !known || !known->bad;
	if (end)
		*known = (struct event_stream){ 0 };
	if (tell)
		s->h->on_event(s->ctx, f->stream, j);
}

void session_event_ack(struct session *s, uint32_t stream, const char *why)
{
	session_send(s, AGENT_EVENT_ACK, stream, why, why ? strlen(why) : 0);
}

static void take_job_frame(struct session *s, const struct frame *f)
{
	struct session_job *j = job_find(s, f->stream);
	if (j)
		job_frame(j, f);
	else
		session_broke(s, "a frame of type %u on stream %u, which is not open", f->type,
			f->stream);
}

static void dispatch(struct session *s, const struct frame *f)
{
	if (!s->hello && f->type != AGENT_HELLO) {
		session_broke(s, "a frame of type %u before HELLO", f->type);
		return;
	}
	switch (f->type) {
	case AGENT_HELLO:
		take_hello(s, f);
		return;
	case AGENT_READY:
		take_ready(s, f);
		return;
	case AGENT_KMSG:
		take_kmsg(s, f);
		return;
	case AGENT_EVENT:
		take_event(s, f);
		return;
	case AGENT_STDOUT:
	case AGENT_STDERR:
	case AGENT_CREDIT:
	case AGENT_EXIT:
	case AGENT_ENTRY:
	case AGENT_HOLE:
	case AGENT_DATA:
	case AGENT_SYNC:
		take_job_frame(s, f);
		return;
	default:
		session_broke(s, "a frame of type %u", f->type);
	}
}

static void on_frame(void *ctx, const struct frame *f)
{
	struct session *s = ctx;
	session_enter(s);
	if (s->link && !s->closed)
		dispatch(s, f);
	session_leave(s);
}

static void on_closed(void *ctx, const struct err *why)
{
	lose(ctx, why);
}

static const struct link_handler link_handler = { .on_frame = on_frame, .on_closed = on_closed };

static void on_watch(uv_timer_t *timer)
{
	struct session *s = timer->data;
	uint64_t now = clock_mono_us();
	session_enter(s);
	for (struct session_job *next, *j = s->jobs; j && !s->closed; j = next) {
		next = j->next;
		if ((j->kind == JOB_PUT || j->kind == JOB_GET) && !j->dead &&
			now - j->active_us > SILENCE_US) {
			job_give_up(j, SILENCE_US);
			next = s->jobs; /* the callback may have done anything */
		}
	}
	session_leave(s);
}

int session_open(uv_loop_t *loop, int fd, const struct session_handler *h, void *ctx,
	struct session **ret, struct err *e)
{
	struct session *s = xcalloc(1, sizeof *s);
	s->h = h;
	s->ctx = ctx;
	s->next_stream = 2;
	int rc = link_open(loop, fd, &link_handler, s, &s->link, e);
	if (rc < 0) {
		free(s);
		return rc;
	}
	(void)uv_timer_init(loop, &s->timer); /* cannot fail */
	s->timer.data = s;
	(void)uv_timer_start(&s->timer, on_watch, WATCH_MS, WATCH_MS); /* it has a callback */
	uv_unref((uv_handle_t *)&s->timer);
	*ret = s;
	return 0;
}

static int send_sync(struct session *s, enum agent_type type, void (*on_done)(void *ctx), void *ctx,
	struct err *e)
{
	struct session_job *j;
	int rc = job_new(s, JOB_SYNC, &j, e);
	if (rc < 0)
		return rc;
	j->on_done = on_done;
	j->ctx = ctx;
	session_send(s, (uint16_t)type, j->stream, NULL, 0);
	return 0;
}

int session_sync(struct session *s, void (*on_done)(void *ctx), void *ctx, struct err *e)
{
	return send_sync(s, AGENT_SYNC, on_done, ctx, e);
}

int session_freeze(struct session *s, void (*on_done)(void *ctx), void *ctx, struct err *e)
{
	if (s->jobs)
		return err_set(e, EBUSY, "commands or transfers are under way in the guest");
	return send_sync(s, AGENT_FREEZE, on_done, ctx, e);
}

void session_wake(struct session *s, const struct agent_wake *w)
{
	session_send(s, AGENT_WAKE, 0, w, sizeof *w);
}

void session_shutdown(struct session *s, bool reboot)
{
	json_t *j = json_pack("{s:s}", "how", reboot ? "reboot" : "poweroff");
	(void)session_send_json(s, AGENT_SHUTDOWN, 0, j, NULL); /* short: cannot fail */
}
