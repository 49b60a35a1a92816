/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/depot.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_US (3600ull * 1000 * 1000)

static void dir_closep(DIR **d)
{
	if (*d)
		(void)closedir(*d); /* only read from */
}
#define auto_dir __attribute__((cleanup(dir_closep)))

bool depot_has(const char *dir, const char *key, json_t **ret)
{
	auto_free char *final = path_join(dir, key);
	auto_free char *path = path_join(final, "manifest.json");
	auto_json json_t *manifest = NULL;
	if (json_read_object(path, &manifest, NULL) < 0)
		return false;
	const char *name;
	json_t *file;
	json_t *files = json_object_get(manifest, "files");
	if (!json_is_object(files))
		return false;
	json_object_foreach (files, name, file) {
		struct stat st;
		auto_free char *one = path_join(final, name);
		if (stat(one, &st) < 0 || st.st_size != json_i64_or(file, "bytes", -1))
			return false;
	}
	if (ret)
		*ret = take(&manifest);
	return true;
}

static int take_lock(const struct depot *d, const char *path, const char *key, struct err *e)
{
	struct err why = { 0 };
	int fd = file_lock(path, 0, &why);
	if (fd != -EWOULDBLOCK)
		return fd < 0 ? err_set(e, fd, "%s", why.msg) : fd;
	auto_free char *text = xasprintf("waiting for %s: %s", key, why.msg);
	if (d->note)
		d->note(d->ctx, text);
	uint64_t wait_us = d->wait_us ? d->wait_us : WAIT_US;
	fd = file_lock(path, wait_us, &why);
	if (fd == -EWOULDBLOCK) {
		char human[CLOCK_HUMAN_SIZE];
		return err_set(e, fd,
			"process %ld makes %s/%s, and was waited for for %s: wait for it, or end "
			"it",
			(long)file_lock_holder(path), d->dir, key, clock_human(wait_us, human));
	}
	return fd < 0 ? err_set(e, fd, "%s", why.msg) : fd;
}

int depot_begin(const struct depot *d, const char *key, struct depot_build *build, struct err *e)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	if (depot_has(d->dir, key, NULL))
		return 1;
	int rc = file_mkdirs(d->dir, 0755, e);
	if (rc < 0)
		return rc;
	auto_free char *lock = xasprintf("%s/.%s.lock", d->dir, key);
	b.lock = take_lock(d, lock, key, e);
	if (b.lock < 0)
		return b.lock;
	if (depot_has(d->dir, key, NULL)) /* its maker was quicker */
		return 1;
	b.remove = d->remove ? d->remove : file_remove_tree;
	b.final = path_join(d->dir, key);
	b.tmp = xasprintf("%s/.%s.tmp", d->dir, key);
	/* What stands there is damaged, or a killed maker's. */
	rc = file_remove_tree(b.final, e);
	if (rc == 0)
		rc = b.remove(b.tmp, e);
	if (rc < 0)
		return rc;
	if (mkdir(b.tmp, 0755) < 0)
		return err_sys(e, "make folder %s", b.tmp);
	*build = b;
	b = (struct depot_build)DEPOT_BUILD_NONE;
	return 0;
}

static int sync_file(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? err_sys(e, "sync %s", path) : 0;
}

/* Sync one regular file and describe it in `files`. */
static int add_file(
	json_t *files, const char *path, const char *name, bool sizes_only, struct err *e)
{
	struct stat st;
	char hex[HASH_HEX_SIZE];
	int rc = sync_file(path, e);
	if (rc == 0 && !sizes_only)
		rc = hash_file(path, hex, e);
	if (rc < 0)
		return rc;
	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	json_object_set_new(files, name,
		json_pack("{s:I, s:s*}", "bytes", (json_int_t)st.st_size, "sha256",
			sizes_only ? NULL : hex));
	return 0;
}

static int add_files(
	json_t *files, const char *dir, const char *prefix, bool sizes_only, struct err *e)
{
	auto_dir DIR *d = opendir(dir);
	if (!d)
		return err_sys(e, "%s", dir);
	auto_strv struct strv names = { 0 };
	const struct dirent *entry;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			strv_add(&names, entry->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		auto_free char *path = path_join(dir, names.v[i]);
		auto_free char *name = xasprintf("%s%s", prefix, names.v[i]);
		if (lstat(path, &st) < 0)
			return err_sys(e, "%s", path);
		auto_free char *below = xasprintf("%s/", name);
		int rc = 0;
		if (S_ISDIR(st.st_mode))
			rc = add_files(files, path, below, sizes_only, e);
		else if (S_ISREG(st.st_mode))
			rc = add_file(files, path, name, sizes_only, e);
		if (rc < 0)
			return rc;
	}
	auto_free char *self = path_join(dir, ".");
	return sync_file(self, e);
}

int depot_publish(struct depot_build *b, json_t *manifest, struct err *e)
{
	char iso[CLOCK_ISO_SIZE];
	json_t *files = json_object();
	json_object_set_new(manifest, "made_at", json_string(clock_iso(clock_wall_us(), iso)));
	json_object_set_new(manifest, "files", files);
	int rc = add_files(files, b->tmp, "", b->sizes_only, e);
	if (rc < 0)
		return rc;
	auto_free char *path = path_join(b->tmp, "manifest.json");
	auto_free char *text = json_dumps(manifest, JSON_INDENT(2));
	if (!text)
		return err_set(e, EINVAL, "%s: the manifest is no JSON", path);
	rc = file_replace(path, text, strlen(text), 0644, e);
	if (rc < 0)
		return rc;
	if (rename(b->tmp, b->final) < 0)
		return err_sys(e, "publish %s", b->final);
	rc = file_sync_parent(b->final, e);
	free(take(&b->tmp));
	return rc;
}

void depot_clear(struct depot_build *b)
{
	if (b->tmp)
		(void)b->remove(b->tmp, NULL); /* the next start tries again */
	free(take(&b->tmp));
	free(take(&b->final));
	close_fd(&b->lock);
}

void depot_sweep(const struct depot *depot)
{
	auto_dir DIR *d = opendir(depot->dir);
	const struct dirent *entry;
	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);
		if (n < 6 || entry->d_name[0] != '.' || strcmp(entry->d_name + n - 4, ".tmp") != 0)
			continue;
		auto_free char *lock =
			xasprintf("%s/%.*s.lock", depot->dir, (int)n - 4, entry->d_name);
		auto_close int fd = file_lock(lock, 0, NULL);
		if (fd < 0) /* it is being made */
			continue;
		struct err e = { 0 };
		auto_free char *path = path_join(depot->dir, entry->d_name);
		int rc = depot->remove ? depot->remove(path, &e) : file_remove_tree(path, &e);
		if (rc < 0 && depot->note)
			depot->note(depot->ctx, e.msg);
	}
}

/* A lock (flock's `how`) on an entry's manifest, or on its folder where it is damaged. */
static int lock_entry(const char *dir, const char *key, int how, struct err *e)
{
	auto_free char *final = path_join(dir, key);
	auto_free char *manifest = path_join(final, "manifest.json");
	auto_close int fd = open(manifest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fd = open(final, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "%s", final);
	if (flock(fd, how) == 0)
		return take_fd(&fd);
	if (errno == EWOULDBLOCK)
		return err_set(e, EBUSY, "%s is in use", final);
	return err_sys(e, "lock %s", final);
}

/* Waits, for who looks whether it is held takes the lock for a moment, too. */
int depot_hold(const char *dir, const char *key, int *ret, struct err *e)
{
	auto_close int fd = lock_entry(dir, key, LOCK_SH, NULL);
	if (!depot_has(dir, key, NULL))
		return err_set(e, ENOENT, "%s/%s: removed just now", dir, key);
	*ret = fd < 0 ? -1 : take_fd(&fd);
	return 0;
}

bool depot_is_held(const char *dir, const char *key)
{
	auto_close int fd = lock_entry(dir, key, LOCK_EX | LOCK_NB, NULL);
	return fd == -EBUSY;
}

static uint64_t bytes_of(const json_t *manifest)
{
	const char *name;
	json_t *file;
	uint64_t bytes = 0;
	json_object_foreach (json_object_get(manifest, "files"), name, file)
		bytes += (uint64_t)json_i64_or(file, "bytes", 0);
	return bytes;
}

int depot_remove(const struct depot *d, const char *key, uint64_t *ret_bytes, struct err *e)
{
	if (!file_name_is_safe(key, strlen(key)) || key[0] == '.')
		return err_set(e, ENOENT, "\"%s\" is no entry of %s", key, d->dir);
	auto_free char *final = path_join(d->dir, key);
	auto_free char *lock = xasprintf("%s/.%s.lock", d->dir, key);
	auto_free char *tmp = xasprintf("%s/.%s.tmp", d->dir, key);
	auto_close int held = lock_entry(d->dir, key, LOCK_EX | LOCK_NB, e);
	if (held < 0)
		return held;
	auto_close int making = file_lock(lock, 0, e);
	if (making < 0)
		return making == -EWOULDBLOCK ? err_set(e, EBUSY, "%s is being made", final)
					      : making;
	auto_json json_t *manifest = NULL;
	(void)depot_has(d->dir, key, &manifest); /* a damaged one counts as nothing */
	int (*remove)(const char *path, struct err *e) = d->remove ? d->remove : file_remove_tree;
	int rc = remove(tmp, e);
	if (rc < 0)
		return rc;
	if (rename(final, tmp) < 0)
		return err_sys(e, "remove %s", final);
	if (ret_bytes)
		*ret_bytes = bytes_of(manifest);
	return remove(tmp, e);
}

/* The names of all entries, whole or damaged, sorted. */
static void list_keys(const char *dir, struct strv *keys)
{
	auto_dir DIR *d = opendir(dir);
	const struct dirent *entry;
	while (d && (entry = readdir(d))) {
		struct stat st;
		auto_free char *path = path_join(dir, entry->d_name);
		if (entry->d_name[0] != '.' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			strv_add(keys, entry->d_name);
	}
	strv_sort(keys);
}

json_t *depot_list(const char *dir)
{
	auto_strv struct strv keys = { 0 };
	json_t *all = json_array();
	list_keys(dir, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		json_t *m = NULL;
		auto_free char *path = xasprintf("%s/%s/manifest.json", dir, keys.v[i]);
		bool whole = depot_has(dir, keys.v[i], &m);
		if (!whole && json_read_object(path, &m, NULL) < 0)
			m = json_object();
		json_object_set_new(m, "key", json_string(keys.v[i]));
		json_object_set_new(m, "bytes", json_integer((json_int_t)bytes_of(m)));
		json_object_set_new(m, "held", json_boolean(depot_is_held(dir, keys.v[i])));
		json_object_set_new(m, "whole", json_boolean(whole));
		json_array_append_new(all, m);
	}
	return all;
}
