/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h: the plan of a run, before there is one, for fsqa list and fsqa run --dry-run. */
#pragma once
#include "cli/cli.h"
#include "run/order.h"
#include "run/plan.h"
#include "run/suite_tree.h"

/* What the profile would run; no guest, kernel or image is needed. Prints and gives CLI_USAGE or
 * CLI_INFRA on failure, else CLI_GOOD. `order` may be NULL; `alone`: as in plan_query. *ret_tree
 * (may be NULL): the tree of fstests that the tests are in, or NULL; the caller's. */
int plan_of(struct cli *cli, const char *state_dir, const struct profile *profile,
	const struct order *order, bool alone, struct suite_tree **ret_tree, struct plan *ret);
/* {test, suite, section, name, expected_us, from}; a new reference. */
json_t *plan_test_json(const struct plan_test *t);
/* The batches, and when they should be over. */
void plan_print(const struct cli *cli, const struct plan *p);
/* {slots, expected_us, estimate_us, batches: [{expected_us, tests: [...]}]}; a new reference. */
json_t *plan_json(const struct plan *p);
