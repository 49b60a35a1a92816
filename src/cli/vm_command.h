/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm_command.h: one command on this terminal in a fresh machine: fsqa shell and fsqa exec. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct buf;
struct cli;
struct err;
struct live;
struct proc_end;
struct profile;

/* Run `argv` (NULL: a login shell) as root in the machine that `profile` asks for, or in a clone of
 * it, with our standard streams; the machine and its disks are gone afterwards. Returns the exit
 * code: the command's, or fsqa's own. */
int vm_command(struct cli *cli, const struct profile *profile, const char *state_dir,
	const char *const *argv, bool clone);
/* The same in the machine of what fsqa ps calls `id`, which stays. */
int vm_attach(struct cli *cli, const char *id, const char *const *argv);

struct vm_ask {
	const char *const *argv;
	int in;          /* a descriptor, or PROC_NULL */
	struct buf *out; /* its output; NULL: dropped */
	size_t limit;    /* of that */
	uint64_t deadline_us;
};
/* The same by a process of its own, whose end is in *ret: so that a machine that hangs does not
 * hold us. Errors are proc_run's. */
int vm_ask(const struct live *l, const char *state_dir, const struct vm_ask *ask,
	struct proc_end *ret, struct err *e);
