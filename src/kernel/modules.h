/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules.h: which files of a /lib/modules/<release> a module needs, in load order. Read from
 * what depmod wrote there:
 *   modules.dep       "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko"
 *   modules.softdep   "softdep libcrc32c pre: crc32c"
 *   modules.alias     "alias crc32c crc32c_intel"
 *   modules.builtin   "kernel/fs/ext4/ext4.ko"
 * Source: depmod(8), modprobe.d(5), kmod's libkmod. '-' and '_' in a name are the same. */
#pragma once
#include <stddef.h>
struct err;
struct strv;
struct modules;

/* The texts of the four files; all but `dep` may be NULL. Copied. -EINVAL with the line. */
int modules_parse(const char *dep, const char *softdep, const char *alias, const char *builtin,
	struct modules **ret, struct err *e);
/* From a folder. -ENOENT: no modules.dep in it. */
int modules_load(const char *dir, struct modules **ret, struct err *e);
void modules_free(struct modules *m);
static inline void modules_freep(struct modules **m)
{
	modules_free(*m);
}
#define auto_modules __attribute__((cleanup(modules_freep)))

/* Append to `files` the paths (relative to the folder) to load for module `name`, what it
 * needs before itself, leaving out those given before by this `m`. 0: appended or built in.
 * -ENOENT: neither a module nor built in; -EINVAL: it needs one that is not in modules.dep;
 * -ELOOP: it needs itself. */
int modules_need(struct modules *m, const char *name, struct strv *files, struct err *e);

/* "virtio-rng" for "kernel/drivers/.../virtio-rng.ko.xz" as virtio_rng; -1 where it is no
 * module file, or the name does not fit. */
#define MODULE_NAME_SIZE 64
int module_name(const char *path, size_t n, char ret[MODULE_NAME_SIZE]);
