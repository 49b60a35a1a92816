/* SPDX-License-Identifier: GPL-2.0-or-later */
/* git.h: the git program on a repository, index and work tree that are named, never guessed. */
#pragma once
struct buf;
struct err;

/* All borrowed; NULL: git's own choice. */
struct git {
	const char *dir;   /* the repository */
	const char *work;  /* the work tree */
	const char *index; /* the index file */
	const char *cwd;
};

/* Run `git WORDS...`; the last argument is NULL. Its standard output is appended to `out`, without
 * the newline at the end. It asks for no password, and collects no garbage. -ENOENT: no git, with
 * how to install it; -EIO: it failed, with its first "fatal:" or "error:" line where `out` is NULL,
 * else its last one. */
int git_run(const struct git *g, struct buf *out, struct err *e, ...) __attribute__((sentinel));
/* One line of output as a string, the caller's. */
int git_line(const struct git *g, char **ret, struct err *e, ...) __attribute__((sentinel));
