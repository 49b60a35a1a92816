/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h: a run as it goes, on standard error: on a terminal one living line (stage, subtest,
 * elapsed of timeout), else plain lines; and the summary at its end on standard output. */
#pragma once
#include "run/run.h"
#include <jansson.h>
struct cli;
struct profile;
struct progress;

struct progress *progress_new(struct cli *cli, const struct profile *profile);
/* Handlers for run_execute, with the progress as ctx. */
extern const struct run_observer progress_observer;
/* Text while things are prepared, also outside a run (shell). */
void progress_text(void *progress, const char *text);
/* Ids of the interrupted runs that were finished; borrowed, NULL-terminated or NULL. */
const char *const *progress_recovered(const struct progress *p);
/* Take the living line away. */
void progress_clear(struct progress *p);
/* Verdicts, counts, where the report is; `report` may be NULL. */
void progress_summary(struct progress *p, const struct run_result *r, const char *report);
/* The same as one JSON object; new reference. */
json_t *progress_json(struct progress *p, const struct run_result *r, const char *report);
void progress_free(struct progress *p);
