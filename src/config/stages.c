/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/stages.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "config/config.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILES     1000
#define MAX_NAME      100
#define TIMEOUT_LIMIT (1u << 20)

/* What stages_load works on. */
struct loader {
	struct profile *p;
	const char *scripts;
	struct strv names;     /* of all scripts, in byte order */
	uint64_t *timeouts_us; /* of timeout.json, beside names; 0: none */
	const char *timeout_path;
};

/* NNN_name, of letters that need no quoting anywhere. */
static bool is_stage_name(const char *s)
{
	size_t n = strlen(s);
	if (n < 5 || n > MAX_NAME || !isdigit((unsigned char)s[0]) ||
		!isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[2]) || s[3] != '_')
		return false;
	for (s += 4; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._+-", *s))
			return false;
	return true;
}

/* What an editor or the file manager leaves. */
static bool is_debris(const char *name)
{
	return name[0] == '.' || name[strlen(name) - 1] == '~';
}

static int list_folder(const char *path, struct strv *ret, struct err *e)
{
	DIR *d = opendir(path);
	if (!d)
		return err_sys(e, "%s", path);
	int rc = 0;
	for (const struct dirent *x; rc == 0 && (x = readdir(d));) {
		if (is_debris(x->d_name))
			continue;
		if (ret->n == MAX_FILES)
			rc = err_set(e, E2BIG, "%s: more than %d files", path, MAX_FILES);
		else
			strv_add(ret, x->d_name);
	}
	closedir(d);
	strv_sort(ret);
	return rc;
}

/* "WHERE: no script X in DIR (did you mean Y?)" */
static int no_script(const struct loader *l, const char *where, const char *name, struct err *e)
{
	auto_free char *hint = nearest_hint(name, strv_get(&l->names));
	return err_set(e, ENOENT, "%s: no script %.80s in %s%s", where, name, l->scripts, hint);
}

static int check_script(const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	if (st.st_mode & 0111)
		return 0;
	auto_free char *command = strv_shell((const char *const[]){ "chmod", "+x", path, NULL });
	return err_set(e, EACCES, "%s: not executable; mend it with: %s", path, command);
}

static int find_scripts(struct loader *l, struct err *e)
{
	int rc = list_folder(l->scripts, &l->names, e);
	if (rc == -ENOENT && (config_is_set(l->p->config, "fstests.tree") ||
				     config_subsection(l->p->config, "suite", 0)))
		return 0; /* it has tests without any */
	if (rc < 0)
		return err_wrap(e, "scripts of profile %s", l->p->name);
	for (size_t i = 0; i < l->names.n; i++)
		if (!is_stage_name(l->names.v[i]))
			return err_set(e, EINVAL,
				"%s/%.100s: a stage's script is named NNN_name, as 001_kernel",
				l->scripts, l->names.v[i]);
	if (l->names.n == 0)
		return err_set(e, ENOENT, "%s: no scripts NNN_name are in it", l->scripts);
	return 0;
}

static int on_timeout(
	void *ctx, const char *stage, uint64_t timeout_us, unsigned line, struct err *e)
{
	struct loader *l = ctx;
	size_t i = strv_find(&l->names, stage);
	if (i < l->names.n) {
		l->timeouts_us[i] = timeout_us;
		return 0;
	}
	auto_free char *where =
		line ? xasprintf("%s:%u", l->timeout_path, line) : xstrdup(l->timeout_path);
	return no_script(l, where, stage, e);
}

static int read_timeouts(struct loader *l, struct err *e)
{
	struct stat st;
	auto_buf struct buf text = { 0 };
	if (stat(l->timeout_path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "%s", l->timeout_path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", l->timeout_path);
	int rc = file_read(l->timeout_path, TIMEOUT_LIMIT, &text, e);
	return rc < 0 ? rc
		      : timeouts_parse(l->timeout_path, buf_str(&text), text.len, on_timeout, l, e);
}

/* A section that an included file brought may speak of a stage that this profile left out; one
 * that the profile itself wrote is a mistake. */
static int check_sections(const struct loader *l, struct err *e)
{
	static const char *const keys[] = { "timeout", "requires", "logs", "faults", "expect" };
	const struct config *c = l->p->config;
	const char *x = NULL;
	for (size_t n = 0; (x = config_subsection(c, "stage", n)); n++) {
		if (strv_find(&l->names, x) < l->names.n)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			auto_free char *name = xasprintf("stage.%s.%s", x, keys[i]);
			if (config_is_own(c, name))
				return no_script(l, config_origin(c, name), x, e);
		}
	}
	return 0;
}

static void set_timeout(struct loader *l, struct profile_stage *s, size_t i)
{
	const struct config *c = l->p->config;
	auto_free char *name = xasprintf("stage.%s.timeout", s->name);
	if (config_is_set(c, name)) {
		s->timeout_us = config_num(c, name);
	} else if (l->timeouts_us[i]) {
		s->timeout_us = l->timeouts_us[i];
	} else {
		s->timeout_us = config_num(c, "stage.defaultTimeout");
		/* Who set it means it. */
		if (!config_is_set(c, "stage.defaultTimeout"))
			strv_addf(&l->p->warnings,
				"stage %s has no timeout: it gets %s; set [stage \"%s\"] timeout",
				s->name, config_text(c, "stage.defaultTimeout"), s->name);
	}
}

static int add_logs(struct loader *l, struct profile_stage *s, struct err *e)
{
	auto_free char *name = xasprintf("stage.%s.logs", s->name);
	const char *const *words = config_list(l->p->config, name);
	for (; *words; words++) {
		if (**words != '/' && strncmp(*words, "~/", 2) != 0)
			return err_set(e, EINVAL, "%s: %s: '%.80s' starts with neither / nor ~/",
				config_origin(l->p->config, name), name, *words);
		strv_add(&s->logs, *words);
	}
	return 0;
}

/* Stages run in order, so that what is required must come before; that rules out a cycle too. */
static int add_requires(struct loader *l, struct profile_stage *s, struct err *e)
{
	struct profile *p = l->p;
	auto_free char *name = xasprintf("stage.%s.requires", s->name);
	const char *origin = config_origin(p->config, name);
	const char *const *words = config_list(p->config, name);
	for (; *words; words++) {
		if (strv_find(&l->names, *words) == l->names.n)
			return no_script(l, origin, *words, e);
		const struct profile_stage *other = profile_stage(p, *words);
		if (other == s)
			return err_set(e, EINVAL, "%s: %s requires itself", origin, s->name);
		if (!other)
			return err_set(e, EINVAL,
				"%s: %s requires %s, which is not in profile.stages", origin,
				s->name, *words);
		if (other > s)
			return err_set(e, EINVAL, "%s: %s requires %s, which comes after it",
				origin, s->name, *words);
		strv_add(&s->requires, *words);
	}
	return 0;
}

/* The stages by name, of profile.stages or of all scripts. */
static int add_stages(struct loader *l, struct err *e)
{
	struct profile *p = l->p;
	const char *const *names = config_list(p->config, "profile.stages");
	const char *origin = config_origin(p->config, "profile.stages");
	if (!*names && l->names.n)
		names = strv_get(&l->names);
	for (; *names; names++) {
		size_t i = strv_find(&l->names, *names);
		if (i == l->names.n)
			return no_script(l, origin, *names, e);
		if (profile_stage(p, *names))
			return err_set(
				e, EINVAL, "%s: profile.stages has %s twice", origin, *names);
		p->stages = xrealloc(p->stages, (p->n_stages + 1) * sizeof *p->stages);
		struct profile_stage *s = &p->stages[p->n_stages++];
		*s = (struct profile_stage){ .name = xstrdup(*names),
			.path = path_join(l->scripts, *names) };
		int rc = check_script(s->path, e);
		if (rc < 0)
			return rc;
		set_timeout(l, s, i);
	}
	return 0;
}

int stages_load(struct profile *p, const char *scripts, const char *config_dir, struct err *e)
{
	auto_free char *timeout_path = path_join(config_dir, "timeout.json");
	struct loader l = { .p = p, .scripts = scripts, .timeout_path = timeout_path };
	int rc = find_scripts(&l, e);
	if (rc == 0) {
		l.timeouts_us = xcalloc(l.names.n, sizeof *l.timeouts_us);
		rc = read_timeouts(&l, e);
	}
	if (rc == 0)
		rc = check_sections(&l, e);
	if (rc == 0)
		rc = add_stages(&l, e);
	for (size_t i = 0; rc == 0 && i < p->n_stages; i++) {
		rc = add_requires(&l, &p->stages[i], e);
		if (rc == 0)
			rc = add_logs(&l, &p->stages[i], e);
	}
	strv_clear(&l.names);
	free(l.timeouts_us);
	return rc;
}

/* Credentials, and what only the cloud side of BTRFSQA reads. */
static bool stays_here(const char *name)
{
	static const char *const patterns[] = { "aws_auth.json", "github.json", "ec2.json", "netrc",
		".*", "*.pem", "*.key", "*.p12", "id_rsa*", "id_ed25519*", "id_ecdsa*",
		"credentials*", "*.token" };
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (fnmatch(patterns[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* A profile may be a stranger's: its links must not carry our own files into a target. */
static bool leads_out(const char *dir, const char *real)
{
	size_t n = strlen(dir);
	return strncmp(real, dir, n) != 0 || real[n] != '/';
}

/* In the target there is one folder: of two files of one name the later wins. */
static void add_file(struct strv *files, char **path)
{
	size_t i = 0;
	while (i < files->n && strcmp(path_base(files->v[i]), path_base(*path)) != 0)
		i++;
	if (i == files->n)
		strv_add(files, "");
	free(files->v[i]);
	files->v[i] = take(path);
}

int stages_files(struct profile *p, const char *config_dir, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_free char *real_dir = realpath(config_dir, NULL);
	if (!real_dir)
		return err_sys(e, "%s", config_dir);
	int rc = list_folder(config_dir, &names, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		auto_free char *path = path_join(config_dir, names.v[i]);
		auto_free char *real = realpath(path, NULL);
		if (!real || stat(real, &st) < 0)
			return err_sys(e, "%s", path);
		if (!S_ISREG(st.st_mode) || stays_here(names.v[i]) || stays_here(path_base(real)))
			continue;
		if (leads_out(p->dir, real) && leads_out(real_dir, real))
			strv_addf(&p->warnings, "%s leads out of the profile: left out", path);
		else
			add_file(&p->files, &path);
	}
	return 0;
}
