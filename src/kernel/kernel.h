/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.h: kernels ready to boot. The store is STATE/kernels/<key>/:
 *   manifest.json   what it was made from, and sha256 of each file
 *   vmlinux         ELF for QEMU's PVH entry, taken out of the bzImage once (x86_64)
 *   bzImage         as it came
 *   config          its .config, where known
 *   modules.erofs   /lib/modules/<release> as a read-only disk (absent: all built in)
 *   initramfs-<hash>.cpio   fsqa-guest as /init and the modules that reach the root disk
 * Published by rename; one writer a key (flock), many readers. */
#pragma once
#include <stdint.h>
struct err;

struct kernel {
	char *key;
	char *release; /* uname -r, as the image itself says */
	char *source;  /* "Debian linux-image-6.1.0-49-cloud-amd64 6.1.192-2", or the file's path */
	char *dir;
	char *boot;    /* what QEMU gets by -kernel */
	char *modules; /* NULL: none */
	char *config;  /* NULL: unknown */
};

/* Called now and then on long work; `text` is one line. May be NULL. */
typedef void kernel_progress(void *ctx, const char *text);

/* `spec`: NULL or "debian": Debian's newest cloud kernel by the host's apt (downloaded and
 * unpacked, never installed); "6.1.0-49-cloud-amd64" or "linux-image-...": that package, or
 * an entry of the store; a path: a bzImage or ELF vmlinux, with `modules_dir` (may be NULL)
 * as its /lib/modules/<release>. Makes the store's entry if it is not there yet.
 * -ENOENT: no such kernel, with what was looked for; -ENOEXEC: the file is no kernel. */
int kernel_resolve(const char *state_dir, const char *spec, const char *modules_dir,
	kernel_progress *progress, void *ctx, struct kernel **ret, struct err *e);
/* An initramfs with `guest` (path of fsqa-guest) as /init, made once; *ret_path the caller's. */
int kernel_initramfs(const struct kernel *k, const char *guest, char **ret_path, struct err *e);
void kernel_free(struct kernel *k);
