/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wake.h: a clone becomes a machine of its own, before anything runs in it. */
#pragma once
struct agent_wake;

/* Before the machine is saved: make all ready that need not wait for a clone, for each clone would
 * do it again, in code that its QEMU has not translated yet. What goes wrong is said on the
 * console. */
void wake_prepare(void);
/* Random numbers, clock, host name, machine-id and boot_id. What cannot be set is said on the
 * console: the clone runs, but shares that with others. Allocates nothing, and writes to memory
 * only. */
void wake_apply(const struct agent_wake *w);
