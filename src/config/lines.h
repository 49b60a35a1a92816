/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h: on which line each assignment of a git-config text stands; libgit2 does not tell.
 * Only messages use it, so a text that libgit2 refuses may give anything but a crash. */
#pragma once
#include <stddef.h>

struct config_line {
	char *name;    /* as libgit2 writes it: "section.Sub.key" */
	unsigned line; /* from 1 */
};

struct config_lines {
	struct config_line *v;
	size_t n;
	size_t next; /* config_lines_next goes on here */
};

void config_lines_scan(const char *text, size_t n, struct config_lines *ret);
/* The line of the next assignment to `name` behind the one found before; 0: none. */
unsigned config_lines_next(struct config_lines *x, const char *name);
void config_lines_clear(struct config_lines *x);
