/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb.h: QEMU's gdbstub, on demand and over the monitor: nothing of it is there before, and a guest
 * that nobody debugs is not slowed. Source: QEMU's docs/system/gdb.rst, qapi/char.json */
#pragma once
#include <stdbool.h>
struct err;
struct qmp;

/* Zero to begin. */
struct gdb {
	struct qmp *qmp; /* borrowed; ready */
	/* Once a start, unless gdb_end comes first: code 0: a debugger may connect. */
	void (*on_done)(void *ctx, const struct err *why);
	void *ctx;
	unsigned next; /* command */
	bool under_way;
};

/* Have QEMU serve on `fd`, a listening socket (borrowed for the call). */
int gdb_start(struct gdb *g, int fd, struct err *e);
/* No debugger any more; the guest goes on, or stands still. */
void gdb_end(struct gdb *g, bool goes_on);
