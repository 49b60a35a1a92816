/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "base/mem.h"
#include "cli/compare.h"
#include "cli/results.h"

static int compare(struct cli *cli, int argc, char **argv)
{
	auto_run_info struct run_info *a = NULL;
	auto_run_info struct run_info *b = NULL;
	int code = results_read(cli, argv[argc - 1], &b);
	if (code != CLI_GOOD)
		return code;
	const char *baseline = argc == 2 ? argv[0] : json_str_or(b->first, "baseline", NULL);
	if (!baseline)
		return cli_usage(cli,
			"%s was not run beside a baseline: name one, fsqa compare RUN %s", b->id,
			b->id);
	code = results_read(cli, baseline, &a);
	if (code != CLI_GOOD)
		return code;
	struct run_info *const runs[] = { a, b };
	auto_free char *state_dir = NULL;
	code = cli_state_dir(cli, NULL, &state_dir);
	if (code != CLI_GOOD)
		return code;
	auto_free char *name = xasprintf("%s--%s", a->id, b->id);
	auto_free char *page = compare_page(cli, state_dir, name, runs, 2);
	if (cli_wants_json(cli))
		cli_print_json(cli, compare_json(runs, 2));
	else
		compare_print(cli, runs, 2, page);
	return compare_exit(runs, 2);
}

static const struct command_example examples[] = {
	{ "fsqa compare latest", "the last run with the baseline that it was run beside" },
	{ "fsqa compare 20261121-10 20261122-09", "any two runs of one profile" },
	{ 0 },
};

extern const struct command cmd_compare;
const struct command cmd_compare = {
	.name = "compare",
	.args = "[BASELINE] RUN",
	.min_args = 1,
	.max_args = 2,
	.values = "run",
	.summary = "what differs between two runs, test by test",
	.help = "A test regressed when it passed in the run BASELINE and does not in RUN, also if "
		"it "
		"was not reached there, or when it fails only in RUN; it is fixed when it failed "
		"and passes. A MISS on either side says nothing.\n\n"
		"BASELINE may be left out where RUN was made by `fsqa run` with several --kernel. "
		"The tables are on a page, too. The exit code is 1 when a test regressed, else 3 "
		"when one is a MISS, else 0.",
	.examples = examples,
	.flags = COMMAND_JSON,
	.fn = compare,
};
