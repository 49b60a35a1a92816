/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strv.h: a growing NULL-terminated vector of strings that it owns; argv is built with it. */
#pragma once
#include <stddef.h>

struct strv {
	char **v; /* NULL until something was added; then v[n] is NULL */
	size_t n;
};

void strv_add(struct strv *v, const char *s);
void strv_addf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add several; the last argument is NULL. */
void strv_addl(struct strv *v, ...) __attribute__((sentinel));
/* Split at any of `seps`, dropping empty pieces, and add each. */
void strv_split(struct strv *v, const char *s, const char *seps);
/* In byte order. */
void strv_sort(struct strv *v);
/* Where `s` is first; v->n: nowhere. */
size_t strv_find(const struct strv *v, const char *s);
/* With `sep` between; the caller's. */
char *strv_join(const struct strv *v, const char *sep);
/* As one line a person can paste into a shell, each word quoted where it must; the caller's. */
char *strv_shell(const char *const *argv);
/* For functions that take const char *const *. */
static inline const char *const *strv_get(const struct strv *v)
{
	return (const char *const *)v->v;
}
void strv_clear(struct strv *v);
#define auto_strv __attribute__((cleanup(strv_clear)))
