/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/recipe.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "kernel/arch_names.h"
#include "kernel/localmod.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_LIMIT (4u << 20)
#define TAIL         ".config"
#define LOCAL        "localmodconfig"

void asked_clear(struct asked *a)
{
	fragments_clear(&a->options);
	strv_clear(&a->names);
	free(a->base);
	free(a->base_file);
	free(a->modules);
	*a = (struct asked){ 0 };
}

/* Names of the shipped ones, without ".config"; of each architecture's own only the name. */
static void shipped(const char *dir, struct strv *names)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);
		if (n > strlen(TAIL) && strcmp(entry->d_name + n - strlen(TAIL), TAIL) == 0)
			strv_addf(names, "%.*s", (int)(n - strlen(TAIL)), entry->d_name);
	}
	if (d)
		(void)closedir(d); /* only read from */
	strv_sort(names);
}

/* `why` as fragments_add. */
static int add_fragment(const struct kernel_recipe *r, const char *name, const char *why,
	struct asked *a, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_free char *below = xasprintf("%s/%s" TAIL, r->fragment_dir, name);
	const char *path = strchr(name, '/') ? name : below;
	int rc = file_read(path, CONFIG_LIMIT, &text, e);
	if (rc == -ENOENT && path == below) {
		auto_strv struct strv known = { 0 };
		shipped(r->fragment_dir, &known);
		auto_free char *hint = nearest_hint(name, strv_get(&known));
		return err_set(e, ENOENT,
			"no fragment %s in %s%s; that of a file has a slash in its name", name,
			r->fragment_dir, hint);
	}
	if (rc == 0)
		rc = fragments_add(&a->options, name, why, buf_str(&text), e);
	if (rc == 0)
		strv_add(&a->names, name);
	return rc;
}

static bool is_among(const char *const *fragments, const char *fragment)
{
	for (; fragments && *fragments; fragments++)
		if (strcmp(*fragments, fragment) == 0)
			return true;
	return false;
}

/* Those `named` (NULL: none) come by themselves, in their own place. */
static int add_wishes(const struct kernel_recipe *r, const struct kernel_wishes *w,
	const char *const *named, struct asked *a, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->n; i++)
		if (!is_among(named, w->v[i].fragment))
			rc = add_fragment(r, w->v[i].fragment, w->v[i].by, a, e);
	return rc;
}

static int set_base(const char *base, struct asked *a, struct err *e)
{
	static const char *const targets[] = { "allnoconfig", "tinyconfig", "defconfig",
		"kvm_guest.config", LOCAL, NULL };
	auto_buf struct buf text = { 0 };
	for (size_t i = 0; targets[i]; i++)
		if (strcmp(base, targets[i]) == 0) {
			a->base = xstrdup(base);
			return strcmp(base, LOCAL) == 0
				       ? localmod_read(&a->base_file, &a->modules, e)
				       : 0;
		}
	if (!strchr(base, '/')) {
		auto_free char *hint = nearest_hint(base, targets);
		return err_set(e, ENOENT,
			"no configuration %s%s; that of a file has a slash in its name", base,
			hint);
	}
	int rc = file_read(base, CONFIG_LIMIT, &text, e);
	if (rc == 0 && !strstr(buf_str(&text), "CONFIG_"))
		return err_set(e, EINVAL, "%s: no kernel configuration", base);
	if (rc == 0)
		a->base_file = buf_take(&text);
	return rc;
}

int asked_read(const struct kernel_recipe *r, const struct kernel_arch *arch, struct asked *ret,
	struct err *e)
{
	auto_asked struct asked a = { 0 };
	struct hash h;
	auto_buf struct buf all = { 0 };
	auto_free char *machine = xasprintf("guest-%s", arch_names(arch)->make);
	int rc = set_base(r->base, &a, e);
	if (rc == 0)
		rc = add_fragment(r, "guest", NULL, &a, e);
	if (rc == 0)
		rc = add_fragment(r, machine, NULL, &a, e);
	if (rc == 0)
		rc = add_wishes(r, &r->suites, r->fragments, &a, e);
	for (const char *const *f = r->fragments; rc == 0 && f && *f; f++)
		rc = add_fragment(r, *f, NULL, &a, e);
	if (rc == 0)
		rc = add_wishes(r, &r->machine, NULL, &a, e);
	if (rc < 0)
		return rc;
	fragments_write(&a.options, &all);
	hash_init(&h);
	hash_add_str(&h, a.base ? a.base : "");
	hash_add_str(&h, a.base_file ? a.base_file : "");
	hash_add_str(&h, a.modules ? a.modules : "");
	hash_add_str(&h, buf_str(&all));
	(void)hash_hex(&h, a.sha256);
	*ret = a;
	a = (struct asked){ 0 };
	return 0;
}

static int run_make(const struct make *m, const char *target, const char *variable, struct err *e)
{
	const char *const targets[] = { target, variable, NULL };
	auto_make_log struct make_log l = { 0 };
	int rc = make_run(m, targets, &l, e);
	return rc == -EBADMSG ? err_wrap(e, "make %s", target) : rc;
}

static int read_config(const struct make *m, struct buf *out, struct err *e)
{
	auto_free char *path = path_join(m->objects, ".config");
	return file_read(path, CONFIG_LIMIT, out, e);
}

static int put(const char *dir, const char *name, const struct buf *b, struct err *e)
{
	auto_free char *path = path_join(dir, name);
	return file_replace(path, buf_str(b), b->len, 0644, e);
}

/* Nothing but what is asked for: allnoconfig takes the wishes itself, so that what they make
 * visible is off, too. */
static int configure_small(const struct asked *a, const struct make *m, struct err *e)
{
	auto_buf struct buf all = { 0 };
	auto_free char *option = xasprintf("KCONFIG_ALLCONFIG=%s/fsqa.config", m->objects);
	int rc = strcmp(a->base, "tinyconfig") == 0 ? run_make(m, "tinyconfig", NULL, e) : 1;
	if (rc == 0)
		rc = read_config(m, &all, e);
	if (rc < 0)
		return rc;
	fragments_write(&a->options, &all);
	rc = put(m->objects, "fsqa.config", &all, e);
	return rc < 0 ? rc : run_make(m, "allnoconfig", option, e);
}

/* The host's configuration, of which those modules stay that it has loaded. */
static int configure_local(const struct asked *a, const struct make *m, struct err *e)
{
	auto_free char *option = xasprintf("LSMOD=%s/fsqa.lsmod", m->objects);
	auto_free char *config = path_join(m->objects, ".config");
	auto_free char *list = path_join(m->objects, "fsqa.lsmod");
	int rc = file_replace(config, a->base_file, strlen(a->base_file), 0644, e);
	if (rc == 0)
		rc = file_replace(list, a->modules, strlen(a->modules), 0644, e);
	/* Its options may be another version's: those that are new get their default. */
	if (rc == 0)
		rc = run_make(m, "olddefconfig", NULL, e);
	return rc < 0 ? rc : run_make(m, LOCAL, option, e);
}

static int configure_base(const struct asked *a, const struct make *m, struct err *e)
{
	if (strcmp(a->base, LOCAL) == 0)
		return configure_local(a, m, e);
	bool guest = strcmp(a->base, "kvm_guest.config") == 0; /* it is for on top of another */
	int rc = guest ? run_make(m, "defconfig", NULL, e) : 0;
	return rc < 0 ? rc : run_make(m, a->base, NULL, e);
}

static int configure_large(const struct asked *a, const struct make *m, struct err *e)
{
	auto_buf struct buf all = { 0 };
	int rc = a->base ? configure_base(a, m, e) : 0;
	if (rc == 0 && a->base)
		rc = read_config(m, &all, e);
	if (rc < 0)
		return rc;
	if (!a->base)
		buf_addf(&all, "%s\n", a->base_file);
	fragments_write(&a->options, &all);
	return put(m->objects, ".config", &all, e);
}

int asked_check(const struct asked *a, const struct make *m, struct err *e)
{
	auto_buf struct buf config = { 0 };
	int rc = read_config(m, &config, e);
	return rc < 0 ? rc
		      : fragments_check(&a->options, buf_str(&config), m->source,
				arch_names(m->arch)->folder, e);
}

int asked_configure(const struct asked *a, const struct make *m, struct err *e)
{
	bool small = a->base &&
		     (strcmp(a->base, "allnoconfig") == 0 || strcmp(a->base, "tinyconfig") == 0);
	int rc = small ? configure_small(a, m, e) : configure_large(a, m, e);
	if (rc == 0)
		rc = run_make(m, "olddefconfig", NULL, e);
	return rc < 0 ? rc : asked_check(a, m, e);
}
