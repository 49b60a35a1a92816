/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make_log.h: what the output of a kernel's make says, read as it comes: how far it is, warnings,
 * and the first error with the lines around it.
 *   "  CC      fs/btrfs/inode.o"                     a step; what follows is said of it
 *   "fs/btrfs/inode.c:12:3: warning: unused ..."     a warning
 *   "fs/btrfs/inode.c:12:3: error: expected ..."     an error */
#pragma once
#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define MAKE_LOG_BEFORE 8u /* lines of context that are kept */
#define MAKE_LOG_AFTER  12u
#define MAKE_LOG_LINE   512u /* longer ones are cut */
#define MAKE_LOG_MADE   100000u
#define MAKE_LOG_WARNED 2000u

struct make_log {
	/* The caller's, may be NULL: each line, fit to be printed, without what ends it. */
	void (*on_line)(void *ctx, const char *line);
	void *ctx;
	unsigned steps;
	/* What was made, each with its warnings: {"fs/btrfs/inode.o": [line, ...]}, of the first
	 * MAKE_LOG_MADE steps MAKE_LOG_WARNED lines; NULL: nothing. */
	json_t *made;
	bool killed;        /* something of it got SIGKILL: there was no memory */
	bool skewed;        /* make saw files of the future: what it took for made may be old */
	char *host;         /* the first line that the host is to blame for; or NULL */
	int host_code;      /* -ENOSPC: its disk; -ENOMEM: it has no memory to give */
	bool ended;         /* by make_run: make ended by itself, and left nothing half made */
	char *error;        /* the first error's line, of a compiler, linker or make; or NULL */
	char *error_file;   /* that a compiler found it in, as it calls it; or NULL */
	struct buf context; /* lines around it, each with its newline */
	/* ---- its own ---- */
	char *step; /* the last one's name in `made` */
	unsigned warned;
	bool weak;      /* the error is only make's word of one */
	unsigned after; /* lines of context still to come */
	char *before[MAKE_LOG_BEFORE];
	unsigned n_before;
	struct buf line;
};

void make_log_feed(struct make_log *l, const char *data, size_t n);
/* No more comes: a last line without its newline counts. */
void make_log_end(struct make_log *l);
void make_log_clear(struct make_log *l);
#define auto_make_log __attribute__((cleanup(make_log_clear)))
