/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen.h: what a terminal would show after the bytes so far: enough of ECMA-48 and xterm for what
 * tests print and what full-screen programs draw. Everything goes through record/tame.h first, and
 * no input can make it leave its cells. docs/decisions/003 says why it is ours. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct screen;

#define SCREEN_DEFAULT UINT32_MAX /* a colour: the terminal's own */

struct screen_cell {
	uint32_t ch;     /* Unicode; 0: never written, or the right half of a wide one */
	uint32_t fg, bg; /* 0xRRGGBB or SCREEN_DEFAULT */
	bool bold, italic, underline, reverse;
	bool wide; /* takes the next cell, too */
};

/* Sides from 1 to RECORDING_SIDE_MAX (assert). */
struct screen *screen_new(unsigned cols, unsigned rows);
void screen_free(struct screen *s);
static inline void screen_freep(struct screen **s)
{
	screen_free(*s);
}
#define auto_screen __attribute__((cleanup(screen_freep)))
/* Cut anywhere. */
void screen_add(struct screen *s, const void *p, size_t n);
/* Rows at the top go where the cursor's would not fit. */
void screen_resize(struct screen *s, unsigned cols, unsigned rows);
unsigned screen_cols(const struct screen *s);
unsigned screen_rows(const struct screen *s);
/* Borrowed until the next change; within the sides (assert). */
const struct screen_cell *screen_cell(const struct screen *s, unsigned row, unsigned col);
