/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "store/store.h"

static int rebuild_index(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	auto_free char *state = NULL;
	size_t n = 0;
	int code = cli_state_dir(cli, NULL, &state);
	if (code != CLI_GOOD)
		return code;
	if (index_rebuild(state, &n, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:I}", "runs", (json_int_t)n));
	cli_note(cli, "%zu run%s in %s/index.db.", n, n == 1 ? "" : "s", state);
	return CLI_GOOD;
}

static const struct command_example examples[] = {
	{ "fsqa rebuild-index", "after runs were copied from another machine" },
	{ 0 },
};

extern const struct command cmd_rebuild_index;
const struct command cmd_rebuild_index = {
	.name = "rebuild-index",
	.args = "",
	.summary = "make the index again from the journals",
	.help = "The index (index.db) only repeats what the runs' journals say, so that fsqa runs "
		"and the pages are quick. It mends itself when it is damaged; this is for when it "
		"is to be made from nothing. Runs under way go on meanwhile.",
	.examples = examples,
	.flags = COMMAND_JSON,
	.fn = rebuild_index,
};
