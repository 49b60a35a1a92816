/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udev.h: systemd-udevd as a child of PID 1: started, started again when it dies, and the
 * devices that were there before it announced anew. Nothing here waits or allocates but in
 * forked children. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct udev {
	int notify; /* poll for reading; -1: none */
	pid_t daemon, settle;
	uint64_t began_us;
	uint64_t start_at; /* when the daemon is to be started again; 0: it runs */
	uint64_t settled_us;
	bool absent; /* the root has no udevd */
	bool triggered, settled;
};

void udev_begin(struct udev *u);
/* u->notify is readable. */
void udev_notified(struct udev *u);
/* A child ended with this status of waitpid(2); other children than ours are ignored. */
void udev_reaped(struct udev *u, pid_t pid, int status);
/* Do what is due by now; -> milliseconds to the next thing, -1: none. */
int udev_tick(struct udev *u, uint64_t now);
