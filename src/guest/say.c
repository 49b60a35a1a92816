/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/say.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int say_fd = STDERR_FILENO;

void say_to(int fd)
{
	say_fd = fd;
}

void say(const char *fmt, ...)
{
	char text[512];
	char line[560];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* cut is good enough for a console */
	va_end(ap);
	/* One write, so that the kernel's own lines do not come between. */
	int n = snprintf(line, sizeof line, "fsqa-guest: %s\r\n", text);
	if (n > 0)
		(void)!write(say_fd, line, (size_t)n); /* nobody else to tell */
}
