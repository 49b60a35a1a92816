/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "guest/channel.h"
#include "guest/handler.h"
#include "wire/entry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An entry's own copy: what it gets when all below it, or all of it, is there. */
struct made {
	char *path;
	struct entry x;
	uint8_t *xattrs;
};

struct put {
	struct channel *ch;
	const char *root;
	bool owners;
	bool begun;
	/* The file under way: */
	int fd; /* -1: none */
	char *tmp;
	struct made file;
	/* Folders get their times last. */
	struct made *folders;
	size_t n_folders;
	unsigned refused; /* owners, modes, attributes, times that did not hold, */
	struct err first; /* and the first of them */
};

static struct made keep(const struct entry *x, const char *path)
{
	struct made m = { .path = xstrdup(path), .x = *x };
	m.xattrs = entry_own_xattrs(&m.x);
	return m;
}

static void made_clear(struct made *m)
{
	free(m->path);
	free(m->xattrs);
	*m = (struct made){ 0 };
}

/* What a filesystem cannot hold (attributes on tmpfs) fails no put, but is told. */
static void refuse(struct put *p, const char *path, struct err *why)
{
	if (p->refused++ == 0) {
		p->first = *why;
		(void)err_wrap(&p->first, "%s", path);
	}
}

static void apply(struct put *p, int fd, const struct made *m)
{
	struct err e = { 0 };
	unsigned what = ENTRY_MODE | ENTRY_TIME | ENTRY_XATTRS | (p->owners ? ENTRY_OWNER : 0);
	if (entry_apply(fd, &m->x, what, &e) < 0)
		refuse(p, m->path, &e);
}

static int make_parent(const char *path, struct err *e)
{
	auto_free char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return file_mkdirs(dir, 0755, e);
}

/* Beside its final name, then renamed: who looks for `path` finds all of it or nothing. */
static int begin_file(struct put *p, const struct entry *x, const char *path, struct err *e)
{
	p->tmp = xasprintf("%s.fsqa-XXXXXX", path);
	p->fd = mkostemp(p->tmp, O_CLOEXEC);
	if (p->fd < 0) {
		free(p->tmp);
		p->tmp = NULL;
		return err_sys(e, "%s", path);
	}
	p->file = keep(x, path);
	return 0;
}

static int end_file(struct put *p, struct err *e)
{
	int rc = 0;
	if (p->fd < 0)
		return 0;
	apply(p, p->fd, &p->file);
	if (close(p->fd) < 0 || rename(p->tmp, p->file.path) < 0)
		rc = err_sys(e, "%s", p->file.path);
	if (rc < 0)
		(void)unlink(p->tmp); /* the first error is the one to tell */
	p->fd = -1;
	free(p->tmp);
	p->tmp = NULL;
	made_clear(&p->file);
	return rc;
}

/* One that is there already stays, also where it is a link to one: /lib is. */
static int make_folder(struct put *p, const struct entry *x, const char *path, struct err *e)
{
	struct stat st;
	if (mkdir(path, 0700) < 0 &&
		(errno != EEXIST || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		return err_sys(e, "make folder %s", path);
	p->folders = xrealloc(p->folders, (p->n_folders + 1) * sizeof p->folders[0]);
	p->folders[p->n_folders++] = keep(x, path);
	return 0;
}

static int make_link(struct put *p, const struct entry *x, const char *path, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };
	auto_free char *target = xstrndup(x->target, x->target_len);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, "%s", path);
	if (symlink(target, path) < 0 ||
		(p->owners && fchownat(AT_FDCWD, path, x->uid, x->gid, AT_SYMLINK_NOFOLLOW) < 0) ||
		utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", path);
	return 0;
}

static int take_entry(struct put *p, const struct frame *f, struct err *e)
{
	struct entry x;
	int rc = end_file(p, e);
	if (rc < 0)
		return rc;
	if (entry_decode(f->payload, f->length, &x) < 0 || (x.path_len == 0) == p->begun ||
		memchr(x.path, '\0', x.path_len))
		return err_set(e, EPROTO, "the host sent an entry that is none");
	auto_free char *path =
		xasprintf("%s%s%.*s", p->root, p->begun ? "/" : "", (int)x.path_len, x.path);
	if (!p->begun)
		rc = make_parent(path, e);
	p->begun = true;
	if (rc == 0 && x.kind == 'f')
		return begin_file(p, &x, path, e);
	if (rc == 0 && x.kind == 'd')
		return make_folder(p, &x, path, e);
	if (rc == 0 && x.kind == 'l')
		return make_link(p, &x, path, e);
	return rc < 0 ? rc : err_set(e, EPROTO, "an entry of kind %c", x.kind);
}

/* Bytes or a hole of the file under way. */
static int take_content(struct put *p, const struct frame *f, struct err *e)
{
	uint64_t n;
	if (p->fd < 0)
		return err_set(e, EPROTO, "the host sent content of no file");
	int rc = 0;
	if (f->type == AGENT_DATA) {
		rc = fd_write_all(p->fd, f->payload, f->length, e);
	} else if (f->length == sizeof n) {
		memcpy(&n, f->payload, sizeof n); /* we are little-endian, as the wire is */
		rc = content_hole(p->fd, n, e);
	}
	return rc < 0 ? err_wrap(e, "%s", p->file.path) : 0;
}

/* All up to EOF. -EPIPE: the agent went away. */
static int receive(struct put *p, struct err *e)
{
	struct frame f;
	int rc = 0;
	while (rc == 0 && channel_next(p->ch, true, &f) == 1) {
		size_t cost = f.length;
		if (f.type == AGENT_EOF)
			return end_file(p, e);
		if (f.type == AGENT_SIGNAL)
			return err_set(e, ECANCELED, "given up by the host");
		if (f.type == AGENT_ENTRY || f.type == AGENT_HOLE)
			cost += AGENT_ENTRY_COST;
		if (f.type == AGENT_ENTRY)
			rc = take_entry(p, &f, e);
		else if (f.type == AGENT_DATA || f.type == AGENT_HOLE)
			rc = take_content(p, &f, e);
		else
			continue;
		channel_consumed(p->ch, cost);
	}
	return rc < 0 ? rc : err_set(e, EPIPE, "cut short");
}

/* From the last to the first: each after those in it. */
static void finish_folders(struct put *p)
{
	while (p->n_folders) {
		struct made *m = &p->folders[--p->n_folders];
		auto_close int fd = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct err e = { 0 };
		if (fd >= 0) {
			apply(p, fd, m);
		} else {
			(void)err_sys(&e, "open it");
			refuse(p, m->path, &e);
		}
		made_clear(m);
	}
	free(p->folders);
	p->folders = NULL;
}

static int put(struct put *p, const json_t *j, struct err *e)
{
	int rc = json_get_str(j, "path", &p->root, e);
	if (rc < 0)
		return rc;
	if (p->root[0] != '/')
		return err_set(e, EINVAL, "%s: not an absolute path", p->root);
	p->owners = json_bool_or(j, "owners", false);
	rc = receive(p, e);
	finish_folders(p);
	if (p->tmp)
		(void)unlink(p->tmp); /* the first error is the one to tell */
	return rc;
}

noreturn void handler_put(struct channel *c, const void *json, size_t n)
{
	static struct put p;
	struct err e = { 0 };
	json_t *j = NULL;
	char warning[sizeof e.msg + 64] = "";
	umask(022);
	p.ch = c;
	p.fd = -1;
	int rc = json_parse_object(json, n, &j, &e);
	if (rc == 0)
		rc = put(&p, j, &e);
	if (p.refused == 1)
		(void)snprintf(warning, sizeof warning, "%s", p.first.msg); /* fits */
	else if (p.refused)
		(void)snprintf(warning, sizeof warning, "%s, and %u more", p.first.msg,
			p.refused - 1); /* fits */
	struct channel_exit x = { .warning = warning[0] ? warning : NULL };
	if (rc < 0) {
		x.code = -1;
		x.error = e.msg;
	}
	channel_exit(c, &x);
	_exit(0);
}
