/* SPDX-License-Identifier: GPL-2.0-or-later */
/* room.h: what a virtual machine takes of its host: memory, disk space, files. */
#pragma once
#include <stdint.h>
struct err;
struct strv;
struct target_spec;

/* Sparse disks take what the guest writes, which nobody knows before; with less than this free,
 * there is clearly no room. */
#define ROOM_MIN_BYTES (256u << 20)

/* -EINVAL: vm.memory is more than the host has available. -ENOSPC: work_dir's filesystem is full.
 * -ENOTDIR, -ENOENT ...: work_dir is no folder. */
int room_check(const struct target_spec *spec, struct err *e);
/* Make the sparse files of the state disk and of spec's disks. -EEXIST: one is there already;
 * -EFBIG: larger than work_dir's filesystem takes. What was made stays. */
int room_make_disks(const struct target_spec *spec, struct err *e);
/* The command that makes the state disk's filesystem. */
void room_mkfs_command(const struct target_spec *spec, struct strv *ret);
