/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kconfig.h: what the Kconfig files of a kernel tree say of an option, as far as it takes to tell
 * why one did not hold. Only definitions and what they depend on are read (depends on, if, menu,
 * choice, and visible prompts); $(...) that runs programs is not: it is said to be so.
 * Source: Documentation/kbuild/kconfig-language.rst, kconfig-macro-language.rst */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct err;
struct kconfig;

/* From SOURCE/Kconfig on. -EINVAL, -ENOENT ... with the file. */
int kconfig_read(const char *source, const char *srcarch, struct kconfig **ret, struct err *e);
/* One file's text, as `path` (for messages); what it sources is not read. For tests. */
struct kconfig *kconfig_parse(const char *path, const char *text);
void kconfig_free(struct kconfig *k);
static inline void kconfig_freep(struct kconfig **k)
{
	kconfig_free(*k);
}
#define auto_kconfig __attribute__((cleanup(kconfig_freep)))

bool kconfig_knows(const struct kconfig *k, const char *name);
/* ", for it depends on NET (fs/x/Kconfig:3), which is n", or what else can be said, or ""; the
 * caller's. `config` is the text of the .config. */
char *kconfig_why(const struct kconfig *k, const char *name, const char *config);
