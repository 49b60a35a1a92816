/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site/thumb.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "record/recording.h"
#include "site/html.h"
#include <errno.h>
#include <fcntl.h>
#include <vterm.h>

/* A cell, in the SVG's units. */
#define CELL_W 6u
#define CELL_H 12u
#define EDGE   6u
/* Only the screen of the moment counts: of an event this much is enough to paint it. */
#define FEED_MAX (256u * 1024)

/* The colours of the player's own theme, so that the picture and the player agree. */
static const uint32_t palette[16] = { 0x000000, 0xdd3c69, 0x4ebf22, 0xddaf3c, 0x26b0d7, 0xb954e1,
	0x54e1b9, 0xd9d9d9, 0x4d4d4d, 0xdd3c69, 0x4ebf22, 0xddaf3c, 0x26b0d7, 0xb954e1, 0x54e1b9,
	0xffffff };
#define DEFAULT_FG 0xcccccc
#define DEFAULT_BG 0x121314

struct screen {
	VTerm *vt;
	VTermScreen *screen;
	int cols, rows;
};

static VTermColor color_of(uint32_t rgb)
{
	VTermColor c;
	vterm_color_rgb(
		&c, (uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8 & 0xff), (uint8_t)(rgb & 0xff));
	return c;
}

static void screen_open(struct screen *s, unsigned cols, unsigned rows)
{
	s->cols = (int)cols;
	s->rows = (int)rows;
	s->vt = vterm_new(s->rows, s->cols);
	if (!s->vt)
		abort(); /* out of memory, as the x-functions do */
	vterm_set_utf8(s->vt, 1);
	VTermState *state = vterm_obtain_state(s->vt);
	VTermColor fg = color_of(DEFAULT_FG);
	VTermColor bg = color_of(DEFAULT_BG);
	vterm_state_set_default_colors(state, &fg, &bg);
	for (int i = 0; i < 16; i++) {
		VTermColor c = color_of(palette[i]);
		vterm_state_set_palette_color(state, i, &c);
	}
	s->screen = vterm_obtain_screen(s->vt);
	vterm_screen_enable_altscreen(s->screen, 1);
	vterm_screen_reset(s->screen, 1);
}

static void screen_close(struct screen *s)
{
	if (s->vt)
		vterm_free(s->vt);
}

/* Give the terminal all output up to and with `at_us`. */
static int play_until(struct screen *s, struct recording_reader *in, uint64_t at_us, struct err *e)
{
	struct recording_event ev;
	int rc;
	while ((rc = recording_reader_next(in, &ev, e)) == 1 && ev.at_s * 1e6 <= (double)at_us) {
		if (ev.code == 'o') {
			size_t skip = ev.len > FEED_MAX ? ev.len - FEED_MAX : 0;
			vterm_input_write(s->vt, ev.text + skip, ev.len - skip);
		} else if (ev.code == 'r') {
			s->cols = (int)ev.cols;
			s->rows = (int)ev.rows;
			vterm_set_size(s->vt, s->rows, s->cols);
		}
	}
	vterm_screen_flush_damage(s->screen);
	return rc < 0 ? rc : 0;
}

struct look {
	uint32_t fg, bg;
	bool bold, italic, underline;
};

static uint32_t rgb_of(const struct screen *s, VTermColor c)
{
	vterm_screen_convert_color_to_rgb(s->screen, &c);
	return (uint32_t)c.rgb.red << 16 | (uint32_t)c.rgb.green << 8 | c.rgb.blue;
}

static struct look look_of(const struct screen *s, const VTermScreenCell *c)
{
	struct look l = { rgb_of(s, c->fg), rgb_of(s, c->bg), c->attrs.bold, c->attrs.italic,
		c->attrs.underline != 0 };
	if (c->attrs.reverse) {
		uint32_t fg = l.fg;
		l.fg = l.bg;
		l.bg = fg;
	}
	return l;
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

/* One run of cells that look alike: columns [from, to) of the picture's row. */
static void add_run(
	struct buf *svg, struct look l, unsigned row, unsigned from, unsigned to, const char *text)
{
	unsigned x = EDGE + from * CELL_W;
	unsigned y = EDGE + row * CELL_H;
	unsigned width = (to - from) * CELL_W;
	if (l.bg != DEFAULT_BG)
		buf_addf(svg,
			"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%06x\"/>\n", x,
			y, width, CELL_H, l.bg);
	if (text[strspn(text, " ")] == '\0')
		return;
	buf_addf(svg, "<text x=\"%u\" y=\"%u\" textLength=\"%u\"", x, y + 9, width);
	if (l.fg != DEFAULT_FG)
		buf_addf(svg, " fill=\"#%06x\"", l.fg);
	html_add(svg, l.bold ? " font-weight=\"bold\"" : "",
		l.italic ? " font-style=\"italic\"" : "",
		l.underline ? " text-decoration=\"underline\"" : "", ">", TEXT(text), "</text>\n",
		NULL);
}

/* One row of the screen; `line` gets its text without trailing blanks. */
static void add_row(struct buf *svg, const struct screen *s, int row, unsigned at, unsigned cols,
	struct buf *line)
{
	auto_buf struct buf run = { 0 };
	struct look look = { DEFAULT_FG, DEFAULT_BG, false, false, false };
	unsigned from = 0;
	unsigned col = 0;
	while (col < cols) {
		VTermScreenCell cell;
		VTermPos pos = { .row = row, .col = (int)col };
		if (!vterm_screen_get_cell(s->screen, pos, &cell))
			break;
		struct look now = look_of(s, &cell);
		if (!same_look(look, now)) {
			if (col > from)
				add_run(svg, look, at, from, col, buf_str(&run));
			buf_reset(&run);
			from = col;
			look = now;
		}
		size_t before = run.len;
		for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
			add_utf8(&run, cell.chars[i]);
		if (run.len == before)
			buf_addc(&run, ' ');
		buf_adds(line, run.s + before);
		col += cell.width > 1 ? 2 : 1;
	}
	if (col > from)
		add_run(svg, look, at, from, col, buf_str(&run));
	while (line->len && line->s[line->len - 1] == ' ')
		line->s[--line->len] = '\0';
}

static void draw(struct screen *s, const char *title, struct buf *svg, struct thumb *ret)
{
	VTermPos cursor;
	vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &cursor);
	unsigned cols = (unsigned)s->cols < THUMB_COLS ? (unsigned)s->cols : THUMB_COLS;
	unsigned rows = (unsigned)s->rows < THUMB_ROWS ? (unsigned)s->rows : THUMB_ROWS;
	int top = cursor.row >= (int)rows ? cursor.row - (int)rows + 1 : 0;
	ret->width = cols * CELL_W + 2 * EDGE;
	ret->height = rows * CELL_H + 2 * EDGE;
	buf_addf(svg,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" "
		"height=\"%u\" role=\"img\" xml:space=\"preserve\" font-size=\"10\" "
		"font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" "
		"fill=\"#%06x\">",
		ret->width, ret->height, ret->width, ret->height, DEFAULT_FG);
	html_add(svg, "<title>", TEXT(title), "</title>\n", NULL);
	buf_addf(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"#%06x\"/>\n", DEFAULT_BG);
	auto_buf struct buf last = { 0 };
	for (unsigned i = 0; i < rows; i++) {
		auto_buf struct buf line = { 0 };
		add_row(svg, s, top + (int)i, i, cols, &line);
		if (line.len) {
			buf_reset(&last);
			buf_adds(&last, line.s);
		}
	}
	buf_adds(svg, "</svg>\n");
	ret->last_line = buf_take(&last);
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
	__attribute__((cleanup(screen_close))) struct screen s = { 0 };
	screen_open(&s, cols, rows);
	rc = play_until(&s, in, t.at_us, e);
	if (rc < 0)
		return rc;
	draw(&s, title, svg, &t);
	*ret = t;
	return 0;
}

void thumb_clear(struct thumb *t)
{
	free(t->last_line);
	*t = (struct thumb){ 0 };
}
