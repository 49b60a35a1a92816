/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place.h: where the program's own files lie: in the build and source tree when it runs from
 * there; else beside it, as installed (PREFIX/bin, PREFIX/libexec/fsqa, PREFIX/share/fsqa, also
 * below a DESTDIR); else where the build was told to install them. */
#pragma once
struct err;

/* A file or folder that comes with fsqa: "profiles", "web". The path is the caller's, and may
 * lead to nothing. */
char *place_data(const char *name);
/* A helper program: "fsqa-guest", "fsqa-worker". *ret_path is the caller's. -ENOENT. */
int place_program(const char *name, char **ret_path, struct err *e);
