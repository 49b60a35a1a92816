/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli.h: what a command needs of the frame: its options, where state lies, how to print.
 * Results go to standard output, everything else to standard error. */
#pragma once
#include "cli/command.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
struct cli;
struct config;
struct err;
struct profile;

/* ---- options; asking for one that is in no table is our own mistake (assert) ---- */
bool cli_flag(const struct cli *cli, const char *name);
/* The last value given, or NULL. Borrowed. */
const char *cli_value(const struct cli *cli, const char *name);
/* All values in order, NULL-terminated; never NULL. Borrowed. */
const char *const *cli_values(struct cli *cli, const char *name);
bool cli_wants_json(const struct cli *cli);
/* -1: -q, 0, 1: -v, 2: -vv ... */
int cli_verbosity(const struct cli *cli);
/* The whole command line as one line that a shell takes; borrowed. */
const char *cli_command_line(const struct cli *cli);

/* ---- configuration ---- */
/* Settings without a profile, with -c. Print and give CLI_USAGE on failure, else 0. */
int cli_config(struct cli *cli, struct config **ret);
/* A profile with -c, its warnings printed. name NULL: the default one. Else as cli_config. */
int cli_profile(struct cli *cli, const char *name, struct profile **ret);
/* The same with further settings "section.key=value" (NULL-terminated), which options of the
 * command stand for; they count after -c. */
int cli_profile_with(
	struct cli *cli, const char *name, const char *const *settings, struct profile **ret);
/* The same with what the options of CLI_VM_OPTIONS say. `settings` may be NULL. */
int cli_profile_vm(
	struct cli *cli, const char *name, const char *const *settings, struct profile **ret);
#define CLI_VM_OPTIONS                                                                             \
	{ "kernel", 'k', "KERNEL", "boot this kernel: an image, a version, or a source to build",  \
		"file" },                                                                          \
		CLI_MACHINE_OPTIONS
/* The same but for the kernel. */
#define CLI_MACHINE_OPTIONS                                                                        \
	{ "root", 0, "FILE", "on this root: a disk image, a tar, an image's id, or host",          \
		"file" },                                                                          \
		{ "arch", 0, "ARCH", "on a machine of this architecture, e.g. arm64" },            \
	{                                                                                          \
		"share", 0, "DIR", "show DIR read-only as /mnt/NAME (repeatable)", "dir", 1        \
	}
/* Where state lies: --state, FSQA_STATE, state.dir, ${XDG_STATE_HOME:-~/.local/state}/fsqa;
 * absolute, the caller's, not made yet. `c` may be NULL: settings are read for it. Prints
 * and gives CLI_USAGE on failure, else 0. */
int cli_state_dir(struct cli *cli, const struct config *c, char **ret);

/* ---- printing ---- */
/* "fsqa: error: MESSAGE" to standard error; returns `code`, for `return cli_error(...)`. */
int cli_error(const struct cli *cli, int code, const struct err *e);
int cli_errorf(const struct cli *cli, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, with a pointer to the command's help; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "fsqa: warning: ..." unless -q. */
void cli_warn(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line to standard output unless -q or --json: what is pleasant to know. */
void cli_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One JSON document to standard output; takes `j`. */
void cli_print_json(const struct cli *cli, json_t *j);

enum cli_color {
	CLI_PLAIN,
	CLI_BOLD,
	CLI_DIM,
	CLI_RED,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_BLUE,
};
/* Whether `stream` gets colour: --color, else a terminal with NO_COLOR unset and TERM not dumb. */
bool cli_has_color(const struct cli *cli, FILE *stream);
/* The escape sequences around coloured text, "" where `stream` gets none. */
const char *cli_color_on(const struct cli *cli, FILE *stream, enum cli_color color);
const char *cli_color_off(const struct cli *cli, FILE *stream);
/* Terminal columns of UTF-8 text (control characters none, wide ones two). */
size_t cli_text_width(const char *s);

/* ---- the frame itself ---- */
/* Parse and run; the program's exit code. main() is this and no more. */
int cli_main(int argc, char **argv);
/* Help of one command, a group's name, or everything (NULL). false: no such command. */
bool cli_help(const struct cli *cli, FILE *out, const char *name);
