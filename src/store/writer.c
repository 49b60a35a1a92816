/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/writer.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/id.h"
#include "store/pack.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_US 10000000u
#define SAME_SECOND  1000u /* runs of one profile in one second */
#define CHUNK        65536u

struct run_writer {
	char *state_dir, *id, *dir;
	struct journal journal;
	struct pack *pack;
	json_t *artifact; /* the record of the one being written, or NULL */
};

static struct run_writer *writer_new(const char *state_dir, const char *id)
{
	struct run_writer *w = xcalloc(1, sizeof *w);
	w->state_dir = xstrdup(state_dir);
	w->id = xstrdup(id);
	w->dir = xasprintf("%s/runs/%s", state_dir, id);
	w->journal.fd = -1;
	w->journal.path = path_join(w->dir, "journal");
	return w;
}

static void writer_free(struct run_writer *w)
{
	if (!w)
		return;
	pack_close(w->pack);
	journal_clear(&w->journal);
	json_decref(w->artifact);
	free(w->state_dir);
	free(w->id);
	free(w->dir);
	free(w);
}

/* A folder of its own in STATE/runs; mkdir is what makes the id unique. */
static int make_folder(const char *state_dir, const char *profile, int64_t wall_us,
	struct run_writer **ret, struct err *e)
{
	for (unsigned n = 1; n < SAME_SECOND; n++) {
		auto_free char *id = run_id_make(profile, wall_us, n);
		auto_free char *dir = xasprintf("%s/runs/%s", state_dir, id);
		if (mkdir(dir, 0755) == 0) {
			*ret = writer_new(state_dir, id);
			return 0;
		}
		if (errno != EEXIST)
			return err_sys(e, "make folder %s", dir);
	}
	return err_set(e, EEXIST, "%s/runs: too many runs of %s in one second", state_dir, profile);
}

static int write_first(struct run_writer *w, const char *profile, const json_t *first,
	int64_t order, struct err *e)
{
	auto_json json_t *rec = json_pack("{s:s}", "id", w->id);
	if (!rec || (first && json_object_update(rec, (json_t *)first) < 0))
		return err_set(e, EINVAL, "first record: not an object");
	(void)json_object_set_new(rec, "id", json_string(w->id)); /* checked with the record */
	(void)json_object_set_new(rec, "profile", json_bytes(profile, strlen(profile)));
	(void)json_object_set_new(rec, "order_us", json_integer(order));
	w->journal.start_us = clock_mono_us();
	int rc = journal_append(&w->journal, "run", rec, e);
	return rc < 0 ? rc : journal_sync(&w->journal, e);
}

/* The journal gets its name last, locked and with its first record: so whoever sees a journal
 * without a lock sees one whose writer is gone. */
static int start_journal(
	struct run_writer *w, const char *profile, const json_t *first, struct err *e)
{
	auto_free char *tmp = path_join(w->dir, "journal.new");
	auto_free char *pack = path_join(w->dir, "pack");
	w->journal.fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (w->journal.fd < 0 || flock(w->journal.fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "%s", tmp);
	int rc = pack_open(pack, 0, &w->pack, e);
	if (rc < 0)
		return rc;
	int64_t order = 0;
	free(run_id_newest(w->state_dir, &order));
	int64_t now = clock_wall_us();
	order = now > order ? now : order + 1;
	rc = write_first(w, profile, first, order, e);
	if (rc < 0)
		return rc;
	rc = run_id_set_newest(w->state_dir, w->id, order, e);
	if (rc < 0)
		return rc;
	if (rename(tmp, w->journal.path) < 0)
		return err_sys(e, "%s", w->journal.path);
	rc = file_sync_parent(w->journal.path, e);
	return rc < 0 ? rc : file_sync_parent(w->dir, e);
}

int run_create(const char *state_dir, const char *profile, const json_t *first,
	struct run_writer **ret, struct err *e)
{
	auto_free char *runs = path_join(state_dir, "runs");
	auto_free char *lock_path = path_join(runs, ".lock");
	int rc = file_mkdirs(runs, 0755, e);
	if (rc < 0 || (rc = file_sync_parent(runs, e)) < 0 ||
		(rc = file_sync_parent(state_dir, e)) < 0)
		return rc;
	auto_close int lock = file_lock(lock_path, LOCK_WAIT_US, e);
	if (lock < 0)
		return lock;
	struct run_writer *w = NULL;
	rc = make_folder(state_dir, profile, clock_wall_us(), &w, e);
	if (rc < 0)
		return rc;
	rc = start_journal(w, profile, first, e);
	if (rc < 0) {
		(void)file_remove_tree(w->dir, NULL); /* the first error is the one to tell */
		writer_free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

int run_writer_reopen(const char *state_dir, const char *id, int fd, const struct journal_scan *s,
	uint64_t pack_end, struct run_writer **ret, struct err *e)
{
	struct run_writer *w = writer_new(state_dir, id);
	auto_free char *pack = path_join(w->dir, "pack");
	int rc = pack_open(pack, pack_end, &w->pack, e);
	if (rc == 0 && ftruncate(fd, (off_t)s->end) < 0)
		rc = err_sys(e, "cut %s", w->journal.path);
	if (rc < 0) {
		writer_free(w);
		return rc;
	}
	w->journal.fd = fd;
	w->journal.end = s->end;
	w->journal.seq = s->seq;
	w->journal.start_us = clock_mono_us() - s->at_us;
	*ret = w;
	return 0;
}

const char *run_writer_id(const struct run_writer *w)
{
	return w->id;
}

const char *run_writer_dir(const struct run_writer *w)
{
	return w->dir;
}

int run_sync(struct run_writer *w, struct err *e)
{
	/* In this order: a record that is on disk never points at bytes that are not. */
	int rc = pack_sync(w->pack, e);
	return rc < 0 ? rc : journal_sync(&w->journal, e);
}

/* What the store itself knows of the end of a run: how long it took. */
static int append_end(struct run_writer *w, const json_t *fields, struct err *e)
{
	auto_json json_t *end = json_copy((json_t *)fields);
	if (!json_object_get(end, "duration_us"))
		(void)json_object_set_new(end, "duration_us",
			json_integer((json_int_t)(clock_mono_us() - w->journal.start_us)));
	return journal_append(&w->journal, "run_end", end, e);
}

int run_append(
	struct run_writer *w, const char *type, const json_t *fields, bool durable, struct err *e)
{
	if (strcmp(type, "run") == 0 || strcmp(type, "artifact") == 0)
		return err_set(e, EINVAL, "record %s: written by the store alone", type);
	int rc = strcmp(type, "run_end") == 0 ? append_end(w, fields, e)
					      : journal_append(&w->journal, type, fields, e);
	return rc < 0 || !durable ? rc : run_sync(w, e);
}

int run_note(struct run_writer *w, const char *level, const char *text, bool durable, struct err *e)
{
	auto_json json_t *note =
		json_pack("{s:s, s:o}", "level", level, "text", json_bytes(text, strlen(text)));
	return run_append(w, "note", note, durable, e);
}

static int begin(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, uint64_t size_hint, struct err *e)
{
	int rc = pack_begin(w->pack, size_hint, e);
	if (rc < 0)
		return rc;
	json_decref(w->artifact);
	w->artifact = json_pack("{s:o, s:I, s:o, s:o}", "test", json_bytes(test, strlen(test)),
		"attempt", (json_int_t)attempt, "name", json_bytes(name, strlen(name)), "kind",
		json_bytes(kind, strlen(kind)));
	return 0;
}

int run_artifact_begin(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, struct err *e)
{
	return begin(w, test, attempt, name, kind, 0, e);
}

int run_artifact_add(struct run_writer *w, const void *p, size_t n, struct err *e)
{
	return pack_add(w->pack, p, n, e);
}

int run_artifact_end(struct run_writer *w, bool cut, struct err *e)
{
	struct pack_entry x;
	int rc = pack_end(w->pack, &x, e);
	if (rc < 0)
		return rc;
	auto_json json_t *rec = take(&w->artifact);
	auto_json json_t *more = json_pack("{s:I, s:I, s:I, s:s, s:b}", "offset",
		(json_int_t)x.offset, "length", (json_int_t)x.length, "size", (json_int_t)x.size,
		"sha256", x.sha256, "cut", cut);
	(void)json_object_update(rec, more); /* checked with the record */
	return journal_append(&w->journal, "artifact", rec, e);
}

void run_artifact_drop(struct run_writer *w)
{
	pack_drop(w->pack);
}

static int add_all(struct run_writer *w, int fd, const char *path, struct err *e)
{
	char chunk[CHUNK];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read %s", path);
		if (n == 0)
			return 0;
		int rc = run_artifact_add(w, chunk, (size_t)n, e);
		if (rc < 0)
			return rc;
	}
}

int run_artifact_file(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, const char *path, bool cut, struct err *e)
{
	/* A guest may have had a hand in what lies there: no link, no FIFO that never ends. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	int rc = begin(w, test, attempt, name, kind, (uint64_t)st.st_size, e);
	if (rc < 0)
		return rc;
	rc = add_all(w, fd, path, e);
	if (rc < 0) {
		run_artifact_drop(w);
		return rc;
	}
	return run_artifact_end(w, cut, e);
}

int run_writer_close(struct run_writer **w, struct err *e)
{
	if (!*w)
		return 0;
	int rc = run_sync(*w, e);
	writer_free(take(w));
	return rc;
}
