/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"
#include "base/mem.h"
#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 64

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
	size_t n = strlen(a);
	size_t m = strlen(b);
	if (n > WORD_MAX || m > WORD_MAX)
		return n + m > UINT_MAX ? UINT_MAX : (unsigned)(n + m);
	unsigned row[3][WORD_MAX + 1]; /* row i of the table lies in row[i % 3] */
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = row[i % 3];
		const unsigned *before = row[(i - 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned d = before[j - 1] + !same(a[i - 1], b[j - 1]);
			d = least(d, least(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d = least(d, row[(i - 2) % 3][j - 2] + 1);
			now[j] = d;
		}
	}
	return row[n % 3][m];
}

/* What a word may be away: a third of its letters, and one more than none. */
static unsigned reach(const char *word)
{
	return (unsigned)(strnlen(word, WORD_MAX) + 2) / 3;
}

const char *nearest(const char *word, const char *const *known)
{
	const char *best = NULL;
	unsigned best_d = reach(word) + 1;
	size_t n = strlen(word);
	for (; known && *known; known++) {
		unsigned d = nearest_distance(word, *known);
		/* The start of a name is a good guess, but a typing error is a better one. */
		if (n >= 2 && d >= best_d && !best && strncasecmp(word, *known, n) == 0)
			d = best_d - 1;
		/* A name that shares no letter is no guess. */
		if (d < best_d && d < n) {
			best = *known;
			best_d = d;
		}
	}
	return best;
}

char *nearest_hint(const char *word, const char *const *known)
{
	const char *best = nearest(word, known);
	return best ? xasprintf(" (did you mean %s?)", best) : xstrdup("");
}
