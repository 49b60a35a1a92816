/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h: root images, built once: mmdebstrap from the mirrors that the host's own apt uses,
 * then erofs or ext4 without a mount. STATE/images/<key>/{root.erofs,manifest.json}; the key is
 * the hash of suite, architecture, packages and this recipe's version. */
#pragma once
struct err;

struct image {
	char *key;
	char *path;   /* of the filesystem image */
	char *fstype; /* "erofs", "ext4" or "squashfs" */
	char *source; /* "Debian bookworm, 143 packages" */
};

typedef void image_progress(void *ctx, const char *text);

/* `packages`: NULL-terminated Debian package names, beside the recipe's own (udev, kmod ...).
 * -ENOENT with the command that mends it: mmdebstrap is not installed. */
int image_resolve(const char *state_dir, const char *const *packages, image_progress *progress,
	void *ctx, struct image **ret, struct err *e);
void image_free(struct image *i);
