/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/system.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/boot.h"
#include "guest/events.h"
#include "guest/handler.h"
#include "guest/say.h"
#include "guest/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNITS      "/run/systemd/system"
#define UNIT       UNITS "/fsqa-agent.service"
#define TARGET     UNITS "/fsqa.target"
#define MACHINE_ID "/etc/machine-id"
#define CGROUPS    "/sys/fs/cgroup"

/* Behind everything that the root starts by itself. Its cgroup is its own to divide; should it die,
 * the machine is of no use any more, and says so by its end. */
static const char unit[] = "[Unit]\n"
			   "Description=fsqa's agent\n"
			   "DefaultDependencies=no\n"
			   "After=multi-user.target\n"
			   "FailureAction=poweroff-force\n"
			   "[Service]\n"
			   "ExecStartPre=-udevadm settle\n"
			   "ExecStart=/run/fsqa/fsqa-guest --service\n"
			   "Delegate=yes\n"
			   "KillMode=process\n"
			   "OOMScoreAdjust=-1000\n"
			   "LimitMEMLOCK=infinity\n"
			   "TasksMax=infinity\n"
			   "Restart=no\n";

static const char target[] = "[Unit]\n"
			     "Description=what fsqa tests on\n"
			     "Requires=multi-user.target\n"
			     "Wants=fsqa-agent.service\n"
			     "After=multi-user.target\n"
			     "AllowIsolate=yes\n";

static int write_file(const char *path, const char *text, struct err *e)
{
	return file_replace(path, text, strlen(text), 0644, e);
}

/* Without one it would be a first boot, which asks people questions. */
static int make_machine_id(struct err *e)
{
	auto_buf struct buf old = { 0 }, uuid = { 0 };
	char id[34];
	size_t n = 0;
	if (file_read(MACHINE_ID, 4096, &old, NULL) == 0 && old.len >= 32)
		return 0;
	int rc = file_read("/proc/sys/kernel/random/uuid", 4096, &uuid, e);
	for (size_t i = 0; rc == 0 && i < uuid.len && n < 32; i++)
		if (uuid.s[i] != '-')
			id[n++] = uuid.s[i];
	id[n] = '\n';
	id[n + 1] = '\0';
	return rc < 0 ? rc : write_file(MACHINE_ID, id, e);
}

int system_start(struct err *e)
{
	static const char *const inits[] = { "/sbin/init", "/lib/systemd/systemd" };
	int rc = file_mkdirs(UNITS, 0755, e);
	if (rc == 0)
		rc = write_file(UNIT, unit, e);
	if (rc == 0)
		rc = write_file(TARGET, target, e);
	if (rc == 0)
		rc = make_machine_id(e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(inits); i++) {
		char name[] = "init";
		char start[] = "--unit=fsqa.target";
		char *argv[] = { name, start, NULL };
		execv(inits[i], argv);
	}
	return err_set(e, ENOENT, "vm.init is system, and this root has no %s", inits[0]);
}

/* The cgroup that we were given, below CGROUPS: "0::/system.slice/fsqa-agent.service". A cgroup has
 * processes or children that share its means: so we move down into one of our own. */
static void divide_cgroup(void)
{
	auto_buf struct buf b = { 0 };
	if (file_read("/proc/self/cgroup", 65536, &b, NULL) < 0)
		return;
	const char *line = strstr(buf_str(&b), "0::/");
	if (!line)
		return;
	line += 3;
	auto_free char *path = xasprintf(CGROUPS "%.*s", (int)strcspn(line, "\n"), line);
	auto_free char *own = path_join(path, "agent");
	auto_free char *procs = path_join(own, "cgroup.procs");
	auto_close int fd =
		file_mkdirs(own, 0755, NULL) < 0 ? -1 : open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) < 0)
		say("%s: %s", procs, strerror(errno));
	else
		tree_make_cgroup(path);
}

int system_open(struct agent_setup *ret, struct err *e)
{
	*ret = (struct agent_setup){
		.role = AGENT_SERVICE, .port = -1, .kmsg = -1, .listener = -1
	};
	divide_cgroup();
	handler_set_socket(EVENTS_SOCKET);
	return boot_open(ret, e);
}

noreturn void system_end(bool reboot_it)
{
	/* As systemd(1) says of its signals. */
	if (kill(1, SIGRTMIN + (reboot_it ? 5 : 4)) < 0)
		say("init: %s", strerror(errno));
	_exit(0);
}
