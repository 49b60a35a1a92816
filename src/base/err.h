/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.h: the error object. A function that can fail returns 0 or -errno and takes a
 * `struct err *e` last, which may be NULL. The struct lies on the caller's stack, holds no
 * pointer and so cannot leak; on success it is left as it was. */
#pragma once
#include <stdarg.h>

struct err {
	int code;      /* negative errno, 0: none */
	char msg[256]; /* one line, no full stop, cut with "..." where too long */
};

/* Set code -abs(code) and the message; return the code. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set with errno's value, and ": " strerror appended. errno 0 counts as EIO. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As err_sys with a code at hand (positive or negative) instead of errno. */
int err_code(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Prefix the message in `e` with the text and ": "; return the code that was there. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
