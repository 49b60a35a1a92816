/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "guest/channel.h"
#include "guest/handler.h"
#include "wire/entry.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GET_DEPTH 64
/* A file of size 0 may still have content: /proc and /sys are like that. */
#define GET_UNSIZED (1u << 20)
#define HALVED_MIN  4096 /* bytes; less is not shared */

struct get {
	struct channel *ch;
	uint64_t bytes_left;
	uint64_t entries_left;
	uint64_t skipped;
	bool whole;      /* owners, attributes and holes are wanted */
	bool halve;      /* no file has more than half of bytes_left */
	dev_t dev;       /* mounts below the requested folder are not entered */
	struct buf path; /* below the requested one */
	bool gone;
};

/* `fd`: of a file or folder; -1: no attributes. `target` may be NULL. */
static void send_entry(struct get *g, char kind, const struct stat *st, int fd, const char *target)
{
	auto_buf struct buf b = { 0 };
	auto_buf struct buf xattrs = { 0 };
	struct entry x = entry_of(kind, st);
	x.path = g->path.s;
	x.path_len = g->path.len;
	x.target = target;
	x.target_len = target ? strlen(target) : 0;
	if (g->whole && fd >= 0)
		g->skipped += entry_xattrs(fd, &xattrs);
	x.xattrs = (const uint8_t *)xattrs.s;
	x.xattrs_len = xattrs.len;
	entry_encode(&x, &b);
	channel_send(g->ch, AGENT_ENTRY, b.s, b.len);
	channel_flush(g->ch, true);
	g->entries_left--;
}

static void send_unreadable(struct get *g, const struct stat *st, int code)
{
	send_entry(g, 'e', st, -1, strerror(code));
}

/* Wait until there is credit. */
static size_t wait_credit(struct get *g)
{
	struct frame f;
	while (channel_credit(g->ch) == 0 && !g->gone)
		g->gone = channel_next(g->ch, true, &f) < 0 || f.type == AGENT_SIGNAL;
	return channel_credit(g->ch);
}

/* At most what it had when it was opened: a log that grows meanwhile has an end here. One that
 * shrinks ends early, which the host sees by the entry's size. */
static void send_content(struct get *g, int fd, uint64_t size)
{
	static char chunk[FRAME_MAX_PAYLOAD];
	struct content c = { .fd = fd, .left = size, .holes = g->whole };
	uint64_t half = g->bytes_left / 2;
	uint64_t stays = g->halve && half > HALVED_MIN ? half : 0;
	while (!g->gone && g->bytes_left > stays) {
		uint64_t n;
		size_t want = wait_credit(g);
		want = want < sizeof chunk ? want : sizeof chunk;
		want = want < g->bytes_left - stays ? want : (size_t)(g->bytes_left - stays);
		int piece = want ? content_next(&c, chunk, want, &n) : CONTENT_END;
		if (piece == CONTENT_DATA) {
			channel_data(g->ch, AGENT_DATA, chunk, (size_t)n);
			g->bytes_left -= n;
		} else if (piece == CONTENT_HOLE) {
			channel_send(
				g->ch, AGENT_HOLE, &n, sizeof n); /* little-endian, as we are */
		} else {
			return;
		}
		channel_flush(g->ch, true);
	}
}

static void get_file(struct get *g, int dirfd, const char *name, const struct stat *seen)
{
	struct stat st;
	/* O_NONBLOCK: what was a file a moment ago may be a FIFO now. */
	auto_close int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		send_unreadable(g, seen, errno);
	} else if (!S_ISREG(st.st_mode)) {
		send_entry(g, 'o', &st, -1, NULL);
	} else {
		send_entry(g, 'f', &st, fd, NULL);
		send_content(g, fd, st.st_size ? (uint64_t)st.st_size : GET_UNSIZED);
	}
}

static void get_link(struct get *g, int dirfd, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	send_entry(g, 'l', st, -1, target);
}

/* Names in byte order, folders behind the others: what lies in them cannot use up the room for what
 * lies beside them. Those past the limit are counted, not kept. */
static int read_names(struct get *g, int fd, struct strv *names)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (!d)
		return -errno;
	struct dirent *de;
	auto_strv struct strv folders = { 0 };
	while ((de = readdir(d))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (names->n + folders.n < g->entries_left)
			strv_add(de->d_type == DT_DIR ? &folders : names, de->d_name);
		else
			g->skipped++;
	}
	closedir(d);
	strv_sort(names);
	strv_sort(&folders);
	for (size_t i = 0; i < folders.n; i++)
		strv_add(names, folders.v[i]);
	return 0;
}

static void get_one(struct get *g, int dirfd, const char *name, unsigned depth);

static void get_folder(
	struct get *g, int dirfd, const char *name, const struct stat *st, unsigned depth)
{
	auto_close int fd =
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_strv struct strv names = { 0 };
	if (st->st_dev != g->dev) {
		send_entry(g, 'o', st, -1, NULL);
		return;
	}
	if (fd < 0) {
		if (g->path.len)
			send_unreadable(g, st, errno);
		else
			g->skipped++;
		return;
	}
	if (g->path.len) /* the requested folder itself is no entry */
		send_entry(g, 'd', st, fd, NULL);
	int rc = depth < GET_DEPTH ? read_names(g, fd, &names) : -ELOOP;
	if (rc < 0)
		g->skipped++;
	for (size_t i = 0; i < names.n && !g->gone; i++)
		get_one(g, fd, names.v[i], depth + 1);
}

/* `name` in the folder `dirfd`; with depth 0 it is the requested path. */
static void get_one(struct get *g, int dirfd, const char *name, unsigned depth)
{
	size_t before = g->path.len;
	struct stat st;
	if (g->entries_left == 0 || before + strlen(name) + 2 > PATH_MAX ||
		fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		g->skipped++;
		return;
	}
	if (depth == 0 && S_ISDIR(st.st_mode))
		g->dev = st.st_dev;
	else if (depth == 0)
		buf_adds(&g->path, path_base(name));
	else
		buf_addf(&g->path, "%s%s", before ? "/" : "", name);
	if (S_ISREG(st.st_mode))
		get_file(g, dirfd, name, &st);
	else if (S_ISDIR(st.st_mode))
		get_folder(g, dirfd, name, &st, depth);
	else if (S_ISLNK(st.st_mode))
		get_link(g, dirfd, name, &st);
	else
		send_entry(g, 'o', &st, -1, NULL);
	if (g->path.len > before) {
		g->path.len = before;
		g->path.s[before] = '\0';
	}
}

static int get(struct get *g, const json_t *j, struct err *e)
{
	const char *path;
	struct stat st;
	int rc = json_get_str(j, "path", &path, e);
	if (rc < 0)
		return rc;
	int64_t bytes = json_i64_or(j, "max_bytes", 0);
	int64_t entries = json_i64_or(j, "max_entries", 0);
	g->bytes_left = bytes > 0 ? (uint64_t)bytes : 0;
	g->entries_left = entries > 0 ? (uint64_t)entries : 0;
	g->whole = json_bool_or(j, "whole", false);
	g->halve = json_bool_or(j, "halve", false);
	if (path[0] != '/')
		return err_set(e, EINVAL, "%s: not an absolute path", path);
	if (lstat(path, &st) < 0)
		return err_sys(e, "%s", path);
	get_one(g, AT_FDCWD, path, 0);
	return 0;
}

noreturn void handler_get(struct channel *c, const void *json, size_t n)
{
	static struct get g;
	struct err e = { 0 };
	json_t *j = NULL;
	g.ch = c;
	int rc = json_parse_object(json, n, &j, &e);
	if (rc == 0)
		rc = get(&g, j, &e);
	json_decref(j);
	struct channel_exit x = { .skipped = g.skipped };
	if (rc < 0) {
		x.code = -1;
		x.error = e.msg;
	}
	channel_exit(c, &x);
	_exit(0);
}
