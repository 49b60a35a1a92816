/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.h: what of ours runs now, by the locks that the living hold: runs, and the machines of
 * fsqa shell and fsqa exec. */
#pragma once
#include "cli/cli.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct live {
	char *id;      /* of the run; "vm-<pid>" of a shell's machine */
	char *command; /* what started it */
	char *now;     /* the test under way; "" where it has none or is no run */
	pid_t pid;     /* of fsqa; ends with its machine when it gets TERM */
	int64_t start_wall_us;
};

/* Oldest first; the rows are the caller's until live_free. Prints on failure, and gives CLI_INFRA;
 * else CLI_GOOD. */
int live_list(struct cli *cli, const char *state_dir, struct live **ret, size_t *ret_n);
void live_free(struct live *rows, size_t n);
