/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debug_info.h: a vmlinux or module as a file with symbols and line numbers: where a function lies
 * in it. Read as something a stranger made. Source: elf(5) */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct debug_info;
struct err;

/* `build_id` (hex; NULL: any) is whose it must be. -ENOEXEC: no 64-bit little-endian ELF file with
 * symbols; -ESTALE: of another build, with both ids; -ENODATA: no line numbers in it. */
int debug_info_open(const char *path, const char *build_id, struct debug_info **ret, struct err *e);
void debug_info_close(struct debug_info *d); /* NULL: no-op */
static inline void debug_info_closep(struct debug_info **d)
{
	debug_info_close(*d);
}
#define auto_debug_info __attribute__((cleanup(debug_info_closep)))
const char *debug_info_path(const struct debug_info *d);
/* A module: addresses are offsets into its .text. */
bool debug_info_is_module(const struct debug_info *d);
/* Of the function `name`, which the kernel takes to be `size` bytes long (to the next symbol). Of
 * several of that name the one whose own size is nearest. False: there is none, or two fit alike.
 */
bool debug_info_find(
	const struct debug_info *d, const char *name, uint64_t size, uint64_t *ret_address);
