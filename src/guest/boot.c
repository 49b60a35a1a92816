/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/boot.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/disks.h"
#include "guest/events.h"
#include "guest/modules.h"
#include "guest/net.h"
#include "guest/parallel.h"
#include "guest/params.h"
#include "guest/say.h"
#include "guest/shutdown.h"
#include "guest/system.h"
#include "guest/tree.h"
#include "guest/user.h"
#include "wire/agent.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEVICE_LIMIT_US 20000000
#define FLUSH_MS        1000
/* In the initramfs, before and beneath the root. */
#define LOWER "/fsqa/lower"
#define STATE "/fsqa/state"
#define ROOT  "/fsqa/root"

static int init_fd = -1; /* this program's own file */

static int make_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make folder %s", path);
	return 0;
}

static int mount_on(const char *what, const char *where, const char *type, unsigned long flags,
	const char *options, struct err *e)
{
	int rc = make_folder(where, e);
	if (rc < 0)
		return rc;
	if (mount(what, where, type, flags, options) < 0)
		return err_sys(e, "mount %s (%s) on %s", what, type, where);
	return 0;
}

/* The console first, for messages: the initramfs may have no /dev/console of its own. */
static int mount_first(struct err *e)
{
	int rc = mount_on("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755", e);
	int console = open("/dev/console", O_RDWR | O_NOCTTY);
	int quick = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (quick >= 0)
		say_to(quick);
	for (int i = 0; console >= 0 && i < 3; i++)
		(void)dup2(console, i); /* cannot fail for a good descriptor */
	if (console > 2)
		(void)close(console);
	if (rc == 0)
		rc = mount_on("proc", "/proc", "proc", 0, NULL, e);
	return rc < 0 ? rc : mount_on("sysfs", "/sys", "sysfs", 0, NULL, e);
}

static int read_params(struct params *p, struct err *e)
{
	auto_buf struct buf line = { 0 };
	int rc = file_read("/proc/cmdline", 65536, &line, e);
	return rc < 0 ? rc : params_parse(buf_str(&line), p, e);
}

static int mount_disk(const char *serial, const char *fstype, const char *where,
	unsigned long flags, const char *options, struct err *e)
{
	char node[DISKS_NODE];
	int rc = disks_find(serial, clock_mono_us() + DEVICE_LIMIT_US, node, e);
	if (rc < 0)
		return rc;
	if (!fstype)
		fstype = disks_fstype(node);
	if (!fstype)
		return err_set(
			e, EINVAL, "disk \"%s\" (%s) has no erofs, ext4 or squashfs", serial, node);
	return mount_on(node, where, fstype, flags, options, e);
}

/* nodelalloc: what a test wrote has its place on the disk at once. No journal: the disk is made
 * for one machine, and is read after its death, never mounted again. */
static int mount_state(const struct params *p, struct err *e)
{
	if (!p->state[0])
		return mount_on("tmpfs", STATE, "tmpfs", 0, "mode=0755", e);
	return mount_disk(p->state, "ext4", STATE, MS_NOATIME, "nodelalloc", e);
}

/* What a test wrote reaches the disk about a second later, so that its logs survive a panic.
 * The kernel itself would take up to half a minute, and its own settings are for all
 * filesystems, the one under test as well. */
static void start_flusher(const struct params *p)
{
	if (!p->state[0])
		return;
	int fd = open(STATE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fork() != 0) {
		close_fd(&fd);
		return;
	}
	(void)prctl(PR_SET_NAME, "fsqa-flush"); /* for ps */
	for (;;) {
		(void)poll(NULL, 0, FLUSH_MS);
		(void)syncfs(fd); /* full or broken: nothing to do about it here */
	}
}

/* Drivers that the root needs and the initramfs does not have. */
static int load_more(const struct params *p, struct err *e)
{
	static const char dir[] = "/fsqa/modules";
	if (!p->load[0])
		return 0;
	if (!p->modules[0])
		return err_set(e, EINVAL, "fsqa.load without fsqa.modules");
	int rc = mount_disk(p->modules, NULL, dir, MS_RDONLY, NULL, e);
	if (rc == 0)
		rc = modules_load_from(dir, p->load, e);
	(void)umount2(dir, MNT_DETACH); /* it is mounted again in the root */
	return rc;
}

/* The host's files do not change below us, but those of a share may. */
static int mount_9p(const char *tag, const char *where, const char *cache, struct err *e)
{
	auto_free char *options =
		xasprintf("trans=virtio,version=9p2000.L,msize=262144,cache=%s", cache);
	return mount_on(tag, where, "9p", MS_RDONLY, options, e);
}

static int mount_shares(const struct params *p, struct err *e)
{
	int rc = p->n_shares ? make_folder("/mnt", e) : 0;
	for (size_t i = 0; rc == 0 && i < p->n_shares; i++) {
		const struct params_share *s = &p->shares[i];
		auto_free char *where = path_join("/mnt", s->name);
		if (strcmp(s->fstype, "9p") == 0)
			rc = mount_9p(s->serial, where, "none", e);
		else
			rc = mount_disk(s->serial, s->fstype, where, MS_RDONLY, NULL, e);
	}
	return rc;
}

static int mount_upper(const void *params, struct err *e)
{
	int rc = mount_state(params, e);
	if (rc == 0)
		rc = make_folder(STATE "/upper", e);
	return rc < 0 ? rc : make_folder(STATE "/work", e);
}

static int mount_root(const struct params *p, struct err *e)
{
	struct parallel upper;
	char node[DISKS_NODE];
	bool unknown = strcmp(p->root_fstype, "auto") == 0;
	bool folder = strcmp(p->root_fstype, "9p") == 0;
	int rc = make_folder("/fsqa", e);
	if (rc == 0)
		rc = load_more(p, e);
	if (rc == 0 && !folder) /* here, so that the child knows all disks */
		rc = disks_find(p->root, clock_mono_us() + DEVICE_LIMIT_US, node, e);
	if (rc < 0)
		return rc;
	parallel_start(&upper, mount_upper, p);
	if (folder)
		rc = mount_9p(p->root, LOWER, "loose", e);
	else
		rc = mount_disk(p->root, unknown ? NULL : p->root_fstype, LOWER,
			MS_RDONLY | MS_NOATIME, NULL, e);
	int rc2 = parallel_join(&upper, rc < 0 ? NULL : e);
	if (rc < 0 || rc2 < 0)
		return rc < 0 ? rc : rc2;
	return mount_on("overlay", ROOT, "overlay", MS_NOATIME,
		"lowerdir=" LOWER ",upperdir=" STATE "/upper,workdir=" STATE "/work", e);
}

/* Ours go with it; what stays behind is the initramfs, from which this program runs. */
static int switch_root(struct err *e)
{
	int state = open(STATE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state >= 0)
		shutdown_add_mount(state);
	static const char *const old[] = { "/dev", "/proc", "/sys" };
	for (size_t i = 0; i < ARRAY_LEN(old); i++) {
		auto_free char *to = xasprintf(ROOT "%s", old[i]);
		int rc = make_folder(to, e);
		if (rc < 0)
			return rc;
		if (mount(old[i], to, NULL, MS_MOVE, NULL) < 0)
			return err_sys(e, "move %s", old[i]);
	}
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
		chdir("/") < 0)
		return err_sys(e, "switch to the root");
	return 0;
}

/* What a root must have, and what it may. */
static int mount_rest(struct err *e)
{
	static const struct {
		const char *what, *where, *type;
		unsigned long flags;
		const char *options;
		bool optional;
	} mounts[] = {
		{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			"gid=5,mode=0620,ptmxmode=0666", false },
		{ "tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", false },
		{ "tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", false },
		{ "cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL,
			true },
		{ "debugfs", "/sys/kernel/debug", "debugfs", 0, NULL, true },
		{ "tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL, true },
	};
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		int rc = mount_on(mounts[i].what, mounts[i].where, mounts[i].type, mounts[i].flags,
			mounts[i].options, e);
		if (rc < 0 && !mounts[i].optional)
			return rc;
	}
	return 0;
}

static int mount_modules(const struct params *p, struct err *e)
{
	struct utsname u;
	if (!p->modules[0])
		return 0;
	(void)uname(&u); /* fails only for a bad pointer */
	auto_free char *path = xasprintf("/lib/modules/%s", u.release);
	int rc = file_mkdirs("/lib/modules", 0755, e);
	return rc < 0 ? rc : mount_disk(p->modules, NULL, path, MS_RDONLY | MS_NOATIME, NULL, e);
}

static void set_up_kernel(const struct params *p)
{
	if (sethostname(p->hostname, strlen(p->hostname)) < 0)
		say("host name: %s", strerror(errno));
	auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	if (s >= 0 && ioctl(s, SIOCSIFFLAGS, &lo) < 0)
		say("lo: %s", strerror(errno));
	/* As on a Debian system; the kernel's own limit is 4096. */
	struct rlimit files = { .rlim_cur = 1024, .rlim_max = 524288 };
	(void)setrlimit(RLIMIT_NOFILE, &files); /* a lower limit is one still */
}

static void make_links(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
		{ "/run/fsqa/fsqa-guest", "/usr/bin/fsqa-test" },
		{ "/run/fsqa/fsqa-guest", "/usr/bin/fsqa-disk" },
	};
	(void)unlink("/usr/bin/fsqa-test"); /* an image may bring another one's */
	(void)unlink("/usr/bin/fsqa-disk");
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			say("%s: %s", links[i][1], strerror(errno));
	(void)mkdir("/tmp", 01777);
	(void)chmod("/tmp", 01777);
}

/* This program, for fsqa-test and fsqa-disk: a copy, for the initramfs has no path any more. */
static int copy_self(struct err *e)
{
	char chunk[65536];
	ssize_t n;
	auto_close int out =
		open("/run/fsqa/fsqa-guest", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		return err_sys(e, "/run/fsqa/fsqa-guest");
	while ((n = read(init_fd, chunk, sizeof chunk)) > 0) {
		int rc = fd_write_all(out, chunk, (size_t)n, e);
		if (rc < 0)
			return rc;
	}
	return n < 0 ? err_sys(e, "copy /init") : 0;
}

static bool is_our_port(const char *port)
{
	char path[300];
	auto_buf struct buf b = { 0 };
	if (port[0] == '.' ||
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", port) >=
			(int)sizeof path ||
		file_read(path, 4096, &b, NULL) < 0)
		return false;
	return strcmp(buf_str(&b), AGENT_PORT "\n") == 0;
}

/* The host tells a port's name by a message of its own, a little after the driver is up. */
static int open_port(int *ret, struct err *e)
{
	uint64_t until = clock_mono_us() + DEVICE_LIMIT_US;
	for (;;) {
		DIR *d = opendir("/sys/class/virtio-ports");
		struct dirent *de;
		char node[300] = "";
		while (d && !node[0] && (de = readdir(d)))
			if (is_our_port(de->d_name))
				(void)snprintf(node, sizeof node, "/dev/%s", de->d_name); /* fits */
		if (d)
			closedir(d);
		if (node[0]) {
			*ret = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
			return *ret < 0 ? err_sys(e, "%s", node) : 0;
		}
		if (clock_mono_us() >= until)
			return err_set(e, ENODEV, "no virtio port named " AGENT_PORT);
		(void)poll(NULL, 0, 1);
	}
}

/* What needs nothing but the mounts, in a child. */
static int set_up_beside(const void *params, struct err *e)
{
	const struct params *p = params;
	int rc = copy_self(e);
	for (size_t i = 0; rc == 0 && i < p->n_users; i++)
		rc = user_add("", p->users[i], e);
	make_links();
	set_up_kernel(p);
	return rc < 0 || !p->net.used ? rc : net_set_up(p, e);
}

static int set_up_root(const struct params *p, struct err *e)
{
	struct parallel beside;
	int rc = mount_root(p, e);
	if (rc == 0)
		start_flusher(p); /* here, where the state disk has a path still */
	if (rc == 0)
		rc = switch_root(e);
	if (rc == 0 && access("/bin/sh", X_OK) < 0)
		rc = err_sys(e, "this is no root to run tests in: /bin/sh");
	if (rc == 0)
		rc = mount_rest(e);
	if (rc == 0)
		rc = mount_shares(p, e);
	if (rc == 0)
		rc = make_folder("/run/fsqa", e);
	if (rc < 0)
		return rc;
	/* Before another process of ours runs: the first cgroup with memory has the kernel patch
	 * its code (a static key), and an emulated processor that ran there at that moment was seen
	 * to keep the breakpoint of it for good (QEMU 7.2). */
	if (!p->own_init) /* else its cgroups are its own */
		tree_make_cgroup("/sys/fs/cgroup");
	parallel_start(&beside, set_up_beside, p);
	disks_link(p);
	rc = mount_modules(p, e);
	int rc2 = parallel_join(&beside, rc < 0 ? NULL : e);
	return rc < 0 ? rc : rc2;
}

int boot(struct agent_setup *ret, struct err *e)
{
	static struct params p;
	*ret = (struct agent_setup){ .role = AGENT_INIT, .began_us = clock_mono_us() };
	umask(0);
	init_fd = open("/init", O_RDONLY | O_CLOEXEC);
	int rc = mount_first(e);
	if (rc == 0)
		rc = read_params(&p, e);
	if (rc == 0)
		rc = modules_load("/modules.list", e);
	if (rc == 0)
		rc = set_up_root(&p, e);
	close_fd(&init_fd);
	if (rc < 0)
		return rc;
	umask(022);
	return p.own_init ? system_start(e) : boot_open(ret, e);
}

int boot_open(struct agent_setup *ret, struct err *e)
{
	int rc = open_port(&ret->port, e);
	if (rc < 0)
		return rc;
	ret->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ret->listener = events_listen(EVENTS_SOCKET);
	if (ret->kmsg < 0 || ret->listener < 0)
		return err_sys(e, "%s", ret->kmsg < 0 ? "/dev/kmsg" : EVENTS_SOCKET);
	return 0;
}
