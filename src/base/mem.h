/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mem.h: allocation that aborts when memory is out, and owners that clean up at scope's end.
 * A size from outside meets a named limit before it comes here. */
#pragma once
#include <stddef.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
/* The text as a new string, the caller's. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Return *p and leave NULL there; return *fd and leave -1 there. */
#define take(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_p_ = (p);                                                       \
		__typeof__(*take_p_) take_v_ = *take_p_;                                           \
		*take_p_ = NULL;                                                                   \
		take_v_;                                                                           \
	})
static inline int take_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}

void mem_freep(void *p);
void mem_closep(int *fd);
/* Close *fd unless it is negative, and leave -1. */
#define close_fd   mem_closep
#define auto_free  __attribute__((cleanup(mem_freep)))
#define auto_close __attribute__((cleanup(mem_closep)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
