/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"
#include "base/mem.h"
#include "base/strv.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct table {
	struct strv heads;
	struct strv cells; /* row after row */
	enum cli_color *colors;
	bool right[20];
};

/* Bytes of a name that came from outside must not steer the terminal. */
static void tame(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

void table_column(struct table *t, const char *head)
{
	assert(t->heads.n < ARRAY_LEN(t->right));
	t->right[t->heads.n] = head[0] == '>';
	strv_add(&t->heads, head + (head[0] == '>'));
}

struct table *table_new(const char *head, ...)
{
	struct table *t = xcalloc(1, sizeof *t);
	va_list ap;
	va_start(ap, head);
	for (; head; head = va_arg(ap, const char *))
		table_column(t, head);
	va_end(ap);
	return t;
}

void table_cell(struct table *t, enum cli_color color, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	tame(text);
	t->colors = xrealloc(t->colors, (t->cells.n + 1) * sizeof *t->colors);
	t->colors[t->cells.n] = color;
	strv_add(&t->cells, text);
	free(text);
}

size_t table_rows(const struct table *t)
{
	return t->cells.n / t->heads.n;
}

static void pad(size_t n)
{
	while (n--)
		putchar(' ');
}

/* The cells from `first` on. Blanks are held back until text follows, so that none ends a line. */
static void print_row(
	const struct cli *cli, const struct table *t, size_t first, bool head, const size_t *width)
{
	size_t held = 0;
	for (size_t i = 0; i < t->heads.n; i++) {
		const char *text = head ? t->heads.v[i] : t->cells.v[first + i];
		enum cli_color color = head ? CLI_BOLD : t->colors[first + i];
		size_t gap = width[i] - cli_text_width(text);
		if (*text) {
			pad(held + (t->right[i] ? gap : 0));
			printf("%s%s%s", cli_color_on(cli, stdout, color), text,
				cli_color_off(cli, stdout));
			held = t->right[i] ? 0 : gap;
		} else {
			held += width[i];
		}
		held += 2;
	}
	putchar('\n');
}

void table_print(const struct cli *cli, const struct table *t)
{
	size_t n = t->heads.n;
	size_t width[ARRAY_LEN(t->right)] = { 0 };
	assert(n && t->cells.n % n == 0);
	for (size_t i = 0; i < n; i++)
		width[i] = cli_text_width(t->heads.v[i]);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = cli_text_width(t->cells.v[i]);
		if (w > width[i % n])
			width[i % n] = w;
	}
	print_row(cli, t, 0, true, width);
	for (size_t i = 0; i < t->cells.n; i += n)
		print_row(cli, t, i, false, width);
}

void table_free(struct table *t)
{
	if (!t)
		return;
	strv_clear(&t->heads);
	strv_clear(&t->cells);
	free(t->colors);
	free(t);
}
