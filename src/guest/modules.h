/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules.h: the kernel modules that the initramfs brings. */
#pragma once
struct err;

/* Load each path in `list`, one a line, in order; lines that begin with # do not count. One
 * that is there already (or built in) or has no device is fine; no list is an empty one.
 * The first module with all that need each other (the virtio drivers) and the others are loaded
 * at the same time. */
int modules_load(const char *list, struct err *e);
/* Load each of "a.ko,b.ko", paths below `dir`, in order. */
int modules_load_from(const char *dir, const char *paths, struct err *e);
