/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/git.h"
#include "kernel/kernel.h"
#include <string.h>

#define ALTERNATES "/objects/info/alternates"
#define OBJECTS    "/objects\n"

/* The repository of its user that ours borrows objects from, or ours; the caller's. */
static char *theirs_of(const char *mirror)
{
	auto_free char *path = xasprintf("%s" ALTERNATES, mirror);
	auto_buf struct buf b = { 0 };
	size_t tail = strlen(OBJECTS);
	if (file_read(path, 65536, &b, NULL) == 0 && b.len > tail &&
		strcmp(b.s + b.len - tail, OBJECTS) == 0)
		return xstrndup(b.s, b.len - tail);
	return xstrdup(mirror);
}

/* One that is gone, or that git refuses, has no branches to keep anything for. */
static void each_of(const char *mirror,
	void (*each)(void *ctx, const char *name, const char *commit), void *ctx)
{
	auto_free char *dir = theirs_of(mirror);
	const struct git g = { .dir = dir };
	auto_buf struct buf out = { 0 };
	auto_strv struct strv lines = { 0 };
	if (git_run(&g, &out, NULL, "for-each-ref", "--format=%(objectname) %(refname)",
		    "refs/heads", "refs/remotes", "refs/fetched", NULL) < 0)
		return;
	strv_split(&lines, buf_str(&out), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *blank = strchr(lines.v[i], ' ');
		if (!blank)
			continue;
		*blank = '\0';
		each(ctx, blank + 1, lines.v[i]);
	}
}

void kernel_each_branch(const char *state_dir,
	void (*each)(void *ctx, const char *name, const char *commit), void *ctx)
{
	auto_strv struct strv names = { 0 };
	auto_free char *dir = path_join(state_dir, "sources");
	if (file_names(dir, &names, NULL) < 0)
		return; /* no sources yet */
	for (size_t i = 0; i < names.n; i++) {
		size_t n = strlen(names.v[i]);
		auto_free char *mirror = path_join(dir, names.v[i]);
		if (n > 4 && strcmp(names.v[i] + n - 4, ".git") == 0)
			each_of(mirror, each, ctx);
	}
}
