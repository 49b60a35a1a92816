/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: an ext4 image as a guest leaves it, for the tests and fuzz target of what reads it. */
#pragma once
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "proc/proc.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURE_LARGE 300000

static inline void fixture_file(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	FILE *f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static inline void fixture_folder(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	if (file_mkdirs(path, 0755, NULL) < 0)
		abort();
}

/* DIR/image, of what DIR/tree has; false where there is no mke2fs. */
static inline bool fixture_mkfs(const char *dir)
{
	struct proc_end end;
	auto_free char *tree = path_join(dir, "tree");
	auto_free char *image = path_join(dir, "image");
	const char *const argv[] = { "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O",
		"^has_journal,^metadata_csum", "-d", tree, image, "2M", NULL };
	const struct proc_spec p = { .argv = argv, .in = PROC_NULL, .out = PROC_NULL };
	return proc_run(&p, NULL, 0, &end, NULL) == 0 && end.how == PROC_EXITED && end.value == 0;
}

/* The same, of files of all kinds. */
static inline bool fixture_image(const char *dir)
{
	auto_free char *tree = path_join(dir, "tree");
	auto_free char *large = path_join(tree, "upper/tmp/logs/large");
	auto_free char *link = path_join(tree, "upper/tmp/logs/link");
	auto_free char *away = path_join(tree, "upper/away");
	fixture_folder(tree, "upper/tmp/logs/deep/deeper");
	fixture_file(tree, "upper/tmp/logs/a.log", "first\n");
	fixture_file(tree, "upper/tmp/logs/deep/deeper/b.log", "second\n");
	fixture_file(tree, "upper/tmp/logs/deep/two\nlines", "third\n");
	fixture_file(tree, "upper/tmp/logs/large", "");
	fixture_file(tree, "upper/tmp/alone", "fourth\n");
	if (truncate(large, FIXTURE_LARGE) < 0 || symlink("/etc/shadow", link) < 0 ||
		symlink("tmp", away) < 0)
		abort();
	return fixture_mkfs(dir);
}
