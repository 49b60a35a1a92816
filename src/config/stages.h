/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stages.h: the stages of a profile, from its scripts, timeout.json and [stage "X"] sections;
 * and the files that a target gets. Inside config/ only. */
#pragma once
#include "config/profile.h"

/* Fill p->stages and p->warnings; p->dir and p->config are there. `scripts` and `config_dir`
 * are absolute; the latter need not exist. On failure what was filled is profile_free's. */
int stages_load(struct profile *p, const char *scripts, const char *config_dir, struct err *e);
/* The regular files of `config_dir` that may leave this machine: no hidden ones, none that
 * holds a secret or speaks of the cloud (aws_auth.json, github.json, ec2.json, netrc, keys),
 * added to p->files, where one takes the place of another of its name.
 * -ENOENT, -EACCES ... */
int stages_files(struct profile *p, const char *config_dir, struct err *e);
/* The minutes of BTRFSQA's timeout.json, as text `n` long of the file `path` (for messages).
 * Calls `each` for every member; a negative return of it ends the walk, and is returned. */
int timeouts_parse(const char *path, const char *text, size_t n,
	int (*each)(
		void *ctx, const char *stage, uint64_t timeout_us, unsigned line, struct err *e),
	void *ctx, struct err *e);
