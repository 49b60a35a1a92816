/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kconfig_expr.h"
#include "base/mem.h"
#include "kernel/fragment.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 64u

enum value {
	VALUE_N,
	VALUE_M,
	VALUE_Y,
	VALUE_UNKNOWN, /* neither it nor its opposite is held against the option */
};

struct parser {
	const char *at;
	const char *config;
	unsigned depth;
};

static void skip_blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t");
}

static bool take_token(struct parser *p, const char *token)
{
	skip_blanks(p);
	size_t n = strlen(token);
	if (strncmp(p->at, token, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* A name, a quoted text, or $(...), as written; NULL: none of them. The caller's. */
static char *take_word(struct parser *p)
{
	skip_blanks(p);
	const char *from = p->at;
	if (*from == '"' || *from == '\'') {
		size_t n = strcspn(from + 1, *from == '"' ? "\"" : "'") + 1;
		p->at = from + n + (from[n] != '\0');
	} else if (strncmp(from, "$(", 2) == 0) {
		unsigned open = 0;
		do {
			open += *p->at == '(';
			open -= *p->at == ')';
			p->at++;
		} while (*p->at && (open || p->at == from + 1));
	} else {
		while (isalnum((unsigned char)*p->at) || (*p->at && strchr("_-./", *p->at)))
			p->at++;
	}
	return p->at > from ? xstrndup(from, (size_t)(p->at - from)) : NULL;
}

static char *unquote(const char *s)
{
	size_t n = strlen(s);
	bool quoted = n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0];
	return quoted ? xstrndup(s + 1, n - 2) : xstrdup(s);
}

/* What a word is worth as text: an option's value, or itself. */
static char *text_of(const struct parser *p, const char *word)
{
	if (word[0] == '"' || word[0] == '\'' || strcmp(word, "y") == 0 || strcmp(word, "m") == 0 ||
		strcmp(word, "n") == 0 || isdigit((unsigned char)word[0]))
		return unquote(word);
	auto_free char *value = config_value(p->config, word);
	return unquote(value);
}

static enum value value_of(const char *text)
{
	return strcmp(text, "y") == 0 ? VALUE_Y : strcmp(text, "m") == 0 ? VALUE_M : VALUE_N;
}

static enum value compare(struct parser *p, const char *left, const char *op)
{
	auto_free char *right = take_word(p);
	if (!right || left[0] == '$' || right[0] == '$')
		return VALUE_UNKNOWN;
	auto_free char *a = text_of(p, left);
	auto_free char *b = text_of(p, right);
	long x = strtol(a, NULL, 0);
	long y = strtol(b, NULL, 0);
	bool equal = strcmp(a, b) == 0;
	bool holds = op[0] == '='   ? equal
		     : op[0] == '!' ? !equal
		     : op[0] == '<' ? (op[1] ? x <= y : x < y)
				    : (op[1] ? x >= y : x > y);
	return holds ? VALUE_Y : VALUE_N;
}

static enum value parse_or(struct parser *p);

static enum value parse_term(struct parser *p)
{
	static const char *const ops[] = { "!=", "<=", ">=", "=", "<", ">" };
	enum value v;
	if (p->depth >= NESTING_MAX)
		return VALUE_UNKNOWN;
	skip_blanks(p);
	if (p->at[0] == '!' && p->at[1] != '=') {
		p->at++;
		p->depth++;
		v = parse_term(p);
		p->depth--;
		return v == VALUE_UNKNOWN ? v : (enum value)(VALUE_Y - v);
	}
	if (take_token(p, "(")) {
		p->depth++;
		v = parse_or(p);
		p->depth--;
		(void)take_token(p, ")"); /* it is not ours to judge */
		return v;
	}
	auto_free char *word = take_word(p);
	if (!word) {
		p->at += *p->at != '\0';
		return VALUE_UNKNOWN;
	}
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (take_token(p, ops[i]))
			return compare(p, word, ops[i]);
	if (word[0] == '$')
		return VALUE_UNKNOWN;
	auto_free char *text = text_of(p, word);
	return value_of(text);
}

static enum value parse_and(struct parser *p)
{
	enum value v = parse_term(p);
	while (take_token(p, "&&")) {
		enum value w = parse_term(p);
		v = v == VALUE_N || w == VALUE_N  ? VALUE_N
		    : v == VALUE_UNKNOWN          ? w
		    : w == VALUE_UNKNOWN || v < w ? v
						  : w;
	}
	return v;
}

static enum value parse_or(struct parser *p)
{
	enum value v = parse_and(p);
	while (take_token(p, "||")) {
		enum value w = parse_and(p);
		v = v == VALUE_Y || w == VALUE_Y               ? VALUE_Y
		    : v == VALUE_UNKNOWN || w == VALUE_UNKNOWN ? VALUE_UNKNOWN
		    : v > w                                    ? v
							       : w;
	}
	return v;
}

char *kconfig_unmet(const char *expr, const char *config)
{
	struct parser p = { .at = expr, .config = config };
	/* A || B && C is one part; only && alone at the top separates. */
	if (parse_or(&p) != VALUE_N)
		return NULL;
	struct parser top = { .at = expr, .config = config };
	for (;;) {
		skip_blanks(&top);
		const char *from = top.at;
		enum value v = parse_term(&top);
		size_t n = (size_t)(top.at - from);
		while (n && isspace((unsigned char)from[n - 1]))
			n--;
		skip_blanks(&top);
		if (strncmp(top.at, "||", 2) == 0)
			return xstrdup(expr);
		if (v == VALUE_N)
			return xstrndup(from, n);
		if (!take_token(&top, "&&"))
			return xstrdup(expr);
	}
}
