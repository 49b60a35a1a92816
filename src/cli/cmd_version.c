/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "build_config.h"
#include "cli/cli.h"

static int version(struct cli *cli, int argc, char **argv)
{
	if (cli_wants_json(cli))
		cli_print_json(cli, json_pack("{s:s}", "version", FSQA_VERSION));
	else
		puts("fsqa " FSQA_VERSION);
	return CLI_GOOD;
}

extern const struct command cmd_version;
const struct command cmd_version = {
	.name = "version",
	.args = "",
	.summary = "print the version",
	.help = "",
	.flags = COMMAND_JSON,
	.fn = version,
};
