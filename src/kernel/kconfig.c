/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kconfig.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/fragment.h"
#include "kernel/kconfig_expr.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT (4u << 20)
#define DEPTH_MAX  64u
#define FILES_MAX  20000u

/* One place that defines an option. */
struct definition {
	char *name;
	char *where;
	struct strv depends; /* "EXPRESSION\tFILE:LINE" each, of itself and all around it */
	bool prompt;
	bool choice; /* one of several, of which one is set */
};

/* What is open around a line: a menu, an if, a choice. */
struct scope {
	enum scope_kind {
		SCOPE_IF,
		SCOPE_MENU,
		SCOPE_CHOICE
	} kind;
	size_t depends; /* how many conditions there are outside of it */
};

struct kconfig {
	char *source, *srcarch;
	struct definition *v;
	size_t n;
	size_t files;
	struct scope scopes[DEPTH_MAX];
	size_t n_scopes;
	struct strv around; /* conditions of all scopes */
};

/* Of one file while it is read. */
struct reader {
	struct kconfig *k;
	const char *path;
	unsigned line;
	unsigned depth;
	struct definition *now; /* attributes belong to it; NULL: to the scope, or to nobody */
	bool scope_now;         /* to the innermost scope */
	bool help;
	size_t help_indent; /* 0: its first line comes */
};

void kconfig_free(struct kconfig *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].name);
		free(k->v[i].where);
		strv_clear(&k->v[i].depends);
	}
	free(k->v);
	free(k->source);
	free(k->srcarch);
	strv_clear(&k->around);
	free(k);
}

static void cut_around(struct kconfig *k, size_t n)
{
	while (k->around.n > n) {
		free(k->around.v[--k->around.n]);
		k->around.v[k->around.n] = NULL;
	}
}

static void define(struct reader *r, const char *name)
{
	struct kconfig *k = r->k;
	k->v = xrealloc(k->v, (k->n + 1) * sizeof *k->v);
	struct definition *d = &k->v[k->n++];
	*d = (struct definition){ .name = xstrdup(name) };
	d->where = xasprintf("%s:%u", r->path, r->line);
	for (size_t i = 0; i < k->around.n; i++)
		strv_add(&d->depends, k->around.v[i]);
	for (size_t i = 0; i < k->n_scopes; i++)
		d->choice = d->choice || k->scopes[i].kind == SCOPE_CHOICE;
	r->now = d;
	r->scope_now = false;
}

static void open_scope(struct reader *r, enum scope_kind kind)
{
	struct kconfig *k = r->k;
	r->now = NULL;
	r->scope_now = k->n_scopes < DEPTH_MAX;
	if (r->scope_now) {
		k->scopes[k->n_scopes].kind = kind;
		k->scopes[k->n_scopes++].depends = k->around.n;
	}
}

static void close_scope(struct reader *r)
{
	struct kconfig *k = r->k;
	r->now = NULL;
	r->scope_now = false;
	if (k->n_scopes)
		cut_around(k, k->scopes[--k->n_scopes].depends);
}

static void add_condition(struct reader *r, const char *text)
{
	auto_free char *line = xasprintf("%s\t%s:%u", text, r->path, r->line);
	if (r->now)
		strv_add(&r->now->depends, line);
	else if (r->scope_now)
		strv_add(&r->k->around, line);
}

static int read_file(struct kconfig *k, const char *path, unsigned depth, struct err *e);

/* source "arch/$(SRCARCH)/Kconfig": other macros do not occur in paths. */
static int follow(struct reader *r, const char *rest, struct err *e)
{
	static const char macro[] = "$(SRCARCH)";
	auto_buf struct buf path = { 0 };
	rest += *rest == '"';
	for (size_t n = strcspn(rest, "\""); n;) {
		size_t skip = strlen(macro);
		if (strncmp(rest, macro, skip) == 0) {
			buf_adds(&path, r->k->srcarch);
		} else {
			buf_addc(&path, *rest);
			skip = 1;
		}
		rest += skip;
		n -= skip < n ? skip : n;
	}
	/* A macro that we do not know, or a file that is made: it is passed over. */
	return r->k->source && !strchr(buf_str(&path), '$')
		       ? read_file(r->k, buf_str(&path), r->depth + 1, e)
		       : 0;
}

static bool word_is(const char *line, const char *word, const char **rest)
{
	size_t n = strlen(word);
	if (strncmp(line, word, n) != 0 || (line[n] && !isspace((unsigned char)line[n])))
		return false;
	*rest = line + n + strspn(line + n, " \t");
	return true;
}

static int read_source(struct reader *r, const char *line, bool *ret_taken, struct err *e)
{
	static const char *const words[] = { "source", "rsource", "osource", "orsource" };
	const char *rest;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (word_is(line, words[i], &rest)) {
			r->now = NULL;
			r->scope_now = false;
			*ret_taken = true;
			return follow(r, rest, e);
		}
	return 0;
}

/* Attributes of what was begun. */
static void read_attribute(struct reader *r, const char *line)
{
	static const char *const types[] = { "bool", "tristate", "string", "int", "hex", "prompt" };
	const char *rest;
	if (word_is(line, "depends", &rest) && word_is(rest, "on", &rest))
		add_condition(r, rest);
	else if (strcmp(line, "help") == 0 || strcmp(line, "---help---") == 0)
		r->help = true, r->help_indent = 0;
	for (size_t i = 0; r->now && i < ARRAY_LEN(types); i++)
		if (word_is(line, types[i], &rest) && *rest)
			r->now->prompt = true;
}

static int read_line(struct reader *r, const char *line, struct err *e)
{
	static const char *const ends[] = { "endif", "endmenu", "endchoice" };
	const char *rest;
	bool taken = false;
	int rc = read_source(r, line, &taken, e);
	if (rc < 0 || taken)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (word_is(line, ends[i], &rest)) {
			close_scope(r);
			return 0;
		}
	if (word_is(line, "config", &rest) || word_is(line, "menuconfig", &rest)) {
		define(r, rest);
	} else if (word_is(line, "menu", &rest)) {
		open_scope(r, SCOPE_MENU);
	} else if (word_is(line, "choice", &rest)) {
		open_scope(r, SCOPE_CHOICE);
	} else if (word_is(line, "if", &rest)) {
		open_scope(r, SCOPE_IF);
		add_condition(r, rest);
		r->scope_now = false;
	} else if (word_is(line, "comment", &rest) || word_is(line, "mainmenu", &rest)) {
		r->now = NULL;
		r->scope_now = false;
	} else {
		read_attribute(r, line);
	}
	return 0;
}

static size_t indent_of(const char *line)
{
	size_t at = 0;
	for (; *line == ' ' || *line == '\t'; line++)
		at = *line == '\t' ? (at | 7) + 1 : at + 1;
	return at;
}

/* Help goes on until a line with less indentation than its first. */
static bool in_help(struct reader *r, const char *line)
{
	if (!r->help)
		return false;
	if (!line[strspn(line, " \t")])
		return true;
	size_t indent = indent_of(line);
	if (r->help_indent == 0)
		r->help_indent = indent;
	r->help = indent > 0 && indent >= r->help_indent;
	return r->help;
}

static int read_text(
	struct kconfig *k, const char *path, const char *text, unsigned depth, struct err *e)
{
	struct reader r = { .k = k, .path = path, .depth = depth };
	unsigned line = 0;
	auto_buf struct buf whole = { 0 };
	while (*text) {
		size_t n = strcspn(text, "\n");
		bool more = n && text[n - 1] == '\\' && text[n] == '\n';
		line++;
		if (whole.len == 0)
			r.line = line;
		buf_add(&whole, text, more ? n - 1 : n);
		text += n + (text[n] == '\n');
		if (more)
			continue;
		if (!in_help(&r, buf_str(&whole))) {
			char *s = whole.s + strspn(buf_str(&whole), " \t");
			size_t len = strlen(s);
			while (len && isspace((unsigned char)s[len - 1]))
				s[--len] = '\0';
			int rc = *s && *s != '#' ? read_line(&r, s, e) : 0;
			if (rc < 0)
				return rc;
		}
		buf_reset(&whole);
	}
	return 0;
}

static int read_file(struct kconfig *k, const char *path, unsigned depth, struct err *e)
{
	auto_buf struct buf b = { 0 };
	auto_free char *whole = path_join(k->source, path);
	if (depth > DEPTH_MAX || ++k->files > FILES_MAX)
		return err_set(e, EINVAL, "%s: the Kconfig files go round in a circle", path);
	int rc = file_read(whole, FILE_LIMIT, &b, e);
	if (rc == -ENOENT && depth > 0)
		return 0; /* osource, or of another architecture */
	return rc < 0 ? rc : read_text(k, path, buf_str(&b), depth, e);
}

int kconfig_read(const char *source, const char *srcarch, struct kconfig **ret, struct err *e)
{
	auto_kconfig struct kconfig *k = xcalloc(1, sizeof *k);
	k->source = xstrdup(source);
	k->srcarch = xstrdup(srcarch);
	int rc = read_file(k, "Kconfig", 0, e);
	if (rc == 0)
		*ret = take(&k);
	return rc;
}

struct kconfig *kconfig_parse(const char *path, const char *text)
{
	struct kconfig *k = xcalloc(1, sizeof *k);
	k->srcarch = xstrdup("x86");
	(void)read_text(k, path, text, 0, NULL); /* only files fail */
	return k;
}

bool kconfig_knows(const struct kconfig *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].name, name) == 0)
			return true;
	return false;
}

/* The first condition of one definition that does not hold, as text. */
static bool unmet(const struct definition *d, const char *config, struct buf *out)
{
	for (size_t i = 0; i < d->depends.n; i++) {
		const char *line = d->depends.v[i];
		size_t n = strcspn(line, "\t");
		auto_free char *expr = xstrndup(line, n);
		auto_free char *part = kconfig_unmet(expr, config);
		if (!part)
			continue;
		buf_addf(out, ", for it depends on %s (%s)", part, line + n + 1);
		auto_free char *value = part[strspn(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")]
						? NULL
						: config_value(config, part);
		if (value)
			buf_addf(out, ", which is %s", value);
		return true;
	}
	return false;
}

char *kconfig_why(const struct kconfig *k, const char *name, const char *config)
{
	auto_buf struct buf b = { 0 };
	bool prompt = false;
	const struct definition *open = NULL;
	for (size_t i = 0; i < k->n; i++) {
		const struct definition *d = &k->v[i];
		if (strcmp(d->name, name) != 0)
			continue;
		prompt = prompt || d->prompt;
		buf_reset(&b);
		if (!unmet(d, config, &b))
			open = d;
		else if (!open)
			continue;
		break;
	}
	if (!open)
		return xstrdup(buf_str(&b));
	if (!open->prompt)
		return xasprintf(
			", for it cannot be chosen (%s): other options select it", open->where);
	if (open->choice)
		return xasprintf(", for another of its choice is set (%s)", open->where);
	return xasprintf(" (%s): a later fragment, or another option that selects it", open->where);
}
