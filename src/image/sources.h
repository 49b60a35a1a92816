/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources.h: which repositories an image is made from: Debian's own among those that the
 * host's apt knows. Others (a vendor's, backports) stay out. Source: apt-get(8) indextargets,
 * sources.list(5). */
#pragma once
#include <stdbool.h>
struct err;
struct strv;

/* Append lines "deb [signed-by=FILE] URI SUITE COMPONENT..." for the release `codename` (its
 * updates and security, too), and to `options` lines of apt.conf(5) that the host needs to reach
 * them (proxies, Check-Valid-Until). -ENOENT: apt knows none, with what to do; on a host without
 * apt or without Debian's repositories nothing is appended (mmdebstrap knows a mirror). */
int sources_of_host(const char *codename, const char *arch, struct strv *lines,
	struct strv *options, struct err *e);

/* The first half, of what `apt-get indextargets` printed. Reads the .list and .sources files
 * that it names, for their signed-by and trusted. */
void sources_parse(const char *targets, const char *codename, const char *arch, struct strv *lines);
/* "[signed-by=FILE trusted=yes] " of entry `number` (from 1; of a .list: line number) in the
 * text of a sources file, or "". The caller's. A key that stands in the text itself is left out. */
char *sources_options(const char *text, bool deb822, unsigned number);
/* The lines of `apt-config dump` that matter for reaching a repository. */
void sources_settings(const char *dump, struct strv *options);
