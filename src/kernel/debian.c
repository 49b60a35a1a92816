/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/debian.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define OUTPUT_LIMIT  (1u << 20)
#define ASK_US        (60ull * 1000 * 1000)
#define DOWNLOAD_US   (1800ull * 1000 * 1000)
#define KERNEL_PREFIX "linux-image-"

const char *debian_newest(void)
{
#if defined(__aarch64__)
	return KERNEL_PREFIX "cloud-arm64";
#else
	return KERNEL_PREFIX "cloud-amd64";
#endif
}

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

static int no_apt(struct err *e)
{
	return err_set(e, ENOENT,
		"Debian's kernels need apt, which this host has not: give a kernel file "
		"(--kernel FILE)");
}

int debian_find(const char *name, struct debian_package *ret, struct err *e)
{
	if (!is_word(name, strlen(name), "+-."))
		return err_set(e, ENOENT, "\"%s\" is no name of a Debian package", name);
	const char *argv[] = { "apt-cache", "show", "--no-all-versions", name, NULL };
	const struct proc_spec spec = {
		.argv = argv,
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
		return err_set(e, ENOENT,
			"apt knows no package %s. Bring its lists up to date: %sapt-get update",
			name, geteuid() == 0 ? "" : "sudo ");
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

int debian_fetch(const struct debian_package *p, const char *dir, struct err *e)
{
	auto_free char *what = xasprintf("%s=%s", p->name, p->version);
	const char *get[] = { "apt-get", "-q", "download", what, NULL };
	struct proc_spec spec = {
		.argv = get,
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
		return err_wrap(e, "download %s (if its lists are old: %sapt-get update)", what,
			geteuid() == 0 ? "" : "sudo ");
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
