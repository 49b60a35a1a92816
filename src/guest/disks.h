/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disks.h: disks by the serial number that the host gave them, before udev knows any. */
#pragma once
#include <stdint.h>
struct err;
struct params;

#define DISKS_NODE 40

/* "/dev/vdX" of the disk with this serial; waits for it until `until_us` (clock_mono_us).
 * -ENODEV: there is none by then. */
int disks_find(const char *serial, uint64_t until_us, char node[DISKS_NODE], struct err *e);
/* "erofs", "ext4" or "squashfs" by the superblock; NULL: none of them. */
const char *disks_fstype(const char *node);
/* Make /dev/NAME links at once, as far as their disks are there, and the udev rule that keeps
 * and makes them from now on. */
void disks_link(const struct params *p);
