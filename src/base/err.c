/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Format into `msg`; a text that does not fit ends in "..." so that nobody takes it as whole. */
static void format_cut(char *msg, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(msg, size, fmt, ap);
	if (n < 0)
		msg[0] = '\0';
	else if ((size_t)n >= size)
		memcpy(msg + size - 4, "...", 4);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	code = -abs(code);
	if (!e)
		return code;
	e->code = code;
	va_list ap;
	va_start(ap, fmt);
	format_cut(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return code;
}

static int set_with_strerror(struct err *e, int code, const char *fmt, va_list ap)
{
	code = code ? abs(code) : EIO;
	if (!e)
		return -code;
	e->code = -code;
	char what[sizeof e->msg];
	format_cut(what, sizeof what, fmt, ap);
	return err_set(e, code, "%s: %s", what, strerror(code));
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno;
	va_list ap;
	va_start(ap, fmt);
	code = set_with_strerror(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_code(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	code = set_with_strerror(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	if (!e)
		return -EIO;
	char what[sizeof e->msg];
	char old[sizeof e->msg];
	memcpy(old, e->msg, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	format_cut(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, e->code, "%s: %s", what, old);
}
