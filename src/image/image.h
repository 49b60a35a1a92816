/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h: root images, built once: mmdebstrap from the mirrors that the host's own apt uses,
 * then a filesystem without a mount. The store is STATE/images/<key>/ (base/depot.h):
 *   manifest.json   suite, arch, fstype, packages asked, size and sha256 of each file
 *   root.erofs      or root.ext4
 *   packages.txt    what is installed: "NAME VERSION ARCH" a line
 * The key is the hash of suite, architecture, filesystem, packages asked and this recipe's
 * version; the mirror's state of the day is not in it. STATE/images/<key>.log is what mmdebstrap
 * said when it failed. */
#pragma once
struct err;

struct image {
	char *key;
	char *path;   /* of the filesystem image */
	char *fstype; /* "erofs" or "ext4" */
	char *source; /* "Debian bookworm, 143 packages" */
};

typedef void image_progress(void *ctx, const char *text);

/* `packages`: NULL-terminated Debian package names, beside the recipe's own (udev, kmod ...);
 * may be NULL. As erofs. Takes half a minute the first time, then nothing. An ordinary user
 * needs subordinate users (subuid(5), newuidmap) for it.
 * -ENOENT: a program is missing, with the command that installs it, or there is no such package;
 * -ENOSPC: with folder and room needed; -EINVAL: no package name; -EIO: mmdebstrap's complaint. */
int image_resolve(const char *state_dir, const char *const *packages, image_progress *progress,
	void *ctx, struct image **ret, struct err *e);
/* As image_resolve with a filesystem of the caller's choice: a kernel may lack erofs. */
int image_resolve_as(const char *state_dir, const char *const *packages, const char *fstype,
	image_progress *progress, void *ctx, struct image **ret, struct err *e);
void image_free(struct image *i);

/* Debian's name of the host's architecture: "amd64". */
const char *image_arch(void);
