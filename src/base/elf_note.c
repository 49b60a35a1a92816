/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/elf_note.h"
#include <elf.h>
#include <string.h>

const unsigned char *elf_note_find(
	const void *notes, size_t n, const char *name, uint32_t type, size_t least, size_t *ret_n)
{
	const unsigned char *p = notes;
	size_t name_size = strlen(name) + 1;
	Elf64_Nhdr h;
	for (size_t at = 0; n - at >= sizeof h;) {
		memcpy(&h, p + at, sizeof h);
		at += sizeof h;
		uint64_t names = ((uint64_t)h.n_namesz + 3) & ~3ull;
		uint64_t desc = ((uint64_t)h.n_descsz + 3) & ~3ull;
		if (names + desc > n - at)
			return NULL;
		if (h.n_type == type && h.n_namesz == name_size && h.n_descsz >= least &&
			memcmp(p + at, name, name_size) == 0) {
			*ret_n = h.n_descsz;
			return p + at + names;
		}
		at += (size_t)(names + desc);
	}
	return NULL;
}

bool elf_build_id(const void *notes, size_t n, char ret[ELF_BUILD_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 0;
	const unsigned char *id = elf_note_find(notes, n, "GNU", NT_GNU_BUILD_ID, 1, &len);
	if (!id || len > (ELF_BUILD_ID_SIZE - 1) / 2)
		len = 0;
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[id[i] >> 4];
		ret[2 * i + 1] = digits[id[i] & 15];
	}
	ret[2 * len] = '\0';
	return len > 0;
}
