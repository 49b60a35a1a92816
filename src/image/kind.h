/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kind.h: what a file is that somebody offers as a root, by its content. Sources: QEMU's
 * docs/interop/qcow2.txt, ext4's and erofs' superblocks, tar(5). */
#pragma once
#include <stddef.h>
struct err;

struct kind {
	enum {
		KIND_RAW,   /* a bare filesystem */
		KIND_QCOW2, /* with what in it is not known */
		KIND_TAR,
	} what;
	const char *fstype;   /* of KIND_RAW; static */
	const char *unpacker; /* of a KIND_TAR that is compressed: the program; static; else NULL */
	const char *package;  /* that has the unpacker */
};

#define KIND_BYTES (65536 + 4096) /* of the file's start are looked at */

/* `n` bytes from the start of a file. -EINVAL: nothing that can be a root, and why. */
int kind_find(const void *start, size_t n, struct kind *ret, struct err *e);
