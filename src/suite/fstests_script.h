/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_script.h: what a test of fstests says of itself, read from its script without running it:
 *   _begin_fstest auto quick rw
 *   _fixed_by_kernel_commit a4859d75944a \
 *           "btrfs: a subject"
 *   [ "$FSTYP" = "xfs" ] && _fixed_by_git_commit xfsprogs 10a01bcd "xfs_db: a subject"
 *   _fixed_in_kernel_version "v4.14"
 * A hint under `if` or `case` on FSTYP counts for that filesystem; any other condition is not
 * understood, and the hint counts. Source: common/preamble, common/rc, tools/mkgroupfile. */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>

#define FSTESTS_HINTS_MAX  64  /* of one test; more are dropped */
#define FSTESTS_GROUPS_MAX 256 /* of one test; more are dropped */

enum fstests_hint_kind {
	FSTESTS_FIXED_BY_COMMIT,  /* _fixed_by_kernel_commit, _fixed_by_git_commit */
	FSTESTS_FIXED_IN_VERSION, /* _fixed_in_kernel_version, _fixed_in_version */
	FSTESTS_WANTS_COMMIT,     /* _wants_kernel_commit, _wants_git_commit: no regression test */
};

struct fstests_hint {
	enum fstests_hint_kind kind;
	char *package; /* "kernel", "xfsprogs" */
	char *commit;  /* 7 to 40 lower hex digits; NULL: not known yet ("xxxxxxxxxxxx") */
	char *version; /* "v4.14", of FIXED_IN_VERSION; else NULL */
	char *subject; /* "" where there is none */
	char *fstyp;   /* "btrfs", "ext[0-9]+", "!xfs": only there; NULL: everywhere */
};

/* Zero to begin; fstests_script_clear. */
struct fstests_script {
	bool has_groups; /* it calls _begin_fstest */
	struct strv groups;
	struct fstests_hint *hints;
	size_t n_hints;
};

/* Read `n` bytes of a script, whatever they are. */
void fstests_script_parse(const char *text, size_t n, struct fstests_script *ret);
void fstests_script_clear(struct fstests_script *s);
/* Whether the hint counts when tests run with that FSTYP. */
bool fstests_hint_applies(const struct fstests_hint *h, const char *fstyp);
const char *fstests_hint_kind_name(enum fstests_hint_kind kind); /* "fixed-by-commit" */
