/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: files under names that a guest gave, beneath one folder; for the store's own files. */
#pragma once
#include <stdbool.h>
struct err;

/* Whether every component of `path` may be one: no "..", no empty one, none too long. */
bool tree_path_is_safe(const char *path);
/* Make a new file beneath dirfd, with the folders above it; a descriptor, or -errno: -EEXIST,
 * -ENOTDIR where its name is taken. No link leads out. */
int tree_make_file(int dirfd, const char *path, struct err *e);
