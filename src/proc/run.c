/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "proc/proc.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAIL 4096 /* of standard error is kept, for its last line */

struct collect {
	struct proc *proc;
	struct buf *out;
	size_t limit;
	size_t have;
	bool too_much;
	struct buf tail;
	struct proc_end *end;
};

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct collect *c = ctx;
	if (which == 2) {
		buf_add(&c->tail, data, n);
		if (c->tail.len > TAIL)
			buf_consume(&c->tail, c->tail.len - TAIL);
		return;
	}
	if (!c->out || c->too_much)
		return;
	size_t room = c->limit - c->have;
	buf_add(c->out, data, n < room ? n : room);
	c->have += n < room ? n : room;
	if (n > room) {
		c->too_much = true;
		proc_stop(c->proc);
	}
}

static void on_end(void *ctx, const struct proc_end *end)
{
	struct collect *c = ctx;
	*c->end = *end;
	proc_free(take(&c->proc));
}

static int run(const struct proc_spec *spec, struct collect *c, struct err *e)
{
	struct proc_spec s = *spec;
	s.out = PROC_PIPE;
	if (s.err == 0)
		s.err = PROC_PIPE;
	s.on_output = on_output;
	s.on_end = on_end;
	s.ctx = c;
	uv_loop_t loop;
	int rc = uv_loop_init(&loop);
	if (rc < 0)
		return err_code(e, rc, "event loop for %s", s.argv[0]);
	rc = proc_spawn(&loop, &s, &c->proc, e);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until nothing is left in it */
	int busy = uv_loop_close(&loop);
	assert(busy == 0);
	(void)busy; /* only asserted */
	if (rc == 0 && c->too_much)
		return err_set(e, EFBIG, "%s wrote more than %zu bytes", s.argv[0], c->limit);
	return rc;
}

int proc_run(const struct proc_spec *spec, struct buf *out, size_t limit, struct proc_end *ret,
	struct err *e)
{
	struct proc_end end = { 0 };
	struct collect c = { .out = out, .limit = limit, .end = &end };
	int rc = run(spec, &c, e);
	buf_clear(&c.tail);
	if (rc == 0)
		*ret = end;
	return rc;
}

/* The last line that is not blank, as printable UTF-8. */
static void last_line(const char *s, size_t n, struct buf *out)
{
	while (n > 0 && (unsigned char)s[n - 1] <= ' ')
		n--;
	size_t from = n;
	while (from > 0 && s[from - 1] != '\n' && s[from - 1] != '\r')
		from--;
	auto_buf struct buf line = { 0 };
	utf8_clean(&line, s + from, n - from);
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.s[i];
		buf_addc(out, c < ' ' || c == 127 ? ' ' : line.s[i]);
	}
}

int proc_check(const struct proc_spec *spec, struct buf *out, size_t limit, struct err *e)
{
	struct proc_end end = { 0 };
	struct collect c = { .out = out, .limit = limit, .end = &end };
	size_t before = out ? out->len : 0;
	int rc = run(spec, &c, e);
	if (rc == 0 && (end.how != PROC_EXITED || end.value != 0 || end.timed_out)) {
		auto_free char *how = proc_end_text(&end);
		auto_buf struct buf line = { 0 };
		if (spec->err == PROC_OUT && out)
			last_line(out->s + before, out->len - before, &line);
		else
			last_line(buf_str(&c.tail), c.tail.len, &line);
		rc = err_set(e, EIO, "%s: %s%s%s", spec->argv[0], how, line.len ? ": " : "",
			buf_str(&line));
	}
	buf_clear(&c.tail);
	return rc;
}

char *proc_end_text(const struct proc_end *end)
{
	char took[CLOCK_HUMAN_SIZE];
	if (end->timed_out)
		return xasprintf("timed out after %s", clock_human(end->duration_us, took));
	if (end->how == PROC_SIGNALED)
		return xasprintf("killed by signal %d (%s)", end->value, strsignal(end->value));
	return xasprintf("exit code %d", end->value);
}
