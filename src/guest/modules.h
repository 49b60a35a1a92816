/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules.h: the kernel modules that the initramfs brings. */
#pragma once
struct err;

/* Load each path in `list`, one a line, in order; lines that begin with # do not count. One
 * that is there already (or built in) is fine; an absent list is an empty one. */
int modules_load(const char *list, struct err *e);
