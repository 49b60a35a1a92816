/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h: what the files of the frame share, and commands do not see. */
#pragma once
#include "cli/cli.h"

struct cli_given {
	const struct command_option *option;
	const char *value; /* borrowed from argv; NULL: a flag */
};

struct cli {
	const struct command *command; /* NULL: none yet */
	struct cli_given *given;
	size_t n_given;
	const char ***values; /* what cli_values handed out */
	size_t n_values;
	char *command_line;
	int argc; /* the command's arguments */
	char **argv;
	int words; /* of the command line that the command's name took */
};

/* parse.c: read argv into `cli` (argv is reordered, and borrowed until cli_clear). CLI_GOOD or,
 * with the reason printed, CLI_USAGE. No command word: cli->command stays NULL. */
int cli_parse(struct cli *cli, int argc, char **argv);
void cli_clear(struct cli *cli);
/* help.c: "fsqa run [options] [PROFILE]"; the caller's. */
char *cli_usage_line(const struct command *c);
/* help.c: "-c, --config KEY=VALUE"; the caller's. */
char *cli_option_text(const struct command_option *o);
