/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile.h: a folder that says what to test and how.
 *   fsqa.conf      settings (absent is fine where scripts/ is there)
 *   scripts/       NNN_name, executable: the stages, in byte order
 *   config/        BTRFSQA's own files, read as they are: timeout.json {"NNN_name": "minutes"},
 *                  local.config, bashrc, kernel.config ...: copied to ~/btrfsqe in the target,
 *                  but never what holds credentials or speaks of the cloud (aws_auth.json,
 *                  github.json, ec2.json, netrc, keys), nor a hidden file. A fork
 *                  has such folders also from what it includes, by profile.config; of files of
 *                  one name the last counts, and its own config/ is last of all
 * BTRFSQA's own checkout (setup/config, setup/scripts) is a profile by its setup/ folder. */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct config;
struct err;

struct profile_stage {
	char *name; /* "002_btrfsprogs" */
	char *path; /* of the script, absolute */
	uint64_t timeout_us;
	struct strv requires; /* stage names that must PASS first */
	struct strv logs;     /* further paths in the target to collect, beside /tmp/logs */
};

struct profile {
	char *name; /* "btrfs/demo", or the folder's name */
	char *dir;  /* absolute */
	struct config *config;
	struct profile_stage *stages;
	size_t n_stages;
	struct strv files;    /* absolute paths of config/ files for ~/btrfsqe */
	struct strv warnings; /* e.g. a stage that has the default timeout, which nobody set */
};

/* `name`: a path (has a slash and is a folder, or "." or ".."), or the name of a profile in
 * ./profiles, the source tree (when run from the build) or the data folder; FSQA_PROFILES, a
 * list of folders with ':' between, replaces these. NULL: "btrfs/demo".
 * Every stage's script is checked: present, a file, executable, has a timeout within range.
 * timeout.json gives way to [stage "X"] timeout. A [stage "X"] without script is an error where
 * the profile's own fsqa.conf has it, and ignored where an included file does.
 * -ENOENT (with the nearest known name), -EINVAL, -ERANGE, -EACCES (with the command that mends
 * it); the message starts with the file. */
int profile_load(
	const char *name, const char *const *overrides, struct profile **ret, struct err *e);
/* The names of all profiles that can be found by name, sorted, added to *ret. */
void profile_names(struct strv *ret);
/* Keep only the stages wanted. `only` (NULL or empty: all) are names or their NNN; `from`
 * (may be NULL): that one and what follows. What a stage kept requires of one dropped is
 * forgotten, with a warning. Unknown: -EINVAL with the nearest name, nothing changed. */
int profile_select(struct profile *p, const char *const *only, const char *from, struct err *e);
/* Keep none: of this profile only what lists its tests itself is run. */
void profile_select_none(struct profile *p);
/* NULL: none of that name. */
const struct profile_stage *profile_stage(const struct profile *p, const char *name);
void profile_free(struct profile *p);
