/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.h: the fork and exec of proc.h, and nothing of what comes after. Private to proc/. */
#pragma once
#include <sys/types.h>
struct err;
struct proc_spec;

/* The environment variable by which a child's descendants are known for its own, also after
 * they made a session of their own and were re-parented. Its value is a path of marks, the
 * outermost program's first: "/8655.3/8671.1". */
#define SPAWN_MARK_NAME "FSQA_PROC"
#define SPAWN_MARK_SIZE 256

struct spawned {
	pid_t pid;
	int pidfd;
	int in;  /* our end of its standard input; -1: none */
	int out; /* of its standard output, or the terminal's master (then `in` is -1) */
	int err;
};

/* Make *ret a running program, or leave nothing behind and return an error: -EINVAL for a spec
 * that makes no sense, and what pipe, fork, chdir or exec failed with. Our ends are CLOEXEC. */
int spawn_child(const struct proc_spec *spec, const char *mark, struct spawned *ret, struct err *e);
