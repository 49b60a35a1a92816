/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_mkfs.h: whether a filesystem is what the options of its mkfs asked for, as its own tool
 * reads it from the superblock:
 *   btrfs        btrfs inspect-internal dump-super, btrfs filesystem df
 *   xfs          xfs_info
 *   ext2,3,4     dumpe2fs -h
 * Source: mkfs.btrfs(8), mkfs.xfs(8), mke2fs(8). */
#pragma once
#include <stdbool.h>
struct strv;

/* Append to `missing` what is not so: "-n 4096: nodesize is 16384". Options that leave nothing in
 * that text (a label, a stripe, another filesystem's) are appended to `unread`; both may be NULL.
 * What only a mounted filesystem says (btrfs filesystem df) is left unread where it is not
 * `mounted`. The guest wrote `found`: it may be anything. */
void fstests_mkfs_missing(const char *fstyp, const char *options, const char *found, bool mounted,
	struct strv *missing, struct strv *unread);
