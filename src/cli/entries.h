/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entries.h: what the commands on a store's entries (images, kernels) share. An array of entries is
 * depot_list's. */
#pragma once
#include <jansson.h>
#include <stdint.h>
struct cli;
struct err;

struct entries_kind {
	const char *name; /* "image": what messages and the command call one */
	int (*remove)(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
};

/* The entry that `id` names: its key, or how that or what is behind its last '-' begins (four
 * characters or more). An exit code; told where it is not CLI_GOOD. */
int entries_pick(struct cli *cli, const struct entries_kind *kind, const json_t *all,
	const char *id, json_t **ret);
/* Remove, and say so. Exit codes. */
int entries_remove_one(
	struct cli *cli, const struct entries_kind *kind, const char *state_dir, const char *key);
/* All of `ids` (NULL-terminated) are looked for before one is removed. */
int entries_remove(struct cli *cli, const struct entries_kind *kind, const char *state_dir,
	const json_t *all, char **ids);
