/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/tree.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders above `path`, beneath dirfd. -ENOTDIR: one of them is a file. */
static int make_parents(int dirfd, const char *path, struct err *e)
{
	auto_free char *p = xstrdup(path);
	for (char *slash = strchr(p, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		struct stat st;
		if (mkdirat(dirfd, p, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make folder %s", p);
		if (fstatat(dirfd, p, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
			return err_code(e, ENOTDIR, "%s", p);
		*slash = '/';
	}
	return 0;
}

int tree_make_file(int dirfd, const char *path, struct err *e)
{
	int rc = make_parents(dirfd, path, e);
	return rc < 0 ? rc : file_open_beneath(dirfd, path, O_RDWR | O_CREAT | O_EXCL, 0644, e);
}

bool tree_path_is_safe(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");
		if (!file_name_is_safe(path, n))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

/* TEST[.ATTEMPT]/[logs/]NAME; the test's name is one component, whatever is in it. */
static int save_one(
	const struct run_info *r, int dirfd, const struct run_artifact *a, struct err *e)
{
	auto_free char *test = xstrdup(a->test);
	for (char *c = test; *c; c++)
		*c = *c == '/' ? '_' : *c;
	if (!file_name_is_safe(test, strlen(test))) {
		free(test);
		test = xasprintf("unnamed-%zu", (size_t)(a - r->artifacts));
	}
	const char *collected = run_artifact_collected(a);
	const char *told = collected ? collected : a->name;
	auto_free char *name = tree_path_is_safe(told)
				       ? xstrdup(told)
				       : xasprintf("unnamed-%zu", (size_t)(a - r->artifacts));
	auto_buf struct buf path = { 0 };
	buf_adds(&path, test);
	if (a->attempt > 1)
		buf_addf(&path, ".%" PRId64, a->attempt);
	buf_addf(&path, "/%s%s", collected ? "logs/" : "", name);
	auto_close int fd = tree_make_file(dirfd, buf_str(&path), e);
	return fd < 0 ? fd : run_artifact_write(r, a, fd, e);
}

int store_save_artifacts(const struct run_info *r, const struct run_artifact *const *list, size_t n,
	const char *dir, struct err *e)
{
	int rc = file_mkdirs(dir, 0755, e);
	if (rc < 0)
		return rc;
	auto_close int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(e, "%s", dir);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = save_one(r, dirfd, list[i], e);
	return rc;
}
