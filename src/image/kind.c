/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/kind.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EXT4_INCOMPAT (1024 + 0x60)
#define EXT4_RECOVER  0x4 /* the journal has something to write */

#define QCOW2_BACKING  8
#define QCOW2_CRYPT    32
#define QCOW2_INCOMPAT 72
#define QCOW2_DATA     0x4 /* the data is in another file */

struct magic {
	size_t at, n;
	const char *bytes;
	const char *name;
	const char *package;
};

static const struct magic packed[] = {
	{ 0, 2, "\x1f\x8b", "gzip", "gzip" },
	{ 0, 6,
		"\xfd"
		"7zXZ\0",
		"xz", "xz-utils" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "zstd", "zstd" },
	{ 0, 3, "BZh", "bzip2", "bzip2" },
};

static const struct magic filesystems[] = {
	{ 1024, 4, "\xe2\xe1\xf5\xe0", "erofs", NULL },
	{ 1024 + 56, 2, "\x53\xef", "ext4", NULL },
	{ 0, 4, "hsqs", "squashfs", NULL },
};

/* What people might try, for the message. */
static const struct magic others[] = {
	{ 0, 4, "XFSB", "an XFS filesystem", NULL },
	{ 65536 + 64, 8, "_BHRfS_M", "a btrfs filesystem", NULL },
	{ 32769, 5, "CD001", "an ISO 9660 image", NULL },
	{ 0, 4, "KDMV", "a VMDK image", NULL },
	{ 0, 8, "conectix", "a VHD image", NULL },
	{ 0, 6, "070701", "a cpio archive", NULL },
	{ 0, 4, "PK\3\4", "a ZIP archive", NULL },
	{ 512, 8, "EFI PART", "a disk with a partition table", NULL },
	{ 510, 2, "\x55\xaa", "a disk with a partition table", NULL },
};

static const struct magic *match(
	const struct magic *all, size_t n_all, const uint8_t *start, size_t n)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].at + all[i].n <= n &&
			memcmp(start + all[i].at, all[i].bytes, all[i].n) == 0)
			return &all[i];
	return NULL;
}

static bool any(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return true;
	return false;
}

/* What it leads to besides itself would be the host's files, read at the image's word. */
static int check_qcow2(const uint8_t *p, size_t n, struct err *e)
{
	if (n < 104 || any(p + 4, 3) || (p[7] != 2 && p[7] != 3))
		return err_set(e, EINVAL, "a qcow2 image of an unknown version");
	if (any(p + QCOW2_BACKING, 8))
		return err_set(e, EINVAL,
			"it has a backing file: make it whole with qemu-img convert -O qcow2");
	if (any(p + QCOW2_CRYPT, 4))
		return err_set(e, EINVAL, "it is encrypted");
	if (p[7] == 3 && (p[QCOW2_INCOMPAT + 7] & QCOW2_DATA))
		return err_set(e, EINVAL,
			"its data is in another file: make it whole with qemu-img convert");
	return 0;
}

int kind_find(const void *start, size_t n, struct kind *ret, struct err *e)
{
	const uint8_t *p = start;
	const struct magic *m;
	if (n >= 4 && memcmp(p, "QFI\xfb", 4) == 0) {
		*ret = (struct kind){ .what = KIND_QCOW2 };
		return check_qcow2(p, n, e);
	}
	if ((m = match(packed, ARRAY_LEN(packed), p, n))) {
		*ret = (struct kind){ KIND_TAR, NULL, m->name, m->package };
		return 0;
	}
	if (n >= 512 && memcmp(p + 257, "ustar", 5) == 0) {
		*ret = (struct kind){ .what = KIND_TAR };
		return 0;
	}
	if ((m = match(filesystems, ARRAY_LEN(filesystems), p, n))) {
		if (m->n == 2 && n > EXT4_INCOMPAT && (p[EXT4_INCOMPAT] & EXT4_RECOVER))
			return err_set(e, EINVAL,
				"its ext4 was not unmounted, and is only read here: mend it with "
				"e2fsck -fy");
		*ret = (struct kind){ .what = KIND_RAW, .fstype = m->name };
		return 0;
	}
	m = match(others, ARRAY_LEN(others), p, n);
	return err_set(e, EINVAL,
		"it is %s, not a tar, nor an image of a bare erofs, ext4 or squashfs",
		m ? m->name : "of no known kind");
}
