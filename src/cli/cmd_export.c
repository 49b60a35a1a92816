/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "cli/results.h"
#include <errno.h>
#include <string.h>

static int export_run(struct cli *cli, int argc, char **argv)
{
	auto_run_info struct run_info *r = NULL;
	const char *dir = cli_value(cli, "output");
	const char *format = cli_value(cli, "format");
	if (format && strcmp(format, "btrfsqa") != 0)
		return cli_usage(cli, "--format is '%s': only btrfsqa is known", format);
	int code = results_read(cli, argv[0], &r);
	if (code != CLI_GOOD)
		return code;
	if (r->live)
		cli_warn(cli, "run %s is still running; what is there now is exported", r->id);
	struct err e = { 0 };
	auto_free char *path = NULL;
	int rc = store_export_btrfsqa(r, dir ? dir : ".", &path, &e);
	if (rc < 0)
		return cli_error(cli, rc == -EEXIST ? CLI_USAGE : CLI_INFRA, &e);
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:s, s:s, s:s}", "run", r->id, "format",
					    format ? format : "btrfsqa", "path", path));
	cli_note(cli, "%s", path);
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "format", 0, "FORMAT", "layout of the folder: btrfsqa, which is also the default",
		"btrfsqa" },
	{ "output", 'o', "DIR", "make the folder in DIR instead of here", "dir" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa export latest --format btrfsqa -o ~/btrfsqa/results",
		"results_YYYY-MM-DD_HH:MM/ in a BTRFSQA checkout" },
	{ 0 },
};

extern const struct command cmd_export;
const struct command cmd_export = {
	.name = "export",
	.args = "RUN",
	.min_args = 1,
	.max_args = 1,
	.values = "run",
	.summary = "write a run as a folder that other programs know",
	.help = "btrfsqa: results_YYYY-MM-DD_HH:MM/ (when the run began, UTC) with "
		"NNN_name.script, screencasts/NNN_name.cast, logs/ and status.json. The folder "
		"appears whole or not at all, and one that is there already is never overwritten. "
		"Its path is printed.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = export_run,
};
