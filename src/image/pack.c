/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pack.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_US    (1800ull * 1000 * 1000)
#define READ_LIMIT (64u << 20)

static const struct maker {
	const char *fstype, *program, *version, *package;
} makers[] = {
	{ "erofs", "mkfs.erofs", "--help", "erofs-utils" },
	{ "ext4", "mke2fs", "-V", "e2fsprogs" },
	{ "squashfs", "sqfstar", "-version", "squashfs-tools" },
};

static const struct maker *find_maker(const char *fstype)
{
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if (strcmp(makers[i].fstype, fstype) == 0)
			return &makers[i];
	return NULL;
}

static int not_installed(const struct maker *m, struct err *e)
{
	return err_set(e, ENOENT, "%s is not installed: %sapt-get install %s", m->program,
		geteuid() == 0 ? "" : "sudo ", m->package);
}

int pack_tools_check(const char *fstype, struct err *e)
{
	const struct maker *m = find_maker(fstype);
	if (!m)
		return err_set(
			e, EINVAL, "a root image as \"%s\": erofs, ext4 and squashfs are", fstype);
	const char *argv[] = { m->program, m->version, NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	struct proc_end end;
	int rc = proc_run(&spec, NULL, 0, &end, e); /* however it ends, it is there */
	return rc == -ENOENT ? not_installed(m, e) : rc;
}

static int run(const char *const *argv, const struct maker *m, int in, struct err *e)
{
	const struct proc_spec spec = {
		.argv = argv,
		.in = in,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	int rc = proc_check(&spec, NULL, 0, e);
	return rc == -ENOENT ? not_installed(m, e) : rc;
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

static int make_ext4(const char *root, const struct maker *m, const char *to, struct err *e)
{
	uint64_t kib = 0;
	int rc = ext4_kib(root, &kib, e);
	if (rc < 0)
		return rc;
	auto_free char *size = xasprintf("%" PRIu64 "k", kib);
	/* Read only below an overlay: no journal, no reserve. */
	const char *argv[] = { m->program, "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m",
		"0", "-d", root, to, size, NULL };
	return run(argv, m, PROC_NULL, e);
}

static int make_squashfs(const char *root, const struct maker *m, const char *to, struct err *e)
{
	const char *argv[] = { m->program, "-comp", "lz4", "-quiet", "-no-progress", to, NULL };
	auto_close int in = open(root, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "%s", root);
	return run(argv, m, in, e);
}

int pack_image_make(const char *root, const char *fstype, const char *to, struct err *e)
{
	const struct maker *m = find_maker(fstype);
	if (!m)
		return pack_tools_check(fstype, e);
	const char *erofs[] = { m->program, "--quiet", to, root, NULL };
	int rc = strcmp(fstype, "ext4") == 0       ? make_ext4(root, m, to, e)
		 : strcmp(fstype, "squashfs") == 0 ? make_squashfs(root, m, to, e)
						   : run(erofs, m, PROC_NULL, e);
	uint64_t left;
	if (rc == -EIO && file_free_bytes(root, &left, NULL) == 0 && left < (8u << 20))
		return err_set(e, ENOSPC, "no room left for %s", to);
	return rc;
}

static void archive_freep(struct archive **a)
{
	(void)archive_read_free(*a); /* nothing is left to lose */
}

static int read_from_tar(const char *tar, const char *path, struct buf *out, struct err *e)
{
	__attribute__((cleanup(archive_freep))) struct archive *a = archive_read_new();
	struct archive_entry *entry;
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
		archive_read_open_filename(a, tar, 1u << 16) != ARCHIVE_OK)
		return err_set(e, EIO, "%s: %s", tar, archive_error_string(a));
	int rc;
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);
		if (name && strncmp(name, "./", 2) == 0)
			name += 2;
		if (!name || strcmp(name, path) != 0)
			continue;
		char chunk[16384];
		la_ssize_t n;
		size_t total = 0;
		while ((n = archive_read_data(a, chunk, sizeof chunk)) > 0) {
			total += (size_t)n;
			if (total > READ_LIMIT)
				return err_set(e, EFBIG, "%s: %s is too large", tar, path);
			buf_add(out, chunk, (size_t)n);
		}
		return n < 0 ? err_set(e, EIO, "%s: %s", tar, archive_error_string(a)) : 0;
	}
	if (rc == ARCHIVE_EOF)
		return err_set(e, ENOENT, "%s has no %s", tar, path);
	return err_set(e, EIO, "%s: %s", tar, archive_error_string(a));
}

int pack_image_read(const char *root, const char *path, struct buf *out, struct err *e)
{
	struct stat st;
	if (stat(root, &st) < 0)
		return err_sys(e, "%s", root);
	if (!S_ISDIR(st.st_mode))
		return read_from_tar(root, path, out, e);
	auto_free char *file = path_join(root, path);
	return file_read(file, READ_LIMIT, out, e);
}
