/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a guest says of its symbols, the file's parts lie within it and follow each other. */
#include "base/buf.h"
#include "kernel/symbols.h"
#include <elf.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf b = { 0 };
	Elf64_Ehdr h;
	Elf64_Shdr s[5];
	if (symbols_elf((const char *)data, size, EM_X86_64, &b, NULL) < 0) {
		if (b.len)
			abort();
		return 0;
	}
	memcpy(&h, b.s, sizeof h);
	memcpy(s, b.s + h.e_shoff, sizeof s);
	if (s[2].sh_offset + s[2].sh_size != s[3].sh_offset ||
		s[4].sh_offset + s[4].sh_size != b.len ||
		s[2].sh_info > s[2].sh_size / sizeof(Elf64_Sym))
		abort();
	for (size_t i = 0; i < s[2].sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym sym;
		memcpy(&sym, b.s + s[2].sh_offset + i * sizeof sym, sizeof sym);
		if (sym.st_name >= s[3].sh_size)
			abort();
		if (i && (sym.st_value < s[1].sh_addr ||
				 sym.st_value - s[1].sh_addr >= s[1].sh_size))
			abort();
	}
	return 0;
}
