/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files.h: the host's own files that go into a root image, each "SRC:DEST" (image.h). */
#pragma once
#include <jansson.h>
struct err;
struct hash;

/* Add names, modes and content to `h`, and {"to", "sha256"} of each to `list`. Order counts: of
 * one place the last wins. -EINVAL: no such form, or neither a file, a folder nor a link,
 * or it cannot be read. */
int files_hash(const char *const *files, struct hash *h, json_t *list, struct err *e);
/* The script for mmdebstrap's --customize-hook that puts them there; the caller's. All is written
 * from inside the new root, so that no link of it leads out. */
char *files_hook(const char *const *files);
