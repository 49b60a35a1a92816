/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/fragment.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "kernel/kconfig.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "CONFIG_"

static void option_clear(struct fragment_option *o)
{
	free(o->name);
	free(o->value);
	free(o->where);
}

void fragments_clear(struct fragments *f)
{
	for (size_t i = 0; i < f->n; i++)
		option_clear(&f->v[i]);
	free(f->v);
	*f = (struct fragments){ 0 };
}

/* Takes what is in `o`. */
static void set_option(struct fragments *f, const struct fragment_option *o)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, o->name) == 0) {
			option_clear(&f->v[i]);
			f->v[i] = *o;
			return;
		}
	f->v = xrealloc(f->v, (f->n + 1) * sizeof *f->v);
	f->v[f->n++] = *o;
}

static size_t name_length(const char *s)
{
	size_t n = strlen(PREFIX);
	if (strncmp(s, PREFIX, n) != 0)
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n > strlen(PREFIX) ? n : 0;
}

/* "CONFIG_X=value" or "# CONFIG_X is not set". */
static bool parse_line(const char *s, size_t n, struct fragment_option *o)
{
	static const char off[] = " is not set";
	bool comment = n > 2 && s[0] == '#' && s[1] == ' ';
	const char *at = comment ? s + 2 : s;
	const char *end = s + n;
	size_t name = name_length(at);
	if (!name || at + name >= end)
		return false;
	const char *rest = at + name;
	size_t left = (size_t)(end - rest);
	if (comment && (left != strlen(off) || strncmp(rest, off, left) != 0))
		return false;
	if (!comment && (rest[0] != '=' || left < 2))
		return false;
	o->name = xstrndup(at, name);
	o->value = comment ? xstrdup("n") : xstrndup(rest + 1, left - 1);
	return true;
}

int fragments_add(
	struct fragments *f, const char *name, const char *why, const char *text, struct err *e)
{
	bool if_known = false;
	for (unsigned line = 1; *text; line++) {
		size_t whole = strcspn(text, "\n");
		const char *at = text;
		text += whole + (text[whole] == '\n');
		size_t n = whole;
		while (n && isspace((unsigned char)at[n - 1]))
			n--;
		while (n && isspace((unsigned char)*at))
			at++, n--;
		struct fragment_option o = { 0 };
		if (n == 0) {
			if_known = false;
		} else if (parse_line(at, n, &o)) {
			o.where = why ? xasprintf("%s:%u (for %s)", name, line, why)
				      : xasprintf("%s:%u", name, line);
			o.if_known = if_known;
			set_option(f, &o);
		} else if (*at != '#') {
			return err_set(e, EINVAL, "%s:%u: want CONFIG_NAME=VALUE, not '%.*s'", name,
				line, n < 60 ? (int)n : 60, at);
		} else if (n > 1 && at[1] == '?') {
			if_known = true;
		}
	}
	return 0;
}

void fragments_write(const struct fragments *f, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].value, "n") == 0)
			buf_addf(out, "# %s is not set\n", f->v[i].name);
		else
			buf_addf(out, "%s=%s\n", f->v[i].name, f->v[i].value);
}

char *config_value(const char *config, const char *name)
{
	auto_free char *want = xasprintf(PREFIX "%s=", name);
	size_t n = strlen(want);
	for (const char *at = config; (at = strstr(at, want)); at += n)
		if (at == config || at[-1] == '\n')
			return xstrndup(at + n, strcspn(at + n, "\n"));
	return xstrdup("n");
}

/* Where modules are off, kconfig makes y of m: the kernels' own selftests ask so. */
static bool holds(const char *config, const char *want, const char *got)
{
	if (strcmp(want, "m") != 0 || strcmp(got, "y") != 0)
		return strcmp(want, got) == 0;
	auto_free char *modules = config_value(config, "MODULES");
	return strcmp(modules, "n") == 0;
}

int fragments_check(const struct fragments *f, const char *config, const char *source,
	const char *srcarch, struct err *e)
{
	auto_kconfig struct kconfig *k = NULL;
	struct err first = { 0 };
	size_t failed = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct fragment_option *o = &f->v[i];
		const char *name = o->name + strlen(PREFIX);
		auto_free char *got = config_value(config, name);
		if (holds(config, o->value, got))
			continue;
		int rc = k ? 0 : kconfig_read(source, srcarch, &k, e);
		if (rc < 0)
			return rc;
		bool known = kconfig_knows(k, name);
		if (!known && o->if_known)
			continue;
		if (failed++)
			continue;
		auto_free char *why = known ? kconfig_why(k, name, config) : NULL;
		if (known)
			(void)err_set(&first, EINVAL, "%s: %s=%s did not hold: it is %s%s",
				o->where, o->name, o->value, got, why);
		else
			(void)err_set(&first, EINVAL, "%s: %s=%s: this source knows no such option",
				o->where, o->name, o->value);
	}
	if (!failed)
		return 0;
	if (failed == 1)
		return err_set(e, EINVAL, "%s", first.msg);
	return err_set(e, EINVAL, "%.220s (and %zu more)", first.msg, failed - 1);
}
