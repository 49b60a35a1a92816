/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/live.h"
#include "cli/results.h"
#include "cli/table.h"

static void print_json(struct cli *cli, const struct live *rows, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct live *l = &rows[i];
		auto_json json_t *machine = live_machine(l);
		json_array_append_new(
			a, json_pack("{s:s, s:I, s:s, s:s, s:I, s:b, s:I, s:s?}", "id", l->id,
				   "pid", (json_int_t)l->pid, "command", l->command, "test", l->now,
				   "start_us", (json_int_t)l->start_wall_us, "kept", (int)l->kept,
				   "until_us", (json_int_t)l->until_wall_us, "qemu",
				   json_str_or(machine, "command", NULL)));
	}
	cli_print_json(cli, json_pack("{s:o}", "machines", a));
}

/* To be copied and run: one line each, behind a comment that names it. */
static void print_commands(const struct live *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *machine = live_machine(&rows[i]);
		if (machine)
			printf("# %s\n%s\n", rows[i].id, json_str_or(machine, "command", ""));
	}
}

static char *state_of(const struct live *l)
{
	char human[CLOCK_HUMAN_SIZE];
	int64_t left = l->until_wall_us - clock_wall_us();
	if (!l->kept)
		return xstrdup("running");
	if (l->until_wall_us == 0)
		return xstrdup("kept, in use");
	return xasprintf("kept, %s left", clock_human(left > 0 ? (uint64_t)left : 0, human));
}

static void print_table(struct cli *cli, const struct live *rows, size_t n)
{
	auto_table struct table *t =
		table_new("ID", ">PID", ">AGE", "STATE", "TEST", "COMMAND", NULL);
	const struct live *kept = NULL;
	for (size_t i = 0; i < n; i++) {
		char age[RESULTS_AGE_SIZE];
		table_cell(t, CLI_BOLD, "%s", rows[i].id);
		table_cell(t, CLI_PLAIN, "%ld", (long)rows[i].pid);
		table_cell(t, CLI_PLAIN, "%s", results_age(rows[i].start_wall_us, age));
		auto_free char *state = state_of(&rows[i]);
		table_cell(t, CLI_PLAIN, "%s", state);
		table_cell(t, CLI_PLAIN, "%s", rows[i].now);
		table_cell(t, CLI_PLAIN, "%s", rows[i].command);
		if (rows[i].kept)
			kept = &rows[i];
	}
	table_print(cli, t);
	if (kept)
		cli_note(cli, "\nInto one that is kept: fsqa shell --attach %s", kept->id);
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
	else if (cli_flag(cli, "command"))
		print_commands(rows, n);
	else if (n)
		print_table(cli, rows, n);
	else
		cli_note(cli, "Nothing runs.");
	live_free(rows, n);
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "command", 0, NULL, "only the exact command line of each one's QEMU", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa ps", "runs, shells and commands under way, and VMs that are kept" },
	{ "fsqa ps --command", "QEMU's command lines" },
	{ 0 },
};

extern const struct command cmd_ps;
const struct command cmd_ps = {
	.name = "ps",
	.args = "",
	.summary = "what runs now: runs, shells and commands in a VM, and VMs that are kept",
	.help = "Lists what holds a machine at the moment, with the test it is in, or the one that "
		"failed where `fsqa run --keep` kept its machine; that ends by itself when the "
		"time left is over. fsqa kill ends one; fsqa shell --attach, fsqa ssh and fsqa gdb "
		"go into one.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = ps,
};
