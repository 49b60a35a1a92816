/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/packages.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP_BYTES (2ull << 30)

int packages_open(const char *images, const char *arch, struct packages *ret, struct err *e)
{
	auto_free char *dir = xasprintf("%s/.packages/%s", images, arch);
	auto_free char *partial = path_join(dir, "partial"); /* apt wants it */
	auto_free char *lock = xasprintf("%s.lock", dir);
	*ret = PACKAGES_NONE;
	int rc = file_mkdirs(partial, 0755, e);
	if (rc < 0)
		return rc;
	rc = file_lock(lock, 0, e);
	if (rc == -EWOULDBLOCK)
		return 0;
	if (rc < 0)
		return rc;
	ret->lock = rc;
	ret->dir = take(&dir);
	return 0;
}

struct package {
	char *name;
	uint64_t bytes;
	struct timespec since; /* not mtime, which is the repository's */
};

static int by_age(const void *a, const void *b)
{
	const struct package *x = a;
	const struct package *y = b;
	if (x->since.tv_sec != y->since.tv_sec)
		return x->since.tv_sec < y->since.tv_sec ? -1 : 1;
	return (x->since.tv_nsec > y->since.tv_nsec) - (x->since.tv_nsec < y->since.tv_nsec);
}

static void trim(const char *dir)
{
	struct package *all = NULL;
	size_t n = 0;
	uint64_t sum = 0;
	DIR *d = opendir(dir);
	const struct dirent *de;
	while (d && (de = readdir(d))) {
		struct stat st;
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		all = xrealloc(all, (n + 1) * sizeof *all);
		all[n++] =
			(struct package){ xstrdup(de->d_name), (uint64_t)st.st_size, st.st_ctim };
		sum += (uint64_t)st.st_size;
	}
	if (n)
		qsort(all, n, sizeof *all, by_age);
	for (size_t i = 0; i < n; i++) {
		if (sum > KEEP_BYTES && unlinkat(dirfd(d), all[i].name, 0) == 0)
			sum -= all[i].bytes;
		free(all[i].name);
	}
	free(all);
	if (d)
		closedir(d);
}

void packages_close(struct packages *p)
{
	if (p->dir)
		trim(p->dir);
	free(p->dir);
	close_fd(&p->lock);
	*p = PACKAGES_NONE;
}
