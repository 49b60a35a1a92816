/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h: a command is one file (cmd_x.c) and one table entry, listed in commands.c. Parsing,
 * help, man page and completion all come from the entry. */
#pragma once
#include <stddef.h>
struct cli;

/* What a command returns. */
enum cli_exit {
	CLI_GOOD = 0,
	CLI_TESTS_FAILED = 1,
	CLI_USAGE = 2, /* usage or configuration */
	CLI_INFRA = 3, /* infrastructure */
	CLI_INTERRUPTED = 130,
};

struct command_option {
	const char *name;   /* long name without dashes; a table ends with { 0 } */
	char letter;        /* 0: none */
	const char *arg;    /* what its value is called in help, "FILE"; NULL: a flag */
	const char *help;   /* one line, no full stop */
	const char *values; /* what completion offers: "file" "dir" "command" "profile" "setting",
			     * or choices "a|b|c", which are also checked; NULL: nothing */
	int repeat;         /* every value counts (cli_values); else the last one */
	int hidden;         /* neither in help nor in the manual */
};

struct command_example {
	const char *line; /* "fsqa run --stage 002"; a list ends with { 0 } */
	const char *what; /* one line, no full stop */
};

enum command_flag {
	COMMAND_JSON = 1,   /* --json is understood: one JSON document on standard output */
	COMMAND_HIDDEN = 2, /* neither in help nor in the manual */
};

struct command {
	const char *name; /* "run"; two words make a group: "config list" */
	const char *args; /* what follows, for the usage line: "[PROFILE]" */
	unsigned min_args, max_args;
	const char *values;  /* what completion offers for its arguments, as for an option */
	const char *summary; /* one line, no full stop */
	const char *help;    /* paragraphs, separated by an empty line; lines not folded */
	const struct command_example *examples;
	const struct command_option *options; /* NULL: only the global ones */
	unsigned flags;
	/* argv: the arguments alone, NULL behind the last. Returns enum cli_exit. */
	int (*fn)(struct cli *cli, int argc, char **argv);
};

/* All commands in the order that help shows, NULL at the end. */
extern const struct command *const commands[];
/* The options that every command has, and { 0 }. */
extern const struct command_option global_options[];

/* The command that the first one or two words name, and how many words that took; NULL: none. */
const struct command *command_find(int argc, char *const *argv, int *ret_words);
/* Whether `word` is the first of two words of some command. */
int command_is_group(const char *word);
