/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "wire/session_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 80 /* the guest goes 64 folders deep */

/* Bytes of the character at `p` if it is well-formed UTF-8 and not a control; else 0.
 * Source: Unicode 15, table 3-7. */
static size_t good_character(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len == 1)
		return p[0] >= ' ' && p[0] != 0x7f;
	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[0] == 0xc2)
		low = 0xa0; /* below are controls */
	for (size_t i = 1; i < len; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

void printable(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = good_character((const unsigned char *)p + i, n - i);
		if (k)
			buf_add(out, p + i, k);
		else
			buf_addf(out, "\\x%02x", (unsigned char)p[i]);
		i += k ? k : 1;
	}
}

static void skip(struct session_job *j, const char *name, const char *why)
{
	if (j->get.on_skipped)
		j->get.on_skipped(j->ctx, name, why);
}

static void file_clear(struct get_file *f)
{
	close_fd(&f->fd);
	free(f->path);
	free(f->xattrs);
	*f = (struct get_file){ .fd = -1 };
}

void get_free(struct session_job *j)
{
	file_clear(&j->file);
	for (size_t i = 0; i < j->n_folders; i++)
		file_clear(&j->folders[i]);
	free(j->folders);
}

static void apply(struct session_job *j, struct get_file *f)
{
	struct err e = { 0 };
	unsigned what = ENTRY_MODE | ENTRY_TIME | ENTRY_USER_XATTRS;
	f->x.mode &= 0777;
	if (geteuid() == 0)
		what |= ENTRY_OWNER;
	if (entry_apply(f->fd, &f->x, what, &e) < 0)
		skip(j, f->path, e.msg);
}

/* The file under way is complete, or as complete as it gets. */
static void end_file(struct session_job *j)
{
	struct get_file file = j->file;
	j->file = (struct get_file){ .fd = -1 };
	if (file.fd >= 0 && j->get.whole)
		apply(j, &file);
	if (file.fd >= 0 && j->get.on_file)
		j->get.on_file(j->ctx, file.path, file.got, file.got < file.size);
	file_clear(&file);
}

/* Each component must be harmless by itself, whatever the guest calls it. */
static bool path_is_safe(const char *p, size_t n)
{
	unsigned depth = 0;
	for (size_t i = 0; i <= n;) {
		const char *slash = i < n ? memchr(p + i, '/', n - i) : NULL;
		size_t k = slash ? (size_t)(slash - (p + i)) : n - i;
		if (!file_name_is_safe(p + i, k) || ++depth > DEPTH_MAX)
			return false;
		if (!slash)
			return true;
		i += k + 1;
	}
	return false;
}

/* Open the folder of `path` (safe), making what is missing, one component at a time: no link
 * is followed, even one that somebody else put there. */
static int open_parent(int dirfd, const char *path, const char **ret_name, struct err *e)
{
	auto_close int at = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (at < 0)
		return err_sys(e, "folder for %s", path);
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		auto_free char *name = xstrndup(path, (size_t)(slash - path));
		if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make folder %s", name);
		int next = file_open_beneath(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
		if (next < 0)
			return next;
		(void)close(at); /* a folder: nothing was written by it */
		at = next;
	}
	*ret_name = path;
	return take_fd(&at);
}

/* -> descriptor of the new file, or -errno. */
static int make_file(int dirfd, const char *path, struct err *e)
{
	const char *name;
	auto_close int parent = open_parent(dirfd, path, &name, e);
	if (parent < 0)
		return parent;
	return file_open_beneath(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, e);
}

static int make_folder(int dirfd, const char *path, struct err *e)
{
	const char *name;
	auto_close int parent = open_parent(dirfd, path, &name, e);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "make folder %s", path);
	auto_close int fd =
		file_open_beneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	return fd < 0 ? fd : 0;
}

static void fail(struct session_job *j, const struct err *e)
{
	if (!j->own.code)
		j->own = *e;
}

/* The entry's name on our side: printable, and safe once more, for it grew. NULL: none. */
static char *local_name(const char *p, size_t n)
{
	auto_buf struct buf b = { 0 };
	if (!path_is_safe(p, n))
		return NULL;
	printable(&b, p, n);
	return b.len < PATH_MAX && path_is_safe(b.s, b.len) ? buf_take(&b) : NULL;
}

/* What a whole get applies when the content is there. */
static struct get_file whole_file(const struct entry *x, int fd, char *path)
{
	struct get_file f = { .fd = fd, .path = path, .size = x->size, .x = *x };
	f.xattrs = entry_own_xattrs(&f.x);
	return f;
}

static void take_file(struct session_job *j, char *path, const struct entry *x)
{
	struct err e = { 0 };
	int fd = make_file(j->get.dirfd, path, &e);
	if (fd == -EEXIST || fd == -ENOTDIR || fd == -EISDIR || fd == -ELOOP) {
		skip(j, path, "another entry has its name");
	} else if (fd < 0) {
		fail(j, &e);
		skip(j, path, e.msg);
	}
	if (fd < 0)
		free(path);
	else
		j->file = whole_file(x, fd, path);
}

static void take_folder(struct session_job *j, const char *path, const struct entry *x)
{
	struct err e = { 0 };
	int rc = make_folder(j->get.dirfd, path, &e);
	if (rc == -ENOTDIR || rc == -ELOOP)
		skip(j, path, "another entry has its name");
	else if (rc < 0)
		fail(j, &e);
	if (rc < 0 || !j->get.whole)
		return;
	j->folders = xrealloc(j->folders, (j->n_folders + 1) * sizeof j->folders[0]);
	j->folders[j->n_folders++] = whole_file(x, -1, xstrdup(path));
}

/* Its target may be anything: we follow none. */
static void take_link(
	struct session_job *j, const char *path, const char *target, const struct entry *x)
{
	struct err e = { 0 };
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };
	const char *name;
	auto_close int parent = open_parent(j->get.dirfd, path, &name, &e);
	if (parent >= 0 && (symlinkat(target, parent, name) < 0 ||
				   utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0))
		(void)err_sys(&e, "make the link");
	if (e.code)
		skip(j, path, e.msg);
}

/* From the last to the first: each after those in it. */
static void finish_folders(struct session_job *j)
{
	while (j->n_folders && !j->s->closed) {
		struct get_file f = j->folders[--j->n_folders];
		const char *name;
		auto_close int parent = open_parent(j->get.dirfd, f.path, &name, NULL);
		if (parent >= 0)
			f.fd = file_open_beneath(
				parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
		if (f.fd >= 0)
			apply(j, &f);
		file_clear(&f);
	}
}

/* What cannot be fetched, and why. */
static void take_other(struct session_job *j, char kind, const char *name, const char *target)
{
	auto_buf struct buf why = { 0 };
	if (kind == 'l')
		buf_adds(&why, "a link to ");
	else if (kind == 'o')
		buf_adds(&why, "a device, socket, FIFO or mount point");
	else
		buf_adds(&why, "not readable: ");
	printable(&why, target, strlen(target));
	skip(j, name, buf_str(&why));
}

/* false: session_broke. */
static bool check_entry(struct session_job *j, const struct frame *f, struct entry *ret)
{
	if (entry_decode(f->payload, f->length, ret) < 0 || ret->path_len == 0 ||
		ret->path_len >= PATH_MAX) {
		session_broke(j->s, "an ENTRY of %u bytes that is none", f->length);
		return false;
	}
	if (++j->entries > j->get.max_entries) {
		session_broke(j->s, "more than %u entries", j->get.max_entries);
		return false;
	}
	return true;
}

void get_entry(struct session_job *j, const struct frame *f)
{
	struct session *s = j->s;
	struct entry x;
	if (!check_entry(j, f, &x) || j->dead)
		return;
	end_file(j);
	if (s->closed)
		return;
	auto_buf struct buf shown = { 0 };
	auto_free char *target = xstrndup(x.target, x.target_len);
	printable(&shown, x.path, x.path_len);
	char *path = local_name(x.path, x.path_len);
	if (!path) {
		skip(j, buf_str(&shown), "a name that is not safe here");
	} else if (x.kind == 'f') {
		take_file(j, path, &x);
	} else {
		if (x.kind == 'd')
			take_folder(j, path, &x);
		else if (x.kind == 'l' && j->get.whole)
			take_link(j, path, target, &x);
		else
			take_other(j, x.kind, buf_str(&shown), target);
		free(path);
	}
}

static void cut_file(struct session_job *j, struct err *why)
{
	(void)err_wrap(why, "%s", j->file.path);
	fail(j, why);
	j->file.size = UINT64_MAX;
	end_file(j);
}

/* Written here and now: it goes to the page cache, a window at a time. */
void get_data(struct session_job *j, const struct frame *f)
{
	struct err e = { 0 };
	j->bytes += f->length;
	if (j->bytes > j->get.max_bytes) {
		session_broke(j->s, "more than %" PRIu64 " bytes", j->get.max_bytes);
		return;
	}
	if (j->file.fd < 0)
		return;
	if (fd_write_all(j->file.fd, f->payload, f->length, &e) < 0)
		cut_file(j, &e);
	else
		j->file.got += f->length;
}

void get_hole(struct session_job *j, const struct frame *f)
{
	struct err e = { 0 };
	uint64_t n;
	if (f->length != sizeof n) {
		session_broke(j->s, "a HOLE of %u bytes", f->length);
		return;
	}
	memcpy(&n, f->payload, sizeof n); /* we are little-endian, as the wire is */
	if (j->file.fd < 0 || j->dead)
		return;
	if (content_hole(j->file.fd, n, &e) < 0)
		cut_file(j, &e);
	else
		j->file.got += n;
}

void get_end(struct session_job *j, uint64_t skipped)
{
	struct session *s = j->s;
	char name[64];
	end_file(j);
	finish_folders(j);
	if (!skipped || s->closed)
		return;
	(void)snprintf(name, sizeof name, "%" PRIu64 " more", skipped); /* fits */
	skip(j, name, "over the limit of entries, too deep, or gone");
}
