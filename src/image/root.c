/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots that somebody else made. */
#include "base/buf.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "build_config.h"
#include "image/image.h"
#include "image/kind.h"
#include "image/rootfs.h"
#include "image/stock.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMPLAINTS (1u << 20) /* of tar */
#define RECIPE     1          /* raise when a tar is made into something else */

/* What is known of a root before anything is made. */
struct root {
	const char *path;
	struct stat st;
	struct kind kind;
	char sha256[HASH_HEX_SIZE]; /* of a tar */
	char *key;                  /* of a tar, or an entry that was named; else NULL */
};

static int open_root(const char *path, struct root *r, struct err *e)
{
	auto_free uint8_t *start = xmalloc(KIND_BYTES);
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &r->st) < 0)
		return err_sys(e, "vm.root: %s", path);
	if (S_ISDIR(r->st.st_mode))
		return err_set(e, EINVAL, "vm.root: %s is a folder: make a tar of it", path);
	if (!S_ISREG(r->st.st_mode))
		return err_set(e, EINVAL, "vm.root: %s is not a regular file", path);
	ssize_t n = pread(fd, start, KIND_BYTES, 0);
	if (n < 0)
		return err_sys(e, "vm.root: %s", path);
	int rc = kind_find(start, (size_t)n, &r->kind, e);
	return rc < 0 ? err_wrap(e, "vm.root: %s", path) : 0;
}

/* Of gigabytes it takes seconds, at each start: so it is remembered, for as long as the file is the
 * same. The time of its inode's change cannot be set by hand. */
static int hash_tar(const char *dir, struct root *r, struct err *e)
{
	struct hash h;
	char key[HASH_HEX_SIZE];
	const int64_t is[] = { (int64_t)r->st.st_dev, (int64_t)r->st.st_ino, r->st.st_size,
		r->st.st_mtim.tv_sec, r->st.st_mtim.tv_nsec, r->st.st_ctim.tv_sec,
		r->st.st_ctim.tv_nsec };
	auto_buf struct buf known = { 0 };
	hash_init(&h);
	hash_add(&h, is, sizeof is);
	auto_free char *memo = xasprintf("%s/.tar-%.32s", dir, hash_hex(&h, key));
	if (file_read(memo, HASH_HEX_SIZE, &known, NULL) == 0 && known.len == HASH_HEX_SIZE - 1 &&
		strspn(buf_str(&known), "0123456789abcdef") == known.len) {
		memcpy(r->sha256, buf_str(&known), HASH_HEX_SIZE);
		return 0;
	}
	int rc = hash_file(r->path, r->sha256, e);
	if (rc == 0 && file_mkdirs(dir, 0755, NULL) == 0)
		(void)file_replace(
			memo, r->sha256, HASH_HEX_SIZE - 1, 0644, NULL); /* only a memo */
	return rc;
}

/* The file, or where there is none of that name, the entry of the store. */
static int find(
	const char *dir, const char *path, const char *fstype, struct root *r, struct err *e)
{
	struct err why = { 0 };
	r->path = path;
	int rc = open_root(path, r, &why);
	const char *key = path_base(path);
	if (rc == -ENOENT && key[0] != '.' && file_name_is_safe(key, strlen(key)) &&
		depot_has(dir, key, NULL)) {
		r->key = xstrdup(key);
		return 0;
	}
	if (rc == -ENOENT)
		return err_set(e, ENOENT,
			"%s; nor is there an image of that name (fsqa image list)", why.msg);
	if (rc == 0 && r->kind.what == KIND_TAR)
		rc = hash_tar(dir, r, &why);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	if (r->kind.what == KIND_TAR)
		r->key = xasprintf("tar-%.16s-%s_r%d", r->sha256, fstype, RECIPE);
	return 0;
}

/* ---- a tar ---- */

/* A device that is left out is made by the kernel in the guest, and here it would take root. */
static int extract(const struct root *r, const char *to, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	rootfs_as_root(&argv);
	strv_addl(&argv, "tar", "--extract", "--force-local", "--file", r->path, "--directory", to,
		"--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs",
		"--xattrs-include=user.*", "--xattrs-include=security.capability", "--anchored",
		"--wildcards", "--exclude=dev/*", "--exclude=./dev/*", NULL);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.deadline_us = 3600ull * 1000 * 1000,
	};
	uint64_t left;
	struct proc_end end = { 0 };
	auto_buf struct buf said = { 0 };
	int rc = proc_run(&spec, &said, COMPLAINTS, &end, e);
	if (rc < 0 || (end.how == PROC_EXITED && end.value == 0))
		return rc;
	if (file_free_bytes(to, &left, NULL) == 0 && left < (8u << 20))
		return err_set(e, ENOSPC, "no room left for what is in %s", r->path);
	auto_free char *how = proc_end_text(&end);
	const char *first = said.len ? buf_str(&said) : how; /* later ones fell over it */
	return err_set(e, EINVAL, "vm.root: %s: %.*s", r->path, (int)strcspn(first, "\n"), first);
}

/* As the guest will see it: links lead nowhere outside. */
static int check_shell(const struct root *r, const char *dir, struct err *e)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	auto_close int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "%s", dir);
	auto_close int fd = (int)syscall(SYS_openat2, root, "bin/sh", &how, sizeof how);
	if (fd < 0 && errno != EACCES)
		return err_set(e, EINVAL,
			"vm.root: %s has no /bin/sh: it is no root, or not at the tar's top",
			r->path);
	return 0;
}

static int check_programs(const struct root *r, const char *fstype, struct err *e)
{
	int rc = rootfs_check(fstype, e);
	if (rc == 0)
		rc = rootfs_as_root_check(e);
	if (rc == 0)
		rc = rootfs_program_check("tar", "--version", "tar", e);
	if (rc == 0 && r->kind.unpacker)
		rc = rootfs_program_check(r->kind.unpacker, "--version", r->kind.package, e);
	return rc;
}

/* Nobody else may enter while programs that are root's lie there. */
static int unpack(const struct root *r, const struct depot_build *b, const char *fstype,
	image_progress *progress, void *ctx, struct err *e)
{
	auto_free char *closed = path_join(b->tmp, "in");
	auto_free char *dir = path_join(closed, "root");
	auto_free char *image = xasprintf("%s/root.%s", b->tmp, fstype);
	auto_free char *text = xasprintf("root image: unpacking %s", path_base(r->path));
	if (progress)
		progress(ctx, text);
	if (mkdir(closed, 0700) < 0 || mkdir(dir, 0755) < 0)
		return err_sys(e, "make folder %s", dir);
	int rc = extract(r, dir, e);
	if (rc == 0)
		rc = check_shell(r, dir, e);
	if (rc < 0)
		return rc;
	auto_free char *writing = xasprintf("root image: writing %s", fstype);
	if (progress)
		progress(ctx, writing);
	rc = rootfs_make(dir, fstype, NULL, image, e);
	return rc < 0 ? rc : rootfs_remove(closed, e);
}

static int import(const struct depot *d, const struct root *r, const char *fstype,
	struct image **ret, struct err *e)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	uint64_t need = (uint64_t)r->st.st_size * (r->kind.unpacker ? 6 : 2) + (64u << 20);
	int rc = check_programs(r, fstype, e);
	if (rc == 0)
		rc = depot_begin(d, r->key, &b, e);
	bool made = rc == 0;
	if (rc == 0)
		rc = stock_check_room(d->dir, need, e);
	if (made && rc == 0)
		rc = unpack(r, &b, fstype, d->note, d->ctx, e);
	if (rc < 0)
		return rc;
	if (made) {
		auto_free char *source = xasprintf("%s (a tar)", path_base(r->path));
		auto_json json_t *m = json_pack("{s:o, s:s, s:s, s:i, s:s}", "source",
			json_bytes(source, strlen(source)), "fstype", fstype, "tar_sha256",
			r->sha256, "recipe", RECIPE, "fsqa", FSQA_VERSION);
		rc = depot_publish(&b, m, e);
		if (rc < 0)
			return rc;
	}
	*ret = stock_load(d->dir, r->key);
	if (!*ret)
		return err_set(e, EIO, "%s/%s does not read: remove it", d->dir, r->key);
	(*ret)->made = made;
	return 0;
}

/* ---- a disk image ---- */

static struct image *as_it_is(const struct root *r)
{
	struct image *i = xcalloc(1, sizeof *i);
	bool raw = r->kind.what == KIND_RAW;
	i->held = -1;
	i->path = realpath(r->path, NULL); /* NULL: gone since */
	if (!i->path)
		i->path = xstrdup(r->path);
	i->format = raw ? "raw" : "qcow2";
	i->fstype = xstrdup(raw ? r->kind.fstype : "auto");
	i->source = xasprintf("%s (%s)", path_base(r->path), raw ? r->kind.fstype : "qcow2");
	i->stamp = xasprintf("%" PRIu64 " %" PRId64 ".%09ld %" PRIu64, (uint64_t)r->st.st_size,
		(int64_t)r->st.st_mtim.tv_sec, r->st.st_mtim.tv_nsec, (uint64_t)r->st.st_ino);
	return i;
}

static struct image *of_host(void)
{
	struct image *i = xcalloc(1, sizeof *i);
	i->held = -1;
	i->path = xstrdup("/");
	i->format = "9p";
	i->fstype = xstrdup("9p");
	i->source = xstrdup("the host's own root (9p)");
	return i;
}

int image_root(const char *state_dir, const char *root, const char *fstype,
	image_progress *progress, void *ctx, struct image **ret, struct err *e)
{
	struct err why = { 0 };
	struct root r = { 0 };
	auto_free char *dir = path_join(state_dir, "images");
	const struct depot d = { dir, progress, ctx, rootfs_remove };
	fstype = fstype ? fstype : "erofs";
	if (strcmp(root, "host") == 0) {
		*ret = of_host();
		return 0;
	}
	depot_sweep(&d);
	int rc = find(dir, root, fstype, &r, &why);
	if (rc == 0 && r.key)
		*ret = stock_load(dir, r.key);
	else if (rc == 0)
		*ret = as_it_is(&r);
	if (rc == 0 && !*ret)
		rc = import(&d, &r, fstype, ret, &why);
	free(r.key);
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

/* ---- a folder ---- */

/* Names, sizes and times stand for the content. */
static int hash_folder(const char *folder, struct hash *h, struct err *e)
{
	char *const paths[] = { (char *)folder, NULL };
	auto_strv struct strv lines = { 0 };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return err_sys(e, "vm.share: %s", folder);
	int rc = 0;
	FTSENT *f;
	while (rc == 0 && (f = fts_read(tree))) {
		const struct stat *st = f->fts_statp;
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS)
			rc = err_code(e, f->fts_errno, "vm.share: %s", f->fts_path);
		else if (f->fts_info != FTS_DP)
			strv_addf(&lines, "%s %o %u %u %" PRId64 " %" PRId64 ".%09ld", f->fts_path,
				st->st_mode, st->st_uid, st->st_gid, (int64_t)st->st_size,
				(int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	}
	(void)fts_close(tree); /* only read from */
	strv_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		hash_add_str(h, lines.v[i]);
	return rc;
}

static int make_folder(const struct depot *d, const char *folder, const char *key,
	struct image **ret, struct err *e)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	int rc = rootfs_check("erofs", e);
	if (rc == 0)
		rc = depot_begin(d, key, &b, e);
	if (rc == 0) {
		auto_free char *image = path_join(b.tmp, "root.erofs");
		auto_free char *source = xasprintf("folder %s", folder);
		auto_json json_t *m = json_pack("{s:o, s:s, s:i, s:s}", "source",
			json_bytes(source, strlen(source)), "fstype", "erofs", "recipe", RECIPE,
			"fsqa", FSQA_VERSION);
		rc = rootfs_make(folder, "erofs", NULL, image, e);
		if (rc == 0)
			rc = depot_publish(&b, m, e);
	}
	if (rc < 0)
		return rc;
	*ret = stock_load(d->dir, key);
	return *ret ? 0 : err_set(e, EIO, "%s/%s does not read: remove it", d->dir, key);
}

int image_folder(const char *state_dir, const char *folder, image_progress *progress, void *ctx,
	struct image **ret, struct err *e)
{
	struct hash h;
	char hex[HASH_HEX_SIZE];
	auto_free char *dir = path_join(state_dir, "images");
	const struct depot d = { dir, progress, ctx, rootfs_remove };
	hash_init(&h);
	int rc = hash_folder(folder, &h, e);
	hash_hex(&h, hex);
	auto_free char *key = xasprintf("folder-%.16s_r%d", hex, RECIPE);
	if (rc < 0)
		return rc;
	*ret = stock_load(dir, key);
	return *ret ? 0 : make_folder(&d, folder, key, ret, e);
}

int image_root_key(
	const char *state_dir, const char *root, const char *fstype, char **ret, struct err *e)
{
	struct root r = { 0 };
	auto_free char *dir = path_join(state_dir, "images");
	if (strcmp(root, "host") == 0) {
		*ret = NULL;
		return 0;
	}
	int rc = find(dir, root, fstype ? fstype : "erofs", &r, e);
	*ret = r.key;
	return rc;
}
