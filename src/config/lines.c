/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/lines.h"
#include "base/buf.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	const char *p, *end;
	unsigned line;
	struct buf section;
};

static int peek(const struct scan *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static int next(struct scan *s)
{
	int c = peek(s);
	if (c == '\n')
		s->line++;
	if (c >= 0)
		s->p++;
	return c;
}

static void skip_line(struct scan *s)
{
	while (peek(s) >= 0 && next(s) != '\n')
		;
}

static void add_lower(struct buf *b, int c)
{
	buf_addc(b, (char)tolower(c));
}

/* [name], [name.sub] or [name "Sub"]; what follows on the line may be an assignment. */
static void section(struct scan *s)
{
	buf_reset(&s->section);
	next(s);
	while (peek(s) >= 0 && !strchr("] \t\"\n", peek(s)))
		add_lower(&s->section, next(s));
	while (peek(s) == ' ' || peek(s) == '\t')
		next(s);
	if (peek(s) == '"') {
		next(s);
		buf_addc(&s->section, '.');
		while (peek(s) >= 0 && peek(s) != '"' && peek(s) != '\n') {
			int c = next(s);
			if (c == '\\' && peek(s) >= 0)
				c = next(s);
			buf_addc(&s->section, (char)c);
		}
	}
	while (peek(s) >= 0 && peek(s) != '\n' && next(s) != ']')
		;
}

/* Past the value: quotes hide comment signs, a backslash hides the line's end. */
static void value(struct scan *s)
{
	int quoted = 0;
	for (int c; (c = peek(s)) >= 0 && c != '\n';) {
		if (!quoted && (c == '#' || c == ';'))
			break;
		next(s);
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && peek(s) == '\r')
			next(s), next(s);
		else if (c == '\\')
			next(s);
	}
	skip_line(s);
}

static void assignment(struct scan *s, struct config_lines *ret)
{
	struct buf name = { 0 };
	unsigned line = s->line;
	buf_adds(&name, buf_str(&s->section));
	buf_addc(&name, '.');
	while (isalnum(peek(s)) || peek(s) == '-')
		add_lower(&name, next(s));
	ret->v = xrealloc(ret->v, (ret->n + 1) * sizeof *ret->v);
	ret->v[ret->n++] = (struct config_line){ buf_take(&name), line };
	while (peek(s) == ' ' || peek(s) == '\t')
		next(s);
	if (peek(s) == '=')
		value(s);
	else
		skip_line(s);
}

void config_lines_scan(const char *text, size_t n, struct config_lines *ret)
{
	struct scan s = { .p = text, .end = text + n, .line = 1 };
	while (peek(&s) >= 0) {
		int c = peek(&s);
		if (isspace(c))
			next(&s);
		else if (c == '[')
			section(&s);
		else if (isalpha(c))
			assignment(&s, ret);
		else
			skip_line(&s);
	}
	buf_clear(&s.section);
}

unsigned config_lines_next(struct config_lines *x, const char *name)
{
	for (size_t i = x->next; i < x->n; i++) {
		if (strcmp(x->v[i].name, name) != 0)
			continue;
		x->next = i + 1;
		return x->v[i].line;
	}
	return 0;
}

void config_lines_clear(struct config_lines *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i].name);
	free(x->v);
	*x = (struct config_lines){ 0 };
}
