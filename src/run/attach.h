/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.h: the user's side of attaching to a machine that is up (run/protocol.h), by the work
 * folder of its run. */
#pragma once
#include <stdbool.h>
struct err;

/* Run `argv` as root in it, with our standard streams; `tty`: they are a terminal, and so are the
 * command's. Its exit code in *ret_code, 128 and the signal's number where one ended it.
 * -ENOENT, -ECONNREFUSED: no machine is there; -EIO: it did not start, or the machine ended. */
int attach_command(
	const char *work_dir, const char *const *argv, bool tty, int *ret_code, struct err *e);
/* Have it serve a debugger at the unix socket RUN_GDB in work_dir, as long as the descriptor that
 * is returned (or -errno) is open. */
int attach_gdb(const char *work_dir, struct err *e);
