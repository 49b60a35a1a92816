/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/image.h"
#include "base/buf.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "build_config.h"
#include "image/files.h"
#include "image/packages.h"
#include "image/recipe.h"
#include "image/rootfs.h"
#include "image/stock.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOM_BYTES (1024ull << 20) /* packages, the root and its image at once */
#define SUITE      "bookworm"      /* where the host is no Debian */

/* Debian's name of the host's architecture. */
static const char *host_arch(void)
{
#if defined(__aarch64__)
	return "arm64";
#elif defined(__i386__)
	return "i386";
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
	free(i->stamp);
	close_fd(&i->held);
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

/* What an image is made of, and its key. */
struct plan {
	struct recipe recipe;
	struct strv packages;
	json_t *files;
	char *suite, *key, *hook;
	int64_t moment_s; /* of the snapshot, if there is one */
};

static void plan_clear(struct plan *p)
{
	strv_clear(&p->packages);
	json_decref(p->files);
	free(p->suite);
	free(p->key);
	free(p->hook);
}
#define auto_plan __attribute__((cleanup(plan_clear)))

/* Both name what an image is made of, so they are in its key. */
static int plan_snapshot(
	const struct image_spec *spec, struct plan *p, struct hash *h, struct err *e)
{
	for (const char *const *s = spec->sources; s && *s; s++) {
		if (strchr(*s, '%') && !spec->snapshot)
			return err_set(e, EINVAL,
				"image.sources: %s: what %% stands for is not set: image.snapshot",
				*s);
		hash_add_str(h, "source"); /* no package's name behind the list of files */
		hash_add_str(h, *s);
	}
	if (!spec->snapshot)
		return 0;
	hash_add_str(h, "snapshot");
	hash_add_str(h, spec->snapshot);
	int rc = parse_moment(spec->snapshot, &p->moment_s, e);
	return rc < 0 ? err_wrap(e, "image.snapshot") : 0;
}

static int plan_make(const struct image_spec *spec, struct plan *p, struct err *e)
{
	struct hash h;
	char hex[HASH_HEX_SIZE];
	const char *fstype = spec->fstype ? spec->fstype : "erofs";
	const char *arch = spec->arch ? spec->arch : host_arch();
	p->suite = host_suite();
	p->files = json_array();
	int rc = recipe_packages(spec->packages, spec->init, &p->packages, e);
	hash_init(&h);
	hash_add_str(&h, fstype);
	for (size_t i = 0; rc == 0 && i < p->packages.n; i++)
		hash_add_str(&h, p->packages.v[i]);
	if (rc == 0 && spec->files && spec->files[0]) {
		hash_add_str(&h, ""); /* no package's name */
		rc = files_hash(spec->files, &h, p->files, e);
		p->hook = files_hook(spec->files);
	}
	if (rc == 0)
		rc = plan_snapshot(spec, p, &h, e);
	hash_hex(&h, hex);
	p->key = xasprintf("%s-%s-%.16s_r%d", p->suite, arch, hex, RECIPE);
	p->recipe = (struct recipe){
		.suite = p->suite,
		.arch = arch,
		.host_arch = host_arch(),
		.snapshot = spec->snapshot,
		.moment_s = p->moment_s,
		.sources = spec->sources,
		.fstype = fstype,
		.packages = &p->packages,
		.hook = p->hook,
	};
	return rc;
}

static json_t *describe(const struct plan *p, unsigned n)
{
	const struct recipe *r = &p->recipe;
	auto_free char *source = xasprintf("Debian %s, %u packages", r->suite, n);
	json_t *asked = json_array();
	for (size_t i = 0; i < r->packages->n; i++)
		json_array_append_new(asked, json_string(r->packages->v[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:O, s:i, s:i, s:s, s:s*}", "source", source,
		"suite", r->suite, "arch", r->arch, "fstype", r->fstype, "packages", asked, "added",
		p->files, "installed", (int)n, "recipe", RECIPE, "fsqa", FSQA_VERSION, "snapshot",
		r->snapshot);
}

static int make(struct plan *p, const char *dir, struct depot_build *b, struct err *e)
{
	struct recipe *r = &p->recipe;
	auto_packages struct packages packages = PACKAGES_NONE;
	int rc = stock_check_room(dir, ROOM_BYTES, e);
	if (rc == 0)
		rc = packages_open(dir, r->arch, &packages, e);
	if (rc < 0)
		return rc;
	auto_free char *log = xasprintf("%s/%s.log", dir, p->key);
	(void)unlink(log); /* of an earlier failure */
	unsigned n;
	r->dir = b->tmp;
	r->cache = packages.dir;
	r->lock = b->lock;
	r->log = log;
	rc = recipe_make(r, &n, e);
	if (rc < 0)
		return rc;
	auto_json json_t *manifest = describe(p, n);
	return depot_publish(b, manifest, e);
}

static int resolve(const struct depot *d, struct plan *p, struct image **ret, struct err *e)
{
	if ((*ret = stock_load(d->dir, p->key)))
		return 0;
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	int rc = depot_begin(d, p->key, &b, e);
	bool made = rc == 0;
	if (rc == 0)
		rc = make(p, d->dir, &b, e);
	if (rc < 0)
		return rc;
	*ret = stock_load(d->dir, p->key);
	if (!*ret)
		return err_set(e, EIO, "%s/%s does not read: remove it", d->dir, p->key);
	(*ret)->made = made;
	return 0;
}

int image_resolve(const char *state_dir, const struct image_spec *spec, image_progress *progress,
	void *ctx, struct image **ret, struct err *e)
{
	struct err why = { 0 };
	struct image *i = NULL;
	auto_plan struct plan p = { 0 };
	auto_free char *dir = path_join(state_dir, "images");
	const struct depot d = { dir, progress, ctx, rootfs_remove };
	int rc = plan_make(spec, &p, &why);
	p.recipe.progress = progress;
	p.recipe.ctx = ctx;
	depot_sweep(&d);
	if (rc == 0)
		rc = resolve(&d, &p, &i, &why);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = i;
	return 0;
}

int image_key(const struct image_spec *spec, char **ret, struct err *e)
{
	auto_plan struct plan p = { 0 };
	int rc = plan_make(spec, &p, e);
	if (rc == 0)
		*ret = take(&p.key);
	return rc;
}
