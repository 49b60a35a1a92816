/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.h: sources (of a kernel, of a suite) as trees of git. Whatever a source is, it becomes a
 * tree object in a bare repository of ours, whose id is the hash of its content: so there is one
 * way to name, patch and check out all of them. Nothing is ever written to a
 * local repository.
 *   STATE/sources/<hash>.git     of a URL: what was fetched, shallow where the server allows; of a
 *                                local repository: only what is not committed, the rest by
 *                                objects/info/alternates; of a folder without git: its content
 *   STATE/sources/archives.git   refs/archives/<sha256>: what tar and zip files held */
#pragma once
#include "base/strv.h"
#include "kernel/kernel.h"
#include <stdbool.h>
#include <stdint.h>
struct err;

struct source {
	char *mirror; /* the bare repository */
	int use;    /* held as long as we live: MIRROR.lock, shared; who removes it has it alone */
	char *tree; /* id of the tree, patches and all */
	char *commit;        /* that it comes from; NULL: none */
	char *describe;      /* "v6.1-3-g0123456789ab", "linux-6.1.tar.xz" */
	char *origin;        /* where it was taken from, as asked */
	int64_t date_s;      /* the commit's; 0: none */
	bool dirty;          /* a tree with changes that are in no commit */
	struct strv patches; /* on top: "NAME SHA256" each */
};

/* What a tree has to be; all borrowed. */
struct source_kind {
	const char *name;         /* "kernel" */
	const char *const *files; /* that it has at its top, NULL-terminated */
	/* Of a folder without git, which says nothing itself: lines of gitignore(5), what a build
	 * in it leaves; or NULL. */
	const char *built;
};
extern const struct source_kind source_kernel;

/* Whether this names a source: a URL of git, a folder (or FOLDER#REF), a tar or zip file. */
bool source_is(const char *spec);
/* Take what `spec` names. URL#REF: a branch, tag or commit; without, the default branch.
 * FOLDER#REF: of its repository, whatever is checked out; FOLDER: as it lies there, with what is
 * not committed. -ENOENT: no such source, or it has no such branch; -EINVAL: no tree of that
 * kind; -EIO: what could not be reached or read. */
int source_get(const char *state_dir, const char *spec, const struct source_kind *kind,
	kernel_progress *progress, void *ctx, struct source **ret, struct err *e);
/* Put patches on top, in order: a mbox file, one patch, a folder of patches (in order of name, or
 * of its `series`), a message-id for the b4 program. -EINVAL: one does not apply, with its name. */
int source_patch(const char *state_dir, struct source *s, const char *const *patches,
	kernel_progress *progress, void *ctx, struct err *e);
/* One line for people; the caller's. */
char *source_text(const struct source *s);
/* Make the folder `work` hold the tree, touching only what differs; `index` is the file that
 * remembers what it holds. `from`: the tree that it is known to hold, which spares looking at what
 * is the same in both; NULL: whatever it holds. */
int source_checkout(const struct source *s, const char *from, const char *work, const char *index,
	struct err *e);
void source_free(struct source *s);
static inline void source_freep(struct source **s)
{
	source_free(*s);
}
#define auto_source __attribute__((cleanup(source_freep)))

/* An archive of either kind into `mirror`; *ret_tree is the caller's. -EINVAL: damaged, or a name
 * in it that cannot be. */
int source_archive(
	const char *mirror, const char *path, const char *sha256, char **ret_tree, struct err *e);
