/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/shelf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "build_config.h"
#include "kernel/bzimage.h"
#include "kernel/entry.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ROOM_BYTES (512ull << 20) /* an entry while it is made: package, unpacked, disk */
#define FULL_BYTES (8ull << 20)
/* Twice what a build may take (kernel.buildTimeout), for it may begin once more from nothing. */
#define WAIT_US (9ull * 3600 * 1000 * 1000)

void shelf_say(const struct shelf *j, const char *text)
{
	if (j->progress)
		j->progress(j->ctx, text);
}

void shelf_open(struct shelf *j, const char *state_dir, const struct kernel_arch *arch,
	kernel_progress *progress, void *ctx)
{
	*j = (struct shelf){ .arch = arch, .progress = progress, .ctx = ctx };
	j->dir = path_join(state_dir, "kernels");
	j->depot =
		(struct depot){ .dir = j->dir, .note = progress, .ctx = ctx, .wait_us = WAIT_US };
	depot_sweep(&j->depot);
}

void shelf_close(struct shelf *j)
{
	free(j->dir);
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	free(k->key);
	free(k->release);
	free(k->build_id);
	free(k->source);
	free(k->dir);
	free(k->boot);
	free(k->modules);
	free(k->config);
	close_fd(&k->held);
	free(k);
}

/* DIR/NAME where it exists, else NULL; the caller's. */
static char *existing(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	return access(path, R_OK) == 0 ? take(&path) : NULL;
}

struct kernel *shelf_load(const struct shelf *j, const char *key)
{
	auto_json json_t *m = NULL;
	if (!file_name_is_safe(key, strlen(key)) || !depot_has(j->dir, key, &m))
		return NULL;
	const char *release = json_str_or(m, "release", "");
	const char *boot = json_str_or(m, "boot", "");
	if (json_i64_or(m, "recipe", 0) != ENTRY_RECIPE || !kernel_release_is_safe(release) ||
		json_i64_or(m, "machine", j->arch->machine) != j->arch->machine ||
		(strcmp(boot, "vmlinux") != 0 && strcmp(boot, "bzImage") != 0 &&
			strcmp(boot, "Image") != 0))
		return NULL;
	int held;
	if (depot_hold(j->dir, key, &held, NULL) < 0)
		return NULL;
	struct kernel *k = xcalloc(1, sizeof *k);
	k->held = held;
	k->key = xstrdup(key);
	k->release = xstrdup(release);
	const char *build_id = json_str_or(m, "build_id", NULL);
	k->build_id = build_id ? xstrdup(build_id) : NULL;
	k->source = xstrdup(json_str_or(m, "source", ""));
	k->dir = path_join(j->dir, key);
	k->boot = path_join(k->dir, boot);
	k->modules = existing(k->dir, "modules.erofs");
	k->config = existing(k->dir, "config");
	return k;
}

struct kernel *shelf_newest(const struct shelf *j, const char *member, const char *value)
{
	DIR *d = opendir(j->dir);
	if (!d)
		return NULL;
	auto_free char *best = NULL;
	auto_free char *best_made = xstrdup("");
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		auto_json json_t *m = NULL;
		if (entry->d_name[0] == '.' || !depot_has(j->dir, entry->d_name, &m) ||
			json_i64_or(m, "recipe", 0) != ENTRY_RECIPE ||
			strcmp(json_str_or(m, member, ""), value) != 0)
			continue;
		const char *made = json_str_or(m, "made_at", "");
		if (best && strcmp(made, best_made) <= 0)
			continue;
		free(best);
		free(best_made);
		best = xstrdup(entry->d_name);
		best_made = xstrdup(made);
	}
	(void)closedir(d); /* only read from */
	return best ? shelf_load(j, best) : NULL;
}

static int check_room(const struct shelf *j, struct err *e)
{
	uint64_t free_bytes;
	int rc = file_free_bytes(j->dir, &free_bytes, e);
	if (rc == 0 && free_bytes < ROOM_BYTES)
		return err_set(e, ENOSPC,
			"%s: %" PRIu64 " MiB free, %llu needed to unpack a kernel", j->dir,
			free_bytes >> 20, ROOM_BYTES >> 20);
	return rc;
}

int shelf_full(const struct shelf *j, int rc, struct err *e)
{
	uint64_t left;
	if (rc == -EIO && file_free_bytes(j->dir, &left, NULL) == 0 && left < FULL_BYTES)
		return err_set(e, ENOSPC, "no room left in %s", j->dir);
	return rc;
}

int shelf_publish(const struct shelf *j, struct depot_build *b, json_t *manifest, const char *key,
	struct kernel **ret, struct err *e)
{
	json_object_set_new(manifest, "recipe", json_integer(ENTRY_RECIPE));
	json_object_set_new(manifest, "fsqa", json_string(FSQA_VERSION));
	int rc = depot_publish(b, manifest, e);
	if (rc < 0)
		return rc;
	*ret = shelf_load(j, key);
	return *ret ? 0 : err_set(e, EIO, "%s/%s: published, but does not read", j->dir, key);
}

int shelf_begin(const struct shelf *j, const char *key, struct depot_build *b, struct kernel **ret,
	struct err *e)
{
	int rc = depot_begin(&j->depot, key, b, e);
	if (rc != 1)
		return rc < 0 ? rc : check_room(j, e);
	*ret = shelf_load(j, key);
	return *ret ? 1 : err_set(e, EIO, "%s/%s does not read: remove it", j->dir, key);
}
