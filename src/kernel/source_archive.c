/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tar or zip file as git's fast-import reads it (git-fast-import(1)): nothing is unpacked to
 * disk, and git refuses names that lead elsewhere. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "kernel/git.h"
#include "kernel/source.h"
#include "kernel/tools.h"
#include "proc/proc.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 1000000u
#define BYTES_MAX (16ull << 30)
#define CHUNK     (1u << 20)
#define IMPORT_US (3600ull * 1000000)

static void archive_freep(struct archive **a)
{
	(void)archive_read_free(*a); /* NULL is fine; nothing is left to lose */
}

/* The formats that kernels come in, by filters that are in the library. */
static int open_archive(struct archive *a, const char *path, struct err *e)
{
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
		archive_read_support_format_zip(a) != ARCHIVE_OK ||
		archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
		archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
		archive_read_support_filter_xz(a) != ARCHIVE_OK ||
		archive_read_support_filter_zstd(a) != ARCHIVE_OK)
		return err_set(e, ENOTSUP, "this libarchive lacks a format");
	if (archive_read_open_filename(a, path, CHUNK) != ARCHIVE_OK)
		return err_set(e, EINVAL, "damaged: %s", archive_error_string(a));
	return 0;
}

/* What git would refuse in the end, and what its fast-import would take for an order. */
static bool name_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\')
			return false;
	for (const char *part = name;; part++) {
		size_t n = strcspn(part, "/");
		if (n == 0 || (n == 2 && strncmp(part, "..", n) == 0) ||
			(n == 4 && strncasecmp(part, ".git", n) == 0))
			return false;
		part += n;
		if (!*part)
			return strlen(name) < 4096;
	}
}

static int put_content(struct archive *a, FILE *out, uint64_t bytes, char *chunk, struct err *e)
{
	uint64_t done = 0;
	fprintf(out, "data %" PRIu64 "\n", bytes);
	while (done < bytes) {
		la_ssize_t n = archive_read_data(a, chunk, CHUNK);
		if (n <= 0 || (uint64_t)n > bytes - done)
			return err_set(e, EINVAL, "damaged: %s",
				n < 0 ? archive_error_string(a) : "a file's size is not right");
		fwrite(chunk, 1, (size_t)n, out);
		done += (uint64_t)n;
	}
	fputc('\n', out);
	return 0;
}

static int put_entry(
	struct archive *a, struct archive_entry *entry, FILE *out, char *chunk, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	const char *link = archive_entry_symlink(entry);
	mode_t type = archive_entry_filetype(entry);
	if (type == AE_IFDIR)
		return 0;
	while (name && strncmp(name, "./", 2) == 0)
		name += 2;
	if (!name || !name_is_plain(name))
		return err_set(e, EINVAL, "a file's name in it cannot be of a kernel tree");
	if ((type != AE_IFREG && type != AE_IFLNK) || archive_entry_hardlink(entry))
		return err_set(e, EINVAL, "%s in it is neither a file nor a link", name);
	if (type == AE_IFLNK) {
		if (!link || strchr(link, '\n'))
			return err_set(e, EINVAL, "%s in it: a link to nothing", name);
		fprintf(out, "M 120000 inline %s\ndata %zu\n%s\n", name, strlen(link), link);
		return 0;
	}
	if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0)
		return err_set(e, EINVAL, "%s in it has no size", name);
	fprintf(out, "M %s inline %s\n", archive_entry_perm(entry) & 0100 ? "100755" : "100644",
		name);
	return put_content(a, out, (uint64_t)archive_entry_size(entry), chunk, e);
}

static int put_all(const char *path, const char *sha256, FILE *out, struct err *e)
{
	__attribute__((cleanup(archive_freep))) struct archive *a = archive_read_new();
	auto_free char *chunk = xmalloc(CHUNK);
	struct archive_entry *entry;
	uint64_t bytes = 0;
	unsigned files = 0;
	int rc = open_archive(a, path, e);
	if (rc < 0)
		return rc;
	fprintf(out, "commit refs/unpacked/%s\ncommitter fsqa <fsqa> 0 +0000\ndata 0\n", sha256);
	int got;
	while ((got = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
		int64_t size = archive_entry_size(entry);
		bytes += size > 0 ? (uint64_t)size : 0;
		if (++files > FILES_MAX || bytes > BYTES_MAX)
			return err_set(e, EFBIG, "too large for a kernel tree");
		rc = put_entry(a, entry, out, chunk, e);
		if (rc < 0)
			return rc;
		if (ferror(out))
			return err_sys(e, "write");
	}
	if (got != ARCHIVE_EOF)
		return err_set(e, EINVAL, "damaged: %s", archive_error_string(a));
	fputs("\ndone\n", out);
	return files ? 0 : err_set(e, EINVAL, "nothing in it");
}

static int import(const char *mirror, int in, struct err *e)
{
	/* A file is tried as a delta of the one before it in the archive: half of the time for
	 * nothing.
	 */
	const char *argv[] = { "git", "--git-dir", mirror, "-c", "pack.compression=1",
		"fast-import", "--quiet", "--done", "--force", "--date-format=raw", "--depth=0",
		NULL };
	const struct proc_spec spec = {
		.argv = argv, .in = in, .out = PROC_NULL, .err = PROC_PIPE, .deadline_us = IMPORT_US
	};
	return proc_check(&spec, NULL, 0, e);
}

/* Most have all in one folder; else the tree is the archive's own. */
static int find_top(const char *mirror, const char *sha256, char **ret_tree, struct err *e)
{
	const struct git g = { .dir = mirror };
	auto_buf struct buf list = { 0 };
	auto_free char *name = xasprintf("refs/unpacked/%s^{tree}", sha256);
	auto_free char *root = NULL;
	int rc = git_line(&g, &root, e, "rev-parse", "--verify", name, NULL);
	if (rc == 0)
		rc = git_run(&g, &list, e, "ls-tree", root, NULL);
	if (rc < 0)
		return rc;
	/* "040000 tree ID\tNAME" */
	const char *text = buf_str(&list);
	bool one = !strchr(text, '\n') && strncmp(text, "040000 tree ", 12) == 0;
	*ret_tree = one ? xstrndup(text + 12, strcspn(text + 12, "\t")) : take(&root);
	return 0;
}

int source_archive(
	const char *mirror, const char *path, const char *sha256, char **ret_tree, struct err *e)
{
	auto_free char *name = xasprintf("%s/import-%d", mirror, (int)getpid());
	FILE *out = fopen(name, "w+e");
	if (!out)
		return err_sys(e, "%s", name);
	(void)unlink(name); /* it lives as long as it is open */
	errno = 0;
	int rc = put_all(path, sha256, out, e);
	if (rc == 0 && (fflush(out) != 0 || lseek(fileno(out), 0, SEEK_SET) < 0))
		rc = err_sys(e, "write");
	if (rc == 0)
		rc = import(mirror, fileno(out), e);
	(void)fclose(out); /* all of it was read */
	return rc < 0 ? rc : find_top(mirror, sha256, ret_tree, e);
}
