/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debian.h: kernels out of Debian's packages, through the host's own apt: asked, downloaded,
 * unpacked beneath a folder of ours, never installed. For the host's architecture its lists are
 * read, and `apt-get update` is never run. For another one apt works in STATE/apt/ARCH, with the
 * host's repositories, keys and proxies: */
#pragma once
#include "base/strv.h"
#include "kernel/kernel.h"
struct err;

/* Zero but for what debian_apt_init sets. */
struct debian_apt {
	char *dir;           /* STATE/apt/ARCH; NULL: the host's own */
	struct strv options; /* for each program of apt's */
};
void debian_apt_init(struct debian_apt *a, const char *state_dir, const struct kernel_arch *arch);
void debian_apt_clear(struct debian_apt *a);
/* See to it that lists of our own are there, a day old at most; old ones serve where new ones
 * cannot be had, and `progress` is told. Nothing to do for the host's. -EIO: none to be had. */
int debian_apt_update(
	const struct debian_apt *a, kernel_progress *progress, void *ctx, struct err *e);

struct debian_package {
	char *name;    /* "linux-image-6.1.0-49-cloud-amd64" */
	char *version; /* "6.1.192-2" */
};
void debian_package_clear(struct debian_package *p);
#define auto_debian_package __attribute__((cleanup(debian_package_clear)))

/* What apt would install for `name`; one that only depends on the kernel of the
 * day (linux-image-amd64) yields that kernel. -ENOENT: apt knows none, or there is no apt,
 * with what to do. */
int debian_find(
	const struct debian_apt *a, const char *name, struct debian_package *ret, struct err *e);
/* Download into the folder `dir` and unpack into dir/root (made). */
int debian_fetch(
	const struct debian_apt *a, const struct debian_package *p, const char *dir, struct err *e);

/* For debian_find: read `apt-cache show --no-all-versions` of `name`. -ENOENT: not in it;
 * -EINVAL: a name or version in it that cannot be one. */
int debian_parse_show(
	const char *text, const char *name, struct debian_package *ret, struct err *e);
