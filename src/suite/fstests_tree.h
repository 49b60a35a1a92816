/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_tree.h: a tree of fstests on the host, its tests, and which of them a choice means, as
 * the tree's own `check` would choose:
 *   TREE/check               SRC_GROUPS: the folders that count for every filesystem
 *   TREE/tests/DIR/NNN       a test (NNN, NNN-name), its golden output NNN.out
 *   TREE/tests/DIR/group.list   built by make: "NNN GROUP..."; or, in old trees, the file `group`;
 *                               else each test's _begin_fstest line
 * Nothing of the tree is run. Source: check, common/test_names, tools/mkgroupfile. */
#pragma once
#include "suite/fstests_script.h"
#include <stdbool.h>
#include <stddef.h>
struct err;
struct fstests_tree;

/* "generic/12345-name" and NUL; longer names are no tests. */
#define FSTESTS_NAME_MAX 128

struct fstests_test {
	char *name; /* "generic/001" */
	struct strv groups;
	struct fstests_hint *hints;
	size_t n_hints;
};

/* Whether check can run in the tree as it lies there: it was built, or is nothing to build. */
bool fstests_tree_is_built(const char *dir);
/* Read the tree at `dir`. -ENOENT: no fstests there, with what is missing. */
int fstests_tree_open(const char *dir, struct fstests_tree **ret, struct err *e);
void fstests_tree_free(struct fstests_tree *t);
static inline void fstests_tree_freep(struct fstests_tree **t)
{
	fstests_tree_free(*t);
}
#define auto_fstests_tree __attribute__((cleanup(fstests_tree_freep)))

/* All tests, in byte order of their names; borrowed. */
const struct fstests_test *fstests_tree_tests(const struct fstests_tree *t, size_t *ret_n);
/* By name ("generic/001", also for generic/001-some-name); NULL: none. Borrowed. */
const struct fstests_test *fstests_tree_find(const struct fstests_tree *t, const char *name);
/* The golden output's path on the host; the caller's. */
char *fstests_tree_golden(const struct fstests_tree *t, const char *name);
/* The commit that is checked out, 40 digits, with "-dirty" behind it where tracked files were
 * changed; the caller's. -ENOENT: the folder is not the top of a git work tree. */
int fstests_tree_revision(const char *dir, char **ret, struct err *e);
/* " (did you mean generic/001?)" or ""; the caller's. */
char *fstests_tree_hint(const struct fstests_tree *t, const char *name);
/* Whether `name` has the shape DIR/NNN or DIR/NNN-name, and so may be part of a path. */
bool fstests_name_is_valid(const char *name);

/* A choice, in check's terms; all borrowed, each list NULL-terminated or NULL. Without groups and
 * tests it is -g auto. */
struct fstests_choice {
	const char *fstyp;
	const char *const *groups;        /* -g: each "a", "a,b", "xfs/quick", "all" */
	const char *const *not_groups;    /* -x */
	const char *const *tests;         /* "generic/001", "xfs/00?", "generic/0[0-4]?" */
	const char *const *excludes;      /* -e: each a list with commas or blanks */
	const char *const *exclude_files; /* -E: paths on the host */
	const char *exclude_name;         /* -X: a file of this name in the tests' folders */
	bool exact_order;                 /* as given, not sorted */
};

struct fstests_pick {
	const struct fstests_test *test; /* of the tree, borrowed */
	bool expunged;                   /* check lists it and does not run it (-e, -E, -X) */
};

/* Zero to begin; fstests_picks_clear. */
struct fstests_picks {
	struct fstests_pick *v;
	size_t n;
};

/* In the order in which check runs them, none twice. Where check ignores a name that it does not
 * know, or passes a group over in silence, this is -ENOENT with the nearest name: a group of -g
 * without a test for that FSTYP, a group of -x that no folder knows, a test, a file of -E. (An
 * excluded test need not exist: lists are shared between trees.) */
int fstests_tree_choose(const struct fstests_tree *t, const struct fstests_choice *c,
	struct fstests_picks *ret, struct err *e);
void fstests_picks_clear(struct fstests_picks *p);
#define auto_fstests_picks __attribute__((cleanup(fstests_picks_clear)))
