/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_priv.h: a tree from inside, and what its scripts share; for suite/fstests*.c only. */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>
struct fstests_test;

struct fstests_tree {
	char *dir;
	struct fstests_test *tests; /* by name */
	size_t n_tests;
	struct strv dirs;       /* below tests/ */
	struct strv src_groups; /* those that count for every FSTYP */
};

/* "001", "001-name": check's VALID_TEST_NAME. */
bool fstests_test_name_is_valid(const char *s);

/* Shell: $force is how mkfs.$fstyp is told to go over what there is. */
#define FSTESTS_MKFS_FORCE "force=-f\ncase $fstyp in ext*) force=-F ;; esac\n"
