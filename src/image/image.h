/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h: root images, built once: mmdebstrap from the mirrors that the host's own apt uses,
 * then a filesystem without a mount. The store is STATE/images/<key>/ (base/depot.h):
 *   manifest.json   suite, arch, fstype, packages asked, files added, size and sha256 of each file
 *   root.erofs      or root.ext4
 *   packages.txt    what is installed: "NAME VERSION ARCH" a line
 * The key is the hash of suite, architecture, filesystem, packages asked, files added and this
 * recipe's version; the mirror's state of the day is not in it. STATE/images/<key>.log is what
 * mmdebstrap said when it failed. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct err;

struct image {
	char *key;          /* of the store; NULL: it is somebody else's file */
	char *path;         /* of the filesystem image */
	const char *format; /* "raw", "qcow2" or "9p"; static */
	char *fstype;       /* "erofs", "ext4", "squashfs"; "9p"; "auto": the guest finds out */
	char *source;       /* "Debian bookworm, 143 packages" */
	char *stamp;        /* another where the file was changed, or made anew */
	bool made;          /* by this call */
	int held;           /* keeps image_remove off it; -1: not */
};

typedef void image_progress(void *ctx, const char *text);

/* All borrowed. */
struct image_spec {
	/* NULL-terminated Debian package names, beside the recipe's own (udev, kmod ...), or NULL.
	 */
	const char *const *packages;
	/* "SRC:DEST", NULL-terminated, or NULL: a file or folder of the host's (the folder's
	 * content) at DEST, a path from / on; with a slash at its end the folder to put SRC in.
	 * They are root's in the image. */
	const char *const *files;
	const char *fstype; /* NULL: "erofs"; a kernel may lack it */
	const char *arch;   /* Debian's name of it: "arm64"; NULL: the host's */
	bool init;          /* with systemd as its init */
	/* "20260101T000000Z": of the same packages, the same bytes (erofs) whenever it is made, all
	 * files of this moment; or NULL. It is in the key. */
	const char *snapshot;
	/* URLs of repositories, with % for the snapshot, NULL-terminated; empty or NULL: the host's
	 * own. Of one that has "security" in it the suite is SUITE-security. */
	const char *const *sources;
};

/* Takes half a minute the first time, then nothing. An ordinary user needs subordinate users
 * (subuid(5), newuidmap) for it.
 * The packages of another architecture are set up by its own programs, which the host's kernel runs
 * by qemu-user (binfmt_misc): minutes.
 * -ENOENT: a program is missing, with the command that installs it, or there is no such package;
 * -ENOSPC: with folder and room needed; -EINVAL: no package name, what cannot be added (with
 * its name), no moment, or a % without one; -EIO: mmdebstrap's complaint. */
int image_resolve(const char *state_dir, const struct image_spec *spec, image_progress *progress,
	void *ctx, struct image **ret, struct err *e);
void image_free(struct image *i);
/* The key that image_resolve would have; the caller's. -EINVAL as there. */
int image_key(const struct image_spec *spec, char **ret, struct err *e);

/* A root that somebody else made, by its content: an image of a bare filesystem (erofs, ext4,
 * squashfs) or a qcow2 image, used as it is, read-only; or a tar (also gzip, xz, zstd, bzip2),
 * made an image of `fstype` (NULL: erofs) in the store once, its key by the tar's SHA-256. Where
 * there is no such file, an entry of the store of that name serves. "host": the host's own root,
 * its fstype "9p" and its path "/".
 * -ENOENT: no such file, or a program is missing; -EINVAL: it can be no root, and why; -ENOSPC. */
int image_root(const char *state_dir, const char *root, const char *fstype,
	image_progress *progress, void *ctx, struct image **ret, struct err *e);
/* An erofs image of a folder as it is now, in the store; made again when a name, size or time
 * below it changed. Files that are neither files, folders, links are -EINVAL. */
int image_folder(const char *state_dir, const char *folder, image_progress *progress, void *ctx,
	struct image **ret, struct err *e);
/* The key that it has in the store, or NULL: none; the caller's. */
int image_root_key(
	const char *state_dir, const char *root, const char *fstype, char **ret, struct err *e);

/* ---- the store (stock.c) ---- */

/* depot_list's array of the entries' manifests; held: a run uses it. The caller's. */
json_t *image_list(const char *state_dir);
/* Remove one; *ret_bytes is what that freed. -ENOENT: none of that key; -EBUSY: a run uses it, or
 * it is being made. */
int image_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
