/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splat.h: the kernel's own account of what went wrong, from the bytes of its console or from the
 * records of its log: the first lines of the worst splat, and whether memory ran out.
 *   [   12.345678] BUG: kernel NULL pointer dereference, address: 0000000000000000
 *   [   12.345679][  T123] #PF: supervisor write access in kernel mode ...
 * Bounded memory, one pass. It only names ends that are failures already, so that a guest that
 * forges it hurts itself. Source: Linux 6.1 kernel/panic.c, kernel/watchdog.c, mm/oom_kill.c. */
#pragma once
#include "base/buf.h"
#include "run/kernel_watch.h"
#include "target/target.h"
#include <stdbool.h>
#include <stddef.h>

#define SPLAT_LINES 40  /* kept of a splat */
#define SPLAT_LINE  200 /* bytes of each that are kept */

/* Zero to begin. */
struct splat {
	enum kernel_class class; /* of the splat that is kept, or KERNEL_QUIET */
	int rank;                /* 0: none, 1: something stuck, 2: something broke */
	char first[SPLAT_LINE];  /* its first line without the time */
	struct buf text;         /* its lines, each with a newline */
	unsigned n_lines;
	char oom[SPLAT_LINE];        /* the whole machine was out of memory: whom that killed */
	char cgroup_oom[SPLAT_LINE]; /* likewise of a cgroup at its limit */
	char line[SPLAT_LINE];       /* of the console, that is being written */
	size_t line_len;
};

/* The next line, with or without its time. An oops, BUG, KASAN report or panic is kept rather than
 * a stall or hung task; of two alike the first, for the second is often its consequence. */
void splat_line(struct splat *s, const char *line);
/* The next bytes of a console, cut anywhere. */
void splat_console(struct splat *s, const void *data, size_t n);
/* Forget all but the line that is being written. */
void splat_reset(struct splat *s);
void splat_clear(struct splat *s);

/* The end's name in the journal, where the splat knows it better than target_end_name:
 *   panic  -> agent-died (PID 1 did), out-of-memory, soft-lockup, hung-task
 *   hang   -> oops-hang, soft-lockup, stall, hung-task, out-of-memory
 * `detail` is the target's. Static. */
const char *splat_end_name(const struct splat *s, enum target_end end, const char *detail);
/* One line for people, the caller's: `detail`, and the splat's first line where it says more. */
char *splat_reason(const struct splat *s, enum target_end end, const char *detail);
