/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kernel.h"
#include "base/clock.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "build_config.h"
#include "kernel/arch_names.h"
#include "kernel/bzimage.h"
#include "kernel/debian.h"
#include "kernel/early.h"
#include "kernel/entry.h"
#include "kernel/shelf.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASKED_US (24 * 3600 * 1000000ll)

/* What kernel_resolve works on. */
struct job {
	struct shelf shelf;
	struct debian_apt apt;
};

static void say(const struct job *j, const char *text)
{
	shelf_say(&j->shelf, text);
}

/* ---- Debian's packages ---- */

static int make_debian(const struct job *j, const struct debian_package *p, struct depot_build *b,
	json_t *manifest, struct err *e)
{
	auto_free char *work = path_join(b->tmp, "work");
	auto_free char *root = path_join(work, "root");
	auto_free char *boot = path_join(root, "boot");
	if (mkdir(work, 0755) < 0)
		return err_sys(e, "make folder %s", work);
	auto_free char *text = xasprintf("downloading %s %s", p->name, p->version);
	say(j, text);
	int rc = debian_fetch(&j->apt, p, work, e);
	if (rc < 0)
		return rc;
	const char *release = p->name + strlen("linux-image-");
	auto_free char *unsigned_release = NULL;
	size_t n = strlen(release);
	if (n > 9 && strcmp(release + n - 9, "-unsigned") == 0)
		release = unsigned_release = xstrndup(release, n - 9);
	auto_free char *vmlinuz = xasprintf("%s/vmlinuz-%s", boot, release);
	auto_free char *config = xasprintf("%s/config-%s", boot, release);
	auto_free char *modules = xasprintf("%s/lib/modules/%s", root, release);
	rc = entry_depmod(root, release, e);
	if (rc < 0)
		return rc;
	const struct entry_parts parts = { vmlinuz, modules, config };
	rc = entry_make(b->tmp, &parts, j->shelf.progress, j->shelf.ctx, manifest, e);
	return rc < 0 ? rc : file_remove_tree(work, e);
}

/* The store's entry of this package, made if it is not there. */
static int get_debian(const struct job *j, const char *asked, const struct debian_package *p,
	struct kernel **ret, struct err *e)
{
	auto_free char *key = xasprintf("%s_%s_r%d", p->name, p->version, ENTRY_RECIPE);
	for (char *c = key; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("+-.~_", *c))
			*c = '_'; /* QEMU reads a colon in a path as a protocol */
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	int rc = shelf_begin(&j->shelf, key, &b, ret, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	auto_free char *source = xasprintf("Debian %s %s", p->name, p->version);
	auto_json json_t *manifest = json_pack("{s:s, s:s, s:s, s:s}", "source", source, "package",
		p->name, "version", p->version, "asked", asked);
	rc = make_debian(j, p, &b, manifest, e);
	return rc < 0 ? shelf_full(&j->shelf, rc, e)
		      : shelf_publish(&j->shelf, &b, manifest, key, ret, e);
}

/* STATE/kernels/<asked>.json remembers for a day what apt said: it takes a second to ask. */
static struct kernel *remembered(const struct job *j, const char *memo)
{
	auto_json json_t *m = NULL;
	if (json_read_object(memo, &m, NULL) < 0)
		return NULL;
	int64_t age = clock_wall_us() - json_i64_or(m, "asked_us", 0);
	if (age < 0 || age > ASKED_US)
		return NULL;
	return shelf_load(&j->shelf, json_str_or(m, "key", ""));
}

static void remember(const char *memo, const char *key)
{
	auto_json json_t *m =
		json_pack("{s:s, s:I}", "key", key, "asked_us", (json_int_t)clock_wall_us());
	auto_free char *text = json_line(m);
	/* Only speed is lost where this fails. */
	(void)file_replace(memo, text, strlen(text), 0644, NULL);
}

static int resolve_debian(const struct job *j, const char *name, struct kernel **ret, struct err *e)
{
	auto_free char *memo = xasprintf("%s/%s.json", j->shelf.dir, name);
	if ((*ret = remembered(j, memo)))
		return 0;
	auto_debian_package struct debian_package p = { 0 };
	int rc = debian_apt_update(&j->apt, j->shelf.progress, j->shelf.ctx, e);
	if (rc == 0)
		rc = debian_find(&j->apt, name, &p, e);
	if (rc == 0)
		rc = get_debian(j, name, &p, ret, e);
	if (rc == 0) {
		remember(memo, (*ret)->key);
		return 0;
	}
	/* No network, no lists: an older one is better than none. */
	struct kernel *old = rc == -EIO || !p.name ? shelf_newest(&j->shelf, "asked", name) : NULL;
	if (!old)
		return rc;
	auto_free char *text = xasprintf("%s; using %s from the store", e->msg, old->source);
	say(j, text);
	*ret = old;
	return 0;
}

/* ---- a file ---- */

/* Names, sizes and times stand for the content of a folder of modules: hashing all of it at
 * each start would cost a second. */
static int hash_folder(struct hash *h, const char *dir, struct err *e)
{
	char *const paths[] = { (char *)dir, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return err_sys(e, "%s", dir);
	auto_strv struct strv lines = { 0 };
	FTSENT *f;
	errno = 0;
	while ((f = fts_read(tree))) {
		if (f->fts_info == FTS_F)
			strv_addf(&lines, "%s %lld %lld.%09ld", f->fts_path,
				(long long)f->fts_statp->st_size,
				(long long)f->fts_statp->st_mtim.tv_sec,
				f->fts_statp->st_mtim.tv_nsec);
		else if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR)
			break;
	}
	int code = f ? f->fts_errno : errno;
	(void)fts_close(tree); /* only read from */
	if (code)
		return err_code(e, code, "read %s", dir);
	strv_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		hash_add_str(h, lines.v[i]);
	return 0;
}

/* The folder that holds modules.dep: `dir` itself, or the one below it where `make
 * modules_install INSTALL_MOD_PATH=dir` put it. */
static int find_modules(const char *dir, const char *release, char **ret, struct err *e)
{
	auto_free char *below = xasprintf("%s/lib/modules/%s", dir, release);
	const char *const places[] = { dir, below };
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *dep = path_join(places[i], "modules.dep");
		if (access(dep, R_OK) == 0) {
			*ret = realpath(places[i], NULL);
			return *ret ? 0 : err_sys(e, "%s", places[i]);
		}
	}
	return err_set(e, ENOENT,
		"no modules.dep in %s nor in %s: install the modules with `make modules_install "
		"INSTALL_MOD_PATH=DIR`, or run depmod",
		dir, below);
}

/* /boot's naming: config-RELEASE beside the image; the caller's, or NULL. */
static char *config_beside(const char *file, const char *release)
{
	auto_free char *dir = xstrndup(file, (size_t)(path_base(file) - file));
	auto_free char *path = xasprintf("%sconfig-%s", dir, release);
	return access(path, R_OK) == 0 ? take(&path) : NULL;
}

static int file_key(const char *file, const char *modules, char **ret, struct err *e)
{
	struct hash h;
	char hex[HASH_HEX_SIZE];
	int rc = hash_file(file, hex, e);
	if (rc < 0)
		return rc;
	hash_init(&h);
	hash_add_str(&h, hex);
	if (modules)
		rc = hash_folder(&h, modules, e);
	*ret = xasprintf("file-%.16s_r%d", hash_hex(&h, hex), ENTRY_RECIPE);
	return rc;
}

static int make_file(const struct job *j, const char *file, const char *modules,
	const char *release, const char *key, struct kernel **ret, struct err *e)
{
	auto_depot_build struct depot_build b = DEPOT_BUILD_NONE;
	int rc = shelf_begin(&j->shelf, key, &b, ret, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	auto_free char *config = config_beside(file, release);
	auto_json json_t *manifest = json_pack("{s:s}", "source", file);
	const struct entry_parts parts = { file, modules, config };
	rc = entry_make(b.tmp, &parts, j->shelf.progress, j->shelf.ctx, manifest, e);
	return rc < 0 ? shelf_full(&j->shelf, rc, e)
		      : shelf_publish(&j->shelf, &b, manifest, key, ret, e);
}

static int resolve_file(const struct job *j, const char *spec, const char *modules_dir,
	struct kernel **ret, struct err *e)
{
	auto_free char *file = realpath(spec, NULL);
	auto_free char *release = NULL;
	auto_free char *modules = NULL;
	auto_free char *key = NULL;
	uint16_t machine;
	if (!file)
		return err_sys(e, "kernel %s", spec);
	int rc = entry_look(file, &release, &machine, e);
	if (rc == 0 && machine != j->shelf.arch->machine)
		return err_set(e, ENOEXEC,
			"%s: a kernel of another architecture than %s: --arch says which to boot",
			file, j->shelf.arch->debian);
	if (rc == 0 && modules_dir)
		rc = find_modules(modules_dir, release, &modules, e);
	if (rc == 0)
		rc = file_key(file, modules, &key, e);
	if (rc < 0)
		return rc;
	*ret = shelf_load(&j->shelf, key);
	if (!*ret)
		rc = make_file(j, file, modules, release, key, ret, e);
	if (rc < 0)
		return rc;
	free((*ret)->source); /* the same kernel may have come from elsewhere before */
	(*ret)->source = take(&file);
	if (!(*ret)->modules && !(*ret)->config)
		say(j, "no modules given, and the kernel's configuration is not known: it must "
		       "have "
		       "virtio, erofs, ext4 and overlay built in");
	return 0;
}

/* ---- */

/* "6.1.0-49-cloud-amd64" and "linux-image-..." are packages; the rest are files. */
static char *package_name(const char *spec)
{
	if (strchr(spec, '/'))
		return NULL;
	if (strncmp(spec, "linux-image-", 12) == 0)
		return xstrdup(spec);
	if (isdigit((unsigned char)spec[0]) && access(spec, F_OK) != 0)
		return xasprintf("linux-image-%s", spec);
	return NULL;
}

static int resolve(const struct job *j, const char *spec, const char *modules_dir,
	struct kernel **ret, struct err *e)
{
	if (!spec || strcmp(spec, "debian") == 0)
		return resolve_debian(j, arch_names(j->shelf.arch)->newest, ret, e);
	if (!strchr(spec, '/') && (*ret = shelf_load(&j->shelf, spec)))
		return 0;
	auto_free char *name = package_name(spec);
	if (!name)
		return resolve_file(j, spec, modules_dir, ret, e);
	if ((*ret = shelf_newest(&j->shelf, "package", name)))
		return 0;
	return resolve_debian(j, name, ret, e);
}

int kernel_resolve(const char *state_dir, const char *spec, const char *modules_dir,
	const struct kernel_arch *arch, kernel_progress *progress, void *ctx, struct kernel **ret,
	struct err *e)
{
	struct err why = { 0 };
	struct kernel *k = NULL;
	struct job j;
	shelf_open(&j.shelf, state_dir, arch, progress, ctx);
	debian_apt_init(&j.apt, state_dir, arch);
	int rc = resolve(&j, spec, modules_dir, &k, &why);
	shelf_close(&j.shelf);
	debian_apt_clear(&j.apt);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = k;
	return 0;
}

json_t *kernel_list(const char *state_dir)
{
	auto_free char *dir = path_join(state_dir, "kernels");
	return depot_list(dir);
}

int kernel_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "kernels");
	const struct depot d = { .dir = dir };
	return depot_remove(&d, key, ret_bytes, e);
}

/* Other versions' initramfs files: a day old, so that no other fsqa is about to boot one. */
static void remove_old(const char *dir, const char *keep)
{
	DIR *d = opendir(dir);
	if (!d)
		return;
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		struct stat st;
		auto_free char *path = path_join(dir, entry->d_name);
		if (strncmp(entry->d_name, "initramfs-", 10) == 0 &&
			strcmp(entry->d_name, keep) != 0 && lstat(path, &st) == 0 &&
			st.st_mtim.tv_sec < time(NULL) - 24 * 3600)
			(void)unlink(path); /* the next one that is made tries again */
	}
	(void)closedir(d); /* only read from */
}

int kernel_initramfs(const struct kernel *k, const char *guest, char **ret_path, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	int rc = hash_file(guest, hex, e);
	if (rc < 0)
		return rc;
	/* The modules are the entry's own and do not change; so the guest is the key. */
	auto_free char *name = xasprintf("initramfs-%.16s.cpio", hex);
	auto_free char *path = path_join(k->dir, name);
	if (utimensat(AT_FDCWD, path, NULL, 0) == 0) { /* in use: remove_old sees it */
		*ret_path = take(&path);
		return 0;
	}
	auto_free char *early = path_join(k->dir, "early");
	rc = early_initramfs(early, guest, path, e);
	if (rc < 0)
		return rc;
	remove_old(k->dir, name);
	*ret_path = take(&path);
	return 0;
}
