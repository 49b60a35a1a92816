/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: all processes that one command started, so that none outlives it: its cgroup where
 * there is cgroup2, and everything below us in /proc, for we adopt orphans. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tree {
	char cgroup[96]; /* its folder; "": none */
};

/* Where the commands' cgroups are made: below a new folder "fsqa" in `parent`, a cgroup without a
 * process. Not called, or no cgroup2 there: none are made. */
void tree_make_cgroup(const char *parent);
/* Become the process that orphans below us come to, and make the cgroup of command `id`. A
 * cgroup that cannot be made is done without. */
void tree_init(struct tree *t, uint32_t id);
/* In the child, before exec. */
void tree_enter(const struct tree *t);
/* To every process of it, ourselves excepted. SIGKILL must be said again until it is empty:
 * what forks at that moment is missed. */
void tree_signal(const struct tree *t, int sig);
/* Reap what is there to reap; -> whether nothing is left. `leader`'s status, when it was reaped
 * now, goes to *status and *reaped. */
bool tree_reap(const struct tree *t, pid_t leader, int *status, bool *reaped);
/* The kernel killed one of it for want of memory. */
bool tree_oom(const struct tree *t);
/* "PID 123 (name, state D)" of the first that is left; false: none found. */
bool tree_describe(const struct tree *t, char *out, size_t size);
void tree_remove(const struct tree *t);
/* How gladly the kernel kills us when memory is out: "-1000" never .. "1000". */
void tree_set_oom_score(const char *score);
