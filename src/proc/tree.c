/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/tree.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "proc/spawn.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ENVIRON_LIMIT (1u << 20)

/* One line of /proc/PID/stat. The name in parentheses may hold anything, ')' too. */
static bool parse_stat(const char *text, struct tree_row *r)
{
	const char *rest = strrchr(text, ')');
	char state;
	int ppid, group, session;
	long threads;
	uint64_t start;
	if (!rest || sscanf(rest + 1,
			     " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld "
			     "%*d %" SCNu64,
			     &state, &ppid, &group, &session, &threads, &start) != 6)
		return false;
	r->ppid = ppid;
	r->group = group;
	r->session = session;
	r->start = start;
	/* A process whose first thread ended before the others shows as a zombie, too. */
	r->dead = (state == 'Z' || state == 'X') && threads <= 1;
	return true;
}

static bool read_row(pid_t pid, struct tree_row *r)
{
	char path[64];
	char text[1024];
	int n = snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (n < 0 || (size_t)n >= sizeof path)
		return false;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (got <= 0)
		return false;
	text[got] = '\0';
	*r = (struct tree_row){ .pid = pid };
	return parse_stat(text, r);
}

static int by_pid(const void *a, const void *b)
{
	const struct tree_row *x = a;
	const struct tree_row *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct tree_row *add_row(struct tree *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->rows = xrealloc(t->rows, t->cap * sizeof *t->rows);
	}
	return &t->rows[t->n++];
}

void tree_read(struct tree *t)
{
	t->n = 0;
	DIR *dir = opendir("/proc");
	for (struct dirent *d; dir && (d = readdir(dir));) {
		char *end;
		long pid = strtol(d->d_name, &end, 10);
		if (pid <= 0 || *end != '\0')
			continue;
		if (!read_row((pid_t)pid, add_row(t)))
			t->n--;
	}
	if (dir)
		(void)closedir(dir); /* only read */
	if (t->n > 0)
		qsort(t->rows, t->n, sizeof *t->rows, by_pid);
}

/* Whether its environment has the mark or one below it. */
static bool has_mark(pid_t pid, const char *mark)
{
	auto_free char *path = xasprintf("/proc/%d/environ", (int)pid);
	auto_buf struct buf env = { 0 };
	if (file_read(path, ENVIRON_LIMIT, &env, NULL) < 0)
		return false;
	size_t len = strlen(mark);
	for (size_t at = 0; at < env.len; at += strlen(env.s + at) + 1) {
		const char *v = env.s + at;
		if (strncmp(v, SPAWN_MARK_NAME "=", sizeof SPAWN_MARK_NAME) != 0)
			continue;
		v += sizeof SPAWN_MARK_NAME;
		return strncmp(v, mark, len) == 0 && (v[len] == '\0' || v[len] == '/');
	}
	return false;
}

static bool is_orphan_of(const struct tree_row *r, const struct tree_query *q)
{
	if (!q->adopting || r->ppid != getpid() || q->is_leader(r->pid))
		return false;
	if (q->is_leader(r->session) || q->is_leader(r->group))
		return false; /* another child's, plainly */
	return q->only || has_mark(r->pid, q->mark);
}

static const struct tree_row *find(const struct tree *t, pid_t pid)
{
	const struct tree_row key = { .pid = pid };
	return t->n ? bsearch(&key, t->rows, t->n, sizeof key, by_pid) : NULL;
}

static bool is_known(const struct tree_row *r, const struct tree *known)
{
	const struct tree_row *k = find(known, r->pid);
	return k && k->start == r->start;
}

static bool parent_is_member(const struct tree *t, const struct tree_row *r, pid_t leader)
{
	const struct tree_row *parent = find(t, r->ppid);
	return r->ppid == leader || (parent && parent->member);
}

size_t tree_find_members(struct tree *t, const struct tree_query *q)
{
	size_t found = 0; /* only those alive: a zombie is its parent's business */
	for (size_t i = 0; i < t->n; i++) {
		struct tree_row *r = &t->rows[i];
		r->member = r->pid != q->leader && !r->dead &&
			    (r->session == q->leader || r->group == q->leader ||
				    is_known(r, q->known) || is_orphan_of(r, q));
		found += r->member;
	}
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < t->n; i++) {
			struct tree_row *r = &t->rows[i];
			if (r->member || r->dead || r->pid == q->leader ||
				!parent_is_member(t, r, q->leader))
				continue;
			r->member = more = true;
			found++;
		}
	}
	return found;
}

void tree_remember(const struct tree *t, struct tree *known)
{
	known->n = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].member)
			*add_row(known) = t->rows[i];
}

void tree_signal(const struct tree_row *row, int sig)
{
	auto_close int pidfd = pidfd_open(row->pid, 0);
	struct tree_row now;
	/* Looked at again while we hold it, so that the signal cannot hit another. */
	if (pidfd >= 0 && read_row(row->pid, &now) && now.start == row->start)
		(void)pidfd_send_signal(pidfd, sig, NULL, 0); /* fails where it just ended */
}

void tree_clear(struct tree *t)
{
	free(t->rows);
	*t = (struct tree){ 0 };
}
