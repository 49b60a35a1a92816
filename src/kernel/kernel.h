/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.h: kernels ready to boot. The store is STATE/kernels/<key>/:
 *   manifest.json   what it was made from, and size and sha256 of each file (base/depot.h)
 *   vmlinux         ELF for QEMU's PVH entry, taken out of the bzImage once
 *   bzImage         as it came
 *   Image           of arm64, unpacked; then there is neither of the two above
 *   config          its .config, where known
 *   modules.erofs   /lib/modules/<release> as a read-only disk (absent: all built in)
 *   modules.dep     as in there
 *   early/NN-x.ko   the modules that a guest needs before its root disk, in load order
 *   initramfs-<hash>.cpio   /init: fsqa-guest; /modules/NN-x.ko: those of early/;
 *                   /modules.list: their paths, one a line, in load order. One of them may fail
 *                   to load (ENODEV: crc32c-intel on another CPU) and the boot still be good
 * Published by rename; one writer a key (flock), many readers. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct strv;

struct kernel {
	char *key;
	char *release; /* uname -r, as the image itself says */
	char *source;  /* "Debian linux-image-6.1.0-49-cloud-amd64 6.1.192-2", or the file's path */
	char *dir;
	char *boot;    /* what QEMU gets by -kernel */
	char *modules; /* NULL: none */
	char *config;  /* NULL: unknown */
	int held;      /* keeps kernel_remove off it; -1: not */
};

/* The architecture that a kernel is for. */
struct kernel_arch {
	const char *debian; /* Debian's name: "arm64"; static */
	uint16_t machine;   /* ELF's: EM_AARCH64 */
	bool foreign;       /* not the host's: apt is asked with package lists of our own */
};

/* Called now and then on long work; `text` is one line. May be NULL. */
typedef void kernel_progress(void *ctx, const char *text);

/* `spec`: NULL or "debian": Debian's newest cloud kernel by the host's apt (downloaded and
 * unpacked, never installed); "6.1.0-49-cloud-amd64" or "linux-image-...": that package; the key
 * of an entry of the store; a path: a bzImage, ELF vmlinux or arm64's Image, with `modules_dir`
 * (may be NULL) as its /lib/modules/<release>, or what holds a lib/modules/<release>. Makes the
 * store's entry if it is not there yet. apt is asked for the newest once a day, for a named version
 * only when the store has none; without an answer the store's newest serves, and progress says so.
 * For a foreign architecture the host's lists and settings stay as they are: its repositories'
 * lists are fetched into STATE/apt/ARCH, at most once a day.
 * -ENOENT: no such kernel, with what was looked for, or a program is missing, with the command
 * that installs it; -ENOEXEC: the file is no kernel, or of another architecture; -ENOSPC: with
 * folder and room needed. */
int kernel_resolve(const char *state_dir, const char *spec, const char *modules_dir,
	const struct kernel_arch *arch, kernel_progress *progress, void *ctx, struct kernel **ret,
	struct err *e);
/* An initramfs with `guest` (path of fsqa-guest) as /init, made once; *ret_path the caller's.
 * Those of other guests that were not used for a day are removed. */
int kernel_initramfs(const struct kernel *k, const char *guest, char **ret_path, struct err *e);
/* A driver beyond those that every guest needs. */
struct kernel_need {
	const char *module; /* "squashfs" */
	const char *config; /* "CONFIG_SQUASHFS" */
};
/* Append to `files` what a guest is to load for these, relative to its /lib/modules/<release>, in
 * load order; what is built in needs nothing. -ENOENT: it is neither, with its CONFIG_ option. A
 * kernel of which neither is known is trusted to have it. */
int kernel_needs(const struct kernel *k, const struct kernel_need *needs, size_t n,
	struct strv *files, struct err *e);
void kernel_free(struct kernel *k);

/* depot_list's array of the entries' manifests; held: a run uses it. The caller's. */
json_t *kernel_list(const char *state_dir);
/* Remove one; *ret_bytes is what that freed. -ENOENT: none of that key; -EBUSY: a run uses it, or
 * it is being made. */
int kernel_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
