/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level level_now = LOG_LEVEL_WARNING;
static const char *const level_name[] = { "error", "warning", "info", "debug" };

void log_set_level(enum log_level level)
{
	level_now = level;
}

void log_line(enum log_level level, const char *msg, const char *fmt, ...)
{
	if (level > level_now)
		return;
	auto_buf struct buf b = { 0 };
	struct json_text t = { 0 };
	buf_addf(&b, "level=%s msg=\"", level_name[level]);
	json_text_add(&t, &b, msg, __builtin_strlen(msg));
	json_text_end(&t, &b);
	buf_adds(&b, "\" ");
	char more[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(more, sizeof more, fmt, ap); /* a cut line is still a line */
	va_end(ap);
	buf_adds(&b, more);
	while (b.s[b.len - 1] == ' ')
		b.s[--b.len] = '\0';
	buf_addc(&b, '\n');
	(void)!write(STDERR_FILENO, b.s, b.len); /* one write, so that lines do not mix */
}
