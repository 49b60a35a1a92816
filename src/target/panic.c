/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/panic.h"
#include <string.h>

static const char phrase[] = "Kernel panic - not syncing";
#define PHRASE_LEN (sizeof phrase - 1)

static void add_text(struct panic *p, char c)
{
	if (c == '\n' || c == '\r' || p->len == PANIC_TEXT - 1) {
		p->ended = true;
		return;
	}
	p->text[p->len++] = c >= ' ' && c <= '~' ? c : '?';
	p->text[p->len] = '\0';
}

/* The phrase's first letter stands nowhere else in it, so a mismatch can only start anew here. */
static bool match(struct panic *p, char c)
{
	if (c == phrase[p->matched])
		p->matched++;
	else
		p->matched = c == phrase[0];
	return p->matched == PHRASE_LEN;
}

bool panic_scan(struct panic *p, const void *data, size_t n)
{
	const char *s = data;
	bool found = false;
	for (size_t i = 0; i < n && !p->ended; i++) {
		if (p->seen) {
			add_text(p, s[i]);
			continue;
		}
		if (p->matched == 0) {
			/* Consoles can be long: skip to where a match could begin. */
			const char *next = memchr(s + i, phrase[0], n - i);
			if (!next)
				break;
			i = (size_t)(next - s);
		}
		if (match(p, s[i])) {
			p->seen = found = true;
			memcpy(p->text, phrase, sizeof phrase);
			p->len = PHRASE_LEN;
		}
	}
	return found;
}
