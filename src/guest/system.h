/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system.h: a machine whose own init (systemd) runs, with the agent as a service of it. /init of
 * the initramfs makes root and mounts as always, says how the agent is to be started, and becomes
 * that init. docs/formats/guest.md tells the order. */
#pragma once
#include "guest/agent.h"
#include <stdbool.h>
#include <stdnoreturn.h>
struct err;

/* Become the root's init. -ENOENT: it has none. */
int system_start(struct err *e);
/* In the service: fills *ret. */
int system_open(struct agent_setup *ret, struct err *e);
/* Ask init for the end of the machine; this process ends now. */
noreturn void system_end(bool reboot_it);
