/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare.h: runs of one plan on several kernels, as people and programs read them. */
#pragma once
#include "cli/cli.h"
#include "store/store.h"

/* Of n runs, the first is the baseline, and of each other one what compare_baseline says. Tables on
 * standard output: the kernels with their counts, and the tests whose verdict differs; `page` (may
 * be NULL) is named. */
void compare_print(const struct cli *cli, struct run_info *const *runs, size_t n, const char *page);
/* Their page, named after `name`; NULL, with a warning: it was not written. The caller's. */
char *compare_page(const struct cli *cli, const char *state_dir, const char *name,
	struct run_info *const *runs, size_t n);
/* The same as one JSON object; new reference. */
json_t *compare_json(struct run_info *const *runs, size_t n);
/* CLI_TESTS_FAILED: a candidate regressed; CLI_INFRA: none did, as far as is known, but a test did
 * not really run; else CLI_GOOD. */
int compare_exit(struct run_info *const *runs, size_t n);
