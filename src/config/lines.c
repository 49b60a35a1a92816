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

/* The value behind "=": quotes hide comment signs, a backslash hides the line's end. */
static void value(struct scan *s, struct config_line *ret)
{
	struct buf raw = { 0 };
	int quoted = 0;
	for (int c; (c = peek(s)) >= 0 && c != '\n';) {
		if (!quoted && (c == '#' || c == ';'))
			break;
		next(s);
		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		buf_addc(&raw, (char)c);
		if (c != '\\')
			continue;
		if (peek(s) == '\r')
			next(s);
		c = next(s);
		if (c < 0 || !strchr("ntb\"\\\n", c))
			ret->fault = "a backslash that is none of \\n \\t \\b \\\" \\\\";
	}
	if (quoted)
		ret->fault = "the quote is not closed";
	skip_line(s);
	while (raw.len && isspace((unsigned char)raw.s[raw.len - 1]))
		raw.s[--raw.len] = '\0';
	const char *text = buf_str(&raw);
	ret->value = xstrdup(text + strspn(text, " \t"));
	buf_clear(&raw);
}

static void assignment(struct scan *s, struct config_lines *ret)
{
	struct buf name = { 0 };
	struct config_line line = { .line = s->line };
	buf_adds(&name, buf_str(&s->section));
	if (name.len)
		buf_addc(&name, '.');
	while (isalnum(peek(s)) || peek(s) == '-')
		add_lower(&name, next(s));
	line.name = buf_take(&name);
	while (peek(s) == ' ' || peek(s) == '\t')
		next(s);
	if (peek(s) == '=') {
		next(s);
		value(s, &line);
	} else {
		skip_line(s);
	}
	ret->v = xrealloc(ret->v, (ret->n + 1) * sizeof *ret->v);
	ret->v[ret->n++] = line;
}

void config_lines_scan(const char *text, size_t n, struct config_lines *ret)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct scan s = { .p = text, .end = text + n, .line = 1 };
	if (n >= 3 && memcmp(text, bom, 3) == 0)
		s.p += 3;
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

const struct config_line *config_lines_next(struct config_lines *x, const char *name)
{
	for (size_t i = x->next; i < x->n; i++) {
		if (strcmp(x->v[i].name, name) != 0)
			continue;
		x->next = i + 1;
		return &x->v[i];
	}
	return NULL;
}

void config_lines_clear(struct config_lines *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->v[i].name);
		free(x->v[i].value);
	}
	free(x->v);
	*x = (struct config_lines){ 0 };
}
