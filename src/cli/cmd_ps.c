/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "cli/live.h"
#include "cli/results.h"
#include "cli/table.h"

static void print_json(struct cli *cli, const struct live *rows, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			a, json_pack("{s:s, s:I, s:s, s:s, s:I}", "id", rows[i].id, "pid",
				   (json_int_t)rows[i].pid, "command", rows[i].command, "test",
				   rows[i].now, "start_us", (json_int_t)rows[i].start_wall_us));
	cli_print_json(cli, json_pack("{s:o}", "machines", a));
}

static void print_table(struct cli *cli, const struct live *rows, size_t n)
{
	auto_table struct table *t = table_new("ID", ">PID", ">AGE", "TEST", "COMMAND", NULL);
	for (size_t i = 0; i < n; i++) {
		char age[RESULTS_AGE_SIZE];
		table_cell(t, CLI_BOLD, "%s", rows[i].id);
		table_cell(t, CLI_PLAIN, "%ld", (long)rows[i].pid);
		table_cell(t, CLI_PLAIN, "%s", results_age(rows[i].start_wall_us, age));
		table_cell(t, CLI_PLAIN, "%s", rows[i].now);
		table_cell(t, CLI_PLAIN, "%s", rows[i].command);
	}
	table_print(cli, t);
}

static int ps(struct cli *cli, int argc, char **argv)
{
	auto_free char *state = NULL;
	struct live *rows = NULL;
	size_t n = 0;
	int code = cli_state_dir(cli, NULL, &state);
	if (code == CLI_GOOD)
		code = live_list(cli, state, &rows, &n);
	if (code != CLI_GOOD)
		return code;
	if (cli_wants_json(cli))
		print_json(cli, rows, n);
	else if (n)
		print_table(cli, rows, n);
	else
		cli_note(cli, "Nothing runs.");
	live_free(rows, n);
	return CLI_GOOD;
}

static const struct command_example examples[] = {
	{ "fsqa ps", "runs, shells and commands under way" },
	{ 0 },
};

extern const struct command cmd_ps;
const struct command cmd_ps = {
	.name = "ps",
	.args = "",
	.summary = "what runs now: runs, shells and commands in a VM",
	.help = "Lists what holds a machine at the moment, with the test it is in. fsqa kill ends "
		"one.",
	.examples = examples,
	.flags = COMMAND_JSON,
	.fn = ps,
};
