/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/tame.h"
#include "base/buf.h"
#include <string.h>

#define DIGITS_MAX     5u
#define PARAMETERS_MAX 15u

enum tame_state {
	PLAIN,
	ESCAPE,     /* after ESC */
	CSI,        /* after ESC [, to the final byte */
	STRING,     /* after ESC ] P X ^ _, to BEL or ESC \ */
	STRING_ESC, /* after ESC in it */
	SKIP_ONE,   /* after ESC % and the like */
	CHARSET,    /* after ESC ( */
	C1,         /* after 0xc2: U+0080..U+009F are controls too */
};

static bool is_shown(unsigned char c)
{
	return c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t' || c == '\r' || c == '\b';
}

static int after_escape(const struct tame *t, struct buf *out, unsigned char c)
{
	switch (c) {
	case '[':
		return CSI;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		return STRING;
	case '(':
		return CHARSET;
	default:
		break;
	}
	/* Save and restore the cursor; index, next line, reverse index. */
	if (t->screen && c && strchr("78DEM", c)) {
		buf_adds(out, "\033");
		buf_addc(out, (char)c);
	}
	return c >= 0x20 && c <= 0x2f ? SKIP_ONE : PLAIN;
}

/* ASCII and line drawing. */
static int in_charset(const struct tame *t, struct buf *out, unsigned char c)
{
	if (t->screen && (c == 'B' || c == '0'))
		buf_adds(out, c == 'B' ? "\033(B" : "\033(0");
	return PLAIN;
}

/* Whether the held parameters and this final byte only move, clear, insert, delete or scroll. */
static bool is_screen(const struct tame *t, unsigned char final)
{
	static const char *const modes[] = { "?7", "?25", "?47", "?1047", "?1048", "?1049" };
	if (t->n_held && t->held[0] == '?') {
		bool known = false;
		for (size_t i = 0; !known && i < sizeof modes / sizeof *modes; i++)
			known = strlen(modes[i]) == t->n_held &&
				memcmp(modes[i], t->held, t->n_held) == 0;
		return known && (final == 'h' || final == 'l');
	}
	if (final == 'J' && t->n_held == 1 && t->held[0] == '3')
		return false; /* what stood above is the reader's own */
	return memchr("@ABCDEFGHIJKLMPSTXZ`adefrsu", final, 27) != NULL;
}

/* Whether the held parameters are as real programs write them: more of them, or numbers of ten
 * digits, have broken terminals (libvterm 0.1.4 writes past its array at the seventeenth). */
static bool is_sane(const struct tame *t)
{
	size_t parameters = 1;
	size_t digits = 0;
	for (size_t i = 0; i < t->n_held; i++) {
		bool digit = t->held[i] >= '0' && t->held[i] <= '9';
		digits = digit ? digits + 1 : 0;
		parameters += t->held[i] == ';' || t->held[i] == ':';
		if (digits > DIGITS_MAX || parameters > PARAMETERS_MAX)
			return false;
	}
	return true;
}

/* Of ESC [ ... only what colours goes through, or what is the screen's. */
static int in_csi(struct tame *t, struct buf *out, unsigned char c)
{
	if (c >= 0x20 && c <= 0x3f) {
		bool keep = (c >= '0' && c <= '9') || c == ';' || c == ':' ||
			    (t->screen && c == '?' && t->n_held == 0);
		if (!keep || t->n_held >= sizeof t->held)
			t->n_held = sizeof t->held + 1; /* whole, it is not one of ours */
		else
			t->held[t->n_held++] = (char)c;
		return CSI;
	}
	if (t->n_held > sizeof t->held || !is_sane(t))
		return PLAIN;
	bool color = c == 'm' && (t->n_held == 0 || t->held[0] != '?');
	if (color || (t->screen && is_screen(t, c))) {
		buf_adds(out, "\033[");
		buf_add(out, t->held, t->n_held);
		buf_addc(out, (char)c);
	}
	return PLAIN;
}

static int in_plain(struct tame *t, struct buf *out, unsigned char c)
{
	if (c == 0x1b)
		return ESCAPE;
	if (c == 0xc2)
		return C1;
	if (is_shown(c))
		buf_addc(out, (char)c);
	return PLAIN;
}

static int in_string(unsigned char c)
{
	if (c == 0x07 || c == 0x18 || c == 0x1a)
		return PLAIN;
	return c == 0x1b ? STRING_ESC : STRING;
}

static int next(struct tame *t, struct buf *out, unsigned char c)
{
	switch (t->state) {
	case ESCAPE:
		t->n_held = 0;
		return c == 0x1b ? ESCAPE : after_escape(t, out, c);
	case CSI:
		return c < 0x20 ? in_plain(t, out, c) : in_csi(t, out, c);
	case STRING:
		return in_string(c);
	case STRING_ESC:
		return c == '\\' ? PLAIN : in_string(c);
	case SKIP_ONE:
		return c >= 0x20 && c <= 0x2f ? SKIP_ONE : PLAIN;
	case CHARSET:
		return in_charset(t, out, c);
	case C1:
		if (c >= 0x80 && c <= 0x9f)
			return PLAIN;
		/* Only together: alone it might meet such a byte further on. */
		if (c >= 0xa0 && c <= 0xbf)
			buf_addc(out, (char)0xc2);
		return in_plain(t, out, c);
	default:
		return in_plain(t, out, c);
	}
}

void tame_add(struct tame *t, struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;
	for (size_t i = 0; i < n; i++)
		t->state = next(t, out, s[i]);
}
