/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elf_note.h: notes as they lie in a PT_NOTE segment and in /sys/kernel/notes, one behind the
 * other, each part padded to 4 bytes: struct Elf64_Nhdr, name with its NUL, description. Read as
 * something a stranger made. Source: elf(5) */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The description (borrowed) of the first of this name and type that has at least `least` bytes;
 * *ret_n its length. NULL: there is none, or what is before it is broken. */
const unsigned char *elf_note_find(
	const void *notes, size_t n, const char *name, uint32_t type, size_t least, size_t *ret_n);

#define ELF_BUILD_ID_SIZE 65 /* hex digits of at most 32 bytes, and NUL */

/* The linker's NT_GNU_BUILD_ID as hex. False: there is none; ret is empty. */
bool elf_build_id(const void *notes, size_t n, char ret[ELF_BUILD_ID_SIZE]);
