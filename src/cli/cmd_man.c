/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the build, which installs what this prints. */
#include "cli/cli.h"
#include "cli/manual.h"
#include <string.h>

static int man(struct cli *cli, int argc, char **argv)
{
	if (strcmp(argv[0], "fsqa.1") == 0)
		manual_commands_man(stdout);
	else if (strcmp(argv[0], "fsqa.conf.5") == 0)
		manual_settings_man(stdout);
	else
		return cli_usage(cli, "no page '%s': known are fsqa.1 and fsqa.conf.5", argv[0]);
	return CLI_GOOD;
}

extern const struct command cmd_man;
const struct command cmd_man = {
	.name = "man",
	.args = "PAGE",
	.min_args = 1,
	.max_args = 1,
	.values = "fsqa.1|fsqa.conf.5",
	.summary = "print a manual page",
	.help = "",
	.flags = COMMAND_HIDDEN,
	.fn = man,
};
