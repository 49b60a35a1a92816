/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/udev.h"
#include "base/clock.h"
#include "base/mem.h"
#include "guest/handler.h"
#include "guest/say.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTIFY_SOCKET  "/run/fsqa/notify"
#define AGAIN_US       500000
#define READY_LIMIT_US 10000000

static const char *const daemons[] = { "/usr/lib/systemd/systemd-udevd",
	"/lib/systemd/systemd-udevd" };
static const char *const environment[] = { "PATH=" HANDLER_PATH, "NOTIFY_SOCKET=" NOTIFY_SOCKET,
	NULL };

static void exec(const char *path, const char *const *argv)
{
	/* execve's own type lacks the const that it keeps. */
	execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
}

/* In a child: PID 1's own signals and descriptors are not for others. */
static void leave_agent(void)
{
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	(void)close_range(3, ~0U, 0);
}

static void start_daemon(struct udev *u)
{
	u->start_at = 0;
	u->daemon = fork();
	if (u->daemon < 0) {
		u->daemon = 0;
		u->start_at = clock_mono_us() + AGAIN_US;
		return;
	}
	if (u->daemon > 0)
		return;
	leave_agent();
	for (size_t i = 0; i < ARRAY_LEN(daemons); i++)
		exec(daemons[i], (const char *const[]){ "systemd-udevd", NULL });
	_exit(127);
}

static void run_and_wait(const char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		const char *const dirs[] = { "/usr/bin/udevadm", "/bin/udevadm", "/sbin/udevadm" };
		for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
			exec(dirs[i], argv);
		_exit(127);
	}
	int status = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say("udevadm %s failed (status %#x)", argv[1], (unsigned)status);
}

static void trigger(const char *folder, const char *device)
{
	char path[300];
	if (snprintf(path, sizeof path, "%s/%s/uevent", folder, device) >= (int)sizeof path)
		return;
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "add", 3); /* gone meanwhile: then nobody needs it */
}

/* A device that no driver took yet, and that may have one among the modules: QEMU's own
 * (Red Hat's PCI vendor numbers). Others would only load what no test wants. */
static bool wants_driver(const char *folder, const char *device)
{
	char path[300];
	char vendor[16] = "";
	if (snprintf(path, sizeof path, "%s/%s/driver", folder, device) >= (int)sizeof path ||
		access(path, F_OK) == 0)
		return false;
	(void)snprintf(path, sizeof path, "%s/%s/vendor", folder, device); /* as long */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!read(fd, vendor, sizeof vendor - 1); /* "": not one of them */
	return strncasecmp(vendor, "0x1af4", 6) == 0 || strncasecmp(vendor, "0x1b36", 6) == 0;
}

/* Announce again what was there before udevd: only what tests look for, for each device costs
 * milliseconds (`udevadm trigger` announces all). Disks first. */
static void trigger_all(void)
{
	static const struct {
		const char *folder;
		bool driverless; /* only those */
	} kinds[] = {
		{ "/sys/class/block", false },
		{ "/sys/bus/pci/devices", true },
		{ "/sys/bus/virtio/devices", true },
		{ "/sys/class/net", false },
		{ "/sys/class/misc", false },
		{ "/sys/class/rtc", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		DIR *d = opendir(kinds[i].folder);
		struct dirent *de;
		while (d && (de = readdir(d)))
			if (de->d_name[0] != '.' &&
				(!kinds[i].driverless || wants_driver(kinds[i].folder, de->d_name)))
				trigger(kinds[i].folder, de->d_name);
		if (d)
			closedir(d);
	}
	/* QEMU's firmware tables: by them the kernel says where it lies in memory, for its core. */
	trigger("/sys/bus/acpi/devices", "QEMU0002:00");
}

/* What the kernel told of before udevd listened is told again, and awaited. */
static void start_settle(struct udev *u)
{
	u->triggered = true;
	u->settle = fork();
	if (u->settle < 0) {
		u->settle = 0;
		u->settled = true;
		say("fork for udevadm: %s", strerror(errno));
	}
	if (u->settle != 0)
		return;
	leave_agent();
	trigger_all();
	run_and_wait((const char *const[]){ "udevadm", "settle", "--timeout=60", NULL });
	_exit(0);
}

void udev_begin(struct udev *u)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = NOTIFY_SOCKET };
	*u = (struct udev){ .notify = -1, .began_us = clock_mono_us() };
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
		u->notify = take_fd(&fd); /* else READY_LIMIT_US says when to go on */
	start_daemon(u);
}

void udev_notified(struct udev *u)
{
	char text[256];
	ssize_t n;
	while ((n = recv(u->notify, text, sizeof text - 1, MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		if (!u->triggered && strstr(text, "READY=1"))
			start_settle(u);
	}
}

void udev_reaped(struct udev *u, pid_t pid, int status)
{
	if (pid == u->settle) {
		u->settle = 0;
		u->settled = true;
		u->settled_us = clock_mono_us() - u->began_us;
	}
	if (pid != u->daemon)
		return;
	u->daemon = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !u->triggered) {
		say("no systemd-udevd in this root: only the kernel's own device names");
		u->absent = true;
		u->triggered = true;
		u->settled = true;
		return;
	}
	say("systemd-udevd ended (status %#x), starting it again", (unsigned)status);
	u->start_at = clock_mono_us() + AGAIN_US;
}

int udev_tick(struct udev *u, uint64_t now)
{
	if (u->start_at && now >= u->start_at)
		start_daemon(u);
	if (!u->triggered && now - u->began_us >= READY_LIMIT_US) {
		say("systemd-udevd does not say that it is ready: going on");
		start_settle(u);
	}
	uint64_t next = u->start_at;
	if (!u->triggered && (!next || u->began_us + READY_LIMIT_US < next))
		next = u->began_us + READY_LIMIT_US;
	return !next ? -1 : next <= now ? 0 : (int)((next - now + 999) / 1000);
}
