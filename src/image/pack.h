/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h: a root, as a folder or a tar file, becomes a filesystem image, without a mount. */
#pragma once
struct buf;
struct err;

/* Whether the program that makes `fstype` is there. -ENOENT with the command that installs it;
 * -EINVAL: no such kind. */
int pack_tools_check(const char *fstype, struct err *e);
/* erofs and ext4 are made from a folder, squashfs from a tar file. */
int pack_image_make(const char *root, const char *fstype, const char *to, struct err *e);
/* Append one file of the root ("var/lib/dpkg/status", at most 64 MiB). */
int pack_image_read(const char *root, const char *path, struct buf *out, struct err *e);
