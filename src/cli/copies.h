/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copies.h: --put and --get: files to a machine before a command and from it after. */
#pragma once
#include <stddef.h>
struct cli;
struct prepare_copy;

#define CLI_COPY_OPTIONS                                                                           \
	{ "put", 0, "FROM:TO", "before the command, copy FROM here to TO there (repeatable)",      \
		NULL, 1 },                                                                         \
	{                                                                                          \
		"get", 0, "FROM:TO",                                                               \
			"after it, copy FROM there into the folder TO here (repeatable)", NULL, 1  \
	}

struct copies {
	struct prepare_copy *put, *fetch; /* our own ends are absolute */
	size_t n_put, n_fetch;
	char **texts; /* what they point into */
	size_t n_texts;
};

/* What the two options say, checked; the folders of --get are made. Prints and gives CLI_USAGE
 * where something is wrong, else 0. copies_clear in either case: it removes folders that are still
 * empty. */
int copies_read(struct cli *cli, struct copies *ret);
void copies_clear(struct copies *c);
