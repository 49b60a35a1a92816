/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the bytes and wherever they are cut, what comes out is the same, taming it
 * again changes nothing, and every escape in it is one of the few that are let through. */
#include "base/buf.h"
#include "record/tame.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Length of the sequence behind an ESC; aborts where it is none of ours. */
static size_t check_escape(const char *s, size_t n, bool screen)
{
	check(n > 0);
	if (*s != '[') {
		check(screen);
		if (*s == '(')
			check(n > 1 && (s[1] == 'B' || s[1] == '0'));
		else
			check(memchr("78DEM", *s, 5) != NULL);
		return *s == '(' ? 2 : 1;
	}
	size_t i = 1;
	while (i < n && memchr("0123456789;:?", s[i], 13))
		i++;
	check(i < n &&
		(s[i] == 'm' || (screen && memchr("@ABCDEFGHIJKLMPSTXZ`adefrsuhl", s[i], 29))));
	return i + 1;
}

static void run(const uint8_t *data, size_t size, size_t cut, bool screen)
{
	auto_buf struct buf whole = { 0 };
	auto_buf struct buf parts = { 0 };
	auto_buf struct buf again = { 0 };
	struct tame a = { .screen = screen };
	struct tame b = { .screen = screen };
	struct tame c = { .screen = screen };
	tame_add(&a, &whole, data, size);
	tame_add(&b, &parts, data, cut);
	tame_add(&b, &parts, data + cut, size - cut);
	check(whole.len == parts.len && memcmp(buf_str(&whole), buf_str(&parts), whole.len) == 0);
	tame_add(&c, &again, buf_str(&whole), whole.len);
	check(whole.len == again.len && memcmp(buf_str(&whole), buf_str(&again), whole.len) == 0);
	for (size_t i = 0; i < whole.len; i++) {
		unsigned char byte = (unsigned char)whole.s[i];
		if (byte == 0x1b)
			i += check_escape(whole.s + i + 1, whole.len - i - 1, screen);
		else
			check((byte >= 0x20 && byte != 0x7f) || memchr("\n\r\t\b", byte, 4));
		if (byte == 0xc2 && i + 1 < whole.len) {
			unsigned char next = (unsigned char)whole.s[i + 1];
			check(next < 0x80 || next > 0x9f);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t cut = data[0] % (size - 1);
	run(data + 1, size - 1, cut, false);
	run(data + 1, size - 1, cut, true);
	return 0;
}
