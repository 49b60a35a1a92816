/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/entry.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

struct entry entry_of(char kind, const struct stat *st)
{
	return (struct entry){
		.kind = kind,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = kind == 'f' ? (uint64_t)st->st_size : 0,
		.mtime = st->st_mtim,
	};
}

void entry_encode(const struct entry *x, struct buf *out)
{
	struct agent_entry h = {
		.kind = (uint8_t)x->kind,
		.mode = x->mode & 07777,
		.uid = x->uid,
		.gid = x->gid,
		.size = x->size,
		.mtime_s = x->mtime.tv_sec,
		.mtime_ns = (uint32_t)x->mtime.tv_nsec,
		.path_len = (uint32_t)x->path_len,
		.target_len = (uint32_t)x->target_len,
		.xattrs_len = (uint32_t)x->xattrs_len,
	};
	buf_add(out, &h, sizeof h);
	buf_add(out, x->path, x->path_len);
	buf_add(out, x->target, x->target_len);
	buf_add(out, x->xattrs, x->xattrs_len);
}

int entry_decode(const void *p, size_t n, struct entry *ret)
{
	struct agent_entry h;
	if (n < sizeof h)
		return -EPROTO;
	memcpy(&h, p, sizeof h);
	bool target = h.kind == 'l' || h.kind == 'e';
	if (!h.kind || !strchr("fdloe", h.kind) || (h.target_len && !target) ||
		h.mtime_ns >= 1000000000 ||
		sizeof h + (uint64_t)h.path_len + h.target_len + h.xattrs_len != n)
		return -EPROTO;
	const char *path = (const char *)p + sizeof h;
	*ret = (struct entry){
		.kind = (char)h.kind,
		.mode = h.mode & 07777,
		.uid = h.uid,
		.gid = h.gid,
		.size = h.size,
		.mtime = { .tv_sec = h.mtime_s, .tv_nsec = h.mtime_ns },
		.path = path,
		.path_len = h.path_len,
		.target = path + h.path_len,
		.target_len = h.target_len,
		.xattrs = (const uint8_t *)path + h.path_len + h.target_len,
		.xattrs_len = h.xattrs_len,
	};
	return 0;
}

/* ---- extended attributes ---- */

static bool add_xattr(int fd, const char *name, struct buf *out, size_t *room)
{
	auto_free uint8_t *value = xmalloc(XATTR_SIZE_MAX);
	ssize_t n = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
	if (n < 0)
		return errno == ENODATA; /* it went away */
	uint32_t len = (uint32_t)n;
	size_t whole = strlen(name) + 1 + sizeof len + len;
	if (whole > *room)
		return false;
	buf_add(out, name, strlen(name) + 1);
	buf_add(out, &len, sizeof len);
	buf_add(out, value, len);
	*room -= whole;
	return true;
}

unsigned entry_xattrs(int fd, struct buf *out)
{
	auto_free char *names = xmalloc(XATTR_LIST_MAX);
	/* A path and a target may lie beside them. */
	size_t room = FRAME_MAX_PAYLOAD - sizeof(struct agent_entry) - 2 * (size_t)PATH_MAX;
	unsigned left_out = 0;
	ssize_t n = flistxattr(fd, names, XATTR_LIST_MAX);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		left_out += !add_xattr(fd, names + i, out, &room);
	return left_out;
}

uint8_t *entry_own_xattrs(struct entry *x)
{
	uint8_t *own = xmalloc(x->xattrs_len + 1);
	if (x->xattrs_len)
		memcpy(own, x->xattrs, x->xattrs_len);
	x->xattrs = own;
	return own;
}

/* The next of them. false: none, or (with *bad) what is there is no attribute. */
static bool next_xattr(const uint8_t **p, size_t *left, const char **name, const uint8_t **value,
	uint32_t *len, bool *bad)
{
	if (*left == 0)
		return false;
	const uint8_t *nul = memchr(*p, '\0', *left);
	size_t head = nul ? (size_t)(nul - *p) + 1 + sizeof *len : 0;
	*bad = !nul || head > *left;
	if (*bad)
		return false;
	*name = (const char *)*p;
	memcpy(len, nul + 1, sizeof *len);
	*bad = *len > *left - head;
	*value = *p + head;
	*p += head + *len;
	*left -= head + *len;
	return !*bad;
}

static int apply_xattrs(int fd, const struct entry *x, bool user_only, struct err *e)
{
	const uint8_t *p = x->xattrs;
	size_t left = x->xattrs_len;
	const char *name;
	const uint8_t *value;
	uint32_t len;
	bool bad = false;
	int rc = 0;
	while (next_xattr(&p, &left, &name, &value, &len, &bad)) {
		if (user_only && strncmp(name, "user.", 5) != 0)
			continue;
		if (fsetxattr(fd, name, value, len, 0) < 0 && rc == 0)
			rc = err_sys(e, "set its attribute %s", name);
	}
	return bad ? err_set(e, EPROTO, "extended attributes that are none") : rc;
}

int entry_apply(int fd, const struct entry *x, unsigned what, struct err *e)
{
	int rc = 0;
	/* In this order: a new owner takes set-user-ID and capabilities away. */
	if (what & ENTRY_OWNER && fchown(fd, x->uid, x->gid) < 0)
		rc = err_sys(e, "set its owner");
	if (what & ENTRY_MODE && fchmod(fd, x->mode) < 0 && rc == 0)
		rc = err_sys(e, "set its mode");
	if (what & (ENTRY_XATTRS | ENTRY_USER_XATTRS)) {
		int bad = apply_xattrs(fd, x, !(what & ENTRY_XATTRS), rc ? NULL : e);
		rc = rc ? rc : bad;
	}
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };
	if (what & ENTRY_TIME && futimens(fd, times) < 0 && rc == 0)
		rc = err_sys(e, "set its time");
	return rc;
}

/* ---- content ---- */

/* From data on, where there is a hole; data_end is where the next one begins. -> bytes of hole. */
static uint64_t skip_hole(struct content *c)
{
	uint64_t end = c->at + c->left;
	off_t data = lseek(c->fd, (off_t)c->at, SEEK_DATA);
	if (data < 0 && errno != ENXIO) {
		c->holes = false; /* /proc, a FIFO: read on */
		return 0;
	}
	uint64_t from = data < 0 || (uint64_t)data > end ? end : (uint64_t)data;
	off_t hole = data < 0 ? -1 : lseek(c->fd, data, SEEK_HOLE);
	c->data_end = hole < 0 ? end : (uint64_t)hole;
	(void)lseek(c->fd, (off_t)from, SEEK_SET); /* it could the other seeks */
	uint64_t n = from - c->at;
	c->at = from;
	c->left -= n;
	return n;
}

int content_next(struct content *c, void *buf, size_t max, uint64_t *ret_n)
{
	*ret_n = 0;
	if (c->left && c->holes && c->at >= c->data_end) {
		*ret_n = skip_hole(c);
		if (*ret_n)
			return CONTENT_HOLE;
	}
	size_t want = max < c->left ? max : (size_t)c->left;
	if (c->holes && want > c->data_end - c->at)
		want = (size_t)(c->data_end - c->at);
	ssize_t n;
	do
		n = want ? read(c->fd, buf, want) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c->at += (uint64_t)n;
	c->left -= (uint64_t)n;
	*ret_n = (uint64_t)n;
	return n ? CONTENT_DATA : CONTENT_END;
}

int content_hole(int fd, uint64_t n, struct err *e)
{
	off_t at = n > INT64_MAX ? -1 : lseek(fd, (off_t)n, SEEK_CUR);
	if (n > INT64_MAX)
		errno = EFBIG;
	if (at < 0 || ftruncate(fd, at) < 0)
		return err_sys(e, "leave a hole of %llu bytes", (unsigned long long)n);
	return 0;
}
