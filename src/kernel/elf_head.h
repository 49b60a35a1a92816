/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elf_head.h: the tables of an ELF file of 32 or 64 bits, little-endian, told as those of 64. All
 * is read as something a stranger made. Source: elf(5) */
#pragma once
#include <elf.h>
#include <stddef.h>
struct err;

/* From the file's first bytes: sizeof *ret are needed of either class. Sizes and counts of tables
 * are as the file says, unchecked. -ENOEXEC: none, with the reason. */
int elf_head(const void *p, size_t n, Elf64_Ehdr *ret, struct err *e);

/* Bytes of an entry of its tables. */
size_t elf_phdr_size(const Elf64_Ehdr *h);
size_t elf_shdr_size(const Elf64_Ehdr *h);
size_t elf_sym_size(const Elf64_Ehdr *h);
/* The entry in that many bytes at `p`. */
Elf64_Phdr elf_phdr(const Elf64_Ehdr *h, const void *p);
Elf64_Shdr elf_shdr(const Elf64_Ehdr *h, const void *p);
Elf64_Sym elf_sym(const Elf64_Ehdr *h, const void *p);
