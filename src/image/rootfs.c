/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/rootfs.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXED_UUID "6673716b-0000-4000-8000-726f6f740001" /* nothing mounts it by this */
#define TOOL_US    (1800ull * 1000 * 1000)

static const struct maker {
	const char *fstype, *program, *version, *package;
} makers[] = {
	{ "erofs", "mkfs.erofs", "--help", "erofs-utils" },
	{ "ext4", "mke2fs", "-V", "e2fsprogs" },
};

static const struct maker *find_maker(const char *fstype)
{
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if (strcmp(makers[i].fstype, fstype) == 0)
			return &makers[i];
	return NULL;
}

static int not_installed(const char *program, const char *package, struct err *e)
{
	return err_set(e, ENOENT, "%s is not installed: %sapt-get install %s", program,
		geteuid() == 0 ? "" : "sudo ", package);
}

static int run(const char *const *argv, struct err *e)
{
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	return proc_check(&spec, NULL, 0, e);
}

int rootfs_program_check(const char *program, const char *arg, const char *package, struct err *e)
{
	const char *argv[] = { program, arg, NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	struct proc_end end;
	int rc = proc_run(&spec, NULL, 0, &end, e); /* however it ends, it is there */
	return rc == -ENOENT ? not_installed(program, package, e) : rc;
}

void rootfs_as_root(struct strv *argv)
{
	if (geteuid() != 0)
		strv_addl(argv, "unshare", "--map-root-user", "--map-auto", NULL);
}

int rootfs_as_root_check(struct err *e)
{
	return geteuid() == 0 ? 0 : rootfs_program_check("newuidmap", NULL, "uidmap", e);
}

int rootfs_check(const char *fstype, struct err *e)
{
	const struct maker *m = find_maker(fstype);
	if (!m)
		return err_set(
			e, EINVAL, "a root image as \"%s\": it can be erofs or ext4", fstype);
	return rootfs_program_check(m->program, m->version, m->package, e);
}

/* Room for an ext4 of what lies below `dir`: whole blocks and an inode a file, and a quarter. */
static int ext4_kib(const char *dir, uint64_t *ret, struct err *e)
{
	char *const paths[] = { (char *)dir, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return err_sys(e, "%s", dir);
	uint64_t kib = 16384;
	FTSENT *f;
	errno = 0;
	while ((f = fts_read(tree)))
		if (f->fts_info == FTS_F || f->fts_info == FTS_D)
			kib += ((uint64_t)f->fts_statp->st_size + 4095) / 4096 * 4 + 1;
	int code = errno;
	(void)fts_close(tree); /* only read from */
	*ret = kib + kib / 4;
	return code ? err_code(e, code, "%s", dir) : 0;
}

int rootfs_make(const char *root, const char *fstype, const int64_t *moment_s, const char *to,
	struct err *e)
{
	uint64_t kib = 0;
	auto_strv struct strv argv = { 0 };
	rootfs_as_root(&argv);
	if (strcmp(fstype, "ext4") == 0) {
		int rc = ext4_kib(root, &kib, e);
		if (rc < 0)
			return rc;
		/* Read only below an overlay: no journal, no reserve. */
		strv_addl(&argv, "mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m",
			"0", "-d", root, to, NULL);
		strv_addf(&argv, "%" PRIu64 "k", kib);
	} else {
		/* Not compressed: no quicker either way, and the guest's CPU is scarce. */
		strv_addl(&argv, "mkfs.erofs", "--quiet", NULL);
		if (moment_s) {
			strv_addf(&argv, "-T%" PRId64, *moment_s);
			strv_addl(&argv, "-U", FIXED_UUID, NULL);
		}
		strv_addl(&argv, to, root, NULL);
	}
	int rc = run(strv_get(&argv), e);
	uint64_t left;
	if (rc == -EIO && file_free_bytes(root, &left, NULL) == 0 && left < (8u << 20))
		return err_set(e, ENOSPC, "no room left for %s", to);
	return rc;
}

int rootfs_remove(const char *path, struct err *e)
{
	struct err why = { 0 };
	int rc = file_remove_tree(path, &why);
	if (rc == 0 || geteuid() == 0)
		return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
	auto_strv struct strv argv = { 0 };
	rootfs_as_root(&argv);
	strv_addl(&argv, "rm", "-rf", "--one-file-system", path, NULL);
	return run(strv_get(&argv), e);
}
