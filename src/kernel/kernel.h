/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.h: kernels ready to boot. The store is STATE/kernels/<key>/:
 *   manifest.json   what it was made from, and size and sha256 of each file (base/depot.h)
 *   vmlinux         ELF for QEMU's PVH entry, taken out of the bzImage once
 *   bzImage         as it came
 *   Image           of arm64, unpacked; then there is neither of the two above
 *   config          its .config, where known
 *   build.log       what make said, of one that was built here
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
#include <stdio.h>
struct err;
struct profile;
struct strv;

struct kernel {
	char *key;
	char *release;  /* uname -r, as the image itself says */
	char *build_id; /* of vmlinux, hex; NULL: it has none */
	char *source; /* "Debian linux-image-6.1.0-49-cloud-amd64 6.1.192-2", or the file's path */
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

/* Called now and then on long work; `text` is one line, or several with a newline at the end of
 * each: an excerpt of a log. May be NULL. */
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

/* A fragment that a setting or a suite of the run wants. All borrowed. */
struct kernel_wish {
	const char *fragment; /* its name, or a file */
	const char *by;       /* "vm.network", "fstests" */
};
struct kernel_wishes {
	const struct kernel_wish *v;
	size_t n;
};
/* How to build a kernel from its source. All borrowed. */
struct kernel_recipe {
	const char *source;           /* a tree, TREE#REF, a tar or zip file, URL#REF (source.h) */
	const char *const *patches;   /* on top, in order; may be NULL */
	const char *base;             /* what recipe.c lists (defconfig ...), or a file */
	const char *const *fragments; /* on top of it and of the guest's: names, or files */
	struct kernel_wishes suites;  /* below those, which may take something back */
	struct kernel_wishes machine; /* on top of all: without them it does not boot so */
	const char *fragment_dir;     /* where the named ones lie, NAME.config */
	bool llvm;                    /* clang and LLVM's linker instead of gcc and binutils */
	uint64_t jobs;                /* compilers at once; 0: what CPUs and memory allow */
	uint64_t timeout_us;          /* 0: none */
	uint64_t silence_us;          /* without output, after which it hangs; 0: none */
};

/* How it went with a build, for who asked for it: the store's entry may have been made for another
 * source of the same content. All zero: none. */
struct kernel_story {
	json_t *origin; /* {"source" (one line) "origin" "describe" "dirty" "patches"[] "commit"
			   "tree" "base" "fragments"[]}; NULL: no source was built or found */
	bool stored;    /* the store had it */
	bool tried;     /* make was run, or could not be configured by the source's fault */
	uint64_t took_us;
	unsigned warnings;
	char *error;   /* of one that failed: the first error; or NULL */
	char *excerpt; /* with the lines around it; or NULL */
	FILE *log;     /* all that make said, at its start; NULL: it was not run */
};
void kernel_story_clear(struct kernel_story *s);
/* The store's entry of it, built if it is not there; its manifest says all that it was made of:
 * "tree" (of git, patches and all) "commit" "first" (the origin of who asked first)
 * "config_sha256" "compiler" "linker" "flags" "warnings" "new_warnings"
 * "warnings_before" "build_s" "build_id" "release"; and it has
 * the files bzImage (x86_64), vmlinux with symbols, config, build.log. Built out of tree, in a
 * folder of its own per repository, configuration and toolchain, STATE/builds/<hash>-<n>/: what was
 * built there last serves, and is thrown away when the build then fails; two at once take two of
 * them. `story`, all zero before, is filled whatever is returned.
 * -EBADMSG: the source does not compile; the message is the first error. -EINVAL: configuration or
 * patches do not fit the source, or it is none. -ENOENT: no such source, branch, fragment or
 * program. -EIO: what could not be reached. -ENOMEM, -ENOSPC, -EINTR, -ETIMEDOUT: the
 * host had no memory or room for the build, or it was killed. */
int kernel_build(const char *state_dir, const struct kernel_recipe *r,
	const struct kernel_arch *arch, kernel_progress *progress, void *ctx,
	struct kernel_story *story, struct kernel **ret, struct err *e);
/* What the profile's settings kernel.* say, but `spec` (may be NULL) wins: a source, or what
 * kernel_resolve takes. `suites`: what they want of one that is built. *ret_named (may be NULL):
 * somebody named it, so that -ENOENT, -ENOEXEC and -EINVAL are their mistake. */
int kernel_choose(const char *state_dir, const struct profile *p, const char *spec,
	const struct kernel_wishes *suites, const struct kernel_arch *arch,
	kernel_progress *progress, void *ctx, bool *ret_named, struct kernel_story *story,
	struct kernel **ret, struct err *e);

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

/* Call `each` with every branch of the repositories that sources came from, ours (as they were
 * fetched last) and their users', and the id of its commit (both borrowed). */
void kernel_each_branch(const char *state_dir,
	void (*each)(void *ctx, const char *name, const char *commit), void *ctx);

/* depot_list's array of the entries' manifests; held: a run uses it. The caller's. */
json_t *kernel_list(const char *state_dir);
/* Remove one; *ret_bytes is what that freed. -ENOENT: none of that key; -EBUSY: a run uses it, or
 * it is being made. */
int kernel_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
