/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/early.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define INIT_LIMIT   (64u << 20)
#define MODULE_LIMIT (64u << 20)

static void writer_freep(struct archive **a)
{
	(void)archive_write_free(*a); /* a good end was archive_write_close */
}

/* One entry of root's with time 0, so that the same content gives the same file. */
static int put(struct archive *a, const char *path, mode_t mode, dev_t dev, const struct buf *data,
	struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	size_t n = data ? data->len : 0;
	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_nlink(entry, 1);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_rdev(entry, dev);
	archive_entry_set_size(entry, (la_int64_t)n);
	int bad = archive_write_header(a, entry) != ARCHIVE_OK ||
		  (n && archive_write_data(a, data->s, n) != (la_ssize_t)n);
	archive_entry_free(entry);
	if (!bad)
		return 0;
	int code = archive_errno(a);
	return err_set(
		e, code > 0 ? code : EIO, "initramfs, %s: %s", path, archive_error_string(a));
}

static int put_file(struct archive *a, const char *path, mode_t mode, const char *from,
	size_t limit, struct err *e)
{
	auto_buf struct buf data = { 0 };
	int rc = file_read(from, limit, &data, e);
	return rc < 0 ? rc : put(a, path, S_IFREG | mode, 0, &data, e);
}

static int put_all(struct archive *a, const char *early, const char *guest, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_buf struct buf list = { 0 };
	int rc = file_names(early, &names, e);
	/* The kernel opens /dev/console for /init before there is a devtmpfs. */
	if (rc == 0)
		rc = put(a, "dev", S_IFDIR | 0755, 0, NULL, e);
	if (rc == 0)
		rc = put(a, "dev/console", S_IFCHR | 0600, makedev(5, 1), NULL, e);
	if (rc == 0)
		rc = put_file(a, "init", 0755, guest, INIT_LIMIT, e);
	if (rc == 0)
		rc = put(a, "modules", S_IFDIR | 0755, 0, NULL, e);
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		auto_free char *from = path_join(early, names.v[i]);
		auto_free char *path = path_join("modules", names.v[i]);
		buf_addf(&list, "/%s\n", path);
		rc = put_file(a, path, 0644, from, MODULE_LIMIT, e);
	}
	return rc < 0 ? rc : put(a, "modules.list", S_IFREG | 0644, 0, &list, e);
}

static int write_all(int fd, const char *early, const char *guest, struct err *e)
{
	__attribute__((cleanup(writer_freep))) struct archive *a = archive_write_new();
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
		archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return err_set(e, EIO, "initramfs: %s", archive_error_string(a));
	int rc = put_all(a, early, guest, e);
	if (rc < 0)
		return rc;
	int code = archive_write_close(a) == ARCHIVE_OK ? 0 : archive_errno(a);
	return code ? err_code(e, code, "initramfs") : 0;
}

int early_initramfs(const char *early, const char *guest, const char *to, struct err *e)
{
	auto_free char *tmp = xasprintf("%s.XXXXXX", to);
	auto_close int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", to);
	int rc = write_all(fd, early, guest, e);
	if (rc == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(tmp, to) < 0))
		rc = err_sys(e, "%s", to);
	if (rc < 0)
		(void)unlink(tmp); /* the first error is the one to tell */
	return rc;
}
