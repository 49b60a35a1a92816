/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site/html.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json_text.h"
#include <inttypes.h>
#include <stdarg.h>

const char html_as_text[] = "text";
const char html_as_attr[] = "attr";
const char html_as_url[] = "url";

static const char *reference(unsigned char c, int in_attr)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\n':
		return in_attr ? "&#10;" : NULL;
	case '\t':
		return in_attr ? "&#9;" : NULL;
	default:
		return c < 0x20 || c == 0x7f ? "\xef\xbf\xbd" : NULL;
	}
}

static void escape(struct buf *b, const char *s, int in_attr)
{
	if (!s)
		return;
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, s, strlen(s));
	const char *p = buf_str(&clean);
	while (*p) {
		size_t run = 0;
		while (p[run] && !reference((unsigned char)p[run], in_attr))
			run++;
		buf_add(b, p, run);
		p += run;
		if (*p)
			buf_adds(b, reference((unsigned char)*p++, in_attr));
	}
}

void html_text(struct buf *b, const char *s)
{
	escape(b, s, 0);
}

void html_attr(struct buf *b, const char *s)
{
	escape(b, s, 1);
}

void html_url(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	for (; s && *s; s++) {
		if (strchr(plain, *s))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

void html_add(struct buf *b, ...)
{
	va_list ap;
	va_start(ap, b);
	const char *s;
	while ((s = va_arg(ap, const char *)) != NULL) {
		if (s == html_as_text)
			html_text(b, va_arg(ap, const char *));
		else if (s == html_as_attr)
			html_attr(b, va_arg(ap, const char *));
		else if (s == html_as_url)
			html_url(b, va_arg(ap, const char *));
		else
			buf_adds(b, s);
	}
	va_end(ap);
}

void html_number(struct buf *b, uint64_t n)
{
	buf_addf(b, "%" PRIu64, n);
}

void html_time(struct buf *b, int64_t wall_us)
{
	char iso[CLOCK_ISO_SIZE];
	clock_iso(wall_us, iso);
	html_add(b, "<time datetime=\"", ATTR(iso), "\">", NULL);
	/* 2026-11-21T10:05:33Z */
	const char *t = strchr(iso, 'T');
	if (t) {
		buf_add(b, iso, (size_t)(t - iso));
		buf_addf(b, " %.8s UTC", t + 1);
	}
	buf_adds(b, "</time>");
}

void html_seconds(struct buf *b, uint64_t us)
{
	buf_addf(b, "%" PRIu64 ".%03" PRIu64, us / 1000000, us / 1000 % 1000);
}
