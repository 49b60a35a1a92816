/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "store/id.h"
#include "store/read.h"
#include "store/store.h"
#include "store/writer.h"
#include "suite/suite.h"
#include "suite/testpath.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KILLED      "fsqa was killed while it ran"
#define NOT_REACHED "never reached: fsqa was killed before"
#define NEW_WAIT_US 10000000u
#define COPIES      100
#define ANY_BATCH   -1

struct recovery {
	const struct store_recovery *how;
	const char *state_dir, *id;
	struct run_info *r;
	struct journal_scan scan;
	struct run_writer *w;
	int64_t batch;         /* whose files are packed; 0: the run has only one */
	const char *under_way; /* the innermost attempt that had not ended, or NULL */
	unsigned saved, lost;  /* files of the work folder */
	int full;              /* no room to save one of them: what writing it failed with */
};

static int64_t last_attempt(const struct run_info *r, const char *test, int64_t batch)
{
	for (size_t i = r->n_attempts; i-- > 0;) {
		if (strcmp(r->attempts[i].test, test) == 0 &&
			(batch == ANY_BATCH || r->attempts[i].batch == batch))
			return r->attempts[i].attempt;
	}
	return 0;
}

static bool is_packed(const struct run_info *r, const char *test, int64_t attempt, const char *kind,
	const char *name)
{
	for (size_t i = 0; i < r->n_artifacts; i++) {
		const struct run_artifact *a = &r->artifacts[i];
		if (a->attempt == attempt && strcmp(a->test, test) == 0 &&
			strcmp(a->kind, kind) == 0 && strcmp(a->name, name) == 0)
			return true;
	}
	return false;
}

/* What cannot be packed is counted, not fatal: the verdicts matter more. */
static void pack_file(
	struct recovery *v, const char *test, const char *name, const char *kind, const char *path)
{
	int64_t attempt = last_attempt(v->r, test, v->batch);
	if (attempt == 0 && v->batch) /* it had not begun */
		return;
	attempt = attempt ? attempt : 1;
	if (is_packed(v->r, test, attempt, kind, name))
		return;
	/* Nobody can say whether the last of it had been written: so not all of it. */
	int rc = run_artifact_file(v->w, test, attempt, name, kind, path, true, NULL);
	if (rc == 0)
		v->saved++;
	else if (rc == -ENOSPC || rc == -EDQUOT)
		v->full = rc;
	else if (rc != -ENOENT)
		v->lost++;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The stage's, or that of its test that a collected file belongs to; the caller's. */
static char *owner(const struct recovery *v, const char *stage, const char *name)
{
	const struct suite *s = suite_of(stage);
	size_t n = 0;
	const char *test = s && s->test_of ? s->test_of(name, &n) : NULL;
	auto_free char *its = test ? xstrndup(test, n) : NULL;
	auto_free char *path = its ? testpath_make(stage, its) : NULL;
	return path && last_attempt(v->r, path, v->batch) ? take(&path) : xstrdup(stage);
}

/* `first`: a folder whose files come before those of the same name; NULL: none. */
static void pack_logs(struct recovery *v, const char *stage, char *dir, const char *first)
{
	char *const roots[] = { dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);
	FTSENT *ent;
	while (fts && (ent = fts_read(fts))) {
		if (ent->fts_info != FTS_F)
			continue;
		const char *name = ent->fts_path + strlen(dir);
		name += *name == '/';
		auto_free char *other = first ? path_join(first, name) : NULL;
		auto_free char *test = owner(v, stage, name);
		if (!other || access(other, F_OK) < 0)
			pack_file(v, test, name, "file", ent->fts_path);
	}
	if (fts)
		(void)fts_close(fts); /* was only read */
}

static void pack_stage(struct recovery *v, const char *work, const char *stage)
{
	/* A script's folder has its stage's name, NNN_name; any other's the whole path. */
	auto_free char *test =
		isdigit((unsigned char)stage[0]) ? xasprintf("script.%s", stage) : xstrdup(stage);
	auto_free char *cast = xasprintf("%s/%s/terminal.cast", work, stage);
	auto_free char *log = xasprintf("%s/%s/terminal.log", work, stage);
	auto_free char *logs = xasprintf("%s/%s/logs", work, stage);
	auto_free char *salvaged = xasprintf("%s/%s/salvaged", work, stage);
	pack_file(v, test, "terminal.cast", "cast", cast);
	pack_file(v, test, "terminal.log", "log", log);
	pack_logs(v, test, logs, NULL);
	pack_logs(v, test, salvaged, logs);
}

/* Of a worker's folder, but for its machine's. */
static void folders_of(const char *work, struct strv *ret)
{
	DIR *d = opendir(work);
	struct dirent *ent;
	while (d && (ent = readdir(d))) {
		struct stat st;
		if (ent->d_name[0] != '.' && strcmp(ent->d_name, "vm") != 0 &&
			fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			strv_add(ret, ent->d_name);
	}
	if (d)
		(void)closedir(d); /* was only read */
	strv_sort(ret);
}

/* Which one a folder of work/ is; 0: it is a stage's, none of which has a number alone. */
static int64_t batch_of(const char *folder)
{
	size_t n = strlen(folder);
	return n < 10 && strspn(folder, "0123456789") == n ? strtoll(folder, NULL, 10) : 0;
}

/* What one worker wrote. */
static void pack_spool(struct recovery *v, const char *work)
{
	static const struct {
		const char *name, *kind;
	} of_target[] = {
		{ "console.cast", "cast" },
		{ "console.log", "console" },
		{ "kernel.log", "kernel" },
	};
	for (size_t i = 0; i < ARRAY_LEN(of_target); i++) {
		auto_free char *path = path_join(work, of_target[i].name);
		pack_file(v, "boot", of_target[i].name, of_target[i].kind, path);
	}
	auto_strv struct strv stages = { 0 };
	folders_of(work, &stages);
	for (size_t i = 0; i < stages.n; i++)
		if (!batch_of(stages.v[i]))
			pack_stage(v, work, stages.v[i]);
}

/* The run's own, or one for each batch. */
static void pack_work(struct recovery *v)
{
	auto_free char *work = path_join(v->r->dir, "work");
	auto_strv struct strv folders = { 0 };
	pack_spool(v, work);
	folders_of(work, &folders);
	for (size_t i = 0; i < folders.n; i++) {
		auto_free char *spool = path_join(work, folders.v[i]);
		v->batch = batch_of(folders.v[i]);
		if (v->batch)
			pack_spool(v, spool);
	}
	v->batch = 0;
}

/* They may be what fills the disk. */
static int remove_disks(const struct recovery *v, struct err *e)
{
	auto_free char *work = path_join(v->r->dir, "work");
	auto_strv struct strv folders = { 0 };
	auto_free char *disks = path_join(work, "vm");
	int rc = file_remove_tree(disks, e);
	folders_of(work, &folders);
	for (size_t i = 0; rc == 0 && i < folders.n; i++) {
		auto_free char *of_batch = xasprintf("%s/%s/vm", work, folders.v[i]);
		rc = batch_of(folders.v[i]) ? file_remove_tree(of_batch, e) : 0;
	}
	return rc;
}

static int end_attempt(struct recovery *v, const char *test, int64_t attempt, const char *reason,
	uint64_t duration_us, struct err *e)
{
	auto_json json_t *end = json_pack("{s:s, s:I, s:s, s:s, s:I}", "test", test, "attempt",
		(json_int_t)attempt, "status", verdict_name(VERDICT_MISS), "reason", reason,
		"duration_us", (json_int_t)duration_us);
	return run_append(v->w, "attempt_end", end, false, e);
}

/* The innermost first, as they would have ended. */
static int end_open_attempts(struct recovery *v, struct err *e)
{
	int rc = 0;
	for (size_t i = v->r->n_attempts; rc == 0 && i-- > 0;) {
		const struct run_attempt *a = &v->r->attempts[i];
		if (a->ended)
			continue;
		if (!v->under_way)
			v->under_way = a->test;
		rc = end_attempt(v, a->test, a->attempt, KILLED, a->duration_us, e);
	}
	return rc;
}

/* No test of the plan is lost: what was not reached is written down as such. */
static int end_not_reached(struct recovery *v, struct err *e)
{
	const json_t *tests = json_object_get(v->r->plan, "tests");
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < json_array_size(tests); i++) {
		const char *test = json_string_value(json_array_get(tests, i));
		if (!test || last_attempt(v->r, test, ANY_BATCH))
			continue;
		auto_free char *stage = testpath_stage(test);
		auto_json json_t *start =
			json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", stage);
		rc = run_append(v->w, "attempt_start", start, false, e);
		if (rc == 0)
			rc = end_attempt(v, test, 1, NOT_REACHED, 0, e);
	}
	return rc;
}

static int end_run(struct recovery *v, struct err *e)
{
	auto_run_info struct run_info *r = NULL;
	unsigned n[VERDICT_COUNT];
	int rc = run_read(v->state_dir, v->id, &r, e);
	if (rc < 0)
		return rc;
	auto_json json_t *counts = json_object();
	run_info_counts(r, n);
	for (int i = 0; i < VERDICT_COUNT; i++)
		(void)json_object_set_new(counts, verdict_name((enum verdict)i),
			json_integer(n[i])); /* a missing one shows as 0 */
	auto_json json_t *end = json_pack("{s:s, s:b, s:I, s:O}", "status",
		verdict_name(verdict_worst(run_info_status(r), VERDICT_MISS)), "interrupted", 1,
		"duration_us", (json_int_t)v->scan.at_us, "counts", counts);
	return run_append(v->w, "run_end", end, true, e);
}

/* Keep the damaged journal whole beside the one that goes on from what is trusted. */
static int keep_damaged(struct recovery *v, char **ret_name, struct err *e)
{
	auto_free char *journal = path_join(v->r->dir, "journal");
	for (unsigned i = 1; i < COPIES; i++) {
		auto_free char *name =
			i > 1 ? xasprintf("journal.damaged.%u", i) : xstrdup("journal.damaged");
		auto_free char *path = path_join(v->r->dir, name);
		if (access(path, F_OK) == 0)
			continue;
		int rc = file_copy(journal, path, 0444, e);
		auto_close int fd = rc < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		if (rc == 0 && (fd < 0 || fsync(fd) < 0))
			rc = err_sys(e, "%s", path);
		if (rc == 0)
			rc = file_sync_parent(path, e);
		if (rc == 0)
			*ret_name = take(&name);
		else
			(void)unlink(path); /* the first error is the one to tell */
		return rc;
	}
	return err_set(e, EEXIST, "%s: too many damaged journals beside it", journal);
}

static int write_verdicts(struct recovery *v, const char *damaged, struct err *e)
{
	int rc = 0;
	if (damaged) {
		auto_free char *text = xasprintf(
			"journal damaged at %s; all of it is kept in %s", v->scan.damage, damaged);
		rc = run_note(v->w, "error", text, false, e);
	}
	if (rc == 0 && v->lost) {
		auto_free char *text =
			xasprintf("%u files of the work folder could not be saved", v->lost);
		rc = run_note(v->w, "error", text, false, e);
	}
	if (rc == 0)
		rc = end_open_attempts(v, e);
	if (rc == 0)
		rc = end_not_reached(v, e);
	return rc < 0 ? rc
		      : run_note(v->w, "warning", "fsqa was killed; finished at the next start",
				false, e);
}

/* run_end comes last of all: killed before it, we begin again where we were. */
static int write_end(struct recovery *v, const char *damaged, struct err *e)
{
	auto_free char *work = path_join(v->r->dir, "work");
	const struct store_recovery *how = v->how;
	if (how->salvage)
		how->salvage(how->ctx, v->r, v->w);
	int rc = remove_disks(v, e);
	if (rc < 0)
		return rc;
	pack_work(v);
	if (v->full)
		return err_code(e, v->full, "save recordings and logs of %s", work);
	rc = write_verdicts(v, damaged, e);
	if (rc == 0)
		rc = run_sync(v->w, e); /* the copies go only when what was packed is safe */
	if (rc == 0 && how->judge)
		rc = how->judge(how->ctx, v->w, e);
	if (rc == 0)
		rc = file_remove_tree(work, e);
	return rc < 0 ? rc : end_run(v, e);
}

static int finish_run(struct recovery *v, int *lock, struct err *e)
{
	auto_free char *damaged = NULL;
	int rc = v->scan.damage[0] ? keep_damaged(v, &damaged, e) : 0;
	if (rc == 0)
		rc = run_writer_reopen(
			v->state_dir, v->id, *lock, &v->scan, run_info_pack_end(v->r), &v->w, e);
	if (rc < 0)
		return rc;
	(void)take_fd(lock); /* the writer has it */
	rc = write_end(v, damaged, e);
	int rc2 = run_writer_close(&v->w, rc < 0 ? NULL : e);
	return rc < 0 ? rc : rc2;
}

/* 1: it was finished now, and *ret_what says how it was found; 0: nothing to do. */
static int recover_one(const struct store_recovery *how, const char *state_dir, const char *id,
	char **ret_what, struct err *e)
{
	auto_run_info struct run_info *r = run_info_new(state_dir, id);
	auto_free char *path = path_join(r->dir, "journal");
	auto_close int lock = journal_lock_dead(path);
	if (lock < 0)
		return lock == -EWOULDBLOCK || lock == -ENOENT ? 0 : err_code(e, lock, "%s", path);
	if (journal_has_ended(lock))
		return 0;
	struct recovery v = { how, state_dir, id, r };
	int rc = run_info_load(r, lock, &v.scan, e);
	if (rc < 0)
		return rc;
	if (r->last)
		return 0;
	if (v.scan.seq == 0)
		return err_set(e, EBADMSG, "its journal is damaged from the start (%s)", r->damage);
	rc = finish_run(&v, &lock, e);
	if (rc < 0)
		return rc;
	auto_buf struct buf b = { 0 };
	buf_adds(&b, "was interrupted");
	if (v.under_way)
		buf_addf(&b, " in %s", v.under_way);
	buf_addf(&b, "; %u recording%s and logs saved", v.saved, v.saved == 1 ? "" : "s");
	if (v.lost)
		buf_addf(&b, ", %u could not be", v.lost);
	if (r->damage)
		buf_addf(&b, "; its journal was damaged at %s", r->damage);
	*ret_what = buf_take(&b);
	return 1;
}

/* Folders whose run was killed before its journal had a name: nothing was acknowledged. */
static int sweep_unborn(const char *state_dir, struct err *e)
{
	auto_free char *runs = path_join(state_dir, "runs");
	auto_free char *lock_path = path_join(runs, ".lock");
	auto_close int lock = file_lock(lock_path, NEW_WAIT_US, e);
	if (lock < 0)
		return lock;
	DIR *d = opendir(runs);
	if (!d)
		return err_sys(e, "%s", runs);
	struct dirent *ent;
	while ((ent = readdir(d))) {
		auto_free char *dir = path_join(runs, ent->d_name);
		auto_free char *journal = path_join(dir, "journal");
		auto_free char *unborn = path_join(dir, "journal.new");
		auto_free char *pack = path_join(dir, "pack");
		if (ent->d_name[0] == '.' || access(journal, F_OK) == 0 || errno != ENOENT)
			continue;
		/* Only what we make: rmdir refuses a folder in which something else lies. */
		(void)unlink(unborn);
		(void)unlink(pack);
		(void)rmdir(dir);
	}
	(void)closedir(d); /* was only read */
	return 0;
}

static int renew_index(const char *state_dir, const struct strv *done, struct err *e)
{
	struct index_db *x = NULL;
	int rc = index_open(state_dir, &x, e);
	for (size_t i = 0; rc == 0 && i < done->n; i++) {
		auto_run_info struct run_info *r = NULL;
		rc = run_read(state_dir, done->v[i], &r, e);
		if (rc == 0)
			rc = index_add_run(x, r, e);
	}
	index_close(x);
	return rc;
}

int store_recover(const char *state_dir, const struct store_recovery *how, struct err *e)
{
	auto_strv struct strv ids = { 0 };
	auto_strv struct strv done = { 0 };
	auto_free char *runs = path_join(state_dir, "runs");
	if (access(runs, F_OK) < 0 && errno == ENOENT)
		return 0;
	int rc = sweep_unborn(state_dir, e);
	if (rc < 0 || (rc = run_ids(state_dir, &ids, e)) < 0)
		return rc;
	for (size_t i = 0; i < ids.n; i++) {
		struct err why = { 0 };
		auto_free char *what = NULL;
		rc = recover_one(how, state_dir, ids.v[i], &what, &why);
		if (rc < 0)
			what = xasprintf("was interrupted, and cannot be finished: %s", why.msg);
		if (rc > 0)
			strv_add(&done, ids.v[i]);
		if (rc != 0 && how->each)
			how->each(how->ctx, ids.v[i], what);
	}
	return done.n ? renew_index(state_dir, &done, e) : 0;
}
