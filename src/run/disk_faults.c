/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/disk_faults.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "run/batch_priv.h"
#include "run/disk_fault.h"
#include "run/outbox.h"
#include "wire/session.h"
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 20000000 /* for disks to be back in the guest */

/* One that the target was asked for. */
struct asked {
	struct batch *b;
	size_t disk;
	enum target_fault_kind kind;
	uint32_t stream; /* who waits for the answer */
	json_t *record;  /* or NULL */
	/* Of which it is a part, where nobody waits for it alone: */
	struct healing *all;
	struct declaring *declared;
};

/* What the profile declares is being done. */
struct declaring {
	struct batch *b;
	uint32_t owner;
	unsigned waiting;
	struct err why; /* of the first that failed */
	void (*done)(struct batch *b, uint32_t owner, const char *why);
	struct healing *again; /* then this one is over */
};

struct healing {
	struct batch *b;
	uint32_t owner;
	unsigned waiting;
	struct strv argv; /* fsqa-disk wait DISK... */
	void (*done)(struct batch *b, uint32_t owner);
};

/* ---- what is asked for ---- */

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

static struct trial *trial_of(struct batch *b, uint32_t owner)
{
	for (size_t i = 0; owner && i < BATCH_SUBTESTS; i++)
		if (b->subtests[i].used && b->subtests[i].stream == owner)
			return &b->subtests[i].trial;
	return &b->trial;
}

static json_t *record(const struct trial *t, const struct target_fault *f)
{
	auto_buf struct buf text = { 0 };
	disk_fault_text(f, &text);
	return json_pack("{s:s, s:I, s:s, s:s, s:s}", "test", t->test, "attempt",
		(json_int_t)t->attempt, "disk", f->disk, "action", disk_fault_action(f->kind),
		"text", buf_str(&text));
}

static int expect(struct trial *t, const json_t *patterns, struct err *e)
{
	size_t i;
	json_t *pattern;
	int rc = 0;
	json_array_foreach (patterns, i, pattern) {
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

static void free_healing(struct healing *h)
{
	h->done(h->b, h->owner);
	strv_clear(&h->argv);
	free(h);
}

static bool declare_again(struct healing *h);

/* What holds for the whole stage holds on behind a subtest that is over. */
static void finish_healing(struct healing *h)
{
	if (h->owner == 0 || !declare_again(h))
		free_healing(h);
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

static void finish_declaring(struct declaring *d)
{
	if (d->again) {
		if (d->why.code)
			batch_note(d->b, "warning", d->why.msg);
		free_healing(d->again);
	} else {
		d->done(d->b, d->owner, d->why.code ? d->why.msg : NULL);
	}
	free(d);
}

static void one_declared(struct declaring *d, const struct err *why)
{
	if (d->why.code == 0)
		d->why = *why;
	if (--d->waiting == 0)
		finish_declaring(d);
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
	if (a->declared)
		one_declared(a->declared, why);
	else if (a->all)
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
		rc = expect(t, json_object_get(event, "expect"), e);
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

/* ---- what the profile declares ---- */

/* Whether it is for this test: the stage itself, or a subtest. */
static bool is_for(const struct batch *b, const struct job_faults *f, const struct trial *t)
{
	if (t == &b->trial)
		return f->stage && strcmp(f->stage, t->stage) == 0;
	return f->test && fnmatch(f->test, t->test, 0) == 0;
}

void disk_faults_expect(struct batch *b, struct trial *t)
{
	struct err why = { 0 };
	if (expect(t, b->job->stages[b->next_stage].provokes, &why) < 0)
		batch_note(b, "warning", why.msg);
	for (size_t i = 0; i < b->job->n_faults; i++) {
		struct err e = { 0 };
		const struct job_faults *f = &b->job->faults[i];
		if ((is_for(b, f, t) || is_for(b, f, &b->trial)) && expect(t, f->expect, &e) < 0)
			batch_note(b, "warning", e.msg);
	}
}

static void declare(struct declaring *d, struct trial *t, const json_t *event)
{
	struct batch *b = d->b;
	struct target_fault f;
	struct err e = { 0 };
	struct asked a = { .b = b, .declared = d };
	d->waiting++;
	int rc = disk_fault_parse(event, &f, &e);
	if (rc == 0) {
		a.disk = find_disk(b, f.disk);
		a.kind = f.kind;
		rc = a.disk < b->spec.n_disks ? 0 : err_set(&e, ENODEV, "no disk %.40s", f.disk);
	}
	if (rc == 0 && !d->again && b->n_faults++ < BATCH_FAULTS)
		a.record = record(t, &f);
	if (rc == 0) {
		b->disk_faults[a.disk].active = true;
		b->disk_faults[a.disk].owner = d->owner;
		rc = ask(b, &f, &a, &e);
	}
	if (rc < 0)
		one_declared(d, &e);
}

/* All of the test's, or only of the disks that were healed. */
static bool declare_all(struct declaring *d, struct trial *t,
	bool (*wanted)(struct declaring *d, const json_t *event))
{
	size_t k;
	json_t *event;
	const struct err none = { 0 };
	unsigned n = 0;
	d->waiting = 1; /* each may be over at once */
	for (size_t i = 0; i < d->b->job->n_faults; i++) {
		const struct job_faults *f = &d->b->job->faults[i];
		json_array_foreach (f->faults, k, event) {
			if (!is_for(d->b, f, t) || (wanted && !wanted(d, event)))
				continue;
			n++;
			declare(d, t, event);
		}
	}
	if (n)
		one_declared(d, &none);
	else
		free(d);
	return n > 0;
}

static bool was_healed(struct declaring *d, const json_t *event)
{
	const char *disk = json_str_or(event, "disk", "");
	for (size_t i = 2; i < d->again->argv.n; i++)
		if (strcmp(d->again->argv.v[i], disk) == 0)
			return true;
	return false;
}

static bool declare_again(struct healing *h)
{
	struct batch *b = h->b;
	if (b->state != BATCH_STAGE || !b->session)
		return false;
	struct declaring *d = xcalloc(1, sizeof *d);
	*d = (struct declaring){ .b = b, .again = h };
	return declare_all(d, &b->trial, was_healed);
}

bool disk_faults_declared(struct batch *b, uint32_t owner,
	void (*done)(struct batch *b, uint32_t owner, const char *why))
{
	struct trial *t = trial_of(b, owner);
	struct declaring *d = xcalloc(1, sizeof *d);
	*d = (struct declaring){ .b = b, .owner = owner, .done = done };
	return declare_all(d, t, NULL);
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
