/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools.h: what running other people's programs has in common. */
#pragma once
#include <stdbool.h>
struct err;
struct strv;

/* Our environment without the variables `drop` (NULL-terminated), but with those of `keep`
 * nevertheless (may be NULL); "X*" stands for all that begin so. */
void tools_env(const char *const *drop, const char *const *keep, struct strv *env);
/* "git is not installed: sudo apt-get install git"; -ENOENT. */
int tools_missing(const char *program, const char *package, struct err *e);
/* Whether PATH has it. */
bool tools_have(const char *program);
