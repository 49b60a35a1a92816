/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entry.h: make one entry of the kernel store from its parts. */
#pragma once
#include "kernel/kernel.h"
#include <jansson.h>
struct err;

/* Of the entry's layout and content; another number makes all entries anew. */
#define ENTRY_RECIPE 2

/* All borrowed. */
struct entry_parts {
	const char *image;   /* bzImage, ELF vmlinux, or arm64's Image, also packed */
	const char *modules; /* folder with modules.dep, or NULL */
	const char *config;  /* .config of one that does not carry its own; NULL: not known */
};

/* Fill the folder `dir`; add "release", "boot" and "machine" (ELF's) to `manifest`, and where they
 * are known "build_id" (the GNU one, hex) and "config_sha256". -ENOEXEC: no
 * kernel that QEMU can enter; -ENOENT: a program or a needed module is missing. */
int entry_make(const char *dir, const struct entry_parts *parts, kernel_progress *progress,
	void *ctx, json_t *manifest, struct err *e);
/* Add "build_id" of a kernel, an ELF file or (`flat`) none, if it has one. */
int entry_build_id(const char *vmlinux, bool flat, json_t *manifest, struct err *e);
/* What boots from `image`, without making anything: its release, and for which machine (ELF's). */
int entry_look(const char *image, char **ret_release, uint16_t *ret_machine, struct err *e);
/* depmod over ROOT/lib/modules/RELEASE. -ENOENT: no depmod, with how to install it. */
int entry_depmod(const char *root, const char *release, struct err *e);
