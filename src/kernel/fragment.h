/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fragment.h: parts of a kernel configuration, and whether a .config kept to them.
 *   CONFIG_BTRFS_FS=y         must be so in the end
 *   # CONFIG_BTRFS_FS is not set    or CONFIG_BTRFS_FS=n: must be off, or unknown
 *   #? since 6.7              what follows, up to an empty line, counts where the source knows it
 *   # anything else           a comment
 * Of several that set one option the last counts. Source: Documentation/kbuild/kconfig.rst */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct buf;
struct err;

struct fragment_option {
	char *name;  /* "CONFIG_BTRFS_FS" */
	char *value; /* "y", "n", "\"text\"", "16" */
	char *where; /* "common:12", "PATH:12" or "network:3 (for vm.network)" */
	bool if_known;
};

struct fragments {
	struct fragment_option *v;
	size_t n;
};

/* Add a fragment's text. `why`: what wants it, for messages; NULL: it was named. -EINVAL with
 * `name` and the line: no assignment. */
int fragments_add(
	struct fragments *f, const char *name, const char *why, const char *text, struct err *e);
/* As a file for KCONFIG_ALLCONFIG, or behind a .config. */
void fragments_write(const struct fragments *f, struct buf *out);
void fragments_clear(struct fragments *f);
#define auto_fragments __attribute__((cleanup(fragments_clear)))

/* What a .config text says: "y", "m", "\"text\"", "16"; "n" where it is off or absent. The
 * caller's. `name` without CONFIG_. */
char *config_value(const char *config, const char *name);
/* Whether `config` (the text of a .config) holds what is wanted. -EINVAL: the first that does not:
 * who asked, what it got, and by the Kconfig files below `source` why; several more are counted.
 * `srcarch` is the folder below arch/, "x86". */
int fragments_check(const struct fragments *f, const char *config, const char *source,
	const char *srcarch, struct err *e);
