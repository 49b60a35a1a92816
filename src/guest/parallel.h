/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parallel.h: a step of the boot in a child, while the next one goes on here. What it does to
 * the kernel (mounts, modules, files) stays; what it does to memory is lost. */
#pragma once
#include <sys/types.h>
struct err;

struct parallel {
	pid_t pid; /* 0: it ran in parallel_start already, result in rc */
	int fd;
	int rc;
};

/* Where fork fails, it runs here and now. */
void parallel_start(
	struct parallel *p, int (*step)(const void *arg, struct err *e), const void *arg);
/* Wait for it: its return code and its message. */
int parallel_join(struct parallel *p, struct err *e);
