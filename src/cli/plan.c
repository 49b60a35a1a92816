/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/plan.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/capacity.h"
#include "run/prepare.h"
#include "run/suite_stages.h"
#include "target/accel.h"
#include <errno.h>
#include <string.h>

/* Only where it makes a difference it is asked which accelerator there will be. */
static unsigned cpus(const char *state_dir, const struct config *c)
{
	struct accel accel = { .name = "tcg" };
	const struct accel_query q = prepare_accel(state_dir, c);
	if (config_num(c, "vm.cpus") == 0)
		(void)accel_probe(&q, &accel, NULL); /* the run will say why there is none */
	return capacity_cpus(c, accel.name);
}

static void say(void *ctx, const char *text)
{
	cli_note(ctx, "%s", text);
}

int plan_of(struct cli *cli, const char *state_dir, const struct profile *profile,
	const struct order *order, bool alone, struct suite_tree **ret_tree, struct plan *ret)
{
	struct err e = { 0 };
	auto_json json_t *listed = NULL;
	auto_suite_tree struct suite_tree *tree = NULL;
	int rc = suite_tree_take(state_dir, profile->config, say, cli, &tree, &e);
	if (rc == 0)
		rc = suite_stages(profile->config, tree ? tree->dir : NULL, &listed, &e);
	if (rc < 0)
		return cli_error(cli, rc == -EIO ? CLI_INFRA : CLI_USAGE, &e);
	if (order)
		(void)order_apply(order, listed);
	auto_json json_t *stages = plan_stages(profile, listed);
	const struct plan_query q = {
		.state_dir = state_dir,
		.profile = profile,
		.stages = stages,
		.cpus = alone ? 1 : cpus(state_dir, profile->config),
		.alone = alone,
	};
	if (plan_make(&q, ret, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	if (ret_tree)
		*ret_tree = take(&tree);
	return CLI_GOOD;
}

json_t *plan_test_json(const struct plan_test *t)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "test", t->path, "suite", t->suite,
		"section", t->section, "name", t->name, "expected_us", (json_int_t)t->expected_us,
		"from", plan_source_name(t->source));
}

/* "scripts default zstd", in the order in which they run. */
static char *sections_of(const struct plan *p, const struct plan_batch *b)
{
	auto_strv struct strv names = { 0 };
	for (size_t i = 0; i < b->n; i++) {
		const struct plan_test *t = &p->tests[b->v[i]];
		const char *name = t->section[0] ? t->section : "(scripts)";
		if (strv_find(&names, name) == names.n)
			strv_add(&names, name);
	}
	return strv_join(&names, " ");
}

void plan_print(const struct cli *cli, const struct plan *p)
{
	auto_table struct table *t = table_new(">BATCH", ">TESTS", ">EXPECTED", "SECTIONS", NULL);
	char human[CLOCK_HUMAN_SIZE];
	size_t guesses = 0;
	for (size_t i = 0; i < p->n_batches; i++) {
		const struct plan_batch *b = &p->batches[i];
		auto_free char *sections = sections_of(p, b);
		table_cell(t, CLI_BOLD, "%zu", i + 1);
		table_cell(t, CLI_PLAIN, "%zu", b->n);
		table_cell(t, CLI_PLAIN, "%s", clock_human(b->expected_us, human));
		table_cell(t, CLI_PLAIN, "%s", sections);
	}
	for (size_t i = 0; i < p->n_tests; i++)
		guesses += p->tests[i].source == PLAN_GUESS;
	table_print(cli, t);
	cli_note(cli, "%zu tests in %zu batch%s, %u at once: about %s, boots included%s",
		p->n_tests, p->n_batches, p->n_batches == 1 ? "" : "es", p->slots,
		clock_human(p->estimate_us, human), guesses ? "" : ", all of it measured before");
	if (guesses)
		cli_note(cli, "%zu of the tests were never measured: a guess is in it", guesses);
}

json_t *plan_json(const struct plan *p)
{
	json_t *batches = json_array();
	for (size_t i = 0; i < p->n_batches; i++) {
		const struct plan_batch *b = &p->batches[i];
		json_t *tests = json_array();
		for (size_t k = 0; k < b->n; k++)
			json_array_append_new(tests, plan_test_json(&p->tests[b->v[k]]));
		json_array_append_new(batches, json_pack("{s:I, s:o}", "expected_us",
						       (json_int_t)b->expected_us, "tests", tests));
	}
	return json_pack("{s:i, s:I, s:I, s:o}", "slots", (int)p->slots, "expected_us",
		(json_int_t)p->total_us, "estimate_us", (json_int_t)p->estimate_us, "batches",
		batches);
}
