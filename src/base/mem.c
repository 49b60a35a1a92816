/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *p)
{
	if (!p) {
		(void)!write(STDERR_FILENO, "fsqa: out of memory\n", 20); /* nobody else to tell */
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return must(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return must(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return must(n < 0 ? NULL : s);
}

void mem_freep(void *p)
{
	void **pp = p;
	free(*pp);
	*pp = NULL;
}

void mem_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* the error path's close: a writer who cares closes itself */
	*fd = -1;
}
