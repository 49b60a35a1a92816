/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bzimage.h: what lies in a kernel image file, read as something a stranger made.
 *
 *   bzImage:  setup code (1 + setup_sects sectors) | protected-mode code ... payload ...
 *   payload:  vmlinux compressed; behind it, but for gzip, its length as u32
 *   vmlinux:  ELF64, or of i386 ELF32; QEMU enters it by the Xen note PHYS32_ENTRY (PVH)
 *
 * Source: Documentation/arch/x86/boot.rst (the setup header), xen/include/public/elfnote.h. */
#pragma once
#include "base/elf_note.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

#define KERNEL_RELEASE_SIZE 65            /* as in struct utsname */
#define BZIMAGE_HEAD_BYTES  (256u * 512u) /* the setup code is never longer */
#define VMLINUX_LIMIT       (1ull << 30)  /* what comes out of a payload */

struct bzimage {
	uint16_t machine; /* EM_X86_64, EM_386; what is older than 3.8 does not tell, and is the
			     first */
	uint64_t payload_at;
	uint64_t payload_bytes;
	char release[KERNEL_RELEASE_SIZE];
};

/* `head`: the file's first n bytes (all, or BZIMAGE_HEAD_BYTES of `file_bytes`).
 * -ENOEXEC with the reason: no bzImage, or one with a header that cannot be. */
int bzimage_parse(
	const void *head, size_t n, uint64_t file_bytes, struct bzimage *ret, struct err *e);
/* Decompress the payload of the open file `fd` into the new file `to`. -ENOEXEC: unknown
 * compression, damaged, not what its length says; -EFBIG; else what writing failed with.
 * `to` may be left half written. */
int bzimage_extract(int fd, const struct bzimage *b, const char *to, struct err *e);

struct vmlinux {
	bool pvh;                         /* QEMU can enter it */
	uint16_t machine;                 /* EM_X86_64 ... */
	char build_id[ELF_BUILD_ID_SIZE]; /* the GNU one in hex, as /sys/kernel/notes; or "" */
};
/* Look at an open file that may be an ELF kernel. -ENOEXEC with the reason. */
int vmlinux_check(int fd, struct vmlinux *ret, struct err *e);
/* The X of "Linux version X (" in it. -ENOEXEC: not there. */
int vmlinux_release(int fd, char ret[KERNEL_RELEASE_SIZE], struct err *e);
/* The build id of a kernel that is no ELF file (arm64's Image), among the notes that lie in it;
 * empty: it has none. */
int vmlinux_flat_build_id(int fd, char ret[ELF_BUILD_ID_SIZE], struct err *e);
/* Write its .config (CONFIG_IKCONFIG) to the new file `to`. -ENOENT: it carries none. */
int vmlinux_config(int fd, const char *to, struct err *e);

/* Whether text may stand as a kernel release: it becomes part of paths. */
bool kernel_release_is_safe(const char *s);
