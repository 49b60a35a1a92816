/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/stock.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "image/rootfs.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

struct image *stock_load(const char *dir, const char *key)
{
	auto_json json_t *m = NULL;
	int held = -1;
	if (!depot_has(dir, key, &m) || depot_hold(dir, key, &held, NULL) < 0)
		return NULL;
	const char *fstype = json_str_or(m, "fstype", "");
	struct image *i = xcalloc(1, sizeof *i);
	i->held = held;
	i->key = xstrdup(key);
	i->path = xasprintf("%s/%s/root.%s", dir, key, fstype);
	i->format = "raw";
	i->fstype = xstrdup(fstype);
	i->source = xstrdup(json_str_or(m, "source", ""));
	i->stamp = xstrdup(json_str_or(m, "made_at", "")); /* the same key, made anew */
	if (access(i->path, R_OK) == 0)
		return i;
	image_free(i);
	return NULL;
}

int stock_check_room(const char *dir, uint64_t bytes, struct err *e)
{
	uint64_t left;
	int rc = file_free_bytes(dir, &left, e);
	if (rc == 0 && left < bytes)
		return err_set(e, ENOSPC,
			"%s: %" PRIu64 " MiB free, %" PRIu64 " needed to make a root image", dir,
			left >> 20, bytes >> 20);
	return rc;
}

json_t *image_list(const char *state_dir)
{
	auto_free char *dir = path_join(state_dir, "images");
	return depot_list(dir);
}

int image_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "images");
	const struct depot d = { .dir = dir, .remove = rootfs_remove };
	return depot_remove(&d, key, ret_bytes, e);
}
