/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/wake.h"
#include "base/mem.h"
#include "guest/say.h"
#include "wire/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT_ID     "/proc/sys/kernel/random/boot_id"
#define OWN_BOOT_ID "/run/fsqa/boot_id"
#define MACHINE_ID  "/etc/machine-id"
#define URANDOM     "/dev/urandom"

/* First, for what comes next may draw from it. */
static void stir(const struct agent_wake *w)
{
	/* As struct rand_pool_info, whose last member has no size. */
	struct {
		int entropy_count, buf_size;
		uint8_t seed[sizeof w->seed];
	} pool = { .entropy_count = 8 * sizeof w->seed, .buf_size = sizeof w->seed };
	memcpy(pool.seed, w->seed, sizeof pool.seed);
	auto_close int fd = open(URANDOM, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		say("seed the random numbers: %s", strerror(errno));
}

static void set_clock(const struct agent_wake *w)
{
	const struct timeval tv = { .tv_sec = w->wall_us / 1000000,
		.tv_usec = w->wall_us % 1000000 };
	if (settimeofday(&tv, NULL) < 0)
		say("set the clock: %s", strerror(errno));
}

static void write_line(const char *path, const char *text)
{
	size_t n = strlen(text);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || write(fd, "\n", 1) != 1)
		say("%s: %s", path, strerror(errno));
}

/* The kernel makes one boot_id and keeps it: another is laid over it, as containers do. */
static void set_ids(const struct agent_wake *w)
{
	if (w->machine_id[0])
		write_line(MACHINE_ID, w->machine_id);
	write_line(OWN_BOOT_ID, w->boot_id);
	if (mount(OWN_BOOT_ID, BOOT_ID, NULL, MS_BIND, NULL) < 0)
		say("%s: %s", BOOT_ID, strerror(errno));
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
	pid_t pid = fork();
	if (pid == 0) {
		set_ids(w);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
