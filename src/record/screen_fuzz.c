/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the bytes, sizes and cuts, the screen stays within its cells, holds only what
 * is a character, and is the same as from the bytes in one piece. */
#include "record/screen.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void compare(const struct screen *a, const struct screen *b)
{
	check(screen_cols(a) == screen_cols(b) && screen_rows(a) == screen_rows(b));
	for (unsigned row = 0; row < screen_rows(a); row++)
		for (unsigned col = 0; col < screen_cols(a); col++) {
			const struct screen_cell *x = screen_cell(a, row, col);
			const struct screen_cell *y = screen_cell(b, row, col);
			check(x->ch == y->ch && x->fg == y->fg && x->bg == y->bg &&
				x->wide == y->wide);
			check(x->ch == 0 || (x->ch >= 0x20 && x->ch < 0x110000));
			check(x->fg == SCREEN_DEFAULT || x->fg <= 0xffffff);
			check(x->bg == SCREEN_DEFAULT || x->bg <= 0xffffff);
			check(!x->wide || (col + 1 < screen_cols(a) &&
						  screen_cell(a, row, col + 1)->ch == 0));
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 6)
		return 0;
	unsigned cols = 1 + data[0] % 40;
	unsigned rows = 1 + data[1] % 12;
	unsigned cols2 = 1 + data[2] % 40;
	unsigned rows2 = 1 + data[3] % 12;
	size_t cut = data[4];
	data += 5;
	size -= 5;
	cut = cut < size ? cut : size;
	auto_screen struct screen *a = screen_new(cols, rows);
	auto_screen struct screen *b = screen_new(cols, rows);
	size_t half = size / 2;
	screen_add(a, data, half);
	size_t first = cut < half ? cut : half;
	screen_add(b, data, first);
	screen_add(b, data + first, half - first);
	screen_resize(a, cols2, rows2);
	screen_resize(b, cols2, rows2);
	screen_add(a, data + half, size - half);
	for (size_t i = half; i < size; i++)
		screen_add(b, data + i, 1);
	compare(a, b);
	return 0;
}
