/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h: on which line each assignment of a git-config text stands, which libgit2 does not
 * tell; and two mistakes that it passes over (an open quote) or tells without the line (a bad
 * escape). Inside config/ only, and only for messages: the values are libgit2's. */
#pragma once
#include <stddef.h>

struct config_line {
	char *name;        /* as libgit2 writes it: "section.Sub.key" */
	char *value;       /* as written, without the outer quotes; NULL: none */
	const char *fault; /* what is wrong with the value; NULL: nothing */
	unsigned line;     /* from 1 */
};

struct config_lines {
	struct config_line *v;
	size_t n;
	size_t next; /* config_lines_next goes on here */
};

void config_lines_scan(const char *text, size_t n, struct config_lines *ret);
/* The next assignment to `name` behind the one found before; NULL: none. Borrowed. */
const struct config_line *config_lines_next(struct config_lines *x, const char *name);
void config_lines_clear(struct config_lines *x);
