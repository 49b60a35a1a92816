/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h: rows whose columns line up, printed to standard output when the last is known.
 *   struct table *t = table_new("RUN", "STATUS", "WHEN", NULL);
 *   table_cell(t, CLI_PLAIN, "%s", id); ... one for each column, row after row
 *   table_print(cli, t); table_free(t);
 * Control characters in a cell become '?', so that no stored name can steer a terminal. */
#pragma once
#include "cli/cli.h"
struct table;

/* Column heads; the last argument is NULL. A head that starts with '>' is flush right. */
struct table *table_new(const char *head, ...) __attribute__((sentinel));
/* One more, before the first cell. At most 20 in all. */
void table_column(struct table *t, const char *head);
void table_cell(struct table *t, enum cli_color color, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
size_t table_rows(const struct table *t);
/* Heads and rows. No line ends in a blank. */
void table_print(const struct cli *cli, const struct table *t);
void table_free(struct table *t);
static inline void table_freep(struct table **t)
{
	table_free(*t);
}
#define auto_table __attribute__((cleanup(table_freep)))
