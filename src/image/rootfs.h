/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rootfs.h: a root folder becomes a filesystem image, without a mount. As an ordinary user the
 * folder belongs to his subordinate users (subuid(5)), and all happens in a user namespace in
 * which he is root. */
#pragma once
#include <stdint.h>
struct err;
struct strv;

/* Whether the program that makes `fstype` is there. -ENOENT with the command that installs it;
 * -EINVAL: no such kind. */
int rootfs_check(const char *fstype, struct err *e);
/* `moment_s`: NULL, or the Unix time of all that is in it: then the same files give the same bytes
 * (of erofs; mke2fs takes times from the host that cannot be set). */
int rootfs_make(const char *root, const char *fstype, const int64_t *moment_s, const char *to,
	struct err *e);
/* As file_remove_tree, also of files of the subordinate users. */
int rootfs_remove(const char *path, struct err *e);

/* Append the words to run a program with as root of a user namespace; root needs none. */
void rootfs_as_root(struct strv *argv);
/* Whether `program` can be started (it is, with `arg` or none). -ENOENT with the command that
 * installs it from `package`. */
int rootfs_program_check(const char *program, const char *arg, const char *package, struct err *e);
/* Whether they can work. -ENOENT: newuidmap is missing, with the command that installs it. */
int rootfs_as_root_check(struct err *e);
