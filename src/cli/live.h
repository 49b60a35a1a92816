/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.h: what of ours runs now, by the locks that the living hold: runs, machines that fsqa run
 * --keep left, and those of fsqa shell and fsqa exec. */
#pragma once
#include "cli/cli.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct live {
	char *id; /* of the run, with "/<n>" where it has several batches; "vm-<pid>" of a shell's
		   * machine */
	char *command; /* what started it */
	char *now;     /* the test under way; "" where it has none or is no run */
	char *work_dir;
	pid_t pid; /* of fsqa, or of a kept machine's worker; ends with the machine at TERM */
	int64_t start_wall_us;
	bool kept;             /* its run is over; `now` is the test that failed */
	int64_t until_wall_us; /* of one that is kept: when it ends by itself; 0: it is in use */
};

/* Oldest first; the rows are the caller's until live_free. Prints on failure, and gives CLI_INFRA;
 * else CLI_GOOD. */
int live_list(struct cli *cli, const char *state_dir, struct live **ret, size_t *ret_n);
void live_free(struct live *rows, size_t n);
/* Whether `id` names it: its own, or its run's. */
bool live_is(const struct live *l, const char *id);
/* RUN_MACHINE of run/protocol.h: its QEMU's command line and kernel. New reference, or NULL: no
 * machine of it was started yet. */
json_t *live_machine(const struct live *l);
/* The one of this id, or with an unambiguous beginning of it, or the "latest", in our state folder
 * (the caller's, also where it fails): *ret is an array of one. Prints, and gives CLI_USAGE, where
 * there is none; CLI_INFRA as above. */
int live_find(struct cli *cli, const char *id, char **ret_state_dir, struct live **ret);
