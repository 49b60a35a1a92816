/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/read.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/id.h"
#include "store/pack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONE SIZE_MAX

/* The last attempt seen of each test, found by its name: open addressing, never above half
 * full. */
struct loader {
	struct run_info *r;
	size_t *slot; /* index into r->attempts, NONE: free */
	size_t n_slots, n_used;
	size_t cap_attempts, cap_artifacts;
};

static size_t *slot_of(const struct loader *l, const char *test)
{
	size_t at = hash_crc32(test, strlen(test)) & (l->n_slots - 1);
	while (l->slot[at] != NONE && strcmp(l->r->attempts[l->slot[at]].test, test) != 0)
		at = (at + 1) & (l->n_slots - 1);
	return &l->slot[at];
}

static void slots_grow(struct loader *l)
{
	if (l->n_used * 2 < l->n_slots)
		return;
	size_t *old = l->slot;
	size_t n_old = l->n_slots;
	l->n_slots = n_old ? n_old * 2 : 64;
	l->slot = xmalloc(l->n_slots * sizeof *l->slot);
	for (size_t i = 0; i < l->n_slots; i++)
		l->slot[i] = NONE;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i] != NONE)
			*slot_of(l, l->r->attempts[old[i]].test) = old[i];
	}
	free(old);
}

/* Room for one more element of `size` at the end of *v. */
static void grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return;
	*cap = *cap ? *cap * 2 : 16;
	void **p = v;
	*p = xrealloc(*p, *cap * size);
}

static uint64_t u64_of(const json_t *rec, const char *key)
{
	int64_t v = json_i64_or(rec, key, 0);
	return v > 0 ? (uint64_t)v : 0;
}

/* The attempt a record is about, made where the journal has no start of it. */
static struct run_attempt *attempt_of(struct loader *l, const json_t *rec)
{
	struct run_info *r = l->r;
	const char *test = json_str_or(rec, "test", "");
	int64_t number = json_i64_or(rec, "attempt", 0);
	slots_grow(l);
	size_t *slot = slot_of(l, test);
	if (*slot != NONE && r->attempts[*slot].attempt == number)
		return &r->attempts[*slot];
	for (size_t i = *slot; i != NONE; i = r->attempts[i].before) {
		if (r->attempts[i].attempt == number)
			return &r->attempts[i];
	}
	grow(&r->attempts, r->n_attempts, &l->cap_attempts, sizeof *r->attempts);
	struct run_attempt *a = &r->attempts[r->n_attempts];
	*a = (struct run_attempt){ .test = xstrdup(test),
		.stage = xstrdup(json_str_or(rec, "stage", "")),
		.attempt = number,
		.batch = json_i64_or(rec, "batch", 0),
		.status = VERDICT_MISS,
		.start_wall_us = json_i64_or(rec, "wall_us", 0),
		.start_at_us = u64_of(rec, "at_us"),
		.marker_us = u64_of(rec, "marker_us"),
		.before = *slot };
	if (*slot == NONE)
		l->n_used++;
	else
		r->attempts[*slot].superseded = true;
	*slot = r->n_attempts++;
	return a;
}

static void load_end(struct loader *l, const json_t *rec)
{
	struct run_attempt *a = attempt_of(l, rec);
	if (a->ended)
		return; /* an attempt is never overwritten: its first end stands */
	a->ended = true;
	a->status = (enum verdict)verdict_from_name(json_str_or(rec, "status", "MISS"));
	a->reason = xstrdup(json_str_or(rec, "reason", ""));
	a->duration_us = u64_of(rec, "duration_us");
	if (!a->batch)
		a->batch = json_i64_or(rec, "batch", 0);
	if (json_object_get(rec, "marker_us"))
		a->marker_us = u64_of(rec, "marker_us");
	if (!*a->stage && json_object_get(rec, "stage")) {
		free(a->stage);
		a->stage = xstrdup(json_str_or(rec, "stage", ""));
	}
	a->end = json_incref((json_t *)rec);
}

static void load_fault(struct loader *l, const json_t *rec)
{
	struct run_attempt *a = attempt_of(l, rec);
	if (!a->faults)
		a->faults = json_array();
	(void)json_array_append(a->faults, (json_t *)rec); /* both are ours */
}

/* It makes a verdict worse, never better. */
static void load_witness(struct loader *l, const json_t *rec)
{
	struct run_attempt *a = attempt_of(l, rec);
	enum verdict v = (enum verdict)verdict_from_name(json_str_or(rec, "status", "MISS"));
	if (!a->ended)
		return;
	json_decref(a->witness);
	a->witness = json_incref((json_t *)rec);
	if (v >= a->status)
		return;
	a->status = v;
	free(a->reason);
	a->reason = xstrdup(json_str_or(rec, "reason", ""));
}

static void load_artifact(struct loader *l, const json_t *rec)
{
	struct run_info *r = l->r;
	grow(&r->artifacts, r->n_artifacts, &l->cap_artifacts, sizeof *r->artifacts);
	struct run_artifact *a = &r->artifacts[r->n_artifacts++];
	*a = (struct run_artifact){ .test = xstrdup(json_str_or(rec, "test", "")),
		.attempt = json_i64_or(rec, "attempt", 0),
		.name = xstrdup(json_str_or(rec, "name", "")),
		.kind = xstrdup(json_str_or(rec, "kind", "")),
		.offset = u64_of(rec, "offset"),
		.length = u64_of(rec, "length"),
		.size = u64_of(rec, "size"),
		.cut = json_bool_or(rec, "cut", false) };
	memcpy(a->sha256, json_str_or(rec, "sha256", ""), 64); /* its length was checked */
}

static void keep(json_t **to, const json_t *rec)
{
	json_decref(*to);
	*to = json_incref((json_t *)rec);
}

static int load_record(void *ctx, const json_t *rec, struct err *e)
{
	struct loader *l = ctx;
	struct run_info *r = l->r;
	const char *type = json_str_or(rec, "type", "");
	if ((strcmp(type, "run") == 0) != (json_i64_or(rec, "seq", 0) == 1))
		return err_set(e, EBADMSG, "record %s is out of place", type);
	bool resumes = strcmp(type, "resume") == 0;
	if (r->last && !resumes)
		return err_set(e, EBADMSG, "record %s behind run_end", type);
	if (resumes && !r->last)
		return err_set(e, EBADMSG, "record %s without a run_end before it", type);
	if (strcmp(type, "run") == 0)
		keep(&r->first, rec);
	else if (strcmp(type, "plan") == 0)
		keep(&r->plan, rec);
	else if (strcmp(type, "target") == 0)
		keep(&r->target, rec);
	else if (strcmp(type, "attempt_start") == 0)
		(void)attempt_of(l, rec); /* made by asking for it */
	else if (strcmp(type, "attempt_end") == 0)
		load_end(l, rec);
	else if (strcmp(type, "fault") == 0)
		load_fault(l, rec);
	else if (strcmp(type, "witness") == 0)
		load_witness(l, rec);
	else if (strcmp(type, "artifact") == 0)
		load_artifact(l, rec);
	else if (strcmp(type, "note") == 0)
		(void)json_array_append(r->notes, (json_t *)rec); /* both are ours */
	else if (strcmp(type, "run_end") == 0)
		keep(&r->last, rec);
	if (resumes) {
		json_decref(take(&r->last)); /* it was not the end */
		keep(&r->resumed, rec);
	}
	return 0;
}

/* What the scan cannot know: how attempts without an end are told. */
static void finish(struct run_info *r, const struct journal_scan *s)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		struct run_attempt *a = &r->attempts[i];
		if (a->ended)
			continue;
		bool running = r->live && !r->last;
		a->reason = xstrdup(running        ? "running"
				    : s->damage[0] ? "its end is lost: the journal is damaged"
						   : "fsqa was killed while it ran");
		if (!running && s->at_us > a->start_at_us)
			a->duration_us = s->at_us - a->start_at_us;
	}
	r->duration_us = r->last ? u64_of(r->last, "duration_us") : s->at_us;
	r->interrupted = r->last ? json_bool_or(r->last, "interrupted", false) : !r->live;
	if (s->damage[0])
		r->damage = xstrdup(s->damage);
	if (!r->first) {
		r->first = json_object();
		if (!r->damage)
			r->damage = xstrdup("no records");
	}
}

int run_info_load(struct run_info *r, int fd, struct journal_scan *s, struct err *e)
{
	struct loader l = { .r = r };
	int rc = journal_scan(fd, load_record, &l, s, e);
	free(l.slot);
	if (rc < 0)
		return rc;
	finish(r, s);
	return 0;
}

struct run_info *run_info_new(const char *state_dir, const char *id)
{
	struct run_info *r = xcalloc(1, sizeof *r);
	r->id = xstrdup(id);
	r->dir = xasprintf("%s/runs/%s", state_dir, id);
	r->notes = json_array();
	return r;
}

int run_read(const char *state_dir, const char *id, struct run_info **ret, struct err *e)
{
	auto_free char *whole = NULL;
	int rc = run_id_find(state_dir, id, &whole, e);
	if (rc < 0)
		return rc;
	struct run_info *r = run_info_new(state_dir, whole);
	auto_free char *path = path_join(r->dir, "journal");
	/* Before it is read: a writer that goes away meanwhile has then written all it will. */
	r->live = file_is_locked(path);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct journal_scan s;
	rc = fd < 0 ? err_sys(e, "%s", path) : run_info_load(r, fd, &s, e);
	if (rc < 0) {
		run_info_free(r);
		return rc;
	}
	if (r->last)
		r->live = false; /* it only has not let go yet */
	*ret = r;
	return 0;
}

void run_info_free(struct run_info *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_attempts; i++) {
		free(r->attempts[i].test);
		free(r->attempts[i].stage);
		free(r->attempts[i].reason);
		json_decref(r->attempts[i].end);
		json_decref(r->attempts[i].faults);
		json_decref(r->attempts[i].witness);
	}
	for (size_t i = 0; i < r->n_artifacts; i++) {
		free(r->artifacts[i].test);
		free(r->artifacts[i].name);
		free(r->artifacts[i].kind);
	}
	free(r->attempts);
	free(r->artifacts);
	json_decref(r->first);
	json_decref(r->plan);
	json_decref(r->target);
	json_decref(r->last);
	json_decref(r->resumed);
	json_decref(r->notes);
	free(r->damage);
	free(r->id);
	free(r->dir);
	free(r);
}

const char *run_artifact_collected(const struct run_artifact *a)
{
	static const char folder[] = "logs/";
	size_t n = strlen(folder);
	bool below = strncmp(a->name, folder, n) == 0 && a->name[n];
	if (strcmp(a->kind, "file") != 0 && !(below && strcmp(a->kind, "log") == 0))
		return NULL;
	return below ? a->name + n : a->name;
}

bool run_attempt_is_stage(const struct run_attempt *a)
{
	const char *dot = strchr(a->test, '.');
	return *a->stage && dot && strcmp(dot + 1, a->stage) == 0;
}

void run_info_counts(const struct run_info *r, unsigned counts[VERDICT_COUNT])
{
	memset(counts, 0, VERDICT_COUNT * sizeof *counts);
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		if (!a->superseded && (a->ended || !r->live))
			counts[a->status]++;
	}
}

enum verdict run_info_status(const struct run_info *r)
{
	enum verdict worst = VERDICT_COUNT;
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	for (int v = VERDICT_COUNT - 1; v >= 0; v--) {
		if (counts[v])
			worst = (enum verdict)v;
	}
	bool nothing_ran = worst == VERDICT_COUNT;
	if (r->last) {
		const char *told = json_str_or(r->last, "status", "MISS");
		worst = verdict_worst(worst, (enum verdict)verdict_from_name(told));
	}
	if (r->interrupted || r->damage || nothing_ran)
		worst = verdict_worst(worst, VERDICT_MISS);
	return worst;
}

const char *run_info_accel(const struct run_info *r, const char **ret_why)
{
	const json_t *environment = json_object_get(r->first, "environment");
	const char *planned = json_str_or(environment, "accel_reason", "");
	if (ret_why)
		*ret_why = json_str_or(r->target, "accel_reason", planned);
	return json_str_or(r->target, "accel", json_str_or(r->first, "accel", ""));
}

uint64_t run_info_pack_end(const struct run_info *r)
{
	uint64_t end = 0;
	for (size_t i = 0; i < r->n_artifacts; i++) {
		uint64_t to = r->artifacts[i].offset + r->artifacts[i].length;
		end = to > end ? to : end;
	}
	return end;
}

int run_artifact_each(const struct run_info *r, const struct run_artifact *a,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	auto_free char *path = path_join(r->dir, "pack");
	struct pack_entry x = { .offset = a->offset, .length = a->length, .size = a->size };
	memcpy(x.sha256, a->sha256, sizeof x.sha256);
	return pack_read(path, &x, sink, ctx, e);
}

static int write_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	return fd_write_all(*(int *)ctx, p, n, e);
}

int run_artifact_write(
	const struct run_info *r, const struct run_artifact *a, int fd, struct err *e)
{
	return run_artifact_each(r, a, write_piece, &fd, e);
}
