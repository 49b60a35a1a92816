/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/plan.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/suite_stages.h"
#include <string.h>

/* What is shown of the plan. */
struct filter {
	const char *suite, *section, *group; /* NULL: any */
	const json_t *groups;                /* as suite_groups has them */
};

/* An array, or NULL. */
static json_t *groups_of(const struct filter *f, const struct plan_test *t)
{
	return json_object_get(json_object_get(f->groups, t->suite), t->name);
}

static bool has_group(const json_t *groups, const char *group)
{
	size_t i;
	json_t *one;
	json_array_foreach (groups, i, one)
		if (strcmp(json_string_value(one), group) == 0)
			return true;
	return false;
}

static bool is_shown(const struct filter *f, const struct plan_test *t)
{
	return (!f->suite || strcmp(f->suite, t->suite) == 0) &&
	       (!f->section || strcmp(f->section, t->section) == 0) &&
	       (!f->group || has_group(groups_of(f, t), f->group));
}

/* One that nothing in the plan has is a mistake. */
static int check_word(struct cli *cli, const char *what, const char *word, const struct strv *known)
{
	if (!word || strv_find(known, word) < known->n)
		return CLI_GOOD;
	auto_free char *hint = nearest_hint(word, strv_get(known));
	return cli_usage(cli, "no %s '%s' in what this profile runs%s", what, word, hint);
}

static void add_once(struct strv *v, const char *s)
{
	if (*s && strv_find(v, s) == v->n)
		strv_add(v, s);
}

static int check_filter(struct cli *cli, const struct filter *f, const struct plan *p)
{
	auto_strv struct strv suites = { 0 };
	auto_strv struct strv sections = { 0 };
	auto_strv struct strv groups = { 0 };
	for (size_t i = 0; i < p->n_tests; i++) {
		size_t k;
		json_t *group;
		add_once(&suites, p->tests[i].suite);
		add_once(&sections, p->tests[i].section);
		json_array_foreach (groups_of(f, &p->tests[i]), k, group)
			add_once(&groups, json_string_value(group));
	}
	int rc = check_word(cli, "suite", f->suite, &suites);
	if (rc == CLI_GOOD)
		rc = check_word(cli, "section", f->section, &sections);
	return rc == CLI_GOOD ? check_word(cli, "group", f->group, &groups) : rc;
}

static void print_list(const struct cli *cli, const struct filter *f, const struct plan *p)
{
	auto_table struct table *t = table_new("TEST", "GROUPS", ">EXPECTED", "FROM", NULL);
	char human[CLOCK_HUMAN_SIZE];
	uint64_t sum_us = 0;
	for (size_t i = 0; i < p->n_tests; i++) {
		const struct plan_test *test = &p->tests[i];
		if (!is_shown(f, test))
			continue;
		size_t k;
		json_t *group;
		auto_strv struct strv its = { 0 };
		json_array_foreach (groups_of(f, test), k, group)
			strv_add(&its, json_string_value(group));
		auto_free char *groups = strv_join(&its, " ");
		table_cell(t, CLI_BOLD, "%s", test->path);
		table_cell(t, CLI_PLAIN, "%s", groups);
		table_cell(t, CLI_PLAIN, "%s", clock_human(test->expected_us, human));
		table_cell(t, CLI_DIM, "%s", plan_source_name(test->source));
		sum_us += test->expected_us;
	}
	table_print(cli, t);
	cli_note(cli, "%zu of %zu tests, about %s one after the other", table_rows(t), p->n_tests,
		clock_human(sum_us, human));
}

static json_t *list_json(const struct filter *f, const struct plan *p)
{
	json_t *tests = json_array();
	for (size_t i = 0; i < p->n_tests; i++) {
		json_t *groups = groups_of(f, &p->tests[i]);
		json_t *one = plan_test_json(&p->tests[i]);
		json_object_set_new(one, "groups", groups ? json_incref(groups) : json_array());
		if (is_shown(f, &p->tests[i]))
			json_array_append(tests, one);
		json_decref(one);
	}
	return json_pack("{s:o}", "tests", tests);
}

/* `taken`: the plan's, or NULL. */
static int list(struct cli *cli, const struct config *c, const struct suite_tree *taken,
	const struct plan *p)
{
	struct err e = { 0 };
	auto_json json_t *groups = NULL;
	if (suite_groups(c, taken ? taken->dir : NULL, &groups, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	const struct filter f = { cli_value(cli, "suite"), cli_value(cli, "section"),
		cli_value(cli, "group"), groups };
	int code = check_filter(cli, &f, p);
	if (code != CLI_GOOD)
		return code;
	if (cli_wants_json(cli))
		cli_print_json(cli, list_json(&f, p));
	else
		print_list(cli, &f, p);
	return CLI_GOOD;
}

static int cmd_list_fn(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	auto_plan struct plan plan = { 0 };
	auto_suite_tree struct suite_tree *tree = NULL;
	struct profile *profile = NULL;
	int code = cli_profile(cli, argc ? argv[0] : NULL, &profile);
	if (code == CLI_GOOD)
		code = cli_state_dir(cli, profile->config, &state_dir);
	if (code == CLI_GOOD)
		code = plan_of(cli, state_dir, profile, NULL, true, &tree, &plan);
	if (code == CLI_GOOD)
		code = list(cli, profile->config, tree, &plan);
	profile_free(profile);
	return code;
}

static const struct command_option options[] = {
	{ "suite", 0, "SUITE", "only tests of this suite", NULL, 0, 0 },
	{ "group", 'g', "GROUP", "only tests that are in this group", NULL, 0, 0 },
	{ "section", 0, "SECTION", "only tests of this section", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa list", "the stages of the btrfs demo" },
	{ "fsqa list ./my-profile --section zstd --group raid", "some tests of one section" },
	{ "fsqa list ./my-profile --json | jq -r '.tests[].test'", "all of them, for a script" },
	{ 0 },
};

extern const struct command cmd_list;
const struct command cmd_list = {
	.name = "list",
	.args = "[PROFILE]",
	.max_args = 1,
	.values = "profile",
	.summary = "list the tests that a run of a profile would run",
	.help = "Each test with its groups and the time it should take: what earlier runs of the "
		"profile measured, else what it took in another section, else what the tree's own "
		"check.time says, else a guess. Subtests that stages of scripts announce while "
		"they run are not known before.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = cmd_list_fn,
};
