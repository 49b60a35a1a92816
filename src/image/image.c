/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image.h"
#include "base/buf.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "build_config.h"
#include "image/recipe.h"
#include "image/rootfs.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ROOM_BYTES (1024ull << 20) /* packages, the root and its image at once */
#define SUITE      "bookworm"      /* where the host is no Debian */

const char *image_arch(void)
{
#if defined(__aarch64__)
	return "arm64";
#else
	return "amd64";
#endif
}

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->key);
	free(i->path);
	free(i->fstype);
	free(i->source);
	free(i);
}

/* The host's Debian, so that its own apt's lists and keys serve. */
static char *host_suite(void)
{
	auto_buf struct buf b = { 0 };
	auto_strv struct strv lines = { 0 };
	if (file_read("/etc/os-release", 65536, &b, NULL) < 0)
		return xstrdup(SUITE);
	strv_split(&lines, buf_str(&b), "\n");
	bool debian = false;
	const char *name = NULL;
	for (size_t i = 0; i < lines.n; i++) {
		if (strcmp(lines.v[i], "ID=debian") == 0)
			debian = true;
		if (strncmp(lines.v[i], "VERSION_CODENAME=", 17) == 0)
			name = lines.v[i] + 17;
	}
	bool plain = debian && name && *name;
	for (const char *c = name; plain && *c; c++)
		plain = islower((unsigned char)*c) != 0;
	return xstrdup(plain ? name : SUITE);
}

static char *make_key(const char *suite, const char *fstype, const struct strv *packages)
{
	struct hash h;
	char hex[HASH_HEX_SIZE];
	hash_init(&h);
	hash_add_str(&h, fstype);
	for (size_t i = 0; i < packages->n; i++)
		hash_add_str(&h, packages->v[i]);
	return xasprintf("%s-%s-%.16s_r%d", suite, image_arch(), hash_hex(&h, hex), RECIPE);
}

/* The entry `key`, whole; NULL: there is none. */
static struct image *load(const char *dir, const char *key)
{
	auto_json json_t *m = NULL;
	if (!depot_has(dir, key, &m))
		return NULL;
	const char *fstype = json_str_or(m, "fstype", "");
	auto_free char *path = xasprintf("%s/%s/root.%s", dir, key, fstype);
	if (access(path, R_OK) != 0)
		return NULL;
	struct image *i = xcalloc(1, sizeof *i);
	i->key = xstrdup(key);
	i->path = take(&path);
	i->fstype = xstrdup(fstype);
	i->source = xstrdup(json_str_or(m, "source", ""));
	return i;
}

static json_t *describe(const struct recipe *r, unsigned n)
{
	auto_free char *source = xasprintf("Debian %s, %u packages", r->suite, n);
	json_t *asked = json_array();
	for (size_t i = 0; i < r->packages->n; i++)
		json_array_append_new(asked, json_string(r->packages->v[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s}", "source", source, "suite", r->suite,
		"arch", image_arch(), "fstype", r->fstype, "packages", asked, "recipe", RECIPE,
		"fsqa", FSQA_VERSION);
}

static int make(
	struct recipe *r, const char *dir, const char *key, struct depot_build *b, struct err *e)
{
	uint64_t left;
	int rc = file_free_bytes(dir, &left, e);
	if (rc < 0)
		return rc;
	if (left < ROOM_BYTES)
		return err_set(e, ENOSPC,
			"%s: %" PRIu64 " MiB free, %llu needed to make a root image", dir,
			left >> 20, ROOM_BYTES >> 20);
	auto_free char *log = xasprintf("%s/%s.log", dir, key);
	(void)unlink(log); /* of an earlier failure */
	unsigned n;
	r->dir = b->tmp;
	r->lock = b->lock;
	r->log = log;
	rc = recipe_make(r, &n, e);
	if (rc < 0)
		return rc;
	auto_json json_t *manifest = describe(r, n);
	return depot_publish(b, manifest, e);
}

static int resolve(const struct depot *d, struct recipe *r, const char *const *asked,
	struct image **ret, struct err *e)
{
	auto_strv struct strv packages = { 0 };
	int rc = recipe_packages(asked, &packages, e);
	if (rc < 0)
		return rc;
	r->packages = &packages;
	auto_free char *key = make_key(r->suite, r->fstype, &packages);
	if ((*ret = load(d->dir, key)))
		return 0;
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	rc = depot_begin(d, key, &b, e);
	if (rc == 0)
		rc = make(r, d->dir, key, &b, e);
	if (rc < 0)
		return rc;
	*ret = load(d->dir, key);
	return *ret ? 0 : err_set(e, EIO, "%s/%s does not read: remove it", d->dir, key);
}

int image_resolve_as(const char *state_dir, const char *const *packages, const char *fstype,
	image_progress *progress, void *ctx, struct image **ret, struct err *e)
{
	struct err why = { 0 };
	struct image *i = NULL;
	auto_free char *suite = host_suite();
	auto_free char *dir = path_join(state_dir, "images");
	const struct depot d = { dir, progress, ctx, rootfs_remove };
	struct recipe r = { .suite = suite, .fstype = fstype, .progress = progress, .ctx = ctx };
	depot_sweep(&d);
	int rc = resolve(&d, &r, packages, &i, &why);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = i;
	return 0;
}

int image_resolve(const char *state_dir, const char *const *packages, image_progress *progress,
	void *ctx, struct image **ret, struct err *e)
{
	return image_resolve_as(state_dir, packages, "erofs", progress, ctx, ret, e);
}
