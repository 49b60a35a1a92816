/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site.h: static pages that work from file:// with no network and without JavaScript.
 *   STATE/site/index.html            all runs
 *   STATE/site/runs/<id>/index.html  one run; casts/ and logs/ beside it
 *   STATE/site/compare/<name>.html    several runs side by side
 *   STATE/site/assets/               style sheet, player (copied from the web assets)  */
#pragma once
#include <stddef.h>
struct err;
struct run_info;

/* Write or renew the page of one run and the front page. *ret_path (may be NULL): the run's
 * page, the caller's. */
int site_write_run(const char *state_dir, const char *id, char **ret_path, struct err *e);
/* n runs, at most COMPARE_RUNS (judge/compare.h), side by side, the first the baseline. `name`: a
 * run's id, of those made together their first one's, whose pages then point here. */
int site_write_compare(const char *state_dir, const char *name, const struct run_info *const *runs,
	size_t n, char **ret_path, struct err *e);
/* Only the front page. */
int site_write_index(const char *state_dir, struct err *e);
