/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "salvage/image.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/parse.h"
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	ext2_filsys fs;
};

/* ---- libext2fs's view of the descriptor ---- */

struct port {
	int fd;
};

static errcode_t port_open(const char *name, int flags, io_channel *ret);

static errcode_t port_close(io_channel c)
{
	if (--c->refcount > 0)
		return 0;
	free(c->private_data);
	free(c->name);
	free(c);
	return 0;
}

static errcode_t port_set_blksize(io_channel c, int size)
{
	c->block_size = size;
	return 0;
}

/* `count` blocks, or, where it is negative, bytes. What lies behind the image's end is zero. */
static errcode_t port_read64(io_channel c, unsigned long long block, int count, void *data)
{
	const struct port *p = c->private_data;
	size_t size = count < 0 ? (size_t) - (long)count : (size_t)count * (size_t)c->block_size;
	char *at = data;
	if (c->block_size <= 0 || block > INT64_MAX / (unsigned long long)c->block_size)
		return EXT2_ET_SHORT_READ;
	off_t offset = (off_t)(block * (unsigned long long)c->block_size);
	while (size) {
		ssize_t n = pread(p->fd, at, size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return EXT2_ET_SHORT_READ;
		if (n == 0) {
			memset(at, 0, size);
			return 0;
		}
		at += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

static errcode_t port_read(io_channel c, unsigned long block, int count, void *data)
{
	return port_read64(c, block, count, data);
}

static errcode_t port_write64(io_channel c, unsigned long long block, int count, const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t port_write(io_channel c, unsigned long block, int count, const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t port_flush(io_channel c)
{
	return 0;
}

static struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "a borrowed descriptor",
	.open = port_open,
	.close = port_close,
	.set_blksize = port_set_blksize,
	.read_blk = port_read,
	.read_blk64 = port_read64,
	.write_blk = port_write,
	.write_blk64 = port_write64,
	.flush = port_flush,
};

/* The name is the descriptor's number: nothing else reaches this function. */
static errcode_t port_open(const char *name, int flags, io_channel *ret)
{
	struct port *p = xcalloc(1, sizeof *p);
	io_channel c = xcalloc(1, sizeof *c);
	p->fd = (int)strtol(name, NULL, 10);
	c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	c->manager = &manager;
	c->name = xstrdup(name);
	c->block_size = 1024;
	c->refcount = 1;
	c->private_data = p;
	*ret = c;
	return 0;
}

static int damaged(struct err *e, const char *what, errcode_t rc)
{
	/* Small numbers are errno's, the others the library's own. */
	const char *why = rc > 0 && rc < 4096 ? strerror((int)rc) : "the filesystem is damaged";
	return err_set(e, EUCLEAN, "%s: %s (%ld)", what, why, (long)rc);
}

int image_open(int fd, struct image **ret, struct err *e)
{
	char name[16];
	ext2_filsys fs = NULL;
	(void)snprintf(name, sizeof name, "%d", fd); /* fits */
	errcode_t rc = ext2fs_open2(
		name, NULL, EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS, 0, 0, &manager, &fs);
	if (rc)
		return damaged(e, "open the disk's filesystem", rc);
	*ret = xcalloc(1, sizeof **ret);
	(*ret)->fs = fs;
	return 0;
}

void image_close(struct image *m)
{
	if (!m)
		return;
	(void)ext2fs_close_free(&m->fs); /* read only: there is nothing to lose */
	free(m);
}

/* ---- the walk ---- */

struct name {
	char *text;
	ext2_ino_t ino;
	bool folder;
};

struct names {
	struct name *v;
	size_t n, cap;
	uint64_t limit, over;
};

struct walk {
	ext2_filsys fs;
	const struct image_sink *sink;
	uint64_t bytes_left, entries_left, skipped;
	struct buf path;
	bool gone; /* the sink takes no more */
};

static void tell(struct walk *w, char kind, const struct ext2_inode *i, const char *target)
{
	struct image_entry n = {
		.kind = kind,
		.mode = i->i_mode & 07777,
		.size = kind == 'f' ? EXT2_I_SIZE(i) : 0,
		.mtime_s = (int32_t)i->i_mtime,
		.path = buf_str(&w->path),
		.target = target,
	};
	w->sink->on_entry(w->sink->ctx, &n);
	w->entries_left--;
}

static void get_content(struct walk *w, ext2_file_t f, uint64_t left)
{
	static char chunk[65536];
	if (left > w->bytes_left)
		left = w->bytes_left;
	while (left && !w->gone) {
		size_t want = w->sink->room(w->sink->ctx);
		unsigned got = 0;
		w->gone = want == 0;
		want = want < sizeof chunk ? want : sizeof chunk;
		want = want < left ? want : (size_t)left;
		if (w->gone || ext2fs_file_read(f, chunk, (unsigned)want, &got) || got == 0 ||
			got > want)
			return;
		w->sink->on_data(w->sink->ctx, chunk, got);
		left -= got;
		w->bytes_left -= got;
	}
}

static void get_file(struct walk *w, ext2_ino_t ino, struct ext2_inode *i)
{
	ext2_file_t f = NULL;
	if (ext2fs_file_open2(w->fs, ino, i, 0, &f)) {
		tell(w, 'e', i, "its inode is damaged");
		return;
	}
	tell(w, 'f', i, NULL);
	get_content(w, f, EXT2_I_SIZE(i));
	(void)ext2fs_file_close(f); /* only read */
}

static void get_link(struct walk *w, ext2_ino_t ino, struct ext2_inode *i)
{
	char target[PATH_MAX] = "";
	uint64_t size = EXT2_I_SIZE(i);
	ext2_file_t f = NULL;
	unsigned got = 0;
	if (size < sizeof i->i_block && !ext2fs_has_feature_inline_data(w->fs->super)) {
		memcpy(target, i->i_block, (size_t)size);
	} else if (size < sizeof target && !ext2fs_file_open2(w->fs, ino, i, 0, &f)) {
		(void)ext2fs_file_read(f, target, sizeof target - 1, &got); /* as far as it goes */
		(void)ext2fs_file_close(f);
	}
	tell(w, 'l', i, target);
}

static int add_name(
	struct ext2_dir_entry *de, int offset, int block_size, char *block, void *context)
{
	struct names *l = context;
	size_t n = (size_t)ext2fs_dirent_name_len(de);
	bool dots = (n == 1 && de->name[0] == '.') || (n == 2 && memcmp(de->name, "..", 2) == 0);
	if (de->inode == 0 || n == 0 || dots || memchr(de->name, '/', n) ||
		memchr(de->name, '\0', n))
		return 0;
	if (l->n >= l->limit) {
		l->over++;
		return 0;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = xrealloc(l->v, l->cap * sizeof *l->v);
	}
	bool folder = ext2fs_dirent_file_type(de) == EXT2_FT_DIR;
	l->v[l->n++] = (struct name){ xstrndup(de->name, n), de->inode, folder };
	return 0;
}

/* As the agent has them (guest/get.c): folders behind the others. */
static int in_turn(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	return x->folder != y->folder ? x->folder - y->folder : strcmp(x->text, y->text);
}

static void get_one(struct walk *w, const char *name, ext2_ino_t ino, unsigned depth);

static void get_folder(struct walk *w, ext2_ino_t ino, const struct ext2_inode *i, unsigned depth)
{
	struct names l = { .limit = w->entries_left };
	if (w->path.len) /* what was asked for is no entry itself */
		tell(w, 'd', i, NULL);
	if (depth >= IMAGE_DEPTH) {
		w->skipped++;
		return;
	}
	if (ext2fs_dir_iterate(w->fs, ino, 0, NULL, add_name, &l))
		w->skipped++; /* what came before the damage is there */
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, in_turn);
	w->skipped += l.over;
	for (size_t k = 0; k < l.n; k++) {
		if (!w->gone)
			get_one(w, l.v[k].text, l.v[k].ino, depth + 1);
		free(l.v[k].text);
	}
	free(l.v);
}

/* overlayfs marks with it what was removed from the layer below. */
static bool is_whiteout(const struct ext2_inode *i)
{
	return LINUX_S_ISCHR(i->i_mode) && i->i_block[0] == 0 && i->i_block[1] == 0;
}

static void get_one(struct walk *w, const char *name, ext2_ino_t ino, unsigned depth)
{
	size_t before = w->path.len;
	struct ext2_inode i;
	if (w->entries_left == 0 || before + strlen(name) + 2 > PATH_MAX ||
		ext2fs_read_inode(w->fs, ino, &i)) {
		w->skipped++;
		return;
	}
	if (is_whiteout(&i))
		return;
	if (depth > 0 || !LINUX_S_ISDIR(i.i_mode))
		buf_addf(&w->path, "%s%s", before ? "/" : "", name);
	if (LINUX_S_ISREG(i.i_mode))
		get_file(w, ino, &i);
	else if (LINUX_S_ISDIR(i.i_mode))
		get_folder(w, ino, &i, depth);
	else if (LINUX_S_ISLNK(i.i_mode))
		get_link(w, ino, &i);
	else
		tell(w, 'o', &i, NULL);
	if (w->path.len > before) {
		w->path.len = before;
		w->path.s[before] = '\0';
	}
}

/* -> *ret_ino and *ret_name, the last word of `path`, borrowed. */
static int find(
	ext2_filsys fs, const char *path, ext2_ino_t *ret_ino, const char **ret_name, struct err *e)
{
	ext2_ino_t at = EXT2_ROOT_INO;
	const char *name = "";
	for (const char *s = path + strspn(path, "/"); *s; s += strspn(s, "/")) {
		struct ext2_inode i;
		size_t n = strcspn(s, "/");
		errcode_t rc = ext2fs_read_inode(fs, at, &i);
		if (rc)
			return damaged(e, path, rc);
		if (LINUX_S_ISLNK(i.i_mode))
			return err_set(e, ELOOP, "%s: there is a link on the way", path);
		if (!LINUX_S_ISDIR(i.i_mode) || n > EXT2_NAME_LEN)
			return err_set(e, ENOENT, "%s: not on the disk", path);
		rc = ext2fs_lookup(fs, at, s, (int)n, NULL, &at);
		if (rc == EXT2_ET_FILE_NOT_FOUND)
			return err_set(e, ENOENT, "%s: not on the disk", path);
		if (rc)
			return damaged(e, path, rc);
		name = s;
		s += n;
	}
	*ret_ino = at;
	*ret_name = name;
	return 0;
}

int image_get(struct image *m, const char *path, uint64_t max_bytes, uint64_t max_entries,
	const struct image_sink *sink, uint64_t *ret_skipped, struct err *e)
{
	struct walk w = {
		.fs = m->fs,
		.sink = sink,
		.bytes_left = max_bytes,
		.entries_left = max_entries,
	};
	ext2_ino_t ino = 0;
	const char *last = "";
	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return err_set(e, EINVAL, "%.80s: not an absolute path", path);
	int rc = find(m->fs, path, &ino, &last, e);
	if (rc < 0)
		return rc;
	auto_free char *name = xstrndup(last, strcspn(last, "/"));
	get_one(&w, name, ino, 0);
	buf_clear(&w.path);
	*ret_skipped = w.skipped;
	return 0;
}
