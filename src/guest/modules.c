/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/modules.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/parallel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_MAX 64

struct module {
	const char *path;
	char name[64];   /* as other modules call it */
	char needs[512]; /* "a,b" */
	bool first;      /* belongs to the first one's family */
};

struct modules {
	struct module m[MODULES_MAX];
	size_t n;
};

static int load_one(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	size_t n = strlen(path);
	bool packed = n > 4 && (!strcmp(path + n - 3, ".xz") || !strcmp(path + n - 3, ".gz") ||
				       !strcmp(path + n - 4, ".zst"));
	int flags = packed ? MODULE_INIT_COMPRESSED_FILE : 0;
	/* ENODEV: an optional accelerator (crc32c_intel) whose instructions this CPU lacks; where
	 * it was no option, the root disk is missed next, with its own message. */
	if (syscall(SYS_finit_module, fd, "", flags) < 0 && errno != EEXIST && errno != ENODEV)
		return err_sys(e, "load module %s", path);
	return 0;
}

/* The module's name by its file's, where - and _ are the same. */
static void set_name(struct module *m)
{
	const char *base = path_base(m->path);
	size_t number = strspn(base, "0123456789");
	size_t n = 0;
	if (number && base[number] == '-') /* its place in the load order: "06-virtio_blk.ko" */
		base += number + 1;
	for (; base[n] && base[n] != '.' && n + 1 < sizeof m->name; n++)
		m->name[n] = base[n] == '-' ? '_' : base[n];
	m->name[n] = '\0';
}

/* The "depends=" of its .modinfo section, a list of NUL-terminated strings. Where it cannot be
 * found (a packed file), it counts as needing the one before it. */
static void set_needs(struct module *m, const struct module *before)
{
	static const char key[] = "\0depends=";
	auto_close int fd = open(m->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *at = NULL;
	void *map = MAP_FAILED;
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map != MAP_FAILED)
		at = memmem(map, (size_t)st.st_size, key, sizeof key - 1);
	if (at) {
		at += sizeof key - 1;
		size_t left = (size_t)((char *)map + st.st_size - at);
		size_t n = strnlen(at, left < sizeof m->needs ? left : sizeof m->needs - 1);
		memcpy(m->needs, at, n);
	} else if (before) {
		memcpy(m->needs, before->name, sizeof before->name);
	}
	if (map != MAP_FAILED)
		(void)munmap(map, (size_t)st.st_size); /* cannot fail for what mmap gave */
}

static bool needs(const struct module *m, const char *name)
{
	size_t n = strlen(name);
	for (const char *s = m->needs; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t k = strcspn(s, ",");
		bool same = k == n;
		for (size_t i = 0; same && i < n; i++)
			same = (s[i] == '-' ? '_' : s[i]) == name[i];
		if (same)
			return true;
	}
	return false;
}

static void mark_first_family(struct modules *all)
{
	all->m[0].first = true;
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < all->n; i++)
			for (size_t k = 0; k < all->n; k++) {
				struct module *a = &all->m[i];
				struct module *b = &all->m[k];
				if (a->first != b->first && needs(a, b->name))
					more = a->first = b->first = true;
			}
	}
}

static int load_family(const struct modules *all, bool first, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < all->n; i++)
		if (all->m[i].first == first)
			rc = load_one(all->m[i].path, e);
	return rc;
}

static int load_others(const void *arg, struct err *e)
{
	return load_family(arg, false, e);
}

int modules_load(const char *list, struct err *e)
{
	static struct modules all;
	auto_buf struct buf b = { 0 };
	int rc = file_read(list, 65536, &b, e);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	char *rest = b.s;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!line[0] || line[0] == '#')
			continue;
		if (all.n == MODULES_MAX)
			return err_set(e, E2BIG, "%s: more than %d modules", list, MODULES_MAX);
		struct module *m = &all.m[all.n];
		m->path = line;
		set_name(m);
		set_needs(m, all.n ? m - 1 : NULL);
		all.n++;
	}
	if (all.n == 0)
		return 0;
	mark_first_family(&all);
	struct parallel others;
	parallel_start(&others, load_others, &all);
	rc = load_family(&all, true, e);
	int rc2 = parallel_join(&others, rc < 0 ? NULL : e);
	return rc < 0 ? rc : rc2;
}

int modules_load_from(const char *dir, const char *paths, struct err *e)
{
	int rc = 0;
	while (rc == 0 && *paths) {
		size_t n = strcspn(paths, ",");
		auto_free char *path = xasprintf("%s/%.*s", dir, (int)n, paths);
		rc = load_one(path, e);
		paths += n + (paths[n] == ',');
	}
	return rc;
}
