/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe.h: how a root image is made: mmdebstrap installs Debian into a folder, which becomes a
 * filesystem without a mount. All that runs for it ends when we end: it is in a process
 * namespace of its own, as an ordinary user in a user namespace, too. */
#pragma once
#include "image/image.h"
struct buf;
struct err;
struct strv;

/* Another number makes all images anew. */
#define RECIPE 1

/* All borrowed. */
struct recipe {
	const char *suite;           /* "bookworm" */
	const char *arch;            /* Debian's name: "amd64" */
	const char *host_arch;       /* whose lists the host's apt has */
	const char *snapshot;        /* "20260101T000000Z", or NULL */
	int64_t moment_s;            /* the same in Unix seconds */
	const char *const *sources;  /* URLs, with % for it; empty or NULL: the host's */
	const char *fstype;          /* "erofs" or "ext4" */
	const struct strv *packages; /* sorted, no name twice */
	const char *cache;           /* a folder of downloaded packages, used and filled; or NULL */
	const char *hook;            /* a script of the last step, with the root as $1; or NULL */
	const char *dir;             /* a folder that exists, to make all in */
	const char *log;             /* what mmdebstrap said is kept here */
	int lock;                    /* inherited by all that is started */
	image_progress *progress;
	void *ctx;
};

/* Add the recipe's own packages to `packages`, sort them and drop doubles. -EINVAL: a word
 * that is no package name. */
int recipe_packages(const char *const *asked, bool init, struct strv *packages, struct err *e);
/* Make DIR/root.<fstype> and DIR/packages.txt ("NAME VERSION ARCH" a line); *ret_n of them.
 * -ENOENT: a program is missing, with the command that installs it, or there is no such
 * package; -ENOSPC; -EIO with what mmdebstrap said first. */
int recipe_make(const struct recipe *r, unsigned *ret_n, struct err *e);

/* The installed packages of a dpkg status file as lines of packages.txt, appended. */
unsigned recipe_list_packages(const char *status, struct buf *out);
/* What to tell people of one line of mmdebstrap's; NULL: nothing. */
const char *recipe_progress_line(const char *line);
