/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/arm64_image.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "kernel/bzimage.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Offsets of the flat header, and of the one of vmlinuz.efi. */
enum {
	FLAGS = 24,
	MAGIC = 56,
	ZBOOT_MAGIC = 4,
	ZBOOT_OFFSET = 8,
	ZBOOT_BYTES = 12,
};
#define FLAG_BIG_ENDIAN 1

static uint32_t u32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_flat(const unsigned char *p, size_t n)
{
	return n >= ARM64_IMAGE_HEAD_BYTES && memcmp(p + MAGIC, "ARM\x64", 4) == 0;
}

bool arm64_image_parse(const void *head, size_t n, uint64_t file_bytes, struct arm64_image *ret)
{
	const unsigned char *p = head;
	if (n < ARM64_IMAGE_HEAD_BYTES || n > file_bytes)
		return false;
	struct arm64_image i = { unpack_kind(p, n), 0, file_bytes };
	if (memcmp(p, "MZ", 2) == 0 && memcmp(p + ZBOOT_MAGIC, "zimg", 4) == 0) {
		i.at = u32(p + ZBOOT_OFFSET);
		i.bytes = u32(p + ZBOOT_BYTES);
		if (i.at > file_bytes || i.bytes > file_bytes - i.at || i.bytes < 8)
			return false;
	} else if (i.kind == UNPACK_NONE && !is_flat(p, n)) {
		return false;
	}
	*ret = i;
	return true;
}

static int check_flat(const char *path, struct err *e)
{
	unsigned char head[ARM64_IMAGE_HEAD_BYTES];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	ssize_t n = pread(fd, head, sizeof head, 0);
	if (n < 0 || !is_flat(head, (size_t)n))
		return err_set(e, ENOEXEC, "what is packed in it is no kernel image of arm64");
	if (head[FLAGS] & FLAG_BIG_ENDIAN)
		return err_set(e, ENOEXEC, "a big-endian kernel");
	return 0;
}

int arm64_image_extract(int fd, const struct arm64_image *i, const char *to, struct err *e)
{
	unsigned char start[8];
	struct unpack_range range = { fd, i->at, i->bytes };
	enum unpack_kind kind = i->kind;
	uint64_t made;
	int rc;
	if (i->at) {
		if (pread(fd, start, sizeof start, (off_t)i->at) != sizeof start)
			return err_set(e, ENOEXEC, "the file became shorter while it was read");
		kind = unpack_kind(start, sizeof start);
		if (kind == UNPACK_NONE)
			return err_set(e, ENOEXEC,
				"vmlinuz.efi with a compression that is not known (starts %02x "
				"%02x %02x %02x)",
				start[0], start[1], start[2], start[3]);
	}
	if (kind == UNPACK_NONE) {
		auto_free char *self = xasprintf("/proc/self/fd/%d", fd);
		rc = file_copy(self, to, 0644, e);
	} else {
		rc = unpack_file(&range, kind, to, VMLINUX_LIMIT, &made, e);
	}
	return rc < 0 ? rc : check_flat(to, e);
}
