/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h: results on disk. STATE/runs/<id>/journal is the truth: append-only, one JSON object
 * a line whose last member "crc" is the CRC-32 (8 hex digits) of all bytes of the line before
 * `,"crc"`. STATE/runs/<id>/pack holds artifacts, each a brotli stream addressed by (offset,
 * length, sha256) from the journal. STATE/index.db is derived.
 *
 * Records ("type"; each has "seq" from 1 and "wall_us"):
 *   run           id profile command host fsqa kernel image accel environment{}   first
 *   plan          tests[]: paths to run, in order
 *   target        release boot_us accel ...   a target came up, or did not
 *   attempt_start test attempt stage
 *   attempt_end   test attempt status reason duration_us [exit_code signal timed_out
 *                 marker_us cast log_from log_to kernel_log[]]
 *   artifact      test attempt name kind offset length size sha256 cut
 *   note          level text
 *   run_end       status counts{}           last; its absence: interrupted
 *
 * A reader stops trusting at the first line whose crc is wrong and says so; a last line without
 * newline was never acknowledged and is dropped silently. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct buf;

/* ---- writing one run ---- */
struct run_writer;
/* Make runs/<id>/ with a fresh id (YYYYMMDD-HHMMSS-<profile's last word>, a counter behind it
 * where taken), lock its journal, write the first record durably. `first` is borrowed; id is
 * added to it. -ENOSPC ... */
int run_create(const char *state_dir, const char *profile, const json_t *first,
	struct run_writer **ret, struct err *e);
const char *run_writer_id(const struct run_writer *w);
const char *run_writer_dir(const struct run_writer *w);
/* Append one record (fields borrowed). durable: on disk before it returns. */
int run_append(
	struct run_writer *w, const char *type, const json_t *fields, bool durable, struct err *e);
/* An artifact, streamed: compressed into the pack as it comes; record written at the end.
 * One at a time. kind: "cast" "log" "console" "kernel" "file". */
int run_artifact_begin(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, struct err *e);
int run_artifact_add(struct run_writer *w, const void *p, size_t n, struct err *e);
int run_artifact_end(struct run_writer *w, bool cut, struct err *e);
/* All of it from a file. Absent file: -ENOENT. */
int run_artifact_file(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, const char *path, bool cut, struct err *e);
/* Sync and let go of the lock. */
int run_writer_close(struct run_writer **w, struct err *e);

/* ---- reading ---- */
struct run_artifact {
	char *test;
	int64_t attempt;
	char *name, *kind;
	uint64_t offset, length, size;
	char sha256[65];
	bool cut;
};
struct run_attempt {
	char *test;  /* "script.002_btrfsprogs.mkfs.raid1" */
	char *stage; /* "002_btrfsprogs", "" for boot */
	int64_t attempt;
	bool ended;
	enum verdict status; /* MISS where it never ended */
	char *reason;
	int64_t start_wall_us;
	uint64_t duration_us;
	uint64_t marker_us; /* where in its stage's recording it starts */
	json_t *end;        /* the whole attempt_end record, or NULL */
};
struct run_info {
	char *id, *dir;
	json_t *first;                /* the run record */
	json_t *target;               /* the last target record, or NULL */
	json_t *last;                 /* the run_end record, or NULL: running or interrupted */
	bool live;                    /* its writer still holds the lock */
	struct run_attempt *attempts; /* in order of their start */
	size_t n_attempts;
	struct run_artifact *artifacts;
	size_t n_artifacts;
	json_t *notes; /* array of note records */
	char *damage;  /* NULL, or what was wrong with the journal: "line 12: checksum" */
};
/* `id`: a run's id, an unambiguous prefix of it, or "latest". -ENOENT names the nearest. */
int run_read(const char *state_dir, const char *id, struct run_info **ret, struct err *e);
void run_info_free(struct run_info *r);
enum verdict run_info_status(const struct run_info *r); /* worst; MISS when interrupted */
/* Decompress an artifact to `fd`; its sha256 is verified: -EBADMSG where it differs. */
int run_artifact_write(
	const struct run_info *r, const struct run_artifact *a, int fd, struct err *e);

/* ---- all runs ---- */
struct run_row {
	char *id, *profile, *kernel, *accel;
	int64_t start_wall_us;
	uint64_t duration_us;
	enum verdict status;
	bool live, interrupted;
	unsigned counts[VERDICT_COUNT];
};
struct stage_row { /* one attempt of one stage in one run, for the history strip */
	char *run, *test;
	enum verdict status;
	uint64_t duration_us;
};
struct index_db;
/* Open (or make) STATE/index.db. A database that is damaged or of another version is made
 * again from the journals. */
int index_open(const char *state_dir, struct index_db **ret, struct err *e);
void index_close(struct index_db *x);
int index_add_run(struct index_db *x, const struct run_info *r, struct err *e); /* replaces */
/* Newest first; the rows are the caller's until run_rows_free. limit 0: all. */
int index_runs(struct index_db *x, const char *profile, size_t limit, struct run_row **ret,
	size_t *ret_n, struct err *e);
void run_rows_free(struct run_row *rows, size_t n);
/* History of one test in one profile, newest first. */
int index_history(struct index_db *x, const char *profile, const char *test, size_t limit,
	struct stage_row **ret, size_t *ret_n, struct err *e);
void stage_rows_free(struct stage_row *rows, size_t n);
/* Make it again from all journals; *ret_runs how many. */
int index_rebuild(const char *state_dir, size_t *ret_runs, struct err *e);

/* Runs without run_end whose writer is gone: finish each as interrupted (open attempts MISS,
 * recordings and logs in its work folder packed, work folder removed), call `each` with the
 * run's id and one line. */
int store_recover(const char *state_dir, void (*each)(void *ctx, const char *id, const char *what),
	void *ctx, struct err *e);

/* BTRFSQA's folder: DIR/results_YYYY-MM-DD_HH:MM/{logs/,screencasts/,NNN_name.script,...}. */
int store_export_btrfsqa(const struct run_info *r, const char *dir, char **ret_path, struct err *e);
