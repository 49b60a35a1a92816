/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h: settings in git-config syntax, checked against one table (settings.c). Read in
 * this order, later wins: /etc/fsqa/fsqa.conf, $XDG_CONFIG_HOME/fsqa/fsqa.conf, the profile's
 * fsqa.conf with its [include]s, then -c section.key=value. An unknown key, a bad unit, a
 * value out of range or a missing include is an error with file, line and the nearest name. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct config;

enum setting_type {
	SETTING_TEXT,
	SETTING_PATH, /* relative to the folder of the file that sets it; "~/" is home */
	SETTING_BOOL,
	SETTING_COUNT,    /* whole number */
	SETTING_SIZE,     /* bytes, K M G T */
	SETTING_DURATION, /* microseconds; ms s m h d */
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
	const char *help; /* one line */
};
/* The table, sorted by name; *ret_n entries. */
const struct setting *config_settings(size_t *ret_n);

/* `file` NULL: no profile. `overrides`: NULL-terminated "section.key=value", may be NULL.
 * -EINVAL, -ENOENT ... with file and line in the message. */
int config_load(const char *file, const char *const *overrides, struct config **ret, struct err *e);
void config_free(struct config *c);

/* The value, or the table's default, or NULL/0/false/empty. Asking for a name that is not in
 * the table, or by the wrong type, is our own mistake (assert). Borrowed until config_free. */
const char *config_str(const struct config *c, const char *name);
bool config_bool(const struct config *c, const char *name);
uint64_t config_num(const struct config *c, const char *name); /* COUNT SIZE DURATION */
const char *const *config_list(const struct config *c, const char *name);
/* Whether anything set it. */
bool config_is_set(const struct config *c, const char *name);
/* "FILE:LINE" that set it last, "-c" or "default"; borrowed. */
const char *config_origin(const struct config *c, const char *name);
/* The n-th subsection name X of [section "X"], in order of first sight; NULL past the end. */
const char *config_subsection(const struct config *c, const char *section, size_t n);
