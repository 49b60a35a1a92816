/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/snapshot.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "build_config.h"
#include "image/image.h"
#include "run/controller.h"
#include "run/prepare.h"
#include "run/run.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECIPE   2 /* raise when what is saved changes */
#define MANIFEST "manifest.json"

static void on_record(void *ctx, const char *type, const json_t *record)
{
}

static void on_status(void *ctx, const char *phase, const char *what)
{
}

static const struct controller_handler handler = {
	.on_record = on_record,
	.on_status = on_status,
};

static void say(const struct snapshot_request *q, const char *text)
{
	if (q->progress)
		q->progress(q->ctx, text);
}

/* A file of the user's own may have another content under the same name. */
static void add_file(struct hash *h, const char *path)
{
	struct stat st;
	if (!path || stat(path, &st) < 0)
		return; /* then nothing boots, and says so */
	const int64_t is[] = { (int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size,
		st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
	hash_add(h, is, sizeof is);
}

/* All that a machine is made of stands in the job's target, the stores' keys in its paths. */
static char *make_key(const struct prepared *p)
{
	char hex[HASH_HEX_SIZE];
	struct hash h;
	auto_json json_t *target = json_copy(json_object_get(p->job, "target"));
	json_object_del(target, "work_dir");
	json_object_del(target, "boot_deadline_us");
	json_object_del(target, "core");
	json_object_del(target, "core_max_bytes");
	auto_json json_t *disks = json_deep_copy(json_object_get(target, "disks"));
	size_t i;
	json_t *disk;
	json_array_foreach (disks, i, disk)
		json_object_del(disk, "size_bytes"); /* a clone's are its own */
	json_object_set(target, "disks", disks);
	auto_free char *text = json_line(target);
	auto_free char *recipe = xasprintf("%d", RECIPE);
	hash_init(&h);
	hash_add_str(&h, recipe);
	hash_add_str(&h, text);
	hash_add_str(&h, p->accel.version);
	/* The root has its stamp, the initramfs the hash in its name, and a new time at each use.
	 */
	static const char *const files[] = { "kernel", "modules" };
	for (i = 0; i < ARRAY_LEN(files); i++)
		add_file(&h, json_str_or(target, files[i], NULL));
	return xasprintf("%.32s", hash_hex(&h, hex));
}

/* The job of a worker that only boots, saves and ends. */
static json_t *save_job(const struct prepared *p, const char *dir)
{
	json_t *job = json_deep_copy(p->job);
	json_t *target = json_object_get(job, "target");
	json_object_set_new(job, "stages", json_array());
	json_object_del(job, "shell");
	json_object_del(job, "control");
	json_object_del(job, "hold");
	/* KVM that breaks here is no reason to save a machine of another kind. */
	json_object_set_new(job, "may_emulate", json_false());
	json_object_set_new(job, "keep", json_true()); /* what it leaves is what we want */
	json_object_set_new(target, "save_to", json_string(dir));
	return job;
}

static int boot_and_save(
	const struct snapshot_request *q, const struct prepared *p, const char *dir, struct err *e)
{
	struct prepared saver = { .accel = p->accel, .job = save_job(p, dir) };
	struct controller_result r = { 0 };
	auto_free char *folder = NULL;
	auto_close int lock = -1;
	int rc = run_scratch_folder(q->state_dir, &folder, &lock, e);
	if (rc == 0) {
		auto_free char *work = path_join(folder, "work");
		struct controller_spec spec = { .prepared = &saver, .state_dir = q->state_dir };
		prepare_place(&saver, work);
		json_object_set_new(
			json_object_get(saver.job, "target"), "work_dir", json_string(dir));
		rc = controller_run(&spec, &handler, NULL, &r, e);
		(void)file_remove_tree(folder, NULL); /* else the next shell does */
	}
	json_decref(saver.job);
	if (rc == 0 && r.interrupted)
		rc = err_set(e, EINTR, "interrupted");
	else if (rc == 0 && r.error[0])
		rc = err_set(e, EIO, "%s", r.error);
	return rc;
}

/* The scratch disks are each clone's own: an empty one goes with the machine that was saved. */
static int drop_scratch(const json_t *job, const char *dir, struct err *e)
{
	const json_t *disks = json_object_get(json_object_get(job, "target"), "disks");
	for (size_t i = 0; i < json_array_size(disks); i++) {
		const char *serial = json_str_or(json_array_get(disks, i), "serial", "");
		auto_free char *path = xasprintf("%s/%s.img", dir, serial);
		int rc = file_remove_tree(path, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int make(const struct snapshot_request *q, const struct prepared *p,
	struct depot_build *build, struct err *e)
{
	say(q, "saving a booted machine, for clones to start from");
	int rc = boot_and_save(q, p, build->tmp, e);
	if (rc == 0)
		rc = drop_scratch(p->job, build->tmp, e);
	if (rc < 0)
		return rc;
	auto_json json_t *manifest = json_pack("{s:s, s:s, s:i, s:O}", "fsqa", FSQA_VERSION, "qemu",
		p->accel.version, "recipe", RECIPE, "target", json_object_get(p->job, "target"));
	build->sizes_only = true; /* gigabytes of memory and disk, most of them holes */
	return depot_publish(build, manifest, e);
}

/* ---- the budget ---- */

struct entry {
	char *name;
	uint64_t bytes; /* on the disk */
	int64_t used_s;
};

static int least_recent(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	return x->used_s < y->used_s ? -1 : x->used_s > y->used_s;
}

static uint64_t bytes_of(const char *dir)
{
	uint64_t bytes = 0;
	DIR *d = opendir(dir);
	const struct dirent *de;
	struct stat st;
	while (d && (de = readdir(d)))
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_blocks * 512;
	if (d)
		(void)closedir(d); /* only read */
	return bytes;
}

/* Remove the least recently used until the rest fits; never `keep`. A clone that runs from one of
 * them has its files open, and does not mind. */
static void prune(const char *dir, const char *keep, uint64_t max_bytes)
{
	struct entry *all = NULL;
	size_t n = 0;
	uint64_t sum = 0;
	DIR *d = opendir(dir);
	const struct dirent *de;
	struct stat st;
	while (d && (de = readdir(d))) {
		auto_free char *manifest = xasprintf("%s/%s/" MANIFEST, dir, de->d_name);
		auto_free char *path = path_join(dir, de->d_name);
		if (de->d_name[0] == '.' || stat(manifest, &st) < 0)
			continue;
		all = xrealloc(all, (n + 1) * sizeof *all);
		all[n++] = (struct entry){ xstrdup(de->d_name), bytes_of(path), st.st_mtime };
		sum += all[n - 1].bytes;
	}
	if (d)
		(void)closedir(d); /* only read */
	if (n)
		qsort(all, n, sizeof *all, least_recent);
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = path_join(dir, all[i].name);
		if (sum > max_bytes && strcmp(all[i].name, keep) != 0 &&
			file_remove_tree(path, NULL) == 0)
			sum -= all[i].bytes;
		free(all[i].name);
	}
	free(all);
}

/* What the disks were when it was saved, for those that are others now. */
static int set_saved_sizes(struct prepared *p, const char *manifest_path, struct err *e)
{
	auto_json json_t *manifest = NULL;
	size_t i;
	json_t *disk;
	int rc = json_read_object(manifest_path, &manifest, e);
	if (rc < 0)
		return rc;
	const json_t *saved = json_object_get(json_object_get(manifest, "target"), "disks");
	json_array_foreach (json_object_get(json_object_get(p->job, "target"), "disks"), i, disk) {
		int64_t bytes = json_i64_or(json_array_get(saved, i), "size_bytes", 0);
		if (bytes != json_i64_or(disk, "size_bytes", 0))
			json_object_set_new(disk, "saved_bytes", json_integer(bytes));
	}
	return 0;
}

int snapshot_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "snapshots");
	const struct depot depot = { .dir = dir };
	return depot_remove(&depot, key, ret_bytes, e);
}

int snapshot_use(const struct snapshot_request *q, struct prepared *p, struct err *e)
{
	/* QEMU cannot save a guest that has a folder of the host's open. */
	if (prepared_has_9p(p))
		return err_set(
			e, ENOTSUP, "a machine with the host's folders (9p) cannot be saved");
	/* Nor its NVMe, for its state. */
	if (p->zoned)
		return err_set(e, ENOTSUP, "a machine with zoned disks cannot be saved");
	auto_free char *dir = path_join(q->state_dir, "snapshots");
	auto_free char *key = make_key(p);
	auto_free char *entry = path_join(dir, key);
	auto_free char *manifest = path_join(entry, MANIFEST);
	struct depot depot = { .dir = dir, .note = q->progress, .ctx = q->ctx };
	auto_depot_build struct depot_build build = DEPOT_BUILD_NONE;
	auto_close int held = -1;
	int rc = file_mkdirs(dir, 0755, e);
	if (rc == 0)
		rc = depot_begin(&depot, key, &build, e);
	if (rc == 0) {
		rc = make(q, p, &build, e);
		if (rc == 0)
			prune(dir, key, q->max_bytes);
	}
	if (rc >= 0)
		rc = depot_hold(dir, key, &held, e);
	if (rc == 0)
		rc = set_saved_sizes(p, manifest, e);
	if (rc < 0)
		return rc;
	p->snapshot = held > 0 ? fdopen(held, "r") : NULL;
	if (p->snapshot)
		(void)take_fd(&held);                 /* the stream has it */
	(void)utimensat(AT_FDCWD, manifest, NULL, 0); /* when it was used: only a hint */
	json_object_set_new(json_object_get(p->job, "target"), "clone_of", json_string(entry));
	return 0;
}
