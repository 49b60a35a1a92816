/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm_command.h: one command on this terminal in a fresh machine: fsqa shell and fsqa exec. */
#pragma once
#include <stdbool.h>
struct cli;
struct profile;

/* Run `argv` (NULL: a login shell) as root in the machine that `profile` asks for, or in a clone of
 * it, with our standard streams; the machine and its disks are gone afterwards. Returns the exit
 * code: the command's, or fsqa's own. */
int vm_command(struct cli *cli, const struct profile *profile, const char *state_dir,
	const char *const *argv, bool clone);
