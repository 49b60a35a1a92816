/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/profile.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config/config.h"
#include "config/place.h"
#include "config/stages.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PROFILE "btrfs/demo"
#define MAX_DEPTH       3
#define MAX_PROFILES    1000

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	return access(path, F_OK) == 0;
}

static bool has_folder(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	return is_folder(path);
}

static bool is_profile(const char *dir)
{
	return has(dir, "fsqa.conf") || has_folder(dir, "scripts") ||
	       has_folder(dir, "setup/scripts");
}

/* Where profiles are found by name. */
static void search_dirs(struct strv *ret)
{
	const char *env = getenv("FSQA_PROFILES");
	if (env) {
		strv_split(ret, env, ":");
		return;
	}
	strv_add(ret, "profiles");
	auto_free char *ours = place_data("profiles");
	strv_add(ret, ours);
}

static void collect(const char *dir, const char *prefix, int depth, struct strv *ret)
{
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (const struct dirent *x; (x = readdir(d)) && ret->n < MAX_PROFILES;) {
		if (x->d_name[0] == '.' || strcmp(x->d_name, "scripts") == 0 ||
			strcmp(x->d_name, "config") == 0 || strcmp(x->d_name, "setup") == 0)
			continue;
		auto_free char *path = path_join(dir, x->d_name);
		if (!is_folder(path))
			continue;
		auto_free char *name = xasprintf("%s%s%s", prefix, *prefix ? "/" : "", x->d_name);
		if (is_profile(path))
			strv_add(ret, name);
		if (depth < MAX_DEPTH)
			collect(path, name, depth + 1, ret);
	}
	closedir(d);
}

void profile_names(struct strv *ret)
{
	auto_strv struct strv dirs = { 0 };
	auto_strv struct strv all = { 0 };
	search_dirs(&dirs);
	for (size_t i = 0; i < dirs.n; i++)
		collect(dirs.v[i], "", 1, &all);
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			strv_add(ret, all.v[i]);
}

static int unknown(const char *name, struct err *e)
{
	auto_strv struct strv known = { 0 };
	profile_names(&known);
	if (is_folder(name))
		return err_set(e, ENOENT, "no profile %.80s (did you mean ./%.80s?)", name, name);
	const char *near = nearest(name, strv_get(&known));
	if (near)
		return err_set(e, ENOENT, "no profile %.80s (did you mean %s?)", name, near);
	auto_free char *list = strv_join(&known, ", ");
	return err_set(e, ENOENT, "no profile %.80s; known: %s", name,
		known.n ? list : "none (is FSQA_PROFILES right?)");
}

/* The folder of `name`, as it was found; the caller's. */
static int find(const char *name, char **ret, struct err *e)
{
	bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
	if ((dots || strchr(name, '/')) && is_folder(name)) {
		if (!is_profile(name))
			return err_set(e, ENOENT,
				"%s: no profile: neither fsqa.conf nor scripts/ is in it", name);
		*ret = xstrdup(name);
		return 0;
	}
	auto_strv struct strv dirs = { 0 };
	search_dirs(&dirs);
	for (size_t i = 0; *name && i < dirs.n; i++) {
		auto_free char *path = path_join(dirs.v[i], name);
		if (!is_folder(path) || !is_profile(path))
			continue;
		*ret = take(&path);
		return 0;
	}
	return unknown(name, e);
}

/* What `dir` (absolute) is called beneath a folder of profiles, else its last name; a folder
 * setup/, as BTRFSQA has it, is called after the one that holds it. */
static char *name_of(const char *dir)
{
	auto_strv struct strv dirs = { 0 };
	search_dirs(&dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *base = realpath(dirs.v[i], NULL);
		size_t n = base ? strlen(base) : 0;
		if (n && strncmp(dir, base, n) == 0 && dir[n] == '/' && dir[n + 1])
			return xstrdup(dir + n + 1);
	}
	auto_free char *copy = xstrdup(dir);
	char *slash = strrchr(copy, '/');
	if (strcmp(path_base(copy), "setup") == 0 && slash > copy)
		*slash = '\0';
	const char *last = path_base(copy);
	return xstrdup(*last ? last : "root");
}

/* Names go into results, pages and messages. */
static int check_name(const char *name, struct err *e)
{
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, name, strlen(name));
	bool good = strcmp(buf_str(&clean), name) == 0;
	for (const char *p = name; *p; p++)
		good &= (unsigned char)*p >= 0x20 && *p != 0x7f;
	return good ? 0 : err_set(e, EINVAL, "the profile's folder has a name that is no text");
}

/* The folders of the files for a target, in the order in which a later one wins: those that
 * profile.config names, and our own. */
static void config_dirs(const struct profile *p, struct strv *ret)
{
	const char *const *names = config_list(p->config, "profile.config");
	auto_free char *own = path_join(p->dir, "config");
	bool listed = !is_folder(own);
	for (; *names; names++) {
		strv_add(ret, *names);
		listed |= strcmp(*names, own) == 0;
	}
	if (!listed)
		strv_add(ret, own);
}

static int load(struct profile *p, const char *const *overrides, struct err *e)
{
	int rc = check_name(p->name, e);
	if (rc < 0)
		return rc;
	auto_free char *conf = path_join(p->dir, "fsqa.conf");
	rc = config_load(has(p->dir, "fsqa.conf") ? conf : NULL, overrides, &p->config, e);
	if (rc < 0)
		return rc;
	const char *set = config_is_set(p->config, "profile.scripts")
				  ? config_str(p->config, "profile.scripts")
				  : NULL;
	auto_free char *scripts = set ? xstrdup(set) : path_join(p->dir, "scripts");
	auto_strv struct strv dirs = { 0 };
	config_dirs(p, &dirs);
	const char *timeouts = dirs.n ? dirs.v[dirs.n - 1] : p->dir;
	for (size_t i = 0; i < dirs.n; i++)
		if (has(dirs.v[i], "timeout.json"))
			timeouts = dirs.v[i];
	rc = stages_load(p, scripts, timeouts, e);
	for (size_t i = 0; rc == 0 && i < dirs.n; i++)
		rc = stages_files(p, dirs.v[i], e);
	return rc;
}

int profile_load(
	const char *name, const char *const *overrides, struct profile **ret, struct err *e)
{
	auto_free char *found = NULL;
	int rc = find(name ? name : DEFAULT_PROFILE, &found, e);
	if (rc < 0)
		return rc;
	auto_free char *real = realpath(found, NULL);
	if (!real)
		return err_sys(e, "%s", found);
	struct profile *p = xcalloc(1, sizeof *p);
	p->name = name_of(real);
	bool setup = !has(real, "fsqa.conf") && !has_folder(real, "scripts");
	p->dir = setup ? path_join(real, "setup") : take(&real);
	rc = load(p, overrides, e);
	if (rc < 0) {
		profile_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

const struct profile_stage *profile_stage(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_stages; i++)
		if (strcmp(p->stages[i].name, name) == 0)
			return &p->stages[i];
	return NULL;
}

/* The stage that a whole name or its NNN means. */
static int resolve(const struct profile *p, const char *word, size_t *ret, struct err *e)
{
	auto_strv struct strv names = { 0 };
	size_t found = p->n_stages;
	for (size_t i = 0; i < p->n_stages; i++) {
		const char *name = p->stages[i].name;
		strv_add(&names, name);
		if (strcmp(name, word) == 0) {
			*ret = i;
			return 0;
		}
		if (strlen(word) != 3 || strncmp(name, word, 3) != 0)
			continue;
		if (found < p->n_stages)
			return err_set(e, EINVAL, "stage %s is both %s and %s", word,
				p->stages[found].name, name);
		found = i;
	}
	if (found == p->n_stages) {
		auto_free char *hint = nearest_hint(word, strv_get(&names));
		return err_set(e, EINVAL, "profile %s has no stage %.80s%s", p->name, word, hint);
	}
	*ret = found;
	return 0;
}

static void stage_clear(struct profile_stage *s)
{
	free(s->name);
	free(s->path);
	strv_clear(&s->requires);
	strv_clear(&s->logs);
}

/* Who asks for one stage does not want it skipped for another that was not asked for. */
static void drop_requires(struct profile *p, struct profile_stage *s)
{
	struct strv kept = { 0 };
	for (size_t i = 0; i < s->requires.n; i++) {
		if (profile_stage(p, s->requires.v[i]))
			strv_add(&kept, s->requires.v[i]);
		else
			strv_addf(&p->warnings, "stage %s requires %s, which does not run: ignored",
				s->name, s->requires.v[i]);
	}
	strv_clear(&s->requires);
	s->requires = kept;
}

static int mark(const struct profile *p, const char *const *only, const char *from, bool *keep,
	struct err *e)
{
	size_t first = 0;
	int rc = from ? resolve(p, from, &first, e) : 0;
	bool all = !only || !*only;
	for (size_t i = 0; i < p->n_stages; i++)
		keep[i] = all;
	for (; rc == 0 && !all && *only; only++) {
		size_t i = 0;
		rc = resolve(p, *only, &i, e);
		if (rc == 0)
			keep[i] = true;
	}
	size_t left = 0;
	for (size_t i = 0; i < p->n_stages; i++) {
		keep[i] = keep[i] && i >= first;
		left += keep[i];
	}
	if (rc == 0 && left == 0 && from)
		return err_set(e, EINVAL, "no stage is left from %s on", from);
	return rc;
}

int profile_select(struct profile *p, const char *const *only, const char *from, struct err *e)
{
	auto_free bool *keep = xcalloc(p->n_stages, sizeof *keep);
	int rc = mark(p, only, from, keep, e);
	if (rc < 0)
		return rc;
	size_t n = 0;
	for (size_t i = 0; i < p->n_stages; i++) {
		if (keep[i])
			p->stages[n++] = p->stages[i];
		else
			stage_clear(&p->stages[i]);
	}
	p->n_stages = n;
	for (size_t i = 0; i < n; i++)
		drop_requires(p, &p->stages[i]);
	return 0;
}

void profile_select_none(struct profile *p)
{
	for (size_t i = 0; i < p->n_stages; i++)
		stage_clear(&p->stages[i]);
	p->n_stages = 0;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	profile_select_none(p);
	free(p->stages);
	free(p->name);
	free(p->dir);
	config_free(p->config);
	strv_clear(&p->files);
	strv_clear(&p->warnings);
	free(p);
}
