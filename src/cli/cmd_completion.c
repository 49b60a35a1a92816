/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/manual.h"
#include <string.h>

static int completion(struct cli *cli, int argc, char **argv)
{
	if (strcmp(argv[0], "bash") != 0)
		return cli_usage(cli, "no completion for '%s': known is bash", argv[0]);
	manual_completion_bash(stdout);
	return CLI_GOOD;
}

static const struct command_example examples[] = {
	{ "source <(fsqa completion bash)", "in this shell only" },
	{ "fsqa completion bash > ~/.local/share/bash-completion/completions/fsqa", "from now on" },
	{ 0 },
};

extern const struct command cmd_completion;
const struct command cmd_completion = {
	.name = "completion",
	.args = "SHELL",
	.min_args = 1,
	.max_args = 1,
	.values = "bash",
	.summary = "print a script that completes fsqa's command lines",
	.help = "An installed fsqa brings the script along, where bash finds it by itself.",
	.examples = examples,
	.fn = completion,
};
