/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbols.h: a symbol file for gdb from what a running kernel says of itself, for a kernel whose
 * vmlinux has no symbols: an ELF file with a symbol table, and one section without content for the
 * symbols to lie in. Lines of /proc/kallsyms, as root reads them:
 *   ffffffff81000000 T _text
 *   ffffffffc0123450 t btrfs_search_slot	[btrfs]
 * Source: kernel/kallsyms.c, elf(5) */
#pragma once
#include <stddef.h>
#include <stdint.h>
struct buf;
struct err;

#define SYMBOLS_TEXT_MAX (64u << 20)

/* Append the file to `out`; `machine` is its e_machine. Lines that are none are passed over, and so
 * are addresses outside of the kernel's half. -ENODATA: no symbol is left, or the addresses are
 * hidden. -ENOTSUP: of a machine of 32 bits. */
int symbols_elf(const char *text, size_t n, uint16_t machine, struct buf *out, struct err *e);
/* e_machine of a little-endian ELF file, *ret_symbols whether it has a symbol table.
 * -ENOEXEC: it is none. */
int symbols_look(const char *path, uint16_t *ret_machine, int *ret_symbols, struct err *e);
