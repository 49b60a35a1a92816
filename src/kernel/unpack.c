/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/unpack.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Only the one filter that the magic asks for is switched on: libarchive would start helper
 * programs for some of the others, and undo several layers. */
static const struct {
	enum unpack_kind kind;
	unsigned char magic[6];
	size_t n;
	int (*support)(struct archive *a);
} kinds[] = {
	{ UNPACK_GZIP, { 0x1f, 0x8b, 0x08 }, 3, archive_read_support_filter_gzip },
	{ UNPACK_BZIP2, { 'B', 'Z', 'h' }, 3, archive_read_support_filter_bzip2 },
	{ UNPACK_LZMA, { 0x5d, 0x00, 0x00 }, 3, archive_read_support_filter_lzma },
	{ UNPACK_XZ, { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, 6, archive_read_support_filter_xz },
	/* The legacy frame (of the kernel's own lz4 -l) and the one of today. */
	{ UNPACK_LZ4, { 0x02, 0x21, 0x4c, 0x18 }, 4, archive_read_support_filter_lz4 },
	{ UNPACK_LZ4, { 0x04, 0x22, 0x4d, 0x18 }, 4, archive_read_support_filter_lz4 },
	{ UNPACK_ZSTD, { 0x28, 0xb5, 0x2f, 0xfd }, 4, archive_read_support_filter_zstd },
};

enum unpack_kind unpack_kind(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (n >= kinds[i].n && memcmp(p, kinds[i].magic, kinds[i].n) == 0)
			return kinds[i].kind;
	return UNPACK_NONE;
}

static void archive_freep(struct archive **a)
{
	(void)archive_read_free(*a); /* NULL is fine; nothing is left to lose */
}

struct reader {
	struct unpack_range left;
	char chunk[65536];
};

static la_ssize_t read_range(struct archive *a, void *ctx, const void **ret)
{
	struct reader *r = ctx;
	size_t want = r->left.bytes < sizeof r->chunk ? (size_t)r->left.bytes : sizeof r->chunk;
	ssize_t n = pread(r->left.fd, r->chunk, want, (off_t)r->left.at);
	if (n < 0) {
		archive_set_error(a, errno, "read");
		return -1;
	}
	r->left.at += (uint64_t)n;
	r->left.bytes -= (uint64_t)n;
	*ret = r->chunk;
	return n;
}

static int copy_out(struct archive *a, int out, uint64_t limit, uint64_t *ret_bytes, struct err *e)
{
	char chunk[65536];
	uint64_t total = 0;
	for (;;) {
		la_ssize_t n = archive_read_data(a, chunk, sizeof chunk);
		if (n < 0)
			return err_set(e, ENOEXEC, "damaged: %s", archive_error_string(a));
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (total > limit)
			return err_set(e, EFBIG, "unpacks to more than %llu MiB",
				(unsigned long long)limit >> 20);
		int rc = fd_write_all(out, chunk, (size_t)n, e);
		if (rc < 0)
			return rc;
	}
	*ret_bytes = total;
	return 0;
}

int unpack_file(const struct unpack_range *from, enum unpack_kind kind, const char *to,
	uint64_t limit, uint64_t *ret_bytes, struct err *e)
{
	__attribute__((cleanup(archive_freep))) struct archive *a = archive_read_new();
	auto_free struct reader *r = xcalloc(1, sizeof *r);
	r->left = *from;
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind && !known)
			known = kinds[i].support(a) == ARCHIVE_OK;
	if (!known)
		return err_set(e, ENOTSUP, "this libarchive cannot undo the compression");
	struct archive_entry *entry;
	if (archive_read_support_format_raw(a) != ARCHIVE_OK ||
		archive_read_open(a, r, NULL, read_range, NULL) != ARCHIVE_OK ||
		archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return err_set(e, ENOEXEC, "damaged: %s", archive_error_string(a));
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		return err_sys(e, "%s", to);
	int rc = copy_out(a, out, limit, ret_bytes, e);
	return rc == -ENOSPC ? err_wrap(e, "%s", to) : rc;
}
