/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/modules.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FILE_LIMIT  (64u << 20)
#define DEPTH_LIMIT 32

struct module {
	char name[MODULE_NAME_SIZE];
	char *path;       /* NULL: built in */
	const char *deps; /* rest of its line in modules.dep, to the newline */
	bool given;
};

struct modules {
	char *dep, *softdep, *alias;
	struct module *v; /* sorted by name */
	size_t n, cap;
};

/* The next line of *text as [*ret, + *n), without its newline; false at the end. */
static bool next_line(const char **text, const char **ret, size_t *n)
{
	if (!**text)
		return false;
	*ret = *text;
	*n = strcspn(*text, "\n");
	*text += *n + ((*text)[*n] == '\n');
	return true;
}

/* The next word of [*p, end), as [*ret, + *n); false at the end. */
static bool next_word(const char **p, const char *end, const char **ret, size_t *n)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	*ret = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		(*p)++;
	*n = (size_t)(*p - *ret);
	return *n > 0;
}

static bool plain_name(const char *s, size_t n, char ret[MODULE_NAME_SIZE])
{
	if (n == 0 || n >= MODULE_NAME_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = s[i] == '-' ? '_' : s[i];
	ret[n] = '\0';
	return true;
}

int module_name(const char *path, size_t n, char ret[MODULE_NAME_SIZE])
{
	static const char *const ends[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };
	const char *slash = memrchr(path, '/', n);
	const char *base = slash ? slash + 1 : path;
	size_t len = (size_t)(path + n - base);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t cut = strlen(ends[i]);
		if (len > cut && memcmp(base + len - cut, ends[i], cut) == 0)
			return plain_name(base, len - cut, ret) ? 0 : -1;
	}
	return -1;
}

static void add_module(struct modules *m, const struct module *one)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 256;
		m->v = xrealloc(m->v, m->cap * sizeof *m->v);
	}
	m->v[m->n++] = *one;
}

static int add_dep(struct modules *m, const char *line, size_t n, size_t number, struct err *e)
{
	const char *colon = memchr(line, ':', n);
	struct module one = { .deps = colon ? colon + 1 : NULL };
	if (!colon || module_name(line, (size_t)(colon - line), one.name) < 0)
		return err_set(e, EINVAL, "modules.dep:%zu: not \"FILE.ko: FILE.ko ...\"", number);
	if (line[0] == '/')
		return err_set(e, EINVAL, "modules.dep:%zu: module outside of the folder", number);
	one.path = xstrndup(line, (size_t)(colon - line));
	add_module(m, &one);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

int modules_parse(const char *dep, const char *softdep, const char *alias, const char *builtin,
	struct modules **ret, struct err *e)
{
	auto_modules struct modules *m = xcalloc(1, sizeof *m);
	m->dep = xstrdup(dep);
	m->softdep = xstrdup(softdep ? softdep : "");
	m->alias = xstrdup(alias ? alias : "");
	const char *line;
	size_t n;
	const char *text = m->dep;
	for (size_t number = 1; next_line(&text, &line, &n); number++) {
		int rc = n ? add_dep(m, line, n, number, e) : 0;
		if (rc < 0)
			return rc;
	}
	text = builtin ? builtin : "";
	while (next_line(&text, &line, &n)) {
		struct module one = { .path = NULL };
		if (module_name(line, n, one.name) == 0)
			add_module(m, &one);
	}
	if (m->n)
		qsort(m->v, m->n, sizeof *m->v, by_name);
	*ret = take(&m);
	return 0;
}

/* The text of DIR/NAME; NULL where there is none. */
static int read_table(const char *dir, const char *name, bool must, char **ret, struct err *e)
{
	auto_free char *path = path_join(dir, name);
	auto_buf struct buf b = { 0 };
	struct err why = { 0 };
	int rc = file_read(path, FILE_LIMIT, &b, &why);
	if (rc == -ENOENT && !must)
		return 0;
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	*ret = buf_take(&b);
	return 0;
}

int modules_load(const char *dir, struct modules **ret, struct err *e)
{
	static const char *const names[] = { "modules.dep", "modules.softdep", "modules.alias",
		"modules.builtin" };
	char *text[ARRAY_LEN(names)] = { NULL };
	int rc = 0;
	for (size_t i = 0; i < ARRAY_LEN(names) && rc == 0; i++)
		rc = read_table(dir, names[i], i == 0, &text[i], e);
	if (rc == 0)
		rc = modules_parse(text[0] ? text[0] : "", text[1], text[2], text[3], ret, e);
	if (rc == -EINVAL)
		(void)err_wrap(e, "%s", dir); /* keeps the code */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		free(text[i]);
	return rc;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	free(m->v);
	free(m->dep);
	free(m->softdep);
	free(m->alias);
	free(m);
}

static struct module *find(struct modules *m, const char *name)
{
	struct module key = { .path = NULL };
	if (!plain_name(name, strlen(name), key.name) || m->n == 0)
		return NULL;
	return bsearch(&key, m->v, m->n, sizeof *m->v, by_name);
}

static int need(
	struct modules *m, struct module *one, unsigned depth, struct strv *files, struct err *e);

/* A word of a softdep: a module, or the alias of several; what is unknown is no error, for
 * modprobe leaves it out as well. */
static int need_soft(struct modules *m, const char *word, size_t n, unsigned depth,
	struct strv *files, struct err *e)
{
	char name[MODULE_NAME_SIZE];
	char alias[MODULE_NAME_SIZE];
	if (!plain_name(word, n, name))
		return 0;
	struct module *one = find(m, name);
	if (one)
		return need(m, one, depth, files, e);
	const char *text = m->alias;
	const char *line;
	for (int rc = 0; next_line(&text, &line, &n);) {
		const char *end = line + n;
		const char *w;
		if (!next_word(&line, end, &w, &n) || n != 5 || memcmp(w, "alias", 5) != 0)
			continue;
		if (!next_word(&line, end, &w, &n) || !plain_name(w, n, alias) ||
			strcmp(alias, name) != 0)
			continue;
		if (next_word(&line, end, &w, &n) && plain_name(w, n, alias) &&
			(one = find(m, alias)))
			rc = need(m, one, depth, files, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int need_softdeps(
	struct modules *m, const char *name, unsigned depth, struct strv *files, struct err *e)
{
	const char *text = m->softdep;
	const char *line;
	size_t n;
	while (next_line(&text, &line, &n)) {
		const char *end = line + n;
		const char *w;
		char whose[MODULE_NAME_SIZE];
		if (!next_word(&line, end, &w, &n) || n != 7 || memcmp(w, "softdep", 7) != 0 ||
			!next_word(&line, end, &w, &n) || !plain_name(w, n, whose) ||
			strcmp(whose, name) != 0)
			continue;
		bool pre = false;
		while (next_word(&line, end, &w, &n)) {
			if (w[n - 1] == ':') {
				pre = n == 4 && memcmp(w, "pre:", 4) == 0;
				continue;
			}
			int rc = pre ? need_soft(m, w, n, depth, files, e) : 0;
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int need_deps(struct modules *m, const struct module *one, unsigned depth,
	struct strv *files, struct err *e)
{
	const char *p = one->deps;
	const char *end = p + strcspn(p, "\n");
	const char *w;
	size_t n;
	char name[MODULE_NAME_SIZE];
	while (next_word(&p, end, &w, &n)) {
		struct module *dep = module_name(w, n, name) == 0 ? find(m, name) : NULL;
		if (!dep)
			return err_set(e, EINVAL, "module %s needs %.*s, which is not there",
				one->name, (int)(n < 200 ? n : 200), w);
		int rc = need(m, dep, depth, files, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int need(
	struct modules *m, struct module *one, unsigned depth, struct strv *files, struct err *e)
{
	if (one->given || !one->path)
		return 0;
	if (depth > DEPTH_LIMIT)
		return err_set(e, ELOOP,
			"module %s: it needs itself, or more than %u others in a row", one->name,
			DEPTH_LIMIT);
	int rc = need_softdeps(m, one->name, depth + 1, files, e);
	if (rc == 0)
		rc = need_deps(m, one, depth + 1, files, e);
	if (rc < 0 || one->given)
		return rc;
	one->given = true;
	strv_add(files, one->path);
	return 0;
}

int modules_need(struct modules *m, const char *name, struct strv *files, struct err *e)
{
	struct module *one = find(m, name);
	if (!one)
		return err_set(e, ENOENT, "module %s is neither there nor built in", name);
	return need(m, one, 0, files, e);
}
