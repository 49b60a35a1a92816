/* SPDX-License-Identifier: GPL-2.0-or-later */
/* warnings.h: what compilers warn of in all that lies in a slot, though a build makes few objects
 * only; and which of it is new since the kernel that was built there before. Inside kernel/ only.
 *   STATE/builds/<hash>-<n>/warnings.json
 *     {"objects": {"fs/btrfs/inode.o": ["fs/btrfs/inode.c:12:3: warning: unused ..."]},
 *      "of": "v6.1-3-g0123456", "were": what that kernel had, without line and column} */
#pragma once
#include <jansson.h>
#include <stdbool.h>
struct err;
struct slot;

/* Take in make_log's `made`. `fresh`: it is of a build from nothing. `built` names the kernel that
 * make made whole, NULL: it did not; then `manifest` gets "warnings", how many the kernel has, and
 * "new_warnings" since "warnings_before", unless there was none before. */
int warnings_note(const struct slot *s, const json_t *made, bool fresh, const char *built,
	json_t *manifest, struct err *e);
