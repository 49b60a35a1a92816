/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_needs.h: what tests of fstests want of the target beyond the filesystem: programs, users,
 * kernel options. Read from the lines of their scripts, which are not run:
 *   _require_command "$DBENCH_PROG" dbench      _require_fio      _require_dm_target flakey
 * A test that lacks one is "not run" by its own word; what check itself refuses to begin without
 * (common/config: _fatal) is `hard`. Source: common/config, common/rc, and the other files of
 * common/. */
#pragma once
#include "suite/fstests_tree.h"
#include <stdbool.h>
#include <stddef.h>

enum fstests_need_kind {
	FSTESTS_PROGRAM,
	FSTESTS_USER,
	FSTESTS_CONFIG, /* of the kernel */
};

struct fstests_need {
	enum fstests_need_kind kind;
	char *name;          /* "fio", "fsgqa", "CONFIG_DM_FLAKEY" */
	const char *package; /* Debian's, that has the program; NULL: not known; static */
	bool hard;
	unsigned tests;               /* that want it, of those that were chosen; of a hard one 0 */
	char first[FSTESTS_NAME_MAX]; /* of these */
};

/* Zero to begin; fstests_needs_clear. */
struct fstests_needs {
	struct fstests_need *v;
	size_t n;
};

/* Add what the script of the test `name` wants: `n` bytes, whatever they are. */
void fstests_needs_of_script(
	const char *name, const char *text, size_t n, struct fstests_needs *ret);
/* Add what check itself wants with that FSTYP, and what the picked tests do. A script that cannot
 * be read is an error. */
int fstests_needs_of(const struct fstests_tree *t, const char *fstyp,
	const struct fstests_picks *picks, struct fstests_needs *ret, struct err *e);
void fstests_needs_clear(struct fstests_needs *needs);
#define auto_fstests_needs __attribute__((cleanup(fstests_needs_clear)))
