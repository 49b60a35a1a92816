/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/wake.h"
#include "base/mem.h"
#include "guest/say.h"
#include "wire/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define URANDOM "/dev/urandom"

/* The kernel makes one boot_id and keeps it: another is laid over it, as containers do. machine-id
 * lies on the root: systemd, too, lays one in memory over it where it must not be written. */
static struct identity {
	const char *path, *own;
	int fd; /* of `own`; -1: not to be had */
} boot_id = { "/proc/sys/kernel/random/boot_id", "/run/fsqa/boot_id", -1 },
  machine_id = { "/etc/machine-id", "/run/fsqa/machine-id", -1 };
static int urandom = -1;

static void lay_over(const struct identity *i)
{
	auto_close int own = open(i->own, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	auto_close int there = open(i->path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
	if (own < 0 || there < 0 || mount(i->own, i->path, NULL, MS_BIND, NULL) < 0)
		say("%s: %s", i->path, strerror(errno));
}

static void open_own(struct identity *i)
{
	close_fd(&i->fd);
	i->fd = open(i->own, O_WRONLY | O_CLOEXEC);
	if (i->fd < 0)
		say("%s: %s", i->own, strerror(errno));
}

void wake_prepare(void)
{
	/* A child's, for it is file work. */
	pid_t pid = fork();
	if (pid == 0) {
		lay_over(&boot_id);
		lay_over(&machine_id);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	open_own(&boot_id);
	open_own(&machine_id);
	close_fd(&urandom);
	urandom = open(URANDOM, O_RDWR | O_CLOEXEC);
}

/* All of them have the same length. */
static void set_identity(const struct identity *i, const char *text)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%s\n", text); /* fits */
	if (i->fd >= 0 && pwrite(i->fd, line, (size_t)n, 0) != n)
		say("%s: %s", i->path, strerror(errno));
}

/* First, for what comes next may draw from it. */
static void stir(const struct agent_wake *w)
{
	/* As struct rand_pool_info, whose last member has no size. */
	struct {
		int entropy_count, buf_size;
		uint8_t seed[sizeof w->seed];
	} pool = { .entropy_count = 8 * sizeof w->seed, .buf_size = sizeof w->seed };
	memcpy(pool.seed, w->seed, sizeof pool.seed);
	if (ioctl(urandom, RNDADDENTROPY, &pool) < 0 || ioctl(urandom, RNDRESEEDCRNG) < 0)
		say("seed the random numbers: %s", strerror(errno));
}

static void set_clock(const struct agent_wake *w)
{
	const struct timeval tv = { .tv_sec = w->wall_us / 1000000,
		.tv_usec = w->wall_us % 1000000 };
	if (settimeofday(&tv, NULL) < 0)
		say("set the clock: %s", strerror(errno));
}

static bool ends(const char *s, size_t n)
{
	return memchr(s, '\0', n) != NULL;
}

void wake_apply(const struct agent_wake *w)
{
	if (!ends(w->machine_id, sizeof w->machine_id) || !ends(w->boot_id, sizeof w->boot_id) ||
		!ends(w->hostname, sizeof w->hostname)) {
		say("a WAKE without ends");
		return;
	}
	stir(w);
	set_clock(w);
	if (sethostname(w->hostname, strlen(w->hostname)) < 0)
		say("host name: %s", strerror(errno));
	set_identity(&boot_id, w->boot_id);
	set_identity(&machine_id, w->machine_id);
}
