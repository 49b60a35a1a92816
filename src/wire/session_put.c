/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/session_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A local tree on its way: one entry after the other, its files' content between them. Folders and
 * a file's pages are read here and now; the credit keeps it to a window at a time. */
struct put_source {
	FTS *walk;              /* NULL: one file, that of the caller's descriptor */
	size_t root_len;        /* of the path that the walk began with */
	struct content content; /* of the file under way; fd -1: none */
	bool ours;              /* its descriptor is to be closed */
	struct buf entry;       /* made, but without credit yet */
};

static void fail(struct session_job *j)
{
	job_send_signal(j, SIGKILL); /* the guest drops what it has of the file */
	j->eof_sent = true;
}

static void close_content(struct put_source *p)
{
	if (p->ours)
		close_fd(&p->content.fd);
	p->content.fd = -1;
}

void put_free(struct put_source *p)
{
	if (!p)
		return;
	close_content(p);
	if (p->walk)
		(void)fts_close(p->walk); /* only read */
	buf_clear(&p->entry);
	free(p);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void send_costly(struct session_job *j, uint16_t type, const void *p, size_t n)
{
	session_send(j->s, type, j->stream, p, n);
	j->may_send -= n + AGENT_ENTRY_COST;
}

/* The path in the walk below its root. */
static void set_path(const struct put_source *p, const FTSENT *f, struct entry *x)
{
	size_t skip = p->root_len < f->fts_pathlen ? p->root_len : f->fts_pathlen;
	while (f->fts_path[skip] == '/')
		skip++;
	x->path = f->fts_path + skip;
	x->path_len = f->fts_pathlen - skip;
}

/* -> 0, also where it is nothing that is sent; a negative errno ends the put. */
static int make_entry(struct session_job *j, const FTSENT *f)
{
	struct put_source *p = j->put;
	auto_buf struct buf xattrs = { 0 };
	char target[PATH_MAX];
	char kind = f->fts_info == FTS_D ? 'd' : f->fts_info == FTS_F ? 'f' : 'l';
	/* O_NONBLOCK: what was a file a moment ago may be a FIFO now. */
	auto_close int fd = kind == 'l' ? -1
					: open(f->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
								       O_NOCTTY | O_CLOEXEC);
	struct entry x = entry_of(kind, f->fts_statp);
	set_path(p, f, &x);
	if (kind == 'l') {
		ssize_t n = readlink(f->fts_accpath, target, sizeof target);
		if (n < 0)
			return err_sys(&j->own, "%s", f->fts_path);
		x.target = target;
		x.target_len = (size_t)n;
	} else if (fd < 0) {
		return err_sys(&j->own, "%s", f->fts_path);
	} else if (entry_xattrs(fd, &xattrs)) {
		return err_set(
			&j->own, E2BIG, "%s: its extended attributes are too large", f->fts_path);
	}
	x.xattrs = (const uint8_t *)xattrs.s;
	x.xattrs_len = xattrs.len;
	entry_encode(&x, &p->entry);
	if (kind == 'f') {
		p->content = (struct content){ .fd = take_fd(&fd), .left = x.size, .holes = true };
		p->ours = true;
	}
	return 0;
}

/* 1: there was one, which may be nothing to send. 0: the walk is over. */
static int next_entry(struct session_job *j)
{
	struct put_source *p = j->put;
	errno = 0;
	const FTSENT *f = p->walk ? fts_read(p->walk) : NULL;
	if (!f && errno)
		return err_sys(&j->own, "read the folder to send");
	if (!f)
		return 0;
	switch (f->fts_info) {
	case FTS_D:
	case FTS_F:
	case FTS_SL:
	case FTS_SLNONE: {
		int rc = make_entry(j, f);
		return rc < 0 ? rc : 1;
	}
	case FTS_DP:
		return 1;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return err_set(
			&j->own, f->fts_errno, "%s: %s", f->fts_path, strerror(f->fts_errno));
	default:
		return err_set(&j->own, EINVAL, "%s: a device, socket, FIFO or loop of folders",
			f->fts_path);
	}
}

/* Something was sent, or nothing can be: -> whether to go on. */
static bool push_content(struct session_job *j)
{
	struct put_source *p = j->put;
	char chunk[FRAME_MAX_PAYLOAD];
	uint64_t n = 0;
	if (j->may_send < sizeof n + AGENT_ENTRY_COST)
		return false;
	int piece = content_next(
		&p->content, chunk, j->may_send < sizeof chunk ? j->may_send : sizeof chunk, &n);
	if (piece == CONTENT_DATA) {
		session_send(j->s, AGENT_DATA, j->stream, chunk, n);
		j->may_send -= n;
	} else if (piece == CONTENT_HOLE) {
		send_costly(j, AGENT_HOLE, &n, sizeof n); /* little-endian, as we are */
	} else if (piece == CONTENT_END) {
		close_content(p);
	} else {
		errno = -piece;
		(void)err_sys(&j->own, "read the file to send");
		fail(j);
	}
	return piece >= 0;
}

static bool push_entry(struct session_job *j)
{
	struct put_source *p = j->put;
	if (j->may_send < p->entry.len + AGENT_ENTRY_COST)
		return false;
	send_costly(j, AGENT_ENTRY, p->entry.s, p->entry.len);
	p->entry.len = 0;
	return true;
}

static bool push_next(struct session_job *j)
{
	int rc = next_entry(j);
	if (rc < 0)
		fail(j);
	if (rc == 0) {
		session_send(j->s, AGENT_EOF, j->stream, NULL, 0);
		j->eof_sent = true;
	}
	return rc > 0;
}

void put_push(struct session_job *j)
{
	bool more = true;
	while (more && !j->eof_sent && !j->dead) {
		if (j->put->entry.len)
			more = push_entry(j);
		else if (j->put->content.fd >= 0)
			more = push_content(j);
		else
			more = push_next(j);
	}
}

/* What is sent first: the whole of one file, or where the walk begins. */
static int open_source(const struct session_put *q, struct put_source *p, struct err *e)
{
	struct stat st;
	p->content.fd = -1;
	if (!q->from) {
		if (fstat(q->fd, &st) < 0)
			return err_sys(e, "look at the file to send");
		struct entry x = entry_of('f', &st);
		x.mode = q->mode;
		entry_encode(&x, &p->entry);
		p->content = (struct content){ .fd = q->fd, .left = x.size, .holes = true };
		return 0;
	}
	/* A link that is named is followed, those below are sent as they are. */
	char *const roots[] = { (char *)(uintptr_t)q->from, NULL }; /* not written to */
	if (stat(q->from, &st) < 0)
		return err_sys(e, "%s", q->from);
	p->walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!p->walk)
		return err_sys(e, "%s", q->from);
	p->root_len = strlen(q->from);
	return 0;
}

int session_put(struct session *s, const struct session_put *q, struct err *e)
{
	struct session_job *j;
	struct put_source *p = xcalloc(1, sizeof *p);
	int rc = open_source(q, p, e);
	json_t *o = json_pack("{s:s, s:b}", "path", q->path, "owners", (int)q->owners);
	if (rc == 0 && !o)
		rc = err_set(e, EINVAL, "the path in the guest is not UTF-8");
	if (rc == 0)
		rc = job_new(s, JOB_PUT, &j, e);
	if (rc < 0) {
		json_decref(o);
		put_free(p);
		return rc;
	}
	j->put = p;
	j->on_exit = q->on_exit;
	j->ctx = q->ctx;
	rc = session_send_json(s, AGENT_PUT, j->stream, o, e);
	if (rc < 0)
		job_drop(j);
	else
		put_push(j);
	return rc;
}
