/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h: QEMU's command line and the guest kernel's, made from a target_spec.
 *
 * The kernel's, beside its own words and target_spec's `append`, has these for fsqa-guest:
 *   fsqa.root=SERIAL:FSTYPE   the root image's disk (of 9p: the folder's tag), mounted read-only
 *   fsqa.state=SERIAL         ext4, the writable layer above it
 *   fsqa.modules=SERIAL       disk whose root is /lib/modules/<release>; absent: none
 *   fsqa.load=PATH,PATH       modules on that disk to be loaded first; absent: none
 *   fsqa.hostname=NAME
 *   fsqa.shares=TAG:9p=NAME,SERIAL:erofs=NAME   on /mnt/NAME, read-only; absent: none
 *   fsqa.links=SERIAL=NAME,SERIAL=NAME   /dev/NAME for each such disk; absent: none */
#pragma once
#include <stddef.h>
#include <stdint.h>
struct err;
struct machine;
struct strv;
struct target_spec;

#define COMMAND_FD_QMP     3
#define COMMAND_FD_CONSOLE 4
#define COMMAND_FD_AGENT   5

#define COMMAND_STATE_SERIAL "fsqa-state"
#define COMMAND_NODE_PREFIX  "disk-" /* before the serial: QEMU's name of a disk */

/* The file of the writable disk `serial` in spec's work_dir; the caller's. */
char *command_disk_path(const struct target_spec *spec, const char *serial);
/* QEMU's argv, to be started with the descriptors above, stopped until QMP's "cont".
 * -EINVAL: a member of the spec is not valid (the message says which setting), -E2BIG: more
 * disks or a longer kernel command line than the machine takes. */
int command_make(
	const struct machine *m, const struct target_spec *spec, struct strv *ret, struct err *e);
