/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.h: from the kernel's first process to the agent: modules, root, overlay, mounts. The
 * order is told in docs/formats/guest.md. */
#pragma once
#include "guest/agent.h"
struct err;

/* Fills *ret; or does not return, for the root's own init took over (system.h). On an error nothing
 * can go on: say it and power off. */
int boot(struct agent_setup *ret, struct err *e);
/* What the agent reads and writes, once its machine is up: fills all of *ret but the role. */
int boot_open(struct agent_setup *ret, struct err *e);
