/* SPDX-License-Identifier: GPL-2.0-or-later */
/* results.h: what the commands that read results share. */
#pragma once
#include "cli/cli.h"
#include "store/store.h"

/* Read the run named by a whole id, a prefix or "latest" (NULL: latest). With the reason printed:
 * CLI_USAGE where there is no such run, CLI_INFRA where it cannot be read; else CLI_GOOD. A
 * damaged journal is only warned of. */
int results_read(struct cli *cli, const char *id, struct run_info **ret);

enum cli_color results_color(enum verdict v);
/* "running", "FAIL", "PASS", "MISS (interrupted)", "MISS (damaged)"; the caller's. */
char *results_state(enum verdict v, bool live, bool interrupted, bool damaged);
/* How long ago, for people: "12s", "5m", "3h", "9d". */
#define RESULTS_AGE_SIZE 32
const char *results_age(int64_t wall_us, char out[RESULTS_AGE_SIZE]);
/* {"FAIL": 0, ...}; new reference. */
json_t *results_counts(const unsigned counts[VERDICT_COUNT]);
/* "12 PASS, 1 FAIL", "no tests"; the caller's. */
char *results_counts_text(const unsigned counts[VERDICT_COUNT]);
/* A string of a record as JSON; null where it has none. New reference. */
json_t *results_member(const json_t *record, const char *key);
