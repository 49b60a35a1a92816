/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/hang.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "target/qmp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS      "h8wlmdt"
#define KEY_LOCKS 'd'
#define HAS_LOCKS "show-all-locks(d)" /* in the help of a kernel that has lockdep */
#define ANSWER_MS 3000                /* to a key's first byte */
#define QUIET_MS  500                 /* that ends an answer */
#define ALL_MS    20000               /* for all keys */
#define CORE_MS   300000
#define CORE_TICK 250 /* ms between two looks at its size */

struct hang {
	struct hang_spec spec;
	char *core;
	uv_timer_t quiet; /* to the next key, or the next look at the core */
	uv_timer_t all;   /* to the end of the keys, or of the core */
	unsigned handles;
	size_t next_key;
	bool breaking;  /* QEMU was asked for a break, and did not answer yet */
	bool heard;     /* something of the console since the last key */
	bool has_locks; /* the help named it */
	size_t matched; /* of HAS_LOCKS */
	bool dumping;
	bool freed;
	bool done;
	char note[200];
};

static void next_key(struct hang *h);
static void on_quiet(uv_timer_t *timer);
static void on_all(uv_timer_t *timer);

static void done(struct hang *h)
{
	if (h->done)
		return;
	h->done = true;
	uv_timer_stop(&h->quiet);
	uv_timer_stop(&h->all);
	h->spec.on_done(h->spec.ctx, h->note);
}

static void note(struct hang *h, const char *what, const char *why)
{
	size_t used = strlen(h->note);
	(void)snprintf(h->note + used, sizeof h->note - used, "%s%s%s%s", used ? "; " : "", what,
		why ? ": " : "", why ? why : ""); /* may be cut */
}

static void wait_for(struct hang *h, uv_timer_t *timer, uv_timer_cb cb, uint64_t ms)
{
	uv_update_time(h->spec.loop);
	(void)uv_timer_start(timer, cb, ms, 0); /* has a callback: cannot fail */
}

/* ---- the core ---- */

static void give_up_core(struct hang *h, const char *why)
{
	note(h, "no core", why);
	(void)unlink(h->core); /* it may not be there */
	done(h);
}

/* Its size is not known before it is written. */
static void on_core_tick(uv_timer_t *timer)
{
	struct hang *h = timer->data;
	struct stat st;
	if (stat(h->core, &st) == 0 && (uint64_t)st.st_blocks * 512 > h->spec.core_max_bytes)
		give_up_core(h, "it is larger than vm.coreMax");
	else
		wait_for(h, &h->quiet, on_core_tick, CORE_TICK);
}

static void on_dump(void *ctx, const json_t *ret, const struct err *why)
{
	struct hang *h = ctx;
	if (!ret && !h->done)
		give_up_core(h, why->msg);
}

static void start_core(struct hang *h)
{
	struct err e = { 0 };
	h->dumping = true;
	uv_timer_stop(&h->quiet);
	if (!h->core) {
		done(h);
		return;
	}
	auto_free char *protocol = xasprintf("file:%s", h->core);
	json_t *arguments = json_pack("{s:b, s:s, s:b, s:s}", "paging", 0, "protocol", protocol,
		"detach", 1, "format", "kdump-zlib");
	if (qmp_command(h->spec.qmp, "dump-guest-memory", arguments, on_dump, h, &e) < 0) {
		give_up_core(h, e.msg);
		return;
	}
	wait_for(h, &h->all, on_all, CORE_MS);
	wait_for(h, &h->quiet, on_core_tick, CORE_TICK);
}

void hang_event(struct hang *h, const char *name, const json_t *data)
{
	if (h->done || !h->dumping || strcmp(name, "DUMP_COMPLETED") != 0)
		return;
	const char *error = json_str_or(data, "error", NULL);
	if (error)
		give_up_core(h, error);
	else
		done(h);
}

/* ---- the keys ---- */

struct letter {
	uv_write_t req;
	char key;
};

static void on_written(uv_write_t *req, int status)
{
	free(req); /* that it was not read is seen by the silence */
}

/* The break is in the serial port now; what comes next is its key. */
static void on_break(void *ctx, const json_t *ret, const struct err *why)
{
	struct hang *h = ctx;
	if (h->done || h->dumping)
		return;
	h->breaking = false;
	if (!ret) {
		note(h, "no task dump", why->msg);
		start_core(h);
		return;
	}
	struct letter *l = xcalloc(1, sizeof *l);
	l->key = KEYS[h->next_key++];
	uv_buf_t b = uv_buf_init(&l->key, 1);
	if (uv_write(&l->req, h->spec.console, &b, 1, on_written) < 0)
		free(l);
	h->heard = false;
	wait_for(h, &h->quiet, on_quiet, ANSWER_MS);
}

static void on_mute(uv_timer_t *timer)
{
	struct hang *h = timer->data;
	note(h, "no task dump", "QEMU does not answer");
	start_core(h);
}

static void next_key(struct hang *h)
{
	struct err e = { 0 };
	if (KEYS[h->next_key] == KEY_LOCKS && !h->has_locks)
		h->next_key++;
	if (KEYS[h->next_key] == '\0') {
		start_core(h);
	} else if (qmp_command(h->spec.qmp, "chardev-send-break",
			   json_pack("{s:s}", "id", "console"), on_break, h, &e) < 0) {
		note(h, "no task dump", e.msg);
		start_core(h);
	} else {
		h->breaking = true;
		wait_for(h, &h->quiet, on_mute, ANSWER_MS);
	}
}

static void on_quiet(uv_timer_t *timer)
{
	struct hang *h = timer->data;
	if (h->next_key == 1 && !h->heard) {
		note(h, "the kernel does not answer SysRq either", NULL);
		start_core(h);
	} else {
		next_key(h);
	}
}

static void on_all(uv_timer_t *timer)
{
	struct hang *h = timer->data;
	if (h->dumping) {
		give_up_core(h, "QEMU did not write it in time");
	} else {
		note(h, "the task dump was cut for time", NULL);
		start_core(h);
	}
}

/* The first letter of the phrase stands in it again, but never after a part that matched. */
static void look_for_locks(struct hang *h, const char *s, size_t n)
{
	static const char phrase[] = HAS_LOCKS;
	for (size_t i = 0; i < n && !h->has_locks; i++) {
		h->matched = s[i] == phrase[h->matched] ? h->matched + 1 : s[i] == phrase[0];
		h->has_locks = h->matched == sizeof phrase - 1;
	}
}

void hang_console(struct hang *h, const void *data, size_t n)
{
	if (h->done || h->dumping || h->next_key == 0)
		return;
	look_for_locks(h, data, n);
	h->heard = true;
	if (!h->breaking)
		wait_for(h, &h->quiet, on_quiet, QUIET_MS);
}

/* ---- birth and death ---- */

struct hang *hang_start(const struct hang_spec *spec)
{
	struct hang *h = xcalloc(1, sizeof *h);
	h->spec = *spec;
	h->core = spec->core ? xstrdup(spec->core) : NULL;
	(void)uv_timer_init(spec->loop, &h->quiet); /* neither can fail */
	(void)uv_timer_init(spec->loop, &h->all);
	h->quiet.data = h->all.data = h;
	h->handles = 2;
	wait_for(h, &h->all, on_all, ALL_MS);
	wait_for(h, &h->quiet, on_quiet, 0);
	h->heard = true;
	return h;
}

static void on_closed(uv_handle_t *handle)
{
	struct hang *h = handle->data;
	if (--h->handles > 0)
		return;
	free(h->core);
	free(h);
}

void hang_free(struct hang *h)
{
	if (!h || h->freed)
		return;
	h->freed = h->done = true;
	uv_close((uv_handle_t *)&h->quiet, on_closed);
	uv_close((uv_handle_t *)&h->all, on_closed);
}
