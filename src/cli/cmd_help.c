/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "cli/cli.h"

static int help(struct cli *cli, int argc, char **argv)
{
	if (argc == 0) {
		cli_help(cli, stdout, NULL);
		return CLI_GOOD;
	}
	auto_free char *name = argc > 1 ? xasprintf("%s %s", argv[0], argv[1]) : xstrdup(argv[0]);
	if (cli_help(cli, stdout, name))
		return CLI_GOOD;
	auto_strv struct strv names = { 0 };
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & COMMAND_HIDDEN))
			strv_add(&names, commands[i]->name);
	auto_free char *hint = nearest_hint(name, strv_get(&names));
	return cli_usage(cli, "unknown command '%s'%s", name, hint);
}

static const struct command_example examples[] = {
	{ "fsqa help config get", "what one command does, its options, and examples" },
	{ 0 },
};

extern const struct command cmd_help;
const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max_args = 2,
	.values = "command",
	.summary = "print help on a command, or the list of commands",
	.help = "The same text comes from 'fsqa COMMAND --help'. The manual pages fsqa(1) and "
		"fsqa.conf(5) have all of it.",
	.examples = examples,
	.fn = help,
};
