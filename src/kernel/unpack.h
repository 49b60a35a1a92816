/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unpack.h: one compressed stream to a file, in this process (libarchive). */
#pragma once
#include <stddef.h>
#include <stdint.h>
struct err;

enum unpack_kind {
	UNPACK_NONE, /* no compression that we know */
	UNPACK_GZIP,
	UNPACK_BZIP2,
	UNPACK_LZMA,
	UNPACK_XZ,
	UNPACK_LZ4,
	UNPACK_ZSTD,
};
/* By the first n bytes. */
enum unpack_kind unpack_kind(const unsigned char *p, size_t n);

/* A part of an open file, borrowed; read with pread. */
struct unpack_range {
	int fd;
	uint64_t at, bytes;
};
/* Decompress into the file `to` (made, or replaced). -ENOEXEC: damaged; -EFBIG: more than
 * `limit` bytes came out; else what writing failed with. `to` may be left half written. */
int unpack_file(const struct unpack_range *from, enum unpack_kind kind, const char *to,
	uint64_t limit, uint64_t *ret_bytes, struct err *e);
