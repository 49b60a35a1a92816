/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site_priv.h: what the files of this room share. A run becomes a page in three steps: the model
 * groups its attempts into stages, files writes its artifacts beside the page, page_run draws. */
#pragma once
#include "site/thumb.h"
#include "store/store.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct buf;
struct err;

/* So many collected files of a stage are laid beside its page; the others stay in the store. */
#define SITE_FILES_MAX   100u
#define SITE_HISTORY     20u
#define SITE_RUNS_MAX    500u /* on the front page */
#define SITE_EXCERPT_MAX 16u  /* lines of a test's output shown on the page */
#define SITE_EXCERPTS    12u  /* tests of a stage that have such */

/* A recording laid out as casts/NAME.cast, .cast.js and .svg. */
struct site_cast {
	char *name;    /* NULL: there is none */
	char *trouble; /* NULL, or why it cannot be shown */
	bool has_picture;
	struct thumb thumb;
	uint64_t size;
	bool cut;
};

struct site_file {
	char *name;  /* the artifact's */
	char *title; /* what the page calls it */
	char *href;  /* relative to the page, components percent-encoded; NULL: see trouble */
	char *path;  /* where it lies now */
	char *trouble;
	uint64_t size;
	bool cut;
};

struct site_stage {
	char *test;                        /* "script.002_btrfsprogs", "boot" */
	char *name;                        /* "002_btrfsprogs", "boot" */
	char *key;                         /* unique in the page, safe as a file's name and id */
	const struct run_attempt *attempt; /* NULL: it was planned and never reached */
	const struct run_attempt **subs;   /* its subtests, in order */
	size_t n_subs;
	struct site_cast cast;
	struct site_file *files;
	size_t n_files;
	size_t more_files; /* that were not laid out */
	struct stage_row *history;
	size_t n_history;
};

struct site_page {
	const struct run_info *run;
	struct site_stage *stages; /* boot first, then in order of the plan */
	size_t n_stages;
};

/* ---- model.c ---- */
void site_page_init(struct site_page *p, const struct run_info *run);
void site_page_clear(struct site_page *p);
#define auto_site_page __attribute__((cleanup(site_page_clear)))
void site_file_clear(struct site_file *f);
/* "PASS", "FAIL" ..., or MISS for what was never reached. */
enum verdict site_stage_status(const struct site_stage *s);
/* Its name without its stage's: "mkfs.raid1". Borrowed. */
const char *site_sub_name(const struct site_stage *s, const struct run_attempt *a);
/* Whether it ended badly: FAIL, ERROR, MISS. */
static inline bool site_is_bad(enum verdict v)
{
	return v <= VERDICT_MISS;
}

/* ---- files.c ---- */
/* A file's name made of any text: letters, digits and . _ - only, never hidden, at most 80 bytes,
 * and two texts do not share one. The caller's. */
char *site_safe_name(const char *text);
/* Write the casts/ and logs/ of the page into `dir` and fill the page's casts and files. An
 * artifact that is damaged is told on the page; -ENOSPC and such end it. */
int site_write_files(struct site_page *p, const char *dir, struct err *e);

/* ---- excerpt.c ---- */
/* The last lines, at most `max_lines`, of what a test wrote to its terminal, without escape
 * sequences and with what a carriage return overwrote gone. Nothing is added where it cannot be
 * read. */
void site_excerpt(const struct run_info *run, const struct run_attempt *a, unsigned max_lines,
	struct buf *out);
void site_excerpt_file(const char *path, unsigned max_lines, struct buf *out);

/* ---- parts.c: what both pages are made of. `up` leads to the site's root: "", "../../" ---- */
void site_head(struct buf *b, const char *up, const char *title);
void site_foot(struct buf *b, const char *up);
void site_badge(struct buf *b, enum verdict v);
/* As site_badge, for a run that goes on or was cut short. */
void site_run_badge(struct buf *b, enum verdict v, bool live, bool interrupted);
const char *site_class(enum verdict v); /* "v-pass" */
const char *site_glyph(enum verdict v);
/* "29 passed, 2 failed"; "no tests". */
void site_counts(struct buf *b, const unsigned counts[VERDICT_COUNT]);
/* Squares, oldest first, each a link to its run. `current` (may be NULL) is marked. */
struct site_square {
	const char *run;
	enum verdict status;
	uint64_t duration_us;
	bool live;
	bool has_page;
};
void site_strip(struct buf *b, const char *up, const char *label, const char *current,
	const struct site_square *newest_first, size_t n);
/* A duration for people in <td> and such. */
void site_duration(struct buf *b, uint64_t us);

/* ---- page_run.c, page_index.c ---- */
/* site_dir: to know which runs have a page; may be NULL: none. */
void site_page_run(struct buf *b, const struct site_page *p, const char *site_dir);
void site_page_compare(
	struct buf *b, const struct run_info *const *runs, size_t n, const char *site_dir);
void site_page_index(
	struct buf *b, const struct run_row *rows, size_t n, bool more, const char *site_dir);
bool site_has_page(const char *site_dir, const char *run);
bool site_has_compare(const char *site_dir, const char *name);

/* ---- assets.c ---- */
/* Copy style sheet, script and player into site_dir/assets, those that differ. -ENOENT: the web
 * folder is not where it was installed or built. The player may be absent (-Dplayer=false). */
int site_write_assets(const char *site_dir, struct err *e);
