/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/shutdown.h"
#include "base/clock.h"
#include "guest/say.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERM_GRACE_US 1500000
#define KILL_GRACE_US 1000000
#define SYNC_US       10000000

static int mounts[2];
static unsigned n_mounts;

void shutdown_add_mount(int fd)
{
	if (n_mounts < 2)
		mounts[n_mounts++] = fd;
}

/* Reap until `pid` (-1: every child) is gone; false: not in time. */
static bool wait_gone(pid_t pid, uint64_t us)
{
	uint64_t until = clock_mono_us() + us;
	for (;;) {
		pid_t got = waitpid(pid, NULL, WNOHANG);
		if ((got > 0 && pid > 0) || (got < 0 && errno == ECHILD))
			return true;
		if (got > 0)
			continue;
		if (clock_mono_us() >= until)
			return false;
		(void)poll(NULL, 0, 5); /* SIGCHLD is blocked here: look again soon */
	}
}

static void sync_disks(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		sync();
		for (unsigned i = 0; i < n_mounts; i++) {
			char path[40];
			(void)snprintf(path, sizeof path, "/proc/self/fd/%d", mounts[i]); /* fits */
			/* Busy: then its journal holds the rest, as after a crash. */
			(void)mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
		}
		_exit(0);
	}
	if (pid > 0 && !wait_gone(pid, SYNC_US))
		say("sync takes more than 10 s: powering off without it");
}

noreturn void shutdown_machine(bool reboot_it)
{
	(void)kill(-1, SIGTERM); /* nobody left is fine */
	if (!wait_gone(-1, TERM_GRACE_US)) {
		(void)kill(-1, SIGKILL);
		(void)wait_gone(-1, KILL_GRACE_US);
	}
	sync_disks();
	(void)reboot(reboot_it ? RB_AUTOBOOT : RB_POWER_OFF);
	say("the kernel does not end: halting");
	for (;;)
		(void)pause(); /* PID 1 must not return: that is a panic */
}
