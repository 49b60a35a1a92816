/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/results.h"
#include "cli/table.h"
#include <string.h>
#include <unistd.h>

#define LIMIT 20

static json_t *row_json(const struct run_row *r)
{
	char start[CLOCK_ISO_SIZE];
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:s?}", "id", r->id,
		"profile", r->profile, "kernel", r->kernel, "accel", r->accel, "start",
		clock_iso(r->start_wall_us, start), "start_us", (json_int_t)r->start_wall_us,
		"duration_us", (json_int_t)r->duration_us, "status", verdict_name(r->status),
		"state",
		r->live          ? "running"
		: r->interrupted ? "interrupted"
				 : "ended",
		"counts", results_counts(r->counts), "damage", r->damage);
}

static void print_json(struct cli *cli, const struct run_row *rows, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, row_json(&rows[i]));
	cli_print_json(cli, json_pack("{s:o}", "runs", a));
}

static void print_table(struct cli *cli, const struct run_row *rows, size_t n)
{
	auto_table struct table *t = table_new("RUN", "PROFILE", "KERNEL", "ACCEL", "RESULT",
		">PASS", ">FAIL", ">MISS", ">SKIP", ">DURATION", ">AGE", NULL);
	for (size_t i = 0; i < n; i++) {
		const struct run_row *r = &rows[i];
		const unsigned *c = r->counts;
		char duration[CLOCK_HUMAN_SIZE];
		char age[RESULTS_AGE_SIZE];
		auto_free char *state =
			results_state(r->status, r->live, r->interrupted, r->damage != NULL);
		int64_t took =
			r->live ? clock_wall_us() - r->start_wall_us : (int64_t)r->duration_us;
		table_cell(t, CLI_BOLD, "%s", r->id);
		table_cell(t, CLI_PLAIN, "%s", r->profile);
		table_cell(t, CLI_PLAIN, "%s", r->kernel);
		table_cell(t, CLI_PLAIN, "%s", r->accel);
		table_cell(t, r->live ? CLI_BLUE : results_color(r->status), "%s", state);
		table_cell(t, CLI_PLAIN, "%u", c[VERDICT_PASS] + c[VERDICT_DONE]);
		table_cell(t, CLI_PLAIN, "%u", c[VERDICT_FAIL] + c[VERDICT_ERROR]);
		table_cell(t, CLI_PLAIN, "%u", c[VERDICT_MISS]);
		table_cell(t, CLI_PLAIN, "%u", c[VERDICT_SKIP]);
		table_cell(
			t, CLI_PLAIN, "%s", clock_human(took > 0 ? (uint64_t)took : 0, duration));
		table_cell(t, CLI_PLAIN, "%s", results_age(r->start_wall_us, age));
	}
	table_print(cli, t);
}

/* Nothing to show: because there is nothing yet, or because the profile has another name. */
static int explain_none(struct cli *cli, struct index_db *x, const char *state, const char *profile)
{
	struct err e = { 0 };
	struct run_row *rows = NULL;
	size_t n = 0;
	if (index_runs(x, NULL, 0, &rows, &n, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	auto_strv struct strv names = { 0 };
	for (size_t i = 0; i < n; i++)
		strv_add(&names, rows[i].profile);
	run_rows_free(rows, n);
	if (n) {
		auto_free char *hint = nearest_hint(profile, strv_get(&names));
		return cli_errorf(cli, CLI_USAGE, "no runs of profile \"%s\"%s", profile, hint);
	}
	if (cli_wants_json(cli))
		print_json(cli, NULL, 0);
	cli_note(cli, "No runs yet in %s.", state);
	return CLI_GOOD;
}

static int list(struct cli *cli, struct index_db *x, const char *state, size_t limit)
{
	struct err e = { 0 };
	struct run_row *rows = NULL;
	size_t n = 0;
	const char *profile = cli_value(cli, "profile");
	if (index_runs(x, profile, limit ? limit + 1 : 0, &rows, &n, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	if (n == 0)
		return explain_none(cli, x, state, profile);
	size_t shown = limit && n > limit ? limit : n;
	if (cli_wants_json(cli))
		print_json(cli, rows, shown);
	else
		print_table(cli, rows, shown);
	if (shown < n)
		cli_note(cli, "Older runs are not shown: --limit 0 shows all.");
	run_rows_free(rows, n);
	return CLI_GOOD;
}

static int runs(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	uint64_t limit = LIMIT;
	const char *text = cli_value(cli, "limit");
	if (text && parse_u64(text, &limit, &e) < 0)
		return cli_usage(cli, "--limit %s: %s", text, e.msg);
	auto_free char *state = NULL;
	int code = cli_state_dir(cli, NULL, &state);
	if (code != CLI_GOOD)
		return code;
	auto_free char *folder = path_join(state, "runs");
	if (access(folder, F_OK) < 0) { /* nothing is made only to be looked at */
		if (cli_wants_json(cli))
			print_json(cli, NULL, 0);
		cli_note(cli, "No runs yet in %s.", state);
		return CLI_GOOD;
	}
	struct index_db *x = NULL;
	if (index_open(state, &x, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	code = list(cli, x, state, limit > UINT32_MAX ? 0 : (size_t)limit);
	index_close(x);
	return code;
}

static const struct command_option options[] = {
	{ "profile", 'p', "PROFILE", "only runs of this profile", "profile" },
	{ "limit", 'n', "N", "show the last N runs (20); 0: all" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa runs", "the last 20 runs, newest first" },
	{ "fsqa runs -p btrfs/demo -n 5", "the last five of one profile" },
	{ "fsqa runs --json | jq -r '.runs[] | select(.status == \"FAIL\").id'",
		"ids of what failed" },
	{ 0 },
};

extern const struct command cmd_runs;
const struct command cmd_runs = {
	.name = "runs",
	.args = "",
	.summary = "list runs and their results, newest first",
	.help = "RESULT is the worst of the run's tests, \"running\" while its fsqa lives, and "
		"marked \"(interrupted)\" where fsqa was killed or stopped before its end, "
		"\"(damaged)\" where its journal was. PASS counts PASS and DONE, FAIL counts FAIL "
		"and ERROR.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = runs,
};
