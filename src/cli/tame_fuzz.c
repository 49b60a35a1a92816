/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: wherever the bytes are cut, the same comes out, and in it no control sequence but
 * for colours. */
#include "base/buf.h"
#include "cli/tame.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->s[i];
		if (c == 0x1b) {
			if (b->s[++i] != '[')
				abort();
			i += 1 + strspn(b->s + i + 1, "0123456789;:");
			if (b->s[i] != 'm')
				abort();
		} else if (c == 0x7f || (c < 0x20 && !strchr("\n\t\r\b", c))) {
			abort();
		} else if (c == 0xc2 && i + 1 < b->len) {
			unsigned char d = (unsigned char)b->s[i + 1];
			if (d >= 0x80 && d <= 0x9f)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t cut = data[0] < size ? data[0] : size - 1;
	data++;
	size--;
	cut = cut > size ? size : cut;
	auto_buf struct buf whole = { 0 };
	auto_buf struct buf parts = { 0 };
	struct tame a = { 0 };
	struct tame b = { 0 };
	tame_add(&a, &whole, data, size);
	tame_add(&b, &parts, data, cut);
	tame_add(&b, &parts, data + cut, size - cut);
	if (whole.len != parts.len || memcmp(buf_str(&whole), buf_str(&parts), whole.len) != 0)
		abort();
	check(&whole);
	return 0;
}
