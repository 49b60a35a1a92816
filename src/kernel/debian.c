/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/debian.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_LIMIT  (1u << 20)
#define ASK_US        (60ull * 1000 * 1000)
#define DOWNLOAD_US   (1800ull * 1000 * 1000)
#define LISTS_S       86400
#define KERNEL_PREFIX "linux-image-"

void debian_package_clear(struct debian_package *p)
{
	free(take(&p->name));
	free(take(&p->version));
}

/* The characters of deb-control(5)'s package names and deb-version(7); they become parts of
 * arguments and paths. */
static bool is_word(const char *s, size_t n, const char *more)
{
	if (n == 0 || n > 128 || !isalnum((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isascii(s[i]) || (!isalnum((unsigned char)s[i]) && !strchr(more, s[i])))
			return false;
	return true;
}

/* The value of "FIELD: value" in the first stanza, up to the line's end; NULL: none. */
static const char *field(const char *text, const char *name, size_t *n)
{
	size_t len = strlen(name);
	while (*text && *text != '\n') {
		size_t line = strcspn(text, "\n");
		if (line > len && text[len] == ':' && strncasecmp(text, name, len) == 0) {
			const char *v = text + len + 1;
			v += strspn(v, " ");
			*n = strcspn(v, "\n");
			return v;
		}
		text += line + (text[line] == '\n');
	}
	return NULL;
}

/* "linux-image-X (= V), ..." among the dependencies: what a metapackage stands for. */
static bool find_kernel_dep(const char *deps, size_t n, struct debian_package *ret)
{
	auto_free char *text = xstrndup(deps, n);
	auto_strv struct strv all = { 0 };
	strv_split(&all, text, ",");
	for (size_t i = 0; i < all.n; i++) {
		auto_strv struct strv words = { 0 };
		strv_split(&words, all.v[i], " ()");
		if (words.n != 3 || strcmp(words.v[1], "=") != 0 ||
			strncmp(words.v[0], KERNEL_PREFIX, strlen(KERNEL_PREFIX)) != 0)
			continue;
		ret->name = xstrdup(words.v[0]);
		ret->version = xstrdup(words.v[2]);
		return true;
	}
	return false;
}

int debian_parse_show(const char *text, const char *name, struct debian_package *ret, struct err *e)
{
	auto_debian_package struct debian_package p = { 0 };
	size_t n;
	const char *v = field(text, "Package", &n);
	if (!v || n != strlen(name) || memcmp(v, name, n) != 0)
		return err_set(e, ENOENT, "apt's answer has no package %s", name);
	v = field(text, "Depends", &n);
	if (!v || !find_kernel_dep(v, n, &p)) {
		v = field(text, "Version", &n);
		p.name = xstrdup(name);
		p.version = xstrndup(v ? v : "", v ? n : 0);
	}
	if (!is_word(p.name, strlen(p.name), "+-.") ||
		!is_word(p.version, strlen(p.version), "+-.~:"))
		return err_set(e, EINVAL, "apt's answer for %s: \"%s\", version \"%s\"", name,
			p.name, p.version);
	*ret = p;
	p = (struct debian_package){ 0 };
	return 0;
}

void debian_apt_init(struct debian_apt *a, const char *state_dir, const struct kernel_arch *arch)
{
	*a = (struct debian_apt){ 0 };
	if (!arch->foreign)
		return;
	a->dir = xasprintf("%s/apt/%s", state_dir, arch->debian);
	strv_addf(&a->options, "APT::Architecture=%s", arch->debian);
	strv_addf(&a->options, "APT::Architectures=%s", arch->debian);
	strv_addf(&a->options, "Dir::State=%s", a->dir);
	strv_addf(&a->options, "Dir::State::status=%s/status", a->dir);
	strv_addf(&a->options, "Dir::Cache=%s/cache", a->dir);
	strv_addl(&a->options, "Acquire::Languages=none", NULL);
}

void debian_apt_clear(struct debian_apt *a)
{
	free(take(&a->dir));
	strv_clear(&a->options);
}

/* "apt-get -o OPTION ..." */
static void apt_words(const struct debian_apt *a, struct strv *argv, const char *program)
{
	strv_add(argv, program);
	for (size_t i = 0; i < a->options.n; i++)
		strv_addl(argv, "-o", a->options.v[i], NULL);
}

static int make_folders(const struct debian_apt *a, struct err *e)
{
	static const char *const below[] = { "lists/partial", "cache/archives/partial" };
	auto_free char *status = path_join(a->dir, "status");
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(below); i++) {
		auto_free char *path = path_join(a->dir, below[i]);
		rc = file_mkdirs(path, 0755, e);
	}
	return rc < 0 ? rc : file_replace(status, "", 0, 0644, e); /* nothing is installed */
}

/* Whether `stamp` was written within a day; *ret_is: whether it is there. */
static bool is_fresh(const char *stamp, bool *ret_is)
{
	struct stat st;
	*ret_is = stat(stamp, &st) == 0;
	int64_t age_s = *ret_is ? clock_wall_us() / 1000000 - st.st_mtim.tv_sec : 0;
	return *ret_is && age_s >= 0 && age_s < LISTS_S;
}

static int no_apt(struct err *e)
{
	return err_set(e, ENOENT,
		"Debian's kernels need apt, which this host has not: give a kernel file "
		"(--kernel FILE)");
}

static int update(const struct debian_apt *a, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf out = { 0 };
	apt_words(a, &argv, "apt-get");
	strv_addl(&argv, "-q", "update", NULL);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = DOWNLOAD_US,
	};
	int rc = proc_check(&spec, &out, OUTPUT_LIMIT, e);
	return rc == -ENOENT ? no_apt(e) : rc;
}

int debian_apt_update(
	const struct debian_apt *a, kernel_progress *progress, void *ctx, struct err *e)
{
	struct err why = { 0 };
	bool there;
	if (!a->dir)
		return 0;
	auto_free char *stamp = path_join(a->dir, "updated");
	auto_free char *lock_path = path_join(a->dir, "lock");
	if (is_fresh(stamp, &there))
		return 0;
	int rc = make_folders(a, e);
	if (rc < 0)
		return rc;
	auto_close int lock = file_lock(lock_path, DOWNLOAD_US, e);
	if (lock < 0 || is_fresh(stamp, &there)) /* another did it meanwhile */
		return lock < 0 ? lock : 0;
	if (progress)
		progress(ctx, "fetching Debian's package lists for another architecture");
	rc = update(a, &why);
	if (rc == 0)
		return file_replace(stamp, "", 0, 0644, e);
	if (!there)
		return err_set(e, rc, "package lists in %s: %s", a->dir, why.msg);
	if (progress)
		progress(ctx, "no new package lists; going on with the old ones");
	return 0;
}

/* The lists of our own were never there, or are older than the host's would be. */
static const char *update_hint(const struct debian_apt *a)
{
	return a->dir ? "" : geteuid() == 0 ? ": apt-get update" : ": sudo apt-get update";
}

int debian_find(
	const struct debian_apt *a, const char *name, struct debian_package *ret, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	if (!is_word(name, strlen(name), "+-."))
		return err_set(e, ENOENT, "\"%s\" is no name of a Debian package", name);
	apt_words(a, &argv, "apt-cache");
	strv_addl(&argv, "show", "--no-all-versions", name, NULL);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_NULL,
		.deadline_us = ASK_US,
	};
	auto_buf struct buf out = { 0 };
	struct proc_end end;
	int rc = proc_run(&spec, &out, OUTPUT_LIMIT, &end, e);
	if (rc == -ENOENT)
		return no_apt(e);
	if (rc < 0)
		return rc;
	if (end.how == PROC_EXITED && end.value == 0 && out.len)
		return debian_parse_show(buf_str(&out), name, ret, e);
	if (end.how == PROC_EXITED)
		return err_set(e, ENOENT, "apt knows no package %s. Bring its lists up to date%s",
			name, update_hint(a));
	auto_free char *how = proc_end_text(&end);
	return err_set(e, EIO, "apt-cache show %s: %s", name, how);
}

/* The one file in `dir` that apt-get left. */
static int find_deb(const char *dir, char **ret, struct err *e)
{
	auto_free char *pattern = path_join(dir, "*.deb");
	glob_t found = { 0 };
	int rc = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc == 1 ? 0 : -EIO;
	if (rc == 0)
		*ret = xstrdup(found.gl_pathv[0]);
	globfree(&found);
	return rc < 0 ? err_set(e, EIO, "%s: apt-get download left no package", dir) : 0;
}

int debian_fetch(
	const struct debian_apt *a, const struct debian_package *p, const char *dir, struct err *e)
{
	auto_strv struct strv get = { 0 };
	auto_free char *what = xasprintf("%s=%s", p->name, p->version);
	apt_words(a, &get, "apt-get");
	strv_addl(&get, "-q", "download", what, NULL);
	struct proc_spec spec = {
		.argv = strv_get(&get),
		.cwd = dir,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = DOWNLOAD_US,
	};
	auto_buf struct buf out = { 0 };
	int rc = proc_check(&spec, &out, OUTPUT_LIMIT, e);
	if (rc == -ENOENT)
		return no_apt(e);
	if (rc < 0)
		return err_wrap(e, "download %s (if apt's lists are old, update them%s)", what,
			update_hint(a));
	auto_free char *deb = NULL;
	auto_free char *root = path_join(dir, "root");
	rc = find_deb(dir, &deb, e);
	if (rc < 0)
		return rc;
	const char *unpack[] = { "dpkg-deb", "-x", deb, root, NULL };
	spec.argv = unpack;
	spec.cwd = NULL; /* `dir` may be relative to ours */
	return proc_check(&spec, &out, OUTPUT_LIMIT, e);
}
