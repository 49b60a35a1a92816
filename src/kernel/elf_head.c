/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/elf_head.h"
#include "base/err.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_narrow(const Elf64_Ehdr *h)
{
	return h->e_ident[EI_CLASS] == ELFCLASS32;
}

static void widen(const void *p, Elf64_Ehdr *ret)
{
	Elf32_Ehdr h;
	memcpy(&h, p, sizeof h);
	*ret = (Elf64_Ehdr){
		.e_type = h.e_type,
		.e_machine = h.e_machine,
		.e_version = h.e_version,
		.e_entry = h.e_entry,
		.e_phoff = h.e_phoff,
		.e_shoff = h.e_shoff,
		.e_flags = h.e_flags,
		.e_ehsize = h.e_ehsize,
		.e_phentsize = h.e_phentsize,
		.e_phnum = h.e_phnum,
		.e_shentsize = h.e_shentsize,
		.e_shnum = h.e_shnum,
		.e_shstrndx = h.e_shstrndx,
	};
	memcpy(ret->e_ident, h.e_ident, sizeof h.e_ident);
}

int elf_head(const void *p, size_t n, Elf64_Ehdr *ret, struct err *e)
{
	const unsigned char *ident = p;
	if (n < sizeof *ret || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return err_set(e, ENOEXEC, "not an ELF file");
	if ((ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64) ||
		ident[EI_DATA] != ELFDATA2LSB)
		return err_set(e, ENOEXEC, "ELF, but not little-endian of 32 or 64 bits");
	if (ident[EI_CLASS] == ELFCLASS32)
		widen(p, ret);
	else
		memcpy(ret, p, sizeof *ret);
	return 0;
}

size_t elf_phdr_size(const Elf64_Ehdr *h)
{
	return is_narrow(h) ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

size_t elf_shdr_size(const Elf64_Ehdr *h)
{
	return is_narrow(h) ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);
}

size_t elf_sym_size(const Elf64_Ehdr *h)
{
	return is_narrow(h) ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
}

Elf64_Phdr elf_phdr(const Elf64_Ehdr *h, const void *p)
{
	Elf64_Phdr wide;
	Elf32_Phdr s;
	if (!is_narrow(h)) {
		memcpy(&wide, p, sizeof wide);
		return wide;
	}
	memcpy(&s, p, sizeof s);
	return (Elf64_Phdr){
		.p_type = s.p_type,
		.p_flags = s.p_flags,
		.p_offset = s.p_offset,
		.p_vaddr = s.p_vaddr,
		.p_paddr = s.p_paddr,
		.p_filesz = s.p_filesz,
		.p_memsz = s.p_memsz,
		.p_align = s.p_align,
	};
}

Elf64_Shdr elf_shdr(const Elf64_Ehdr *h, const void *p)
{
	Elf64_Shdr wide;
	Elf32_Shdr s;
	if (!is_narrow(h)) {
		memcpy(&wide, p, sizeof wide);
		return wide;
	}
	memcpy(&s, p, sizeof s);
	return (Elf64_Shdr){
		.sh_name = s.sh_name,
		.sh_type = s.sh_type,
		.sh_flags = s.sh_flags,
		.sh_addr = s.sh_addr,
		.sh_offset = s.sh_offset,
		.sh_size = s.sh_size,
		.sh_link = s.sh_link,
		.sh_info = s.sh_info,
		.sh_addralign = s.sh_addralign,
		.sh_entsize = s.sh_entsize,
	};
}

Elf64_Sym elf_sym(const Elf64_Ehdr *h, const void *p)
{
	Elf64_Sym wide;
	Elf32_Sym s;
	if (!is_narrow(h)) {
		memcpy(&wide, p, sizeof wide);
		return wide;
	}
	memcpy(&s, p, sizeof s);
	return (Elf64_Sym){
		.st_name = s.st_name,
		.st_info = s.st_info,
		.st_other = s.st_other,
		.st_shndx = s.st_shndx,
		.st_value = s.st_value,
		.st_size = s.st_size,
	};
}
