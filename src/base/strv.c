/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strv.h"
#include "base/buf.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_taken(struct strv *v, char *s)
{
	v->v = xrealloc(v->v, (v->n + 2) * sizeof *v->v);
	v->v[v->n++] = s;
	v->v[v->n] = NULL;
}

void strv_add(struct strv *v, const char *s)
{
	add_taken(v, xstrdup(s));
}

void strv_addf(struct strv *v, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	add_taken(v, s);
}

void strv_addl(struct strv *v, ...)
{
	va_list ap;
	va_start(ap, v);
	for (const char *s; (s = va_arg(ap, const char *));)
		strv_add(v, s);
	va_end(ap);
}

void strv_split(struct strv *v, const char *s, const char *seps)
{
	while (*(s += strspn(s, seps))) {
		size_t n = strcspn(s, seps);
		add_taken(v, xstrndup(s, n));
		s += n;
	}
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
	if (v->n > 1)
		qsort(v->v, v->n, sizeof *v->v, by_bytes);
}

size_t strv_find(const struct strv *v, const char *s)
{
	size_t i = 0;
	while (i < v->n && strcmp(v->v[i], s) != 0)
		i++;
	return i;
}

char *strv_join(const struct strv *v, const char *sep)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < v->n; i++)
		buf_addf(&b, "%s%s", i ? sep : "", v->v[i]);
	return buf_take(&b);
}

char *strv_shell(const char *const *argv)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,@%";
	struct buf b = { 0 };
	for (size_t i = 0; argv[i]; i++) {
		const char *s = argv[i];
		if (i)
			buf_addc(&b, ' ');
		if (*s && s[strspn(s, plain)] == '\0') {
			buf_adds(&b, s);
			continue;
		}
		buf_addc(&b, '\'');
		for (; *s; s++) {
			if (*s == '\'')
				buf_adds(&b, "'\\''");
			else
				buf_addc(&b, *s);
		}
		buf_addc(&b, '\'');
	}
	return buf_take(&b);
}

void strv_clear(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = (struct strv){ 0 };
}
