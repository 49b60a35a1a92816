/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode.h: a kernel's text with the lines of its source. Behind each
 *   btrfs_sync_file+0x1c/0x4d0 [btrfs]
 * comes where that is: " (fs/btrfs/file.c:1720)", of what was inlined there innermost first:
 * " (fs/btrfs/ctree.h:77 in fs/btrfs/file.c:1720)". The names and offsets are the kernel's own,
 * from its kallsyms, and so hold wherever it was loaded; a return address means the call before it.
 * Needs addr2line (binutils). */
#pragma once
#include <stddef.h>
#include <stdint.h>
struct buf;
struct debug_info;
struct err;

struct decode_counts {
	unsigned decoded; /* places */
	unsigned unknown; /* no such symbol, or no line */
	unsigned modules; /* in modules that have no debug information at hand */
	unsigned stale;   /* in modules of which only that of another build is at hand */
	/* Decoded, but the text does not tell the module's build id (CONFIG_STACKTRACE_BUILD_ID):
	 * it was taken by its name, from beside the vmlinux. */
	unsigned unproved;
};

/* Append `text`, line by line, to `out`. Modules are looked for by the modules.order beside the
 * vmlinux (a tree, an entry of the store), and where Debian's debug packages put those of
 * vmlinux-RELEASE or RELEASE/vmlinux; one of another build id than the text tells is not used.
 * -ENOENT: no addr2line; -EIO: it failed. */
int decode_text(const struct debug_info *vmlinux, const char *text, size_t n, struct buf *out,
	struct decode_counts *ret, struct err *e);

/* One place in a line. */
struct decode_place {
	char symbol[128];
	char module[64];    /* or empty */
	char module_id[64]; /* its build id in hex, where the text tells it; else empty */
	uint64_t offset, size;
	int exact;  /* the instruction itself, not the call before it */
	size_t end; /* where in the line it ends */
};
/* 1: there is one; 0: none. */
int decode_find(const char *line, size_t n, struct decode_place *ret);
