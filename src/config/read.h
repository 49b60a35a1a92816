/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.h: one file and what it includes, as a list of assignments in the order in which they
 * count. Inside config/ only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct err;

#define CONFIG_FILE_LIMIT (1u << 20)

struct config_entry {
	char *name;     /* section and key in lower case, subsection as written */
	char *value;    /* NULL: a key without "=" */
	char *file;     /* that has it */
	unsigned line;  /* 0: not found */
	unsigned depth; /* of includes: 0 for the file itself */
};

struct config_entries {
	struct config_entry *v;
	size_t n;
};

/* `path`, absolute. [include]s are followed, and not in the list. -ENOENT, -EINVAL ... with
 * "FILE:LINE: " or "FILE: " in front. */
int config_read(const char *path, struct config_entries *ret, struct err *e);
void config_entries_clear(struct config_entries *x);
#define auto_entries __attribute__((cleanup(config_entries_clear)))
/* "FILE:LINE", or "FILE" where the line is not known; the caller's. */
char *config_entry_where(const struct config_entry *x);
