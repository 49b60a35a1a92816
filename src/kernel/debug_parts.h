/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debug_parts.h: what debuggers want beside an entry's vmlinux, where the kernel was built with it.
 * Inside kernel/ only.
 *   vmlinux-gdb.py, scripts/gdb/linux/NAME.py   CONFIG_GDB_SCRIPTS: the lx- commands
 *   modules.order, fs/btrfs/btrfs.ko ...        CONFIG_DEBUG_INFO: modules with their lines */
#pragma once
struct err;

/* Copy them from OBJECTS, a build's, to the folder `to`. What was not built is passed over. */
int debug_parts(const char *objects, const char *to, struct err *e);
