/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/disk_faults.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "run/batch_priv.h"
#include "run/outbox.h"
#include "wire/session.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 20000000 /* for disks to be back in the guest */

static const char *const actions[] = {
	[TARGET_FAULT_UNPLUG] = "unplug",
	[TARGET_FAULT_PLUG] = "plug",
	[TARGET_FAULT_ERROR] = "error",
	[TARGET_FAULT_SLOW] = "slow",
	[TARGET_FAULT_HEAL] = "heal",
};

/* One that the target was asked for. */
struct asked {
	struct batch *b;
	size_t disk;
	enum target_fault_kind kind;
	uint32_t stream;     /* who waits for the answer */
	json_t *record;      /* or NULL */
	struct healing *all; /* of which it is a part; nobody waits for it alone */
};

struct healing {
	struct batch *b;
	uint32_t owner;
	unsigned waiting;
	struct strv argv; /* fsqa-disk wait DISK... */
	void (*done)(struct batch *b, uint32_t owner);
};

/* ---- what is asked for ---- */

static int number(const json_t *event, const char *key, uint64_t max, uint64_t *ret, struct err *e)
{
	int64_t v = json_i64_or(event, key, 0);
	if (v < 0 || (uint64_t)v > max)
		return err_set(e, EINVAL, "%s: want at most %" PRIu64, key, max);
	*ret = (uint64_t)v;
	return 0;
}

int disk_fault_parse(const json_t *event, struct target_fault *ret, struct err *e)
{
	const char *action = json_str_or(event, "action", "");
	struct target_fault f = { .disk = json_str_or(event, "disk", "") };
	uint64_t count = 0;
	uint64_t every = 0;
	size_t kind = 0;
	while (kind < ARRAY_LEN(actions) && strcmp(actions[kind], action) != 0)
		kind++;
	if (kind == ARRAY_LEN(actions))
		return err_set(e, EINVAL, "no such fault: %.40s", action);
	f.kind = (enum target_fault_kind)kind;
	f.surprise = json_bool_or(event, "surprise", false);
	f.reads = json_bool_or(event, "read", false);
	f.writes = json_bool_or(event, "write", false);
	f.flushes = json_bool_or(event, "flush", false);
	if (!f.reads && !f.writes && !f.flushes)
		f.reads = f.writes = true;
	int rc = number(event, "sector", INT64_MAX, &f.sector, e);
	if (rc == 0)
		rc = number(event, "sectors", TARGET_FAULT_MANY, &f.n_sectors, e);
	if (rc == 0)
		rc = number(event, "count", TARGET_FAULT_MANY, &count, e);
	if (rc == 0)
		rc = number(event, "every", TARGET_FAULT_MANY, &every, e);
	if (rc == 0)
		rc = number(event, "bytes", (uint64_t)1 << 50, &f.bytes_per_s, e);
	if (rc == 0)
		rc = number(event, "requests", 1000000000, &f.requests_per_s, e);
	if (rc < 0)
		return rc;
	if (f.kind == TARGET_FAULT_SLOW && !f.bytes_per_s && !f.requests_per_s)
		return err_set(e, EINVAL, "how slow? Say --bytes, --requests or both");
	f.count = (unsigned)count;
	f.every = (unsigned)every;
	*ret = f;
	return 0;
}

static void error_text(const struct target_fault *f, struct buf *out)
{
	static const char *const names[] = { "", "reads", "writes", "reads and writes", "flushes",
		"reads and flushes", "writes and flushes", "reads, writes and flushes" };
	const char *what = names[(f->reads ? 1 : 0) | (f->writes ? 2 : 0) | (f->flushes ? 4 : 0)];
	if (f->every > 1)
		buf_addf(out, "one of %u ", f->every);
	buf_addf(out, "%s fail%s", what, f->every > 1 ? "s" : "");
	if (f->n_sectors == 1)
		buf_addf(out, " at sector %" PRIu64, f->sector);
	else if (f->n_sectors)
		buf_addf(out, " at sectors %" PRIu64 "-%" PRIu64, f->sector,
			f->sector + f->n_sectors - 1);
	if (f->count)
		buf_addf(out, ", %u times", f->count);
}

void disk_fault_text(const struct target_fault *f, struct buf *out)
{
	char size[PARSE_SIZE_TEXT];
	buf_addf(out, "%s: ", f->disk);
	switch (f->kind) {
	case TARGET_FAULT_UNPLUG:
		buf_adds(out, f->surprise ? "unplugged by surprise" : "unplugged");
		break;
	case TARGET_FAULT_PLUG:
		buf_adds(out, "plugged in");
		break;
	case TARGET_FAULT_ERROR:
		error_text(f, out);
		break;
	case TARGET_FAULT_SLOW:
		buf_adds(out, "at most");
		if (f->bytes_per_s)
			buf_addf(out, " %s", parse_size_text(f->bytes_per_s, size));
		if (f->requests_per_s)
			buf_addf(out, "%s %" PRIu64 " requests", f->bytes_per_s ? " and" : "",
				f->requests_per_s);
		buf_adds(out, " a second");
		break;
	case TARGET_FAULT_HEAL:
		buf_adds(out, "healed");
		break;
	}
}

/* The test of ours in which it runs: the one that it names, else its stage. */
static struct trial *owner_of(struct batch *b, const char *test, uint32_t *ret_stream)
{
	auto_free char *path = xasprintf("%s.%s", b->trial.test, test);
	*ret_stream = 0;
	for (size_t i = 0; i < BATCH_SUBTESTS; i++)
		if (b->subtests[i].used && strcmp(b->subtests[i].trial.test, path) == 0) {
			*ret_stream = b->subtests[i].stream;
			return &b->subtests[i].trial;
		}
	return &b->trial;
}

static json_t *record(const struct trial *t, const struct target_fault *f)
{
	auto_buf struct buf text = { 0 };
	disk_fault_text(f, &text);
	return json_pack("{s:s, s:I, s:s, s:s, s:s}", "test", t->test, "attempt",
		(json_int_t)t->attempt, "disk", f->disk, "action", actions[f->kind], "text",
		buf_str(&text));
}

static int expect(struct trial *t, const json_t *event, struct err *e)
{
	size_t i;
	json_t *pattern;
	int rc = 0;
	json_array_foreach (json_object_get(event, "expect"), i, pattern) {
		const char *text = json_string_value(pattern);
		if (rc == 0 && text)
			rc = kernel_expect_add(&t->expect, text, e);
	}
	return rc;
}

static size_t find_disk(const struct batch *b, const char *serial)
{
	size_t i = 0;
	while (i < b->spec.n_disks && strcmp(b->spec.disks[i].serial, serial) != 0)
		i++;
	return i;
}

/* ---- it is done ---- */

static void finish_healing(struct healing *h)
{
	h->done(h->b, h->owner);
	strv_clear(&h->argv);
	free(h);
}

static void on_waited(void *ctx, const struct session_exit *x)
{
	struct healing *h = ctx;
	if (!x->lost && (x->code != 0 || x->error[0]))
		batch_note(h->b, "warning",
			"a disk that was healed is not back in the target: later tests may miss "
			"it");
	finish_healing(h);
}

/* They come back in the guest's own time; its command's end is behind its kernel's messages. */
static void wait_in_guest(struct healing *h)
{
	struct err e = { 0 };
	struct session_job *job;
	struct session_exec x = {
		.argv = strv_get(&h->argv), .deadline_us = WAIT_US, .on_exit = on_waited, .ctx = h
	};
	if (!h->b->session || session_exec(h->b->session, &x, &job, &e) < 0)
		finish_healing(h); /* it is lost: what comes next says so */
}

static void one_healed(struct healing *h)
{
	if (--h->waiting == 0)
		wait_in_guest(h);
}

static void on_fault_done(void *ctx, const struct err *why)
{
	struct asked *a = ctx;
	struct batch *b = a->b;
	struct disk_fault *d = &b->disk_faults[a->disk];
	bool back = a->kind == TARGET_FAULT_PLUG || a->kind == TARGET_FAULT_HEAL;
	if (d->waiting)
		d->waiting--;
	if (back && why->code == 0 && !d->waiting)
		d->active = false;
	/* Where the target ended under it, it may be why. */
	if (a->record && (why->code == 0 || why->code == -ENOTCONN))
		outbox_record(b->out, "fault", json_incref(a->record), NULL, NULL);
	json_decref(a->record);
	if (a->all && why->code && why->code != -ENOTCONN) {
		auto_free char *text = xasprintf("a disk is not healed: %s", why->msg);
		batch_note(b, "warning", text);
	}
	if (a->all)
		one_healed(a->all);
	else if (b->session)
		session_event_ack(b->session, a->stream, why->code ? why->msg : NULL);
	free(a);
}

static int ask(
	struct batch *b, const struct target_fault *f, const struct asked *how, struct err *e)
{
	struct asked *a = xcalloc(1, sizeof *a);
	struct disk_fault *d = &b->disk_faults[how->disk];
	*a = *how;
	d->waiting++; /* the answer may come at once */
	int rc = target_fault(b->target, f, on_fault_done, a, e);
	if (rc < 0) {
		d->waiting--;
		json_decref(a->record);
		free(a);
	}
	return rc;
}

static int fault(struct batch *b, uint32_t stream, const json_t *event, struct err *e)
{
	struct target_fault f;
	uint32_t owner;
	bool of_stage = b->state == BATCH_STAGE;
	if (!of_stage && b->state != BATCH_SHELL)
		return err_set(e, EINVAL, "no stage is running");
	struct trial *t = owner_of(b, json_str_or(event, "test", ""), &owner);
	int rc = disk_fault_parse(event, &f, e);
	if (rc < 0)
		return rc;
	struct asked a = { .b = b, .disk = find_disk(b, f.disk), .kind = f.kind, .stream = stream };
	if (a.disk == b->spec.n_disks)
		return err_set(e, ENODEV, "there is no scratch disk %.40s", f.disk);
	if (!b->spec.faults)
		return target_fault(b->target, &f, NULL, NULL, e); /* it says what to do */
	if (of_stage)
		rc = expect(t, event, e);
	if (rc < 0)
		return rc;
	if (of_stage && b->n_faults++ < BATCH_FAULTS)
		a.record = record(t, &f);
	if (f.kind != TARGET_FAULT_PLUG && f.kind != TARGET_FAULT_HEAL) {
		b->disk_faults[a.disk].active = true;
		b->disk_faults[a.disk].owner = owner;
	}
	return ask(b, &f, &a, e);
}

void disk_fault_event(struct batch *b, uint32_t stream, const json_t *event)
{
	struct err e = { 0 };
	if (b->session && b->target && fault(b, stream, event, &e) < 0)
		session_event_ack(b->session, stream, e.msg);
}

/* ---- the end of a test ---- */

static bool is_of(const struct disk_fault *d, uint32_t owner)
{
	return d->active && (owner == 0 || d->owner == owner);
}

bool disk_faults_heal(
	struct batch *b, uint32_t owner, void (*done)(struct batch *b, uint32_t owner))
{
	struct healing *h = NULL;
	for (size_t i = 0; b->target && b->session && i < b->spec.n_disks; i++) {
		struct err e = { 0 };
		struct target_fault f = { .kind = TARGET_FAULT_HEAL,
			.disk = b->spec.disks[i].serial };
		if (!is_of(&b->disk_faults[i], owner))
			continue;
		if (!h) {
			h = xcalloc(1, sizeof *h);
			*h = (struct healing){ .b = b, .owner = owner, .waiting = 1, .done = done };
			strv_addl(&h->argv, "/usr/bin/fsqa-disk", "wait", NULL);
		}
		struct asked a = { .b = b, .disk = i, .kind = f.kind, .all = h };
		strv_add(&h->argv, f.disk);
		h->waiting++;
		if (ask(b, &f, &a, &e) < 0)
			h->waiting--; /* the target ends */
	}
	if (h)
		one_healed(h);
	return h != NULL;
}

void disk_faults_forget(struct batch *b)
{
	memset(b->disk_faults, 0, sizeof b->disk_faults);
}
