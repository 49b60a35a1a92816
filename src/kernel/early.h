/* SPDX-License-Identifier: GPL-2.0-or-later */
/* early.h: the modules that a guest needs before it has its root disk and its agent. */
#pragma once
#include <sys/types.h>
struct err;

/* Copy them from `modules_dir` (a /lib/modules/<release>; NULL: there is none) into the new
 * folder `to` as "00-virtio_ring.ko", "01-virtio.ko" ..., uncompressed, in load order. `config`
 * is the kernel's .config or NULL. -ENOENT: one is neither there nor built in, with its
 * CONFIG_ option; -ENOEXEC: they are of another kernel than `release`. */
int early_modules(const char *modules_dir, const char *config, const char *release, const char *to,
	struct err *e);
/* Write an initramfs (newc cpio) with `guest` as /init, those files as /modules/NAME and their
 * paths as /modules.list, one a line. The file is replaced as one act. */
int early_initramfs(const char *early, const char *guest, const char *to, struct err *e);
