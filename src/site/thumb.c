/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site/thumb.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "record/recording.h"
#include "record/screen.h"
#include "site/html.h"
#include <errno.h>
#include <fcntl.h>

/* A cell, in the SVG's units. */
#define CELL_W 6u
#define CELL_H 12u
#define EDGE   6u
/* Narrower than this it would be all letters. */
#define THUMB_COLS_MIN 44u
/* The picture's shape. */
#define THUMB_WIDE 16u
#define THUMB_TALL 9u
/* The player's own. */
#define DEFAULT_FG 0xcccccc
#define DEFAULT_BG 0x121314

/* Give the terminal all output up to and with `at_us`. */
static int play_until(struct screen *s, struct recording_reader *in, uint64_t at_us, struct err *e)
{
	struct recording_event ev;
	int rc;
	while ((rc = recording_reader_next(in, &ev, e)) == 1 && ev.at_s * 1e6 <= (double)at_us) {
		if (ev.code == 'o')
			screen_add(s, ev.text, ev.len);
		else if (ev.code == 'r')
			screen_resize(s, ev.cols, ev.rows);
	}
	return rc < 0 ? rc : 0;
}

struct look {
	uint32_t fg, bg;
	bool bold, italic, underline;
};

static struct look look_of(const struct screen_cell *c)
{
	uint32_t fg = c->fg == SCREEN_DEFAULT ? DEFAULT_FG : c->fg;
	uint32_t bg = c->bg == SCREEN_DEFAULT ? DEFAULT_BG : c->bg;
	return (struct look){ c->reverse ? bg : fg, c->reverse ? fg : bg, c->bold, c->italic,
		c->underline };
}

static bool same_look(struct look a, struct look b)
{
	return a.fg == b.fg && a.bg == b.bg && a.bold == b.bold && a.italic == b.italic &&
	       a.underline == b.underline;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	/* What XML forbids, and what is no character. */
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) ||
		(c & 0xfffe) == 0xfffe || c > 0x10ffff)
		c = 0xfffd;
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000) {
			buf_addc(b, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(b, (char)(0xf0 | c >> 18));
			buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* One piece of text without blanks at its ends: renderers differ in what they do with those. */
static void add_text(struct buf *svg, struct look l, unsigned x, unsigned y, unsigned cells,
	const char *s, size_t n)
{
	auto_free char *text = xstrndup(s, n);
	buf_addf(svg, "<text x=\"%u\" y=\"%u\" textLength=\"%u\"", x, y, cells * CELL_W);
	if (l.fg != DEFAULT_FG)
		buf_addf(svg, " fill=\"#%06x\"", l.fg);
	html_add(svg, l.bold ? " font-weight=\"bold\"" : "",
		l.italic ? " font-style=\"italic\"" : "",
		l.underline ? " text-decoration=\"underline\"" : "", ">", TEXT(text), "</text>\n",
		NULL);
}

/* Cells of one row that look alike. */
struct run {
	struct look look;
	unsigned row, from, cells;
	struct buf text;
	unsigned widths[THUMB_COLS]; /* of each character */
	size_t starts[THUMB_COLS];   /* where it begins in the text */
	unsigned n;
};

static bool is_blank(const struct run *r, unsigned i)
{
	return i >= r->n || r->text.s[r->starts[i]] == ' ';
}

/* Draw it in pieces without blanks but single ones, each where its first cell lies, and begin an
 * empty one. */
static void flush_run(struct buf *svg, struct run *r)
{
	unsigned x = EDGE + r->from * CELL_W;
	unsigned y = EDGE + r->row * CELL_H;
	if (r->look.bg != DEFAULT_BG && r->cells)
		buf_addf(svg,
			"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%06x\"/>\n", x,
			y, r->cells * CELL_W, CELL_H, r->look.bg);
	for (unsigned i = 0; i < r->n;) {
		unsigned cells = 0;
		unsigned k = i;
		while (!is_blank(r, k) || (k > i && !is_blank(r, k + 1)))
			cells += r->widths[k++];
		size_t end = k < r->n ? r->starts[k] : r->text.len;
		if (cells)
			add_text(svg, r->look, x, y + 9, cells, r->text.s + r->starts[i],
				end - r->starts[i]);
		x += (cells ? cells : 1) * CELL_W;
		i = cells ? k : i + 1;
	}
	buf_reset(&r->text);
	r->from += r->cells;
	r->cells = 0;
	r->n = 0;
}

static void add_char(struct buf *b, const struct screen_cell *c)
{
	if (c->ch)
		add_utf8(b, c->ch);
	else
		buf_addc(b, ' ');
}

/* Row `row` of the screen as row `at` of the picture. */
static void add_row(
	struct buf *svg, const struct screen *s, unsigned row, unsigned at, unsigned cols)
{
	struct run r = { .look = { DEFAULT_FG, DEFAULT_BG, false, false, false }, .row = at };
	for (unsigned col = 0; col < cols;) {
		const struct screen_cell *cell = screen_cell(s, row, col);
		struct look now = look_of(cell);
		if (!same_look(r.look, now)) {
			flush_run(svg, &r);
			r.look = now;
		}
		unsigned width = cell->wide ? 2 : 1;
		r.starts[r.n] = r.text.len;
		r.widths[r.n++] = width;
		r.cells += width;
		add_char(&r.text, cell);
		col += width;
	}
	flush_run(svg, &r);
	buf_clear(&r.text);
}

/* A row's text without trailing blanks; how many cells it takes. */
static unsigned row_text(const struct screen *s, unsigned row, struct buf *out)
{
	unsigned used = 0;
	size_t len = 0;
	for (unsigned col = 0; col < screen_cols(s);) {
		const struct screen_cell *cell = screen_cell(s, row, col);
		col += cell->wide ? 2 : 1;
		add_char(out, cell);
		if (cell->ch > ' ') {
			len = out->len;
			used = col;
		}
	}
	out->len = len;
	out->s[len] = '\0';
	return used;
}

/* What of the screen is shown: as wide as its text, in the shape of a picture, down to the last
 * line that is not blank. */
struct view {
	unsigned top, cols, rows;
};

static struct view choose_view(const struct screen *s, char **ret_last_line)
{
	unsigned used = THUMB_COLS_MIN;
	unsigned last = 0;
	auto_buf struct buf line = { 0 };
	auto_buf struct buf last_line = { 0 };
	for (unsigned row = 0; row < screen_rows(s); row++) {
		buf_reset(&line);
		unsigned cols = row_text(s, row, &line);
		if (cols == 0)
			continue;
		used = cols > used ? cols : used;
		last = row;
		buf_reset(&last_line);
		buf_adds(&last_line, buf_str(&line));
	}
	*ret_last_line = buf_take(&last_line);
	struct view v = { .cols = used < THUMB_COLS ? used : THUMB_COLS };
	v.rows = ((v.cols * CELL_W + 2 * EDGE) * THUMB_TALL / THUMB_WIDE - 2 * EDGE) / CELL_H;
	v.top = last >= v.rows ? last - v.rows + 1 : 0;
	return v;
}

static void draw(const struct screen *s, const char *title, struct buf *svg, struct thumb *ret)
{
	struct view v = choose_view(s, &ret->last_line);
	ret->width = v.cols * CELL_W + 2 * EDGE;
	ret->height = ret->width * THUMB_TALL / THUMB_WIDE;
	buf_addf(svg,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" "
		"height=\"%u\" role=\"img\" font-size=\"10\" "
		"font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" "
		"fill=\"#%06x\">",
		ret->width, ret->height, ret->width, ret->height, DEFAULT_FG);
	html_add(svg, "<title>", TEXT(title), "</title>\n", NULL);
	buf_addf(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"#%06x\"/>\n", DEFAULT_BG);
	unsigned cols = v.cols < screen_cols(s) ? v.cols : screen_cols(s);
	for (unsigned i = 0; i < v.rows && v.top + i < screen_rows(s); i++)
		add_row(svg, s, v.top + i, i, cols);
	buf_adds(svg, "</svg>\n");
}

/* How long it is, and whether it can be read to its end. */
static int measure(const char *path, struct thumb *ret, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	unsigned cols;
	unsigned rows;
	auto_recording_reader struct recording_reader *in = NULL;
	int rc = recording_reader_open(fd, &cols, &rows, &in, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&fd);
	struct recording_event ev;
	while ((rc = recording_reader_next(in, &ev, e)) == 1) {
		/* A time from outside: above this it is no longer one. */
		ret->duration_us = ev.at_s < 1e9 ? (uint64_t)(ev.at_s * 1e6) : UINT64_C(1) << 50;
		ret->marks += ev.code == 'm';
	}
	return rc;
}

int thumb_render(const char *cast_path, uint64_t at_us, const char *title, struct buf *svg,
	struct thumb *ret, struct err *e)
{
	struct thumb t = { 0 };
	int rc = measure(cast_path, &t, e);
	if (rc < 0)
		return rc;
	t.at_us = at_us == UINT64_MAX ? t.duration_us / 3 * 2 : at_us;
	if (t.at_us > t.duration_us)
		t.at_us = t.duration_us;
	auto_close int fd = open(cast_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", cast_path);
	unsigned cols;
	unsigned rows;
	auto_recording_reader struct recording_reader *in = NULL;
	rc = recording_reader_open(fd, &cols, &rows, &in, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&fd);
	auto_screen struct screen *s = screen_new(cols, rows);
	rc = play_until(s, in, t.at_us, e);
	if (rc < 0)
		return rc;
	draw(s, title, svg, &t);
	*ret = t;
	return 0;
}

void thumb_clear(struct thumb *t)
{
	free(t->last_line);
	*t = (struct thumb){ 0 };
}
