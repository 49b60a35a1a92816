/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values.h: a config while it is loaded: what config.c has and load.c fills. Inside config/ only.
 */
#pragma once
#include <stdbool.h>
struct config;
struct err;

/* One assignment on its way into a config. */
struct assignment {
	const char *name;
	const char *value; /* NULL: none given */
	const char *where; /* "FILE:LINE" or "-c KEY=VALUE" */
	const char *origin;
	const char *dir; /* that a relative path starts from */
	bool own;
};

/* With the table's defaults. */
struct config *config_new(void);
/* -EINVAL, -ERANGE: with `where` in front; `c` is as it was. */
int config_assign(struct config *c, const struct assignment *a, struct err *e);
