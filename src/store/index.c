/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "store/id.h"
#include "store/journal.h"
#include "store/store.h"
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define BUSY_MS        20000
#define BATCH          32 /* runs in one transaction, so that another process gets its turn */

struct index_db {
	sqlite3 *db;
	char *path;
	char *state_dir;
};

static const char schema[] =
	"CREATE TABLE run(id TEXT PRIMARY KEY, order_us INTEGER NOT NULL, profile TEXT NOT NULL,"
	" kernel TEXT NOT NULL, accel TEXT NOT NULL, start_wall_us INTEGER NOT NULL,"
	" duration_us INTEGER NOT NULL, status INTEGER NOT NULL, final INTEGER NOT NULL,"
	" interrupted INTEGER NOT NULL, damage TEXT, fail INTEGER NOT NULL,"
	" error INTEGER NOT NULL, miss INTEGER NOT NULL, pass INTEGER NOT NULL,"
	" done INTEGER NOT NULL, skip INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX run_order ON run(order_us, id);"
	"CREATE TABLE test(run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, attempt INTEGER NOT NULL, status INTEGER NOT NULL,"
	" duration_us INTEGER NOT NULL, PRIMARY KEY(path, run)) WITHOUT ROWID;"
	"CREATE INDEX test_run ON test(run);";

static int code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* a table or column is not there */
		return EUCLEAN;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return EACCES;
	default:
		return EIO;
	}
}

static int failed(const struct index_db *x, int rc, struct err *e)
{
	return err_set(e, code_of(rc), "%s: %s", x->path, x->db ? sqlite3_errmsg(x->db) : "sqlite");
}

static int run_sql(struct index_db *x, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(x->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : failed(x, rc, e);
}

static void finalizep(sqlite3_stmt **s)
{
	(void)sqlite3_finalize(*s); /* repeats the last step's error, which was told */
}
#define auto_stmt __attribute__((cleanup(finalizep)))

/* Prepare and bind: 's' const char * (NULL stays NULL), 'i' int64_t. */
static int prepare(struct index_db *x, sqlite3_stmt **ret, struct err *e, const char *sql,
	const char *types, ...)
{
	int rc = sqlite3_prepare_v2(x->db, sql, -1, ret, NULL);
	va_list ap;
	va_start(ap, types);
	for (int i = 1; rc == SQLITE_OK && types[i - 1]; i++) {
		if (types[i - 1] == 's')
			rc = sqlite3_bind_text(
				*ret, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		else
			rc = sqlite3_bind_int64(*ret, i, va_arg(ap, int64_t));
	}
	va_end(ap);
	return rc == SQLITE_OK ? 0 : failed(x, rc, e);
}

/* 1: a row, 0: no more. */
static int step(struct index_db *x, sqlite3_stmt *s, struct err *e)
{
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : failed(x, rc, e);
}

static char *text_at(sqlite3_stmt *s, int col)
{
	const char *t = (const char *)sqlite3_column_text(s, col);
	return xstrdup(t ? t : "");
}

static int delete_run(struct index_db *x, const char *id, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e, "DELETE FROM run WHERE id = ?", "s", id);
	return rc < 0 ? rc : step(x, s, e);
}

static int insert_tests(struct index_db *x, const struct run_info *r, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e, "INSERT INTO test VALUES(?,?,?,?,?)", "");
	for (size_t i = 0; rc == 0 && i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		if (a->superseded || (r->live && !a->ended))
			continue;
		(void)sqlite3_reset(s); /* repeats an error that was told */
		if (sqlite3_bind_text(s, 1, r->id, -1, SQLITE_STATIC) != SQLITE_OK ||
			sqlite3_bind_text(s, 2, a->test, -1, SQLITE_STATIC) != SQLITE_OK ||
			sqlite3_bind_int64(s, 3, a->attempt) != SQLITE_OK ||
			sqlite3_bind_int(s, 4, (int)a->status) != SQLITE_OK ||
			sqlite3_bind_int64(s, 5, (sqlite3_int64)a->duration_us) != SQLITE_OK)
			return failed(x, SQLITE_ERROR, e);
		rc = step(x, s, e);
	}
	return rc;
}

static int replace_run(struct index_db *x, const struct run_info *r, struct err *e)
{
	int rc = delete_run(x, r->id, e);
	if (rc < 0)
		return rc;
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	int64_t wall = json_i64_or(r->first, "wall_us", 0);
	/* A damaged journal stays as it is until it is recovered: it is not read each time. */
	bool final = r->last || (r->damage && !r->live);
	const char *kernel = json_str_or(r->target, "release",
		json_str_or(r->first, "kernel", json_str_or(r->first, "kernel_source", "")));
	const char *accel = run_info_accel(r, NULL);
	auto_stmt sqlite3_stmt *s = NULL;
	rc = prepare(x, &s, e, "INSERT INTO run VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"sisssiiiiisiiiiii", r->id, json_i64_or(r->first, "order_us", wall),
		json_str_or(r->first, "profile", ""), kernel, accel, wall, (int64_t)r->duration_us,
		(int64_t)run_info_status(r), (int64_t) final, (int64_t)r->interrupted, r->damage,
		(int64_t)counts[VERDICT_FAIL], (int64_t)counts[VERDICT_ERROR],
		(int64_t)counts[VERDICT_MISS], (int64_t)counts[VERDICT_PASS],
		(int64_t)counts[VERDICT_DONE], (int64_t)counts[VERDICT_SKIP]);
	if (rc == 0)
		rc = step(x, s, e);
	return rc < 0 ? rc : insert_tests(x, r, e);
}

static int begin(struct index_db *x, struct err *e)
{
	/* At once for writing: a transaction that reads first could not wait its turn later. */
	return run_sql(x, "BEGIN IMMEDIATE", e);
}

static int end(struct index_db *x, int rc, struct err *e)
{
	if (rc == 0)
		rc = run_sql(x, "COMMIT", e);
	if (rc < 0)
		(void)run_sql(x, "ROLLBACK", NULL); /* the first error is the one to tell */
	return rc;
}

/* A run whose journal cannot be read still has its row, which says so. */
static int add_from_disk(struct index_db *x, const char *id, struct err *e)
{
	struct err why = { 0 };
	auto_run_info struct run_info *r = NULL;
	int rc = run_read(x->state_dir, id, &r, &why);
	if (rc == -ENOENT)
		return delete_run(x, id, e); /* gone since the folder was listed */
	if (rc < 0) {
		struct run_info broken = {
			.id = (char *)id, .interrupted = true, .damage = why.msg
		};
		return replace_run(x, &broken, e);
	}
	return replace_run(x, r, e);
}

/* The ids in the index, and of them those whose journal had ended, in byte order. */
static int indexed(struct index_db *x, struct strv *all, struct strv *final, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e, "SELECT id, final FROM run ORDER BY id", "");
	while (rc == 0 && (rc = step(x, s, e)) == 1) {
		auto_free char *id = text_at(s, 0);
		strv_add(all, id);
		if (sqlite3_column_int(s, 1))
			strv_add(final, id);
		rc = 0;
	}
	return rc;
}

/* Those of `a` that are not in `b`; both are sorted. */
static void minus(const struct strv *a, const struct strv *b, struct strv *ret)
{
	size_t j = 0;
	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && strcmp(b->v[j], a->v[i]) < 0)
			j++;
		if (j == b->n || strcmp(b->v[j], a->v[i]) != 0)
			strv_add(ret, a->v[i]);
	}
}

static int each_in_batches(struct index_db *x, const struct strv *ids,
	int (*fn)(struct index_db *x, const char *id, struct err *e), struct err *e)
{
	for (size_t i = 0; i < ids->n;) {
		int rc = begin(x, e);
		if (rc < 0)
			return rc;
		for (size_t n = 0; rc == 0 && n < BATCH && i < ids->n; n++)
			rc = fn(x, ids->v[i++], e);
		rc = end(x, rc, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int catch_up(struct index_db *x, struct err *e)
{
	auto_strv struct strv disk = { 0 };
	auto_strv struct strv all = { 0 };
	auto_strv struct strv final = { 0 };
	auto_strv struct strv want = { 0 };
	auto_strv struct strv gone = { 0 };
	int rc = run_ids(x->state_dir, &disk, e);
	if (rc < 0 || (rc = indexed(x, &all, &final, e)) < 0)
		return rc;
	minus(&disk, &final, &want);
	minus(&all, &disk, &gone);
	rc = each_in_batches(x, &want, add_from_disk, e);
	return rc < 0 ? rc : each_in_batches(x, &gone, delete_run, e);
}

static int make_schema(struct index_db *x, struct err *e)
{
	int rc = begin(x, e);
	if (rc < 0)
		return rc;
	auto_stmt sqlite3_stmt *s = NULL;
	rc = prepare(x, &s, e, "PRAGMA user_version", "");
	if (rc == 0)
		rc = step(x, s, e);
	int version = rc == 1 ? sqlite3_column_int(s, 0) : -1;
	(void)sqlite3_reset(s);        /* repeats an error that was told */
	if (rc == 1 && version == 0) { /* else another process made it while we waited */
		auto_free char *set = xasprintf("PRAGMA user_version = %d", SCHEMA_VERSION);
		rc = run_sql(x, schema, e);
		if (rc == 0)
			rc = run_sql(x, set, e);
	} else if (rc == 1 && version != SCHEMA_VERSION) {
		rc = err_set(e, EUCLEAN, "%s: schema version %d, %d is wanted", x->path, version,
			SCHEMA_VERSION);
	}
	return end(x, rc > 0 ? 0 : rc, e);
}

static int open_db(struct index_db *x, struct err *e)
{
	int rc = sqlite3_open_v2(x->path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc != SQLITE_OK)
		return failed(x, rc, e);
	(void)sqlite3_busy_timeout(x->db, BUSY_MS); /* cannot fail */
	/* NORMAL: what the last second's power cut takes, the journals give back. */
	rc = run_sql(x,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA foreign_keys = ON",
		e);
	return rc < 0 ? rc : make_schema(x, e);
}

static void close_db(struct index_db *x)
{
	(void)sqlite3_close(x->db); /* every statement was finalized */
	x->db = NULL;
}

static bool is_whole(struct index_db *x)
{
	auto_stmt sqlite3_stmt *s = NULL;
	return prepare(x, &s, NULL, "PRAGMA quick_check(1)", "") == 0 && step(x, s, NULL) == 1 &&
	       strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
}

/* Away with it; one process at a time, and only what is still damaged under the lock. */
static int remake(struct index_db *x, struct err *e)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	close_db(x);
	auto_free char *lock_path = xasprintf("%s.lock", x->path);
	auto_close int lock = file_lock(lock_path, (uint64_t)BUSY_MS * 1000, e);
	if (lock < 0)
		return lock;
	int rc = open_db(x, NULL);
	if (rc == 0 && is_whole(x) && catch_up(x, NULL) == 0)
		return 0;
	close_db(x);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		auto_free char *path = xasprintf("%s%s", x->path, suffixes[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			return err_sys(e, "remove %s", path);
	}
	rc = open_db(x, e);
	return rc < 0 ? rc : catch_up(x, e);
}

/* After an act that ended with `rc` and `why`. 0: it went well, or the index was made again. */
static int mend(struct index_db *x, int rc, const struct err *why, struct err *e)
{
	if (rc == -EUCLEAN)
		rc = remake(x, e);
	else if (rc < 0)
		(void)err_set(e, rc, "%s", why->msg); /* rc is returned below */
	return rc;
}

int index_open(const char *state_dir, struct index_db **ret, struct err *e)
{
	int rc = file_mkdirs(state_dir, 0755, e);
	if (rc < 0)
		return rc;
	struct index_db *x = xcalloc(1, sizeof *x);
	x->path = path_join(state_dir, "index.db");
	x->state_dir = xstrdup(state_dir);
	struct err why = { 0 };
	rc = open_db(x, &why);
	if (rc == 0)
		rc = catch_up(x, &why);
	rc = mend(x, rc, &why, e);
	if (rc < 0) {
		index_close(x);
		return rc;
	}
	*ret = x;
	return 0;
}

void index_close(struct index_db *x)
{
	if (!x)
		return;
	close_db(x);
	free(x->path);
	free(x->state_dir);
	free(x);
}

int index_add_run(struct index_db *x, const struct run_info *r, struct err *e)
{
	struct err why = { 0 };
	int rc = begin(x, &why);
	if (rc == 0)
		rc = end(x, replace_run(x, r, &why), &why);
	return mend(x, rc, &why, e); /* made again from the journals, it has this run too */
}

static int select_runs(struct index_db *x, const char *profile, size_t limit, struct run_row **ret,
	size_t *ret_n, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e,
		"SELECT id, profile, kernel, accel, start_wall_us, duration_us, status, final,"
		" interrupted, damage, fail, error, miss, pass, done, skip FROM run"
		" WHERE ?1 IS NULL OR profile = ?1 ORDER BY order_us DESC, id DESC LIMIT ?2",
		"si", profile, limit ? (int64_t)limit : (int64_t)-1);
	while (rc == 0 && (rc = step(x, s, e)) == 1) {
		*ret = xrealloc(*ret, (*ret_n + 1) * sizeof **ret);
		struct run_row *row = &(*ret)[(*ret_n)++];
		*row = (struct run_row){ .id = text_at(s, 0),
			.profile = text_at(s, 1),
			.kernel = text_at(s, 2),
			.accel = text_at(s, 3),
			.start_wall_us = sqlite3_column_int64(s, 4),
			.duration_us = (uint64_t)sqlite3_column_int64(s, 5),
			.status = (enum verdict)sqlite3_column_int(s, 6),
			.interrupted = sqlite3_column_int(s, 8) };
		if (sqlite3_column_type(s, 9) != SQLITE_NULL)
			row->damage = text_at(s, 9);
		for (int v = 0; v < VERDICT_COUNT; v++)
			row->counts[v] = (unsigned)sqlite3_column_int(s, 10 + v);
		auto_free char *journal = xasprintf("%s/runs/%s/journal", x->state_dir, row->id);
		row->live = !sqlite3_column_int(s, 7) && file_is_locked(journal);
		row->interrupted = row->interrupted || (!sqlite3_column_int(s, 7) && !row->live);
		rc = 0;
	}
	return rc;
}

int index_runs(struct index_db *x, const char *profile, size_t limit, struct run_row **ret,
	size_t *ret_n, struct err *e)
{
	for (bool again = false;; again = true) {
		struct run_row *rows = NULL;
		size_t n = 0;
		struct err why = { 0 };
		int rc = select_runs(x, profile, limit, &rows, &n, &why);
		if (rc == 0) {
			*ret = rows;
			*ret_n = n;
			return 0;
		}
		run_rows_free(rows, n);
		if (again)
			return err_set(e, rc, "%s", why.msg);
		rc = mend(x, rc, &why, e);
		if (rc < 0)
			return rc;
	}
}

void run_rows_free(struct run_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].id);
		free(rows[i].profile);
		free(rows[i].kernel);
		free(rows[i].accel);
		free(rows[i].damage);
	}
	free(rows);
}

static int select_history(struct index_db *x, const char *profile, const char *test, size_t limit,
	struct stage_row **ret, size_t *ret_n, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e,
		"SELECT run.id, test.path, test.status, test.duration_us FROM test"
		" JOIN run ON run.id = test.run WHERE test.path = ?1 AND run.profile = ?2"
		" ORDER BY run.order_us DESC, run.id DESC LIMIT ?3",
		"ssi", test, profile, limit ? (int64_t)limit : (int64_t)-1);
	while (rc == 0 && (rc = step(x, s, e)) == 1) {
		*ret = xrealloc(*ret, (*ret_n + 1) * sizeof **ret);
		(*ret)[(*ret_n)++] = (struct stage_row){ .run = text_at(s, 0),
			.test = text_at(s, 1),
			.status = (enum verdict)sqlite3_column_int(s, 2),
			.duration_us = (uint64_t)sqlite3_column_int64(s, 3) };
		rc = 0;
	}
	return rc;
}

int index_history(struct index_db *x, const char *profile, const char *test, size_t limit,
	struct stage_row **ret, size_t *ret_n, struct err *e)
{
	for (bool again = false;; again = true) {
		struct stage_row *rows = NULL;
		size_t n = 0;
		struct err why = { 0 };
		int rc = select_history(x, profile, test, limit, &rows, &n, &why);
		if (rc == 0) {
			*ret = rows;
			*ret_n = n;
			return 0;
		}
		stage_rows_free(rows, n);
		if (again)
			return err_set(e, rc, "%s", why.msg);
		rc = mend(x, rc, &why, e);
		if (rc < 0)
			return rc;
	}
}

/* Rows of a path and its microseconds. */
static int each_duration(struct index_db *x, sqlite3_stmt *s,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e)
{
	int rc;
	while ((rc = step(x, s, e)) == 1)
		each(ctx, (const char *)sqlite3_column_text(s, 0),
			(uint64_t)sqlite3_column_int64(s, 1));
	return rc;
}

static int select_durations(struct index_db *x, const char *profile, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e,
		"SELECT test.path, test.duration_us FROM run JOIN test ON test.run = run.id"
		" WHERE run.id IN (SELECT id FROM run WHERE final"
		"  ORDER BY profile = ?1 DESC, order_us DESC LIMIT ?2)"
		" AND test.status NOT IN (?3, ?4)"
		" ORDER BY run.profile = ?1, run.order_us, test.path",
		"siii", profile, (int64_t)limit, (int64_t)VERDICT_MISS, (int64_t)VERDICT_ERROR);
	return rc < 0 ? rc : each_duration(x, s, each, ctx, e);
}

int index_durations(struct index_db *x, const char *profile, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e)
{
	struct err why = { 0 };
	int rc = select_durations(x, profile, limit, each, ctx, &why);
	return rc < 0 ? mend(x, rc, &why, e) : 0;
}

static int select_longest(struct index_db *x, const char *profile, const char *accel, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e)
{
	auto_stmt sqlite3_stmt *s = NULL;
	int rc = prepare(x, &s, e,
		"SELECT test.path, MAX(test.duration_us) FROM run JOIN test ON test.run = run.id"
		" WHERE run.id IN (SELECT id FROM run WHERE final AND profile = ?1 AND accel = ?2"
		"  ORDER BY order_us DESC LIMIT ?3) AND test.status = ?4 GROUP BY test.path",
		"ssii", profile, accel, (int64_t)limit, (int64_t)VERDICT_PASS);
	return rc < 0 ? rc : each_duration(x, s, each, ctx, e);
}

int index_longest(struct index_db *x, const char *profile, const char *accel, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e)
{
	struct err why = { 0 };
	int rc = select_longest(x, profile, accel, limit, each, ctx, &why);
	return rc < 0 ? mend(x, rc, &why, e) : 0;
}

void stage_rows_free(struct stage_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].run);
		free(rows[i].test);
	}
	free(rows);
}

int index_rebuild(const char *state_dir, size_t *ret_runs, struct err *e)
{
	auto_strv struct strv disk = { 0 };
	struct index_db *x = NULL;
	int rc = run_ids(state_dir, &disk, e);
	if (rc < 0 || (rc = index_open(state_dir, &x, e)) < 0)
		return rc;
	struct err why = { 0 };
	rc = begin(x, &why);
	if (rc == 0)
		rc = end(x, run_sql(x, "DELETE FROM run", &why), &why);
	if (rc == 0)
		rc = catch_up(x, &why);
	rc = mend(x, rc, &why, e);
	index_close(x);
	if (rc == 0 && ret_runs)
		*ret_runs = disk.n;
	return rc;
}
