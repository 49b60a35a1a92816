/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/bzimage.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "kernel/unpack.h"
#include <ctype.h>
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Offsets of the setup header. */
enum {
	SETUP_SECTS = 0x1f1,
	BOOT_FLAG = 0x1fe,
	HEADER_MAGIC = 0x202,
	VERSION = 0x206,
	KERNEL_VERSION = 0x20e,
	XLOADFLAGS = 0x236,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
};

#define XLF_KERNEL_64 1u

static uint16_t u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

bool kernel_release_is_safe(const char *s)
{
	size_t n = strlen(s);
	if (n >= KERNEL_RELEASE_SIZE || !file_name_is_safe(s, n) || s[0] == '-' || s[0] == '.')
		return false;
	for (; *s; s++)
		if (!isascii(*s) || (!isalnum((unsigned char)*s) && !strchr("._+~-", *s)))
			return false;
	return true;
}

/* The release is the first word of the text at `at`, which ends inside the setup code. */
static int read_release(const char *head, size_t at, size_t end, char *ret, struct err *e)
{
	size_t n = 0;
	while (at + n < end && head[at + n] != '\0' && head[at + n] != ' ')
		n++;
	if (at + n >= end || n == 0 || n >= KERNEL_RELEASE_SIZE)
		return err_set(e, ENOEXEC, "bzImage without a kernel version");
	memcpy(ret, head + at, n);
	ret[n] = '\0';
	if (!kernel_release_is_safe(ret))
		return err_set(e, ENOEXEC, "bzImage with a kernel version that is no release name");
	return 0;
}

int bzimage_parse(
	const void *head, size_t n, uint64_t file_bytes, struct bzimage *ret, struct err *e)
{
	const unsigned char *p = head;
	if (n < HEADER_END || u16(p + BOOT_FLAG) != 0xaa55 || memcmp(p + HEADER_MAGIC, "HdrS", 4))
		return err_set(e, ENOEXEC, "not a bzImage (no \"HdrS\" at 0x202)");
	unsigned version = u16(p + VERSION);
	if (version < 0x208) /* Linux 2.6.26 */
		return err_set(e, ENOEXEC, "bzImage of boot protocol %u.%02u, 2.08 is needed",
			version >> 8, version & 255);
	uint64_t setup = (uint64_t)((p[SETUP_SECTS] ? p[SETUP_SECTS] : 4) + 1) * 512;
	uint64_t at = setup + u32(p + PAYLOAD_OFFSET);
	uint64_t bytes = u32(p + PAYLOAD_LENGTH);
	if (setup > n || bytes < 8 || at > file_bytes || bytes > file_bytes - at)
		return err_set(e, ENOEXEC,
			"bzImage is cut short: payload of %llu bytes at %llu, file of %llu",
			(unsigned long long)bytes, (unsigned long long)at,
			(unsigned long long)file_bytes);
	bool narrow = version >= 0x20c && !(u16(p + XLOADFLAGS) & XLF_KERNEL_64);
	struct bzimage b = { narrow ? EM_386 : EM_X86_64, at, bytes };
	size_t text = (size_t)u16(p + KERNEL_VERSION) + 0x200;
	int rc = read_release(head, text, (size_t)setup, b.release, e);
	if (rc < 0)
		return rc;
	*ret = b;
	return 0;
}

int bzimage_extract(int fd, const struct bzimage *b, const char *to, struct err *e)
{
	unsigned char start[8];
	unsigned char end[4];
	if (pread(fd, start, sizeof start, (off_t)b->payload_at) != sizeof start ||
		pread(fd, end, sizeof end, (off_t)(b->payload_at + b->payload_bytes - 4)) !=
			sizeof end)
		return err_set(e, ENOEXEC, "bzImage became shorter while it was read");
	enum unpack_kind kind = unpack_kind(start, sizeof start);
	if (kind == UNPACK_NONE)
		return err_set(e, ENOEXEC,
			"bzImage with a compression other than gzip, bzip2, lzma, xz, lz4, zstd "
			"(starts %02x %02x %02x %02x)",
			start[0], start[1], start[2], start[3]);
	/* Not a part of the stream: the kernel's Makefile.lib appends it (size_append). gzip has
	 * the length in its own trailer. */
	uint64_t length = kind == UNPACK_GZIP ? 0 : 4;
	struct unpack_range range = { fd, b->payload_at, b->payload_bytes - length };
	uint64_t made = 0;
	int rc = unpack_file(&range, kind, to, VMLINUX_LIMIT, &made, e);
	if (rc < 0)
		return err_wrap(e, "payload of the bzImage");
	if (made != u32(end))
		return err_set(e, ENOEXEC, "payload of the bzImage has %llu bytes and says %u",
			(unsigned long long)made, u32(end));
	return 0;
}
