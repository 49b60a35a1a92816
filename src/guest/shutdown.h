/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shutdown.h: the end of the machine. Every step is bounded, so that a filesystem that hangs
 * cannot keep it up. */
#pragma once
#include <stdbool.h>
#include <stdnoreturn.h>

/* TERM to all, a short grace, KILL, sync in a child that is waited for 10 s, then reboot(2). */
noreturn void shutdown_machine(bool reboot_it);
/* A mounted filesystem (its folder's descriptor, borrowed for good) to make read-only at the
 * end, so that its journal is empty for who reads the disk afterwards. At most 2. */
void shutdown_add_mount(int fd);
