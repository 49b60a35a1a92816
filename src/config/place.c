/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/place.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "build_config.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running program, or NULL. */
static char *own_folder(void)
{
	/* Not realpath: a program that was built anew while it ran reads as "... (deleted)". */
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	return xstrdup(exe);
}

static bool in_build_tree(const char *folder)
{
	static const char build[] = FSQA_BUILD_DIR "/";
	return strncmp(folder, build, sizeof build - 1) == 0;
}

/* "PREFIX/bin" and "share/fsqa": PREFIX/share/fsqa/NAME if it is there, else NULL. */
static char *beside(const char *folder, const char *below, const char *name)
{
	auto_free char *path = xasprintf("%s/../%s/%s", folder, below, name);
	return realpath(path, NULL);
}

char *place_data(const char *name)
{
	auto_free char *folder = own_folder();
	/* The pages' assets are gathered, and in part made, by the build. */
	if (folder && in_build_tree(folder))
		return path_join(strcmp(name, "web") == 0 ? FSQA_BUILD_DIR : FSQA_SOURCE_DIR, name);
	char *found = folder ? beside(folder, "share/fsqa", name) : NULL;
	return found ? found : path_join(FSQA_DATADIR, name);
}

/* Each helper is built in the room that its source lies in. */
static char *built(const char *name)
{
	static const char *const rooms[] = { "guest", "salvage", "suite", "run", "target", "cli" };
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		auto_free char *path = xasprintf(FSQA_BUILD_DIR "/src/%s/%s", rooms[i], name);
		if (access(path, X_OK) == 0)
			return take(&path);
	}
	return NULL;
}

int place_program(const char *name, char **ret_path, struct err *e)
{
	auto_free char *folder = own_folder();
	auto_free char *path = NULL;
	if (folder && in_build_tree(folder))
		path = built(name);
	else if (folder)
		path = beside(folder, "libexec/fsqa", name);
	if (!path)
		path = path_join(FSQA_LIBEXECDIR, name);
	if (access(path, X_OK) < 0)
		return err_sys(e, "%s, which comes with fsqa", path);
	*ret_path = take(&path);
	return 0;
}
