/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h: settings in git-config syntax, checked against one table (settings.c). Read in
 * this order, later wins:
 *   /etc/fsqa/fsqa.conf (or the file that FSQA_CONFIG_SYSTEM names; empty: none)
 *   ${XDG_CONFIG_HOME:-~/.config}/fsqa/fsqa.conf
 *   the profile's fsqa.conf
 *   -c section.key=value
 * A file's [include] path = X (relative to the file that says it) counts where it stands. An
 * unknown key, a bad unit, a value out of range or a missing include is an error
 * "FILE:LINE: what" with the nearest known name; of an override it is "-c KEY=VALUE: what".
 * Section and key names know no letter case; a subsection's does. Files have at most 1 MiB.
 * Source of the syntax: git-config(1), as libgit2 reads it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct config;

enum setting_type {
	SETTING_TEXT,
	SETTING_PATH,     /* relative to the folder of the file that sets it (-c: to the current
			   * folder; a default: to the profile's); "~/" is home */
	SETTING_COUNT,    /* whole number */
	SETTING_SIZE,     /* bytes, K M G T */
	SETTING_DURATION, /* microseconds; ms s m h d */
	SETTING_PATHS,    /* a path; several values of the key add up, an empty value clears */
	SETTING_LIST,     /* words; several values of the key add up, an empty value clears */
	SETTING_CHOICE,   /* one of `choices`, separated by '|' */
};

struct setting {
	const char *name; /* "vm.memory"; "stage.*.timeout" stands for [stage "X"] timeout */
	enum setting_type type;
	uint64_t min, max; /* of numbers, in bytes, microseconds or units; max 0: none */
	uint64_t bare_us;  /* DURATION: what a bare number counts */
	const char *def;   /* as it would be written; NULL: none */
	const char *choices;
	/* Of PATH and PATHS: a text that is no path but stands for itself; "://": a URL
	 * of git; "*": any without a slash, too; or NULL. */
	const char *word;
	const char *help;    /* one line, no full stop */
	const char *example; /* for the manual, or NULL */
	/* May be NULL. A further test of the text; -EINVAL with a message that goes on behind
	 * "NAME: 'VALUE': ". */
	int (*check)(const char *text, struct err *e);
};
/* The table, sorted by name; *ret_n entries. */
const struct setting *config_settings(size_t *ret_n);
/* The table's entry of a name ("vm.memory", "stage.X.timeout", "stage.*.timeout"), whatever
 * its letter case; NULL: none. */
const struct setting *config_setting(const char *name);
/* " (did you mean vm.memory?)" or ""; the caller's. */
char *config_hint(const char *name);
const char *config_type_name(enum setting_type type); /* "size" */
/* A number of SIZE, DURATION or COUNT as one would write it: "2G", "90s"; the caller's. */
char *config_number_text(const struct setting *s, uint64_t n);

/* `file` NULL: no profile. `overrides`: NULL-terminated "section.key=value", may be NULL.
 * -EINVAL, -ENOENT ... with file and line in the message. */
int config_load(const char *file, const char *const *overrides, struct config **ret, struct err *e);
void config_free(struct config *c);

/* The value, or the table's default, or NULL/0/empty. Asking for a name that is not in
 * the table, or by the wrong type, is our own mistake (assert). Borrowed until config_free. */
const char *config_str(const struct config *c, const char *name);
uint64_t config_num(const struct config *c, const char *name); /* COUNT SIZE DURATION */
/* LIST, PATHS. Never NULL, for no words a vector of none. */
const char *const *config_list(const struct config *c, const char *name);
/* Of any type, as text that could be written in a file: words joined by a blank, paths
 * absolute; NULL: no value and no default. */
const char *config_text(const struct config *c, const char *name);
/* Whether anything set it. */
bool config_is_set(const struct config *c, const char *name);
/* "FILE:LINE" that set it last, "-c" or "default"; borrowed. */
const char *config_origin(const struct config *c, const char *name);
/* Whether the file given to config_load itself, or -c, set it: no include, no other file. */
bool config_is_own(const struct config *c, const char *name);
/* The n-th subsection name X of [section "X"], in order of first sight; NULL past the end. */
const char *config_subsection(const struct config *c, const char *section, size_t n);
