/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debian.h: kernels out of Debian's packages, through the host's own apt: asked, downloaded,
 * unpacked beneath a folder of ours, never installed. `apt-get update` is never run. */
#pragma once
struct err;

struct debian_package {
	char *name;    /* "linux-image-6.1.0-49-cloud-amd64" */
	char *version; /* "6.1.192-2" */
};
void debian_package_clear(struct debian_package *p);
#define auto_debian_package __attribute__((cleanup(debian_package_clear)))

/* The package that follows the newest kernel for small virtual machines. */
const char *debian_newest(void);
/* What the host's apt would install for `name`; one that only depends on the kernel of the
 * day (linux-image-amd64) yields that kernel. -ENOENT: apt knows none, or there is no apt,
 * with what to do. */
int debian_find(const char *name, struct debian_package *ret, struct err *e);
/* Download into the folder `dir` and unpack into dir/root (made). */
int debian_fetch(const struct debian_package *p, const char *dir, struct err *e);

/* For debian_find: read `apt-cache show --no-all-versions` of `name`. -ENOENT: not in it;
 * -EINVAL: a name or version in it that cannot be one. */
int debian_parse_show(
	const char *text, const char *name, struct debian_package *ret, struct err *e);
