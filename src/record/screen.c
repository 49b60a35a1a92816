/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/screen.h"
#include "base/buf.h"
#include "base/mem.h"
#include "record/recording.h"
#include "record/tame.h"
#include <assert.h>

#define PARAMETERS 16u

enum parse {
	PLAIN,
	ESCAPE,
	CHARSET,
	CSI,
};

struct cursor {
	unsigned row, col;
	bool wraps; /* the last column is written: the next character begins a line */
	struct screen_cell pen;
	bool drawing; /* letters are lines */
};

struct screen {
	unsigned cols, rows;
	struct screen_cell *cells;
	struct screen_cell *main; /* what the other screen hides, while that is shown; else NULL */
	unsigned top, bottom;     /* rows that scroll, inclusive */
	struct cursor now, saved;
	bool no_wrap;
	struct tame tame;
	struct buf in;
	enum parse parse;
	bool is_private;
	unsigned parameters[PARAMETERS];
	bool is_sub[PARAMETERS]; /* joined to the one before by ':' */
	unsigned n_parameters;
	uint32_t code; /* of a character that is not whole yet */
	unsigned code_left;
	uint32_t code_least; /* below it the bytes were too many: no character */
};

/* ---- colours ---- */

/* Those of the player's own theme, so that a picture and the player agree. */
static const uint32_t first_colors[16] = { 0x000000, 0xdd3c69, 0x4ebf22, 0xddaf3c, 0x26b0d7,
	0xb954e1, 0x54e1b9, 0xd9d9d9, 0x4d4d4d, 0xdd3c69, 0x4ebf22, 0xddaf3c, 0x26b0d7, 0xb954e1,
	0x54e1b9, 0xffffff };

/* xterm's 256: the first, a cube of 6x6x6, 24 greys. */
static uint32_t color_of(unsigned i)
{
	static const uint32_t steps[6] = { 0, 0x5f, 0x87, 0xaf, 0xd7, 0xff };
	if (i < 16)
		return first_colors[i];
	if (i < 232) {
		i -= 16;
		return steps[i / 36] << 16 | steps[i / 6 % 6] << 8 | steps[i % 6];
	}
	return i < 256 ? (8 + 10 * (i - 232)) * 0x010101u : SCREEN_DEFAULT;
}

/* What follows 38 or 48 from parameter *at on: 5;N or 2;R;G;B, also 2::R:G:B. */
static uint32_t long_color(const struct screen *s, unsigned *at)
{
	unsigned i = *at;
	unsigned left = s->n_parameters - i;
	if (left >= 2 && s->parameters[i] == 5) {
		*at += 2;
		return color_of(s->parameters[i + 1]);
	}
	if (left < 4 || s->parameters[i] != 2) {
		*at = s->n_parameters;
		return SCREEN_DEFAULT;
	}
	unsigned space = left >= 5 && s->is_sub[i] && s->is_sub[i + 4] ? 1 : 0;
	const unsigned *rgb = s->parameters + i + 1 + space;
	*at += 4 + space;
	return (rgb[0] & 0xff) << 16 | (rgb[1] & 0xff) << 8 | (rgb[2] & 0xff);
}

static void set_attribute(struct screen_cell *pen, unsigned v)
{
	switch (v) {
	case 0:
		*pen = (struct screen_cell){ .fg = SCREEN_DEFAULT, .bg = SCREEN_DEFAULT };
		break;
	case 1:
	case 22:
		pen->bold = v == 1;
		break;
	case 3:
	case 23:
		pen->italic = v == 3;
		break;
	case 4:
	case 24:
		pen->underline = v == 4;
		break;
	case 7:
	case 27:
		pen->reverse = v == 7;
		break;
	default:
		if ((v >= 30 && v <= 37) || v == 39)
			pen->fg = v == 39 ? SCREEN_DEFAULT : color_of(v - 30);
		else if ((v >= 40 && v <= 47) || v == 49)
			pen->bg = v == 49 ? SCREEN_DEFAULT : color_of(v - 40);
		else if (v >= 90 && v <= 97)
			pen->fg = color_of(v - 90 + 8);
		else if (v >= 100 && v <= 107)
			pen->bg = color_of(v - 100 + 8);
		break;
	}
}

static void select_graphics(struct screen *s)
{
	for (unsigned i = 0; i < s->n_parameters;) {
		unsigned v = s->parameters[i++];
		if (v == 38)
			s->now.pen.fg = long_color(s, &i);
		else if (v == 48)
			s->now.pen.bg = long_color(s, &i);
		else
			set_attribute(&s->now.pen, v);
		/* "4:3" is one attribute. */
		while (i < s->n_parameters && s->is_sub[i])
			i++;
	}
}

/* ---- cells ---- */

static struct screen_cell *cell_at(const struct screen *s, unsigned row, unsigned col)
{
	assert(row < s->rows && col < s->cols);
	return &s->cells[(size_t)row * s->cols + col];
}

/* Before one side of a column's left edge changes: a wide character across it goes, as in xterm. */
static void cut_wide(struct screen *s, unsigned row, unsigned col)
{
	if (col == 0 || col >= s->cols || !cell_at(s, row, col - 1)->wide)
		return;
	struct screen_cell *left = cell_at(s, row, col - 1);
	left->ch = 0;
	left->wide = false;
}

/* Columns [from, to) of one row. */
static void clear_cells(struct screen *s, unsigned row, unsigned from, unsigned to)
{
	cut_wide(s, row, from);
	cut_wide(s, row, to);
	struct screen_cell blank = { .fg = SCREEN_DEFAULT, .bg = s->now.pen.bg };
	for (unsigned col = from; col < to && col < s->cols; col++)
		*cell_at(s, row, col) = blank;
}

static void clear_rows(struct screen *s, unsigned from, unsigned to)
{
	for (unsigned row = from; row < to && row < s->rows; row++)
		clear_cells(s, row, 0, s->cols);
}

static unsigned at_most(unsigned v, unsigned max)
{
	return v < max ? v : max;
}

/* Rows [top, bottom] go up by n (or down), blank ones come in. */
static void scroll(struct screen *s, unsigned top, unsigned bottom, unsigned n, bool up)
{
	unsigned all = bottom - top + 1;
	n = at_most(n, all);
	size_t row_bytes = s->cols * sizeof *s->cells;
	struct screen_cell *first = cell_at(s, top, 0);
	struct screen_cell *moved = first + (size_t)n * s->cols;
	if (n < all)
		memmove(up ? first : moved, up ? moved : first, (all - n) * row_bytes);
	if (up)
		clear_rows(s, bottom + 1 - n, bottom + 1);
	else
		clear_rows(s, top, top + n);
}

/* Cells from the cursor's to the row's end go right by n (or left). */
static void shift(struct screen *s, unsigned n, bool right)
{
	unsigned all = s->cols - s->now.col;
	n = at_most(n, all);
	cut_wide(s, s->now.row, s->now.col);
	cut_wide(s, s->now.row, right ? s->cols - n : s->now.col + n);
	struct screen_cell *at = cell_at(s, s->now.row, s->now.col);
	size_t bytes = (all - n) * sizeof *at;
	memmove(right ? at + n : at, right ? at : at + n, bytes);
	if (right)
		clear_cells(s, s->now.row, s->now.col, s->now.col + n);
	else
		clear_cells(s, s->now.row, s->cols - n, s->cols);
}

static void go_to(struct screen *s, unsigned row, unsigned col)
{
	s->now.row = at_most(row, s->rows - 1);
	s->now.col = at_most(col, s->cols - 1);
	s->now.wraps = false;
}

static void line_down(struct screen *s)
{
	s->now.wraps = false;
	if (s->now.row == s->bottom)
		scroll(s, s->top, s->bottom, 1, true);
	else if (s->now.row + 1 < s->rows)
		s->now.row++;
}

static void line_up(struct screen *s)
{
	s->now.wraps = false;
	if (s->now.row == s->top)
		scroll(s, s->top, s->bottom, 1, false);
	else if (s->now.row > 0)
		s->now.row--;
}

/* ---- characters ---- */

struct range {
	uint32_t from, to;
};

static bool is_in(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}

/* Roughly Unicode's East Asian Width W and F, and emoji. */
static bool is_wide(uint32_t c)
{
	static const struct range wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0x303e },
		{ 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff },
		{ 0x20000, 0x3fffd } };
	return c >= 0x1100 && is_in(c, wide, ARRAY_LEN(wide));
}

/* Combining marks, joiners and such: they are left out. */
static bool is_zero_width(uint32_t c)
{
	static const struct range zero[] = { { 0x300, 0x36f }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xe0000, 0xe0fff } };
	return c >= 0x300 && is_in(c, zero, ARRAY_LEN(zero));
}

/* The DEC set's lines, j to x. */
static uint32_t drawn(uint32_t c)
{
	static const uint16_t lines[] = { 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb,
		0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502 };
	return c >= 'j' && c <= 'x' ? lines[c - 'j'] : c;
}

static void put(struct screen *s, uint32_t c)
{
	if (is_zero_width(c))
		return;
	bool wide = is_wide(c) && s->cols > 1;
	/* A wide one that does not fit goes to the next line, as a whole. */
	bool fits = !s->now.wraps && s->now.col + wide < s->cols;
	if (!fits && !s->no_wrap) {
		line_down(s);
		s->now.col = 0;
	} else if (!fits) {
		s->now.col = s->cols - 1 - wide;
	}
	cut_wide(s, s->now.row, s->now.col);
	cut_wide(s, s->now.row, s->now.col + 1 + wide);
	struct screen_cell *cell = cell_at(s, s->now.row, s->now.col);
	*cell = s->now.pen;
	cell->ch = s->now.drawing ? drawn(c) : c;
	cell->wide = wide;
	if (wide) {
		cell[1] = s->now.pen;
		cell[1].ch = 0;
	}
	unsigned next = s->now.col + 1 + wide;
	s->now.wraps = next >= s->cols;
	s->now.col = at_most(next, s->cols - 1);
}

static void control(struct screen *s, unsigned char c)
{
	if (c == '\n') {
		line_down(s);
	} else if (c == '\r') {
		go_to(s, s->now.row, 0);
	} else if (c == '\b') {
		go_to(s, s->now.row, s->now.col ? s->now.col - 1 : 0);
	} else if (c == '\t') {
		go_to(s, s->now.row, (s->now.col / 8 + 1) * 8);
	}
}

/* ---- sequences ---- */

static void set_other_screen(struct screen *s, bool shown)
{
	if (shown == (s->main != NULL))
		return;
	if (shown) {
		s->main = s->cells;
		s->cells = xcalloc((size_t)s->cols * s->rows, sizeof *s->cells);
		clear_rows(s, 0, s->rows);
	} else {
		free(s->cells);
		s->cells = take(&s->main);
	}
}

static void set_mode(struct screen *s, bool on)
{
	for (unsigned i = 0; s->is_private && i < s->n_parameters; i++) {
		unsigned mode = s->parameters[i];
		if (mode == 7)
			s->no_wrap = !on;
		if ((mode == 1049 || mode == 1048) && on)
			s->saved = s->now;
		if (mode == 1049 || mode == 1047 || mode == 47)
			set_other_screen(s, on);
		if ((mode == 1049 || mode == 1048) && !on)
			s->now = s->saved;
	}
}

static void erase_screen(struct screen *s, unsigned how)
{
	if (how == 0) {
		clear_cells(s, s->now.row, s->now.col, s->cols);
		clear_rows(s, s->now.row + 1, s->rows);
	} else if (how == 1) {
		clear_rows(s, 0, s->now.row);
		clear_cells(s, s->now.row, 0, s->now.col + 1);
	} else if (how == 2) {
		clear_rows(s, 0, s->rows);
	}
}

static void set_region(struct screen *s, unsigned top, unsigned bottom)
{
	if (bottom == 0 || bottom > s->rows)
		bottom = s->rows;
	top = top ? top - 1 : 0;
	if (top + 1 >= bottom) /* less than two rows: no region */
		return;
	s->top = top;
	s->bottom = bottom - 1;
	go_to(s, 0, 0);
}

static void move(struct screen *s, char final, unsigned n)
{
	unsigned row = s->now.row;
	unsigned col = s->now.col;
	switch (final) {
	case 'A':
	case 'F':
		go_to(s, row > n ? row - n : 0, final == 'F' ? 0 : col);
		break;
	case 'B':
	case 'e':
	case 'E':
		go_to(s, row + n, final == 'E' ? 0 : col);
		break;
	case 'C':
	case 'a':
		go_to(s, row, col + n);
		break;
	case 'D':
		go_to(s, row, col > n ? col - n : 0);
		break;
	case 'G':
	case '`':
		go_to(s, row, n - 1);
		break;
	case 'd':
		go_to(s, n - 1, col);
		break;
	default:
		break;
	}
}

static void change_lines(struct screen *s, char final, unsigned n)
{
	bool inside = s->now.row >= s->top && s->now.row <= s->bottom;
	if (final == 'S' || final == 'T')
		scroll(s, s->top, s->bottom, n, final == 'S');
	else if (inside)
		scroll(s, s->now.row, s->bottom, n, final == 'M');
}

static void finish_csi(struct screen *s, char final)
{
	unsigned first = s->parameters[0];
	unsigned n = first ? first : 1;
	unsigned second = s->n_parameters > 1 ? s->parameters[1] : 0;
	if (s->is_private) {
		if (final == 'h' || final == 'l')
			set_mode(s, final == 'h');
	} else if (strchr("ABCDEFGade`", final)) {
		move(s, final, n);
	} else if (final == 'H' || final == 'f') {
		go_to(s, n - 1, second ? second - 1 : 0);
	} else if (final == 'J') {
		erase_screen(s, first);
	} else if (final == 'K') {
		clear_cells(s, s->now.row, first == 0 ? s->now.col : 0,
			first == 1 ? s->now.col + 1 : s->cols);
	} else if (strchr("LMST", final)) {
		change_lines(s, final, n);
	} else if (final == '@' || final == 'P') {
		shift(s, n, final == '@');
	} else if (final == 'X') {
		clear_cells(s, s->now.row, s->now.col, s->now.col + at_most(n, s->cols));
	} else if (final == 'm') {
		select_graphics(s);
	} else if (final == 'r') {
		set_region(s, first, second);
	} else if (final == 's') {
		s->saved = s->now;
	} else if (final == 'u') {
		s->now = s->saved;
	}
	s->now.row = at_most(s->now.row, s->rows - 1); /* a saved one may be from a larger screen */
	s->now.col = at_most(s->now.col, s->cols - 1);
}

static void in_csi(struct screen *s, unsigned char c)
{
	unsigned *last = &s->parameters[s->n_parameters - 1];
	if (c >= '0' && c <= '9') {
		*last = at_most(*last * 10 + (c - '0'), 99999);
	} else if (c == ';' || c == ':') {
		if (s->n_parameters == PARAMETERS)
			return;
		s->is_sub[s->n_parameters] = c == ':';
		s->parameters[s->n_parameters++] = 0;
	} else if (c == '?') {
		s->is_private = true;
	} else {
		s->parse = PLAIN;
		finish_csi(s, (char)c);
	}
}

static void in_escape(struct screen *s, unsigned char c)
{
	s->parse = PLAIN;
	switch (c) {
	case '[':
		s->parse = CSI;
		s->is_private = false;
		s->parameters[0] = 0;
		s->is_sub[0] = false;
		s->n_parameters = 1;
		break;
	case '(':
		s->parse = CHARSET;
		break;
	case '7':
		s->saved = s->now;
		break;
	case '8':
		s->now = s->saved;
		go_to(s, s->now.row, s->now.col);
		break;
	case 'E':
		s->now.col = 0;
		line_down(s);
		break;
	case 'D':
		line_down(s);
		break;
	case 'M':
		line_up(s);
		break;
	default:
		break;
	}
}

/* A byte of UTF-8; what is none is left out. */
static void in_plain(struct screen *s, unsigned char c)
{
	if (s->code_left && (c & 0xc0) == 0x80) {
		s->code = s->code << 6 | (c & 0x3f);
		if (--s->code_left == 0 && s->code >= s->code_least && s->code < 0x110000)
			put(s, s->code);
		return;
	}
	s->code_left = 0;
	if (c == 0x1b) {
		s->parse = ESCAPE;
	} else if (c < 0x20) {
		control(s, c);
	} else if (c < 0x80) {
		put(s, c);
	} else if (c >= 0xc2 && c <= 0xf4) {
		s->code_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		s->code = c & (0x3fu >> s->code_left);
		s->code_least = c >= 0xf0 ? 0x10000 : c >= 0xe0 ? 0x800 : 0x80;
	}
}

void screen_add(struct screen *s, const void *p, size_t n)
{
	buf_reset(&s->in);
	tame_add(&s->tame, &s->in, p, n);
	for (size_t i = 0; i < s->in.len; i++) {
		unsigned char c = (unsigned char)s->in.s[i];
		if (s->parse == CSI) {
			in_csi(s, c);
		} else if (s->parse == ESCAPE) {
			in_escape(s, c);
		} else if (s->parse == CHARSET) {
			s->now.drawing = c == '0';
			s->parse = PLAIN;
		} else {
			in_plain(s, c);
		}
	}
}

/* ---- life ---- */

struct screen *screen_new(unsigned cols, unsigned rows)
{
	assert(cols > 0 && rows > 0 && cols <= RECORDING_SIDE_MAX && rows <= RECORDING_SIDE_MAX);
	struct screen *s = xcalloc(1, sizeof *s);
	s->cols = cols;
	s->rows = rows;
	s->bottom = rows - 1;
	s->tame.screen = true;
	s->cells = xcalloc((size_t)cols * rows, sizeof *s->cells);
	set_attribute(&s->now.pen, 0);
	s->saved = s->now;
	clear_rows(s, 0, rows);
	return s;
}

void screen_free(struct screen *s)
{
	if (!s)
		return;
	free(s->cells);
	free(s->main);
	buf_clear(&s->in);
	free(s);
}

static struct screen_cell *resized(
	const struct screen *s, const struct screen_cell *old, unsigned cols, unsigned rows)
{
	struct screen_cell *cells = xcalloc((size_t)cols * rows, sizeof *cells);
	for (size_t i = 0; i < (size_t)cols * rows; i++)
		cells[i].fg = cells[i].bg = SCREEN_DEFAULT;
	unsigned skip = s->now.row >= rows ? s->now.row - rows + 1 : 0;
	for (unsigned row = 0; row < rows && row + skip < s->rows; row++) {
		struct screen_cell *to = cells + (size_t)row * cols;
		memcpy(to, old + (size_t)(row + skip) * s->cols,
			at_most(cols, s->cols) * sizeof *to);
		if (to[cols - 1].wide) /* its right half is cut off */
			to[cols - 1].ch = 0;
		to[cols - 1].wide = false;
	}
	return cells;
}

void screen_resize(struct screen *s, unsigned cols, unsigned rows)
{
	assert(cols > 0 && rows > 0 && cols <= RECORDING_SIDE_MAX && rows <= RECORDING_SIDE_MAX);
	struct screen_cell *cells = resized(s, s->cells, cols, rows);
	struct screen_cell *hidden = s->main ? resized(s, s->main, cols, rows) : NULL;
	free(s->cells);
	free(s->main);
	s->cells = cells;
	s->main = hidden;
	s->cols = cols;
	s->rows = rows;
	s->top = 0;
	s->bottom = rows - 1;
	go_to(s, s->now.row, s->now.col);
}

unsigned screen_cols(const struct screen *s)
{
	return s->cols;
}

unsigned screen_rows(const struct screen *s)
{
	return s->rows;
}

const struct screen_cell *screen_cell(const struct screen *s, unsigned row, unsigned col)
{
	return cell_at(s, row, col);
}
