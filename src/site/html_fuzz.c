/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the bytes, no raw < > " ' leaves the helpers, every & starts one of our own
 * references, no control character but tab and newline is left, and the result is UTF-8; a URL
 * component has nothing but unreserved characters and percent codes. */
#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/html.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_text(const struct buf *b, int in_attr)
{
	static const char *const ours[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#39;", "&#10;",
		"&#9;" };
	const char *s = buf_str(b);
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)s[i];
		check(!strchr("<>\"'", c) && c != 0x7f);
		check(c >= 0x20 || (!in_attr && (c == '\n' || c == '\t')));
		int known = c != '&';
		for (size_t k = 0; !known && k < ARRAY_LEN(ours); k++)
			known = strncmp(s + i, ours[k], strlen(ours[k])) == 0;
		check(known);
	}
	auto_buf struct buf clean = { 0 };
	utf8_clean(&clean, s, b->len);
	check(clean.len == b->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *s = xstrndup((const char *)data, size);
	auto_buf struct buf text = { 0 };
	auto_buf struct buf attr = { 0 };
	auto_buf struct buf url = { 0 };
	html_text(&text, s);
	html_attr(&attr, s);
	html_add(&url, URL(s), NULL);
	check_text(&text, 0);
	check_text(&attr, 1);
	const char *u = buf_str(&url);
	for (; *u; u++)
		check((*u >= '0' && *u <= '9') || (*u >= 'a' && *u <= 'z') ||
			(*u >= 'A' && *u <= 'Z') || strchr("-._~%", *u));
	return 0;
}
