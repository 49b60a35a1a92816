/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site.h: static pages that work from file:// with no network and without JavaScript.
 *   STATE/site/index.html            all runs
 *   STATE/site/runs/<id>/index.html  one run; casts/ and logs/ beside it
 *   STATE/site/assets/               style sheet, player (copied from the web assets)  */
#pragma once
struct err;

/* Write or renew the page of one run and the front page. *ret_path (may be NULL): the run's
 * page, the caller's. */
int site_write_run(const char *state_dir, const char *id, char **ret_path, struct err *e);
/* Only the front page. */
int site_write_index(const char *state_dir, struct err *e);
