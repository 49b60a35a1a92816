/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/tree.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE_MAX 65536 /* processes looked at */

static char cgroup_root[80]; /* "": none */

/* -> 0 or -errno; a control file takes all in one write. `folder` "": there is none. */
static int control_write(const char *folder, const char *name, const char *value)
{
	char path[160];
	if (!folder[0] || snprintf(path, sizeof path, "%s/%s", folder, name) >= 160)
		return -ENOENT;
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* memory tells which command the kernel killed for memory; with cpu a command of a thousand
 * processes gets no more than our own handler, so that its deadline is kept. */
static void give_controllers(const char *folder)
{
	/* A kernel without one of them does without. */
	(void)control_write(folder, "cgroup.subtree_control", "+memory");
	(void)control_write(folder, "cgroup.subtree_control", "+cpu");
}

void tree_make_cgroup(const char *parent)
{
	char path[sizeof cgroup_root];
	if (snprintf(path, sizeof path, "%s/cgroup.procs", parent) >= (int)sizeof path ||
		access(path, F_OK) < 0 ||
		snprintf(path, sizeof path, "%s/fsqa", parent) >= (int)sizeof path)
		return;
	give_controllers(parent);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return;
	give_controllers(path);
	(void)snprintf(cgroup_root, sizeof cgroup_root, "%s", path); /* as large */
}

static int control_read(const struct tree *t, const char *name, struct buf *out)
{
	char path[160];
	if (!t->cgroup[0] || snprintf(path, sizeof path, "%s/%s", t->cgroup, name) >= 160)
		return -ENOENT;
	return file_read(path, 1 << 20, out, NULL);
}

void tree_init(struct tree *t, uint32_t id)
{
	t->cgroup[0] = '\0';
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* cannot fail on kernels since 3.4 */
	if (!cgroup_root[0])
		return;
	if (snprintf(t->cgroup, sizeof t->cgroup, "%s/%u", cgroup_root, id) >=
			(int)sizeof t->cgroup ||
		(mkdir(t->cgroup, 0755) < 0 && errno != EEXIST))
		t->cgroup[0] = '\0';
}

void tree_enter(const struct tree *t)
{
	(void)control_write(
		t->cgroup, "cgroup.procs", "0"); /* what stays outside is below us in /proc */
}

struct entry {
	pid_t pid, parent;
	char state;
	bool ours;
};

/* pid, state, parent from /proc/PID/stat: the name between may hold blanks and brackets. */
static bool read_stat(const char *pid, struct entry *ret)
{
	char path[64];
	char text[512];
	if (snprintf(path, sizeof path, "/proc/%s/stat", pid) >= (int)sizeof path)
		return false;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	const char *end = strrchr(text, ')');
	int parent;
	if (!end || sscanf(end, ") %c %d", &ret->state, &parent) != 2)
		return false;
	ret->pid = (pid_t)strtol(pid, NULL, 10);
	ret->parent = parent;
	ret->ours = false;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Every process, sorted by number. */
static size_t read_all(struct entry **ret)
{
	DIR *d = opendir("/proc");
	size_t n = 0;
	size_t cap = 0;
	struct entry *all = NULL;
	struct dirent *de;
	while (d && n < TREE_MAX && (de = readdir(d))) {
		if (de->d_name[0] < '1' || de->d_name[0] > '9')
			continue;
		if (n == cap)
			all = xrealloc(all, (cap = cap ? 2 * cap : 256) * sizeof *all);
		n += read_stat(de->d_name, &all[n]);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(all, n, sizeof *all, by_pid);
	*ret = all;
	return n;
}

/* Mark what descends from us. Mostly one pass: a parent's number is the smaller one. */
static size_t read_descendants(struct entry **ret)
{
	size_t n = read_all(ret);
	struct entry *all = *ret;
	pid_t self = getpid();
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			struct entry key = { .pid = all[i].parent };
			struct entry *up = NULL;
			if (all[i].ours)
				continue;
			if (all[i].parent != self)
				up = bsearch(&key, all, n, sizeof *all, by_pid);
			if (all[i].parent == self || (up && up->ours))
				more = all[i].ours = true;
		}
	}
	return n;
}

/* false: there is no cgroup. */
static bool signal_cgroup(const struct tree *t, int sig)
{
	if (sig == SIGKILL &&
		control_write(t->cgroup, "cgroup.kill", "1") == 0) /* since Linux 5.14 */
		return true;
	auto_buf struct buf procs = { 0 };
	if (control_read(t, "cgroup.procs", &procs) < 0)
		return false;
	for (const char *s = buf_str(&procs); *s;) {
		char *end;
		long pid = strtol(s, &end, 10);
		if (end == s)
			break;
		if (pid > 1 && pid != getpid())
			(void)kill((pid_t)pid, sig); /* may be gone already */
		s = end + strspn(end, "\n");
	}
	return true;
}

static bool populated(const struct tree *t)
{
	auto_buf struct buf b = { 0 };
	return control_read(t, "cgroup.events", &b) == 0 && strstr(buf_str(&b), "populated 1");
}

void tree_signal(const struct tree *t, int sig)
{
	/* Not twice to the same process: some take a second TERM for impatience. One that moved
	 * to another cgroup meets KILL, once the cgroup is empty: looking through all of /proc
	 * while a fork bomb dies takes longer than its death. */
	if (signal_cgroup(t, sig) && (sig != SIGKILL || populated(t)))
		return;
	struct entry *all;
	size_t n = read_descendants(&all);
	for (size_t i = 0; i < n; i++)
		if (all[i].ours && all[i].state != 'Z')
			(void)kill(all[i].pid, sig);
	free(all);
}

bool tree_reap(const struct tree *t, pid_t leader, int *status, bool *reaped)
{
	for (;;) {
		int st;
		pid_t pid = waitpid(-1, &st, WNOHANG);
		if (pid > 0 && pid == leader) {
			*status = st;
			*reaped = true;
		}
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return !populated(t); /* ECHILD: nothing below us */
		if (pid == 0)
			return false;
	}
}

bool tree_oom(const struct tree *t)
{
	auto_buf struct buf b = { 0 };
	if (control_read(t, "memory.events", &b) < 0)
		return false;
	const char *at = strstr(buf_str(&b), "oom_kill ");
	return at && strtoul(at + strlen("oom_kill "), NULL, 10) > 0;
}

bool tree_describe(const struct tree *t, char *out, size_t size)
{
	struct entry *all;
	size_t n = read_descendants(&all);
	bool found = false;
	for (size_t i = 0; i < n && !found; i++) {
		if (!all[i].ours || all[i].state == 'Z')
			continue;
		char path[64];
		auto_buf struct buf name = { 0 };
		(void)snprintf(path, sizeof path, "/proc/%d/comm", all[i].pid); /* fits */
		(void)file_read(path, 64, &name, NULL); /* gone meanwhile: without its name */
		found = snprintf(out, size, "PID %d (%.*s, state %c)", all[i].pid,
				(int)strcspn(buf_str(&name), "\n"), buf_str(&name),
				all[i].state) > 0;
	}
	free(all);
	return found;
}

static int remove_folder(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_DP)
		(void)rmdir(path); /* its files are the kernel's */
	return 0;
}

void tree_remove(const struct tree *t)
{
	if (t->cgroup[0])
		/* Depth first: the command may have made cgroups of its own below. */
		(void)nftw(t->cgroup, remove_folder, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void tree_set_oom_score(const char *score)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, score, strlen(score)); /* without rights it stays as it is */
}
