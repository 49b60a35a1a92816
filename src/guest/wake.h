/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wake.h: a clone becomes a machine of its own, before anything runs in it. */
#pragma once
struct agent_wake;

/* Random numbers, clock, host name, machine-id and boot_id. What cannot be set is said on the
 * console: the clone runs, but shares that with others. Allocates nothing; files are a child's. */
void wake_apply(const struct agent_wake *w);
