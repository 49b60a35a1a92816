/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm64_image.h: the kernel image of arm64, read as something a stranger made. QEMU enters the flat
 * one; the others are that one, packed:
 *   Image          code0, text offset, size, flags ... | "ARM\x64" at 56 | the kernel
 *   Image.gz       the same as one stream of gzip (or another compression)
 *   vmlinuz.efi    "MZ" | "zimg" at 4, offset u32, bytes u32 | the stream (CONFIG_EFI_ZBOOT)
 * Source: Documentation/arm64/booting.rst, drivers/firmware/efi/libstub/zboot-header.S. */
#pragma once
#include "kernel/unpack.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define ARM64_IMAGE_HEAD_BYTES 64

struct arm64_image {
	enum unpack_kind kind; /* UNPACK_NONE: it is flat */
	uint64_t at, bytes;    /* of the stream, inside the file; of a flat one the file */
};

/* `head`: the file's first n bytes. False: none of these forms. What a stream holds is seen only
 * by arm64_image_extract. */
bool arm64_image_parse(const void *head, size_t n, uint64_t file_bytes, struct arm64_image *ret);
/* Write the flat form of the open file `fd` to `to` (made, or replaced). -ENOEXEC: damaged, not
 * little-endian, or what is packed is no kernel of arm64; -EFBIG; else what writing failed with. */
int arm64_image_extract(int fd, const struct arm64_image *i, const char *to, struct err *e);
