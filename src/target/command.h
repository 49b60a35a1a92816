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
 *   fsqa.links=SERIAL=NAME,SERIAL=NAME   /dev/NAME for each such disk; absent: none
 *   fsqa.rotational=SERIAL=0,SERIAL=1   disks that turn otherwise than their driver says */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct machine;
struct strv;
struct target_disk;
struct target_spec;

#define COMMAND_FD_QMP     3
#define COMMAND_FD_CONSOLE 4
#define COMMAND_FD_AGENT   5

#define COMMAND_STATE_SERIAL "fsqa-state"
/* Before the serial: QEMU's names of a disk, */
#define COMMAND_NODE_PREFIX "disk-"
#define COMMAND_DEVICE_PREFIX                                                                      \
	"dev-" /* of the device, if it has zones or faults may be injected                         \
		*/

/* The file of the writable disk `serial` in spec's work_dir; the caller's. */
char *command_disk_path(const struct target_spec *spec, const char *serial);
/* A scratch disk as blockdev-add and device_add take it; new references. The first is NULL where
 * its path is not UTF-8. With `faults` its device stands in a port of its own; not for one with
 * zones. */
json_t *command_disk_node(const struct target_spec *spec, const struct target_disk *d);
json_t *command_disk_device(const struct target_disk *d, bool faults);
/* QEMU's argv, to be started with the descriptors above, stopped until QMP's "cont".
 * -EINVAL: a member of the spec is not valid (the message says which setting), -E2BIG: more
 * disks or a longer kernel command line than the machine takes. */
int command_make(
	const struct machine *m, const struct target_spec *spec, struct strv *ret, struct err *e);
