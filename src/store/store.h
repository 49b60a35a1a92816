/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h: results on disk. STATE/runs/<id>/journal is the truth: append-only, one JSON object
 * a line whose last member "crc" is the CRC-32 (8 hex digits) of all bytes of the line before
 * `,"crc"`. STATE/runs/<id>/pack holds artifacts, each a brotli stream addressed by (offset,
 * length, sha256) from the journal. STATE/index.db is derived.
 *
 * Records ("type"; each has "seq" from 1, "wall_us" (Unix time) and "at_us" (monotonic, since
 * the run began)). What is in [] may be missing; more members are kept and handed through:
 *   run           id profile order_us [command host fsqa kernel image accel environment{}]  first
 *   plan          tests[]: paths to run, in order
 *   target        release boot_us accel ...   a target came up, or did not
 *   target_end    end detail [boot]: how it ended (target.h's names)
 *   command       qemu: its exact command line
 *   attempt_start test attempt stage
 *   attempt_end   test attempt status reason duration_us [exit_code signal timed_out
 *                 marker_us cast log_from log_to kernel_log[]]
 *   witness       test attempt status reason [diff diff_cut]: what its result files say; makes its
 *                 verdict worse, never better
 *   artifact      test attempt name kind offset length size sha256 cut
 *   note          level text
 *   run_end       status duration_us [interrupted counts{}]   last; its absence: interrupted
 *   resume        [command pid]   behind a run_end that is interrupted: the run goes on
 *
 * A reader stops trusting at the first line whose crc is wrong and says so; a last line without
 * newline was never acknowledged and is dropped silently.
 *
 * Artifacts by name, so that logs, export and pages find them. Of a stage, under the stage's
 * test ("script.002_btrfsprogs"):
 *   cast "terminal.cast"   its recording
 *   log  "terminal.log"    optional: its terminal as raw bytes, what log_from and log_to count
 *   file "<path>"          what was collected, path beneath the logs folder ("logs/<path>" too)
 *   core "core.kdump"      the memory of a guest that hung in it, where it was asked for
 * and under the test "boot", once per boot (its attempt):
 *   cast "console.cast"   console "console.log"   kernel "kernel.log"   core "core.kdump" */
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
/* Make runs/<id>/ with a fresh id (YYYYMMDD-HHMMSS-<profile's last word>, UTC, a counter behind
 * it where taken), lock its journal, write the first record durably. `first` is borrowed; id,
 * profile and order_us are added to it. On failure nothing is left. -ENOSPC ... */
int run_create(const char *state_dir, const char *profile, const json_t *first,
	struct run_writer **ret, struct err *e);
const char *run_writer_id(const struct run_writer *w);
const char *run_writer_dir(const struct run_writer *w);
/* Append one record (fields borrowed; seq, wall_us, at_us, crc are the store's). durable:
 * it and all before it, artifacts too, are on disk before it returns; else with the next that
 * is. After a failure the journal is as it was before (no torn line), and the next append may
 * succeed: but after a failed sync, which is for good. To run_end, duration_us is added where
 * missing. -EINVAL: unknown type or a member missing; -EMSGSIZE: above 1 MiB; -ENOSPC ... */
int run_append(
	struct run_writer *w, const char *type, const json_t *fields, bool durable, struct err *e);
/* The record `note`, for people: level "info", "warning" or "error"; text: any bytes, borrowed. */
int run_note(
	struct run_writer *w, const char *level, const char *text, bool durable, struct err *e);
/* All that was appended is on disk when it returns 0. */
int run_sync(struct run_writer *w, struct err *e);
/* An artifact, streamed: compressed into the pack as it comes; record written at the end, and
 * durable with the next durable record or run_sync: do not remove its source before that.
 * One at a time (-EBUSY), records may be appended meanwhile. kind: "cast" "log" "console"
 * "kernel" "file". After a failed add or end it is gone, its room in the pack too. */
int run_artifact_begin(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, struct err *e);
int run_artifact_add(struct run_writer *w, const void *p, size_t n, struct err *e);
int run_artifact_end(struct run_writer *w, bool cut, struct err *e);
/* Forget the one that was begun, if any. */
void run_artifact_drop(struct run_writer *w);
/* All of it from a file. Absent file: -ENOENT; a link -ELOOP; no regular file -EINVAL. */
int run_artifact_file(struct run_writer *w, const char *test, int64_t attempt, const char *name,
	const char *kind, const char *path, bool cut, struct err *e);
/* Sync, let go of the lock, free and null *w whatever is returned; NULL is a no-op. */
int run_writer_close(struct run_writer **w, struct err *e);
static inline void run_writer_closep(struct run_writer **w)
{
	(void)run_writer_close(w, NULL); /* error paths: the first error is the one to tell */
}
#define auto_run_writer __attribute__((cleanup(run_writer_closep)))

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
	int64_t batch; /* 0: the run has only one, or it is of all of them */
	bool ended;
	bool superseded;     /* a later attempt of the same test exists: it counts, not this */
	enum verdict status; /* MISS where it never ended */
	char *reason;        /* "" where none; "running" in a live run */
	int64_t start_wall_us;
	uint64_t start_at_us; /* monotonic, since the run began */
	uint64_t duration_us;
	uint64_t marker_us; /* where in its stage's recording it starts */
	json_t *end;        /* the whole attempt_end record, or NULL */
	json_t *faults;     /* array of its fault records, or NULL */
	json_t *witness;    /* the last witness record, or NULL; `status` has it taken in */
	size_t before;      /* the store's: index of the attempt it supersedes, or SIZE_MAX */
};
/* Of what was collected in the target its path beneath the logs folder (a guest named it: it may
 * be anything); else NULL. Borrowed. */
const char *run_artifact_collected(const struct run_artifact *a);
/* The stage itself ("script.002_x"), not one of its subtests ("script.002_x.name") nor boot. */
bool run_attempt_is_stage(const struct run_attempt *a);

struct run_info {
	char *id, *dir;
	json_t *first;                /* the run record; an empty object where it is damaged */
	json_t *plan;                 /* the last plan record, or NULL */
	json_t *target;               /* the last target record, or NULL */
	json_t *resumed;              /* the last resume record, or NULL */
	json_t *last;                 /* the run_end record, or NULL: running or interrupted */
	bool live;                    /* no run_end yet, and its writer holds the lock */
	bool interrupted;             /* fsqa was killed, or run_end says "interrupted": true */
	uint64_t duration_us;         /* to the last record, or what run_end says */
	struct run_attempt *attempts; /* in order of their start */
	size_t n_attempts;
	struct run_artifact *artifacts;
	size_t n_artifacts;
	json_t *notes; /* array of note records */
	char *damage;  /* NULL, or what was wrong with the journal: "line 12: checksum" */
};
/* `id`: a run's id, an unambiguous prefix of it, or "latest" (made last, whatever the clock
 * said). -ENOENT names the nearest; -ENOTUNIQ. A damaged journal is no error: see `damage`. */
int run_read(const char *state_dir, const char *id, struct run_info **ret, struct err *e);
void run_info_free(struct run_info *r);
static inline void run_info_freep(struct run_info **r)
{
	run_info_free(*r);
}
#define auto_run_info __attribute__((cleanup(run_info_freep)))
/* The accelerator that the last target had, or the one planned; "" where neither is known. Why not
 * a better one in *ret_why (may be NULL), or "". Both borrowed from `r`. */
const char *run_info_accel(const struct run_info *r, const char **ret_why);
/* Worst of each test's last attempt and of what run_end says; MISS at best when interrupted,
 * damaged, or when nothing ran. */
enum verdict run_info_status(const struct run_info *r);
/* Of each test's last attempt; in a live run only those that ended. */
void run_info_counts(const struct run_info *r, unsigned counts[VERDICT_COUNT]);
/* Decompress an artifact, piece by piece; an error of sink() ends it. Its sha256 is verified:
 * -EBADMSG where it differs, told last, when the bytes have been given out. */
int run_artifact_each(const struct run_info *r, const struct run_artifact *a,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e);
/* The same to a descriptor. */
int run_artifact_write(
	const struct run_info *r, const struct run_artifact *a, int fd, struct err *e);

/* What a test wrote to the terminal, as raw bytes: of a stage all, of a subtest its part, of
 * "boot" the console. From the log where there is one, else from the recording. -ENOENT: neither
 * was kept; -ENODATA: a subtest's part cannot be told. */
int run_terminal_each(const struct run_info *r, const struct run_attempt *a,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e);
/* Each of the n artifacts to DIR/TEST/NAME (DIR/TEST.ATTEMPT from the second attempt on; what was
 * collected to logs/NAME in it). A name that cannot be one becomes unnamed-N. -EEXIST: a file is
 * there already, and stays. */
int store_save_artifacts(const struct run_info *r, const struct run_artifact *const *list, size_t n,
	const char *dir, struct err *e);

/* ---- all runs ---- */
struct run_row {
	char *id, *profile, *kernel, *accel;
	int64_t start_wall_us;
	uint64_t duration_us;
	enum verdict status;
	bool live, interrupted;
	unsigned counts[VERDICT_COUNT];
	char *damage; /* NULL, or what is wrong with its journal */
};
struct stage_row { /* a test's last attempt in one run, for the history strip */
	char *run, *test;
	enum verdict status;
	uint64_t duration_us;
};
struct index_db;
/* Open (or make) STATE/index.db and bring it up to date: runs that it lacks or that had not
 * ended are read from their journals, runs that are gone are dropped. A database that is damaged
 * or of another version is made again from the journals. */
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
/* How long each test took in the last `limit` runs, those of `profile` before others: told so that
 * of one test the later word is the better one. What broke (ERROR, MISS) says nothing of that. */
int index_durations(struct index_db *x, const char *profile, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e);
/* The longest pass of each test in the last `limit` runs of the profile on that accelerator. */
int index_longest(struct index_db *x, const char *profile, const char *accel, size_t limit,
	void (*each)(void *ctx, const char *test, uint64_t duration_us), void *ctx, struct err *e);
/* Make it again from all journals; *ret_runs how many. */
int index_rebuild(const char *state_dir, size_t *ret_runs, struct err *e);

/* Call `each` with every run's first record (borrowed); one whose journal is damaged there has
 * none. */
int store_each_first(const char *state_dir,
	void (*each)(void *ctx, const char *id, const json_t *first), void *ctx, struct err *e);

/* What others have to do with a run that is finished so; each may be NULL. */
struct store_recovery {
	/* The run's id and one line: it is finished, or cannot be. */
	void (*each)(void *ctx, const char *id, const char *what);
	/* The disks of its machines are still there: what is on them may be put into
	 * <stage>/salvaged/ of the work folder. `r` is as it was found. */
	void (*salvage)(void *ctx, const struct run_info *r, struct run_writer *w);
	/* All its files are packed and each test has its verdict, which may be made worse. */
	int (*judge)(void *ctx, struct run_writer *w, struct err *e);
	void *ctx;
};

/* Runs without run_end whose writer is gone: finish each as interrupted (attempts under way and
 * tests of the plan never reached MISS, recordings and logs in its work folder packed, work
 * folder removed, index renewed). A damaged journal is kept as journal.damaged. The work folder of
 * a run:
 *   runs/<id>/work/<stage>/terminal.cast, terminal.log, logs/   of the stage under way
 *   runs/<id>/work/<stage>/salvaged/                            logs, from its machine's disk
 *   runs/<id>/work/console.cast, console.log, kernel.log
 *   runs/<id>/work/vm/                                          never packed
 *   runs/<id>/work/<n>/...                                      the same, of its batch n
 * What cannot be mended is told to `each` and does not keep the others from it. */
int store_recover(const char *state_dir, const struct store_recovery *how, struct err *e);

/* Go on with a run that was interrupted and is finished as such: behind a record "resume" with
 * `fields` (borrowed) its journal is *ret's. -EWOULDBLOCK: it runs; -EINVAL: it was not
 * interrupted, or its journal is damaged. */
int run_resume(const char *state_dir, const char *id, const json_t *fields, struct run_writer **ret,
	struct err *e);

/* BTRFSQA's folder, as its results repository has it, filled beside and published by a rename:
 *   DIR/results_YYYY-MM-DD_HH:MM/    when the run began, UTC
 *     NNN_name.script                the stage's terminal, as script(1) wrote it
 *     screencasts/NNN_name.cast
 *     logs/...                       what stages left in /tmp/logs; console.log, kernel.log.
 *                                    Where two stages have a name: logs/NNN_name/...
 *     status.json                    run, profile, kernel, start, status, stages[]
 * *ret_path (may be NULL): the folder, the caller's. -EEXIST: it is there already, and stays as
 * it is; -EBADMSG: an artifact is damaged. On failure nothing is left in DIR. */
int store_export_btrfsqa(const struct run_info *r, const char *dir, char **ret_path, struct err *e);
