/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/gc.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "run/snapshot.h"
#include "run/suite_tree.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the kinds ---- */

/* A folder beside which lies NAME.lock: held by who uses it. It goes under another name first, so
 * that nobody finds half of it. */
static int remove_locked(const char *state_dir, const char *folder, const char *name, struct err *e)
{
	auto_free char *path = xasprintf("%s/%s/%s", state_dir, folder, name);
	auto_free char *gone = xasprintf("%s/%s/.%s.gone", state_dir, folder, name);
	auto_free char *lock_path = xasprintf("%s.lock", path);
	auto_close int lock = file_lock(lock_path, 0, e);
	if (lock < 0)
		return lock == -EWOULDBLOCK ? -EBUSY : lock;
	int rc = file_remove_tree(gone, e);
	if (rc == 0 && rename(path, gone) < 0)
		rc = err_sys(e, "remove %s", path);
	return rc < 0 ? rc : file_remove_tree(gone, e);
}

static const struct kind {
	const char *name, *folder;
	/* Of depot.h; NULL: remove_locked's. */
	int (*remove)(const char *state_dir, const char *name, uint64_t *ret_bytes, struct err *e);
} kinds[GC_KINDS] = {
	[GC_SNAPSHOT] = { "snapshot", "snapshots", snapshot_remove },
	[GC_BUILD] = { "build", "builds", NULL },
	[GC_SOURCE] = { "source", "sources", NULL },
	[GC_KERNEL] = { "kernel", "kernels", kernel_remove },
	[GC_IMAGE] = { "image", "images", image_remove },
	[GC_SUITE] = { "suite", "suites", suite_tree_remove },
};

const char *gc_kind_name(enum gc_kind k)
{
	return kinds[k].name;
}

const char *gc_kind_folder(enum gc_kind k)
{
	return kinds[k].folder;
}

/* ---- what there is ---- */

/* Bytes of all below it, and when something at its top was last touched. */
static int measure(struct gc_item *i, const char *path, struct err *e)
{
	auto_free char *copy = xstrdup(path);
	char *const roots[] = { copy, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts)
		return err_sys(e, "%s", path);
	FTSENT *ent;
	while ((ent = fts_read(fts))) {
		if (ent->fts_info != FTS_F && ent->fts_info != FTS_D)
			continue;
		const struct stat *st = ent->fts_statp;
		i->bytes += (uint64_t)st->st_blocks * 512;
		if (ent->fts_level <= 1 && file_mtime_us(st) > i->used_us)
			i->used_us = file_mtime_us(st);
	}
	(void)fts_close(fts); /* only read */
	return 0;
}

static bool is_used(const char *dir, const struct gc_item *i)
{
	if (kinds[i->kind].remove)
		return depot_is_held(dir, i->name);
	auto_free char *path = xasprintf("%s/%s.lock", dir, i->name);
	if (i->kind ==
		GC_BUILD) /* a build that came now would go elsewhere, and begin from nothing */
		return file_is_locked(path);
	auto_close int lock = file_lock(path, 0, NULL);
	return lock == -EWOULDBLOCK;
}

/* .NAME.PID.tmp, as kernel/source.c and kernel/patches.c call what they are at. */
static bool is_left(const char *name, size_t n)
{
	uint64_t pid;
	if (n < 8 || strcmp(name + n - 4, ".tmp") != 0)
		return false;
	auto_free char *head = xstrndup(name, n - 4);
	const char *dot = strrchr(head, '.');
	return parse_u64(dot + 1, &pid, NULL) == 0 && pid > 0 && pid <= INT_MAX &&
	       kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* What a collection left that was killed, and of `sources` what other killed ones did. */
static void sweep(const char *dir, bool sources)
{
	DIR *d = opendir(dir);
	const struct dirent *de;
	while (d && (de = readdir(d))) {
		size_t n = strlen(de->d_name);
		auto_free char *path = path_join(dir, de->d_name);
		if (de->d_name[0] != '.')
			continue;
		if ((n > 6 && strcmp(de->d_name + n - 5, ".gone") == 0) ||
			(sources && is_left(de->d_name, n)))
			(void)file_remove_tree(path, NULL); /* the next one tries again */
	}
	if (d)
		(void)closedir(d); /* only read */
}

static int collect_kind(const char *state_dir, enum gc_kind k, struct gc_list *l, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_free char *dir = path_join(state_dir, kinds[k].folder);
	struct stat st;
	sweep(dir, k == GC_SOURCE);
	if (file_names(dir, &names, NULL) < 0)
		return 0; /* nothing of that kind yet */
	for (size_t n = 0; n < names.n; n++) {
		auto_free char *path = path_join(dir, names.v[n]);
		if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		l->items = xrealloc(l->items, (l->n + 1) * sizeof *l->items);
		struct gc_item *i = &l->items[l->n++];
		*i = (struct gc_item){ .kind = k, .name = xstrdup(names.v[n]) };
		int rc = measure(i, path, e);
		if (rc < 0)
			return rc;
		i->fate = is_used(dir, i) ? GC_IN_USE : GC_KEPT;
	}
	return 0;
}

/* ---- who refers to it ---- */

struct users {
	struct gc_list *l;
	json_t *manifests[GC_KINDS]; /* by name */
};

static void refer(struct gc_item *i, const char *user, int64_t when_us)
{
	if (!i->user || when_us >= i->used_us) {
		free(i->user);
		i->user = xstrdup(user);
	}
	if (when_us > i->used_us)
		i->used_us = when_us;
}

static bool is_same(const json_t *a, const char *a_name, const json_t *b, const char *b_name)
{
	const char *x = json_str_or(a, a_name, "");
	return *x && strcmp(x, json_str_or(b, b_name, "")) == 0;
}

/* By their keys; a record of before has none, but a kernel's build id and an image's words. */
static bool is_of_run(const struct gc_item *i, const json_t *manifest, const json_t *first)
{
	bool kernel = i->kind == GC_KERNEL;
	if (i->kind == GC_SUITE)
		return strcmp(json_str_or(json_object_get(first, "fstests"), "key", ""), i->name) ==
		       0;
	const char *key = json_str_or(first, kernel ? "kernel_key" : "image_key", NULL);
	if (key)
		return strcmp(key, i->name) == 0;
	return kernel ? is_same(first, "kernel_build_id", manifest, "build_id")
		      : is_same(first, "image", manifest, "source");
}

static void on_run(void *ctx, const char *id, const json_t *first)
{
	const struct users *u = ctx;
	auto_free char *text = xasprintf("run %s", id);
	for (size_t n = 0; n < u->l->n; n++) {
		struct gc_item *i = &u->l->items[n];
		const json_t *m = json_object_get(u->manifests[i->kind], i->name);
		if (i->kind >= GC_KERNEL && is_of_run(i, m, first))
			refer(i, text, json_i64_or(first, "wall_us", 0));
	}
}

static void on_branch(void *ctx, const char *name, const char *commit)
{
	const struct users *u = ctx;
	auto_free char *text = xasprintf("branch %s", name);
	for (size_t n = 0; n < u->l->n; n++) {
		struct gc_item *i = &u->l->items[n];
		const json_t *m = json_object_get(u->manifests[i->kind], i->name);
		if (i->kind == GC_KERNEL && !i->user &&
			strcmp(json_str_or(m, "commit", ""), commit) == 0)
			refer(i, text, 0);
	}
}

static json_t *by_name(json_t *list)
{
	json_t *all = json_object();
	size_t n;
	json_t *m;
	json_array_foreach (list, n, m)
		json_object_set(all, json_str_or(m, "key", ""), m);
	json_decref(list);
	return all;
}

int gc_collect(const char *state_dir, struct gc_list *ret, struct err *e)
{
	struct gc_list l = { 0 };
	struct users u = { .l = &l };
	int rc = 0;
	for (int k = 0; rc == 0 && k < GC_KINDS; k++)
		rc = collect_kind(state_dir, (enum gc_kind)k, &l, e);
	u.manifests[GC_KERNEL] = by_name(kernel_list(state_dir));
	u.manifests[GC_IMAGE] = by_name(image_list(state_dir));
	if (rc == 0)
		rc = store_each_first(state_dir, on_run, &u, e);
	if (rc == 0)
		kernel_each_branch(state_dir, on_branch, &u);
	for (int k = 0; k < GC_KINDS; k++)
		json_decref(u.manifests[k]);
	if (rc < 0)
		gc_clear(&l);
	else
		*ret = l;
	return rc;
}

/* ---- who goes ---- */

/* What nothing refers to before the rest, and of both the least recently used first. */
static int by_worth(const void *a, const void *b)
{
	const struct gc_item *x = *(struct gc_item *const *)a;
	const struct gc_item *y = *(struct gc_item *const *)b;
	if (!x->user != !y->user)
		return x->user ? 1 : -1;
	if (x->used_us != y->used_us)
		return x->used_us < y->used_us ? -1 : 1;
	return x < y ? -1 : 1;
}

void gc_choose(struct gc_list *l, const struct gc_policy *p)
{
	uint64_t sum = 0;
	auto_free struct gc_item **order = xcalloc(l->n, sizeof(struct gc_item *));
	for (size_t n = 0; n < l->n; n++) {
		order[n] = &l->items[n];
		sum += l->items[n].bytes;
	}
	if (l->n)
		qsort(order, l->n, sizeof *order, by_worth);
	for (size_t n = 0; n < l->n; n++) {
		struct gc_item *i = order[n];
		bool old = !i->user && i->used_us < p->now_us - (int64_t)p->max_age_us;
		if (i->fate != GC_KEPT || (sum <= p->max_bytes && !old))
			continue;
		i->fate = GC_GONE;
		sum -= i->bytes;
	}
}

void gc_remove(const char *state_dir, struct gc_list *l)
{
	for (size_t n = 0; n < l->n; n++) {
		struct err why = { 0 };
		struct gc_item *i = &l->items[n];
		uint64_t bytes; /* what its manifest says; ours are the disk's */
		if (i->fate != GC_GONE)
			continue;
		const struct kind *k = &kinds[i->kind];
		int rc = k->remove ? k->remove(state_dir, i->name, &bytes, &why)
				   : remove_locked(state_dir, k->folder, i->name, &why);
		if (rc == 0 || rc == -ENOENT) /* somebody else did */
			continue;
		i->fate = rc == -EBUSY ? GC_IN_USE : GC_FAILED;
		i->why = xstrdup(why.msg);
	}
}

void gc_clear(struct gc_list *l)
{
	for (size_t n = 0; n < l->n; n++) {
		free(l->items[n].name);
		free(l->items[n].user);
		free(l->items[n].why);
	}
	free(l->items);
	*l = (struct gc_list){ 0 };
}
