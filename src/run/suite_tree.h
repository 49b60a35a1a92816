/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite_tree.h: the tree of fstests that a run tests with, from what fstests.tree names: a folder
 * that is built serves as it lies; any other, a commit of a repository or a URL is built in a guest
 * of the run's root image, once, and kept. Every guest gets it as a read-only image, TREE_PLACE
 * (docs/decisions/011-fstests-tree.md).
 *   STATE/sources/tree-<id>/src     what is to be built, checked out; tests are listed from it
 *   STATE/suites/<key>/             base/depot.h:
 *     tree.erofs (or .ext4)         built
 *     build.log                     all that was said
 *     manifest.json                 source, commit, tree, image, command, build_s
 * The key is the hash of the tree of git, the root image and how we build. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
struct build_teller;
struct config;
struct err;
struct image;
struct source;

#define SUITE_BUILD_TEST "build-fstests"
#define TREE_NAME        "fstests"
#define TREE_PLACE       "/mnt/" TREE_NAME /* in the guest */

typedef void tree_progress(void *ctx, const char *text);

struct suite_tree {
	char *dir;     /* on the host: its tests are listed from here */
	char *asked;   /* as fstests.tree has it */
	json_t *about; /* for the run's record: {"source", "commit"?, "key"?} */
	/* Of one that is to be built: */
	struct source *source; /* NULL: it is used as it lies */
	int lock;              /* on the checkout; -1 */
	char *key;
	int held; /* on the entry, -1 */
	/* What it is in a guest, once made: */
	struct image *folder; /* of one that is used as it lies */
	char *image, *fstype;
	/* What came of building it: */
	bool judged, stored;
	enum verdict verdict;
	uint64_t took_us;
	char *error, *excerpt;
	FILE *log;
};

/* What fstests.tree of `c` names, with tests that can be listed; *ret NULL: nothing. -ENOENT,
 * -EINVAL: it is none, and where it was asked; -EIO: what could not be reached, and what else to
 * name. */
int suite_tree_take(const char *state_dir, const struct config *c, tree_progress *progress,
	void *ctx, struct suite_tree **ret, struct err *e);
void suite_tree_free(struct suite_tree *t);
static inline void suite_tree_freep(struct suite_tree **t)
{
	suite_tree_free(*t);
}
#define auto_suite_tree __attribute__((cleanup(suite_tree_freep)))

/* A command in a guest of the run's image: `from` (a folder of the host's) is put to TREE_PLACE,
 * `script` (of sh, $1 is TREE_PLACE) run, its output written to `log`, TREE_PLACE fetched into the
 * empty folder `to`. */
struct tree_job {
	const char *from, *to, *script;
	FILE *log;
	uint64_t limit_us;
	void (*on_output)(void *ctx, const char *p, size_t n);
	void *ctx;
};
/* 0: it ran, with *ret_code. -ETIMEDOUT: it did not end in time; -ECANCELED: somebody stopped it;
 * else the guest is at fault. */
typedef int tree_guest(void *ctx, const struct tree_job *job, int *ret_code, struct err *e);

/* Who builds. */
struct tree_builder {
	const char *state_dir;
	const char *root;   /* what the root image is, for the key */
	const char *fstype; /* of the tree's image: "erofs", "ext4" */
	uint64_t limit_us;
	tree_guest *guest;
	void *guest_ctx;
	tree_progress *progress;
	void *ctx;
};

/* Have t->image, built if it is not there. -EBADMSG: the tree does not build, and why; -ETIMEDOUT:
 * it was given up; both are judged, see suite_tree_record. Else the host or the guest is at fault.
 */
int suite_tree_make(struct suite_tree *t, const struct tree_builder *b, struct err *e);
/* {path name fstype} of a job's shares; NULL: it is not built. */
json_t *suite_tree_share(const struct suite_tree *t);
/* Write the test SUITE_BUILD_TEST into the journal, and where the tree was not built the other
 * tests of `plan` as MISS. No-op for a tree that was not to be built. */
int suite_tree_record(const struct suite_tree *t, const json_t *plan, const struct build_teller *w,
	struct err *e);

/* ---- the store ---- */

/* As kernel_remove (kernel/kernel.h). */
int suite_tree_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
