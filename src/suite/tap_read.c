/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/tap_read.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* The text behind the word; NULL: `s` does not begin with it, as a word. */
static const char *behind(const char *s, const char *word)
{
	size_t n = strlen(word);
	if (strncasecmp(s, word, n) != 0 || isalnum((unsigned char)s[n]))
		return NULL;
	return s + n;
}

/* What stands behind " # "; a description may have "\#". */
static const char *directive(const char *s)
{
	for (const char *p = s; (p = strchr(p, '#')); p++)
		if (p == s || (p[-1] != '\\' && isblank((unsigned char)p[-1])))
			return skip_blanks(p + 1);
	return "";
}

static void keep_skip(struct tap *t, const char *why)
{
	why += strspn(why, " \t:");
	if (!t->skip && *why)
		t->skip = xstrdup(why);
}

/* "SKIP why"; also "skipped". NULL: it is none. */
static const char *skipped(const char *what)
{
	const char *why = behind(what, "SKIP");
	return why ? why : behind(what, "SKIPPED");
}

static void plan_line(struct tap *t, const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);
	if (end == s || n > 1000000)
		return;
	t->planned = true;
	t->plan = (unsigned)n;
	const char *why = skipped(directive(end));
	if (why)
		keep_skip(t, why);
}

static void test_line(struct tap *t, bool ok, const char *s)
{
	const char *what = directive(s);
	const char *why = skipped(what);
	if (why) {
		t->skipped++;
		keep_skip(t, why);
	} else if (!ok && (behind(what, "TODO") || behind(what, "XFAIL"))) {
		t->todo++;
	} else if (ok) {
		t->passed++;
	} else {
		t->failed++;
		if (t->names.n < TAP_NAMES_MAX)
			strv_add(&t->names, skip_blanks(s));
	}
}

static void line(struct tap *t)
{
	const char *s = t->line;
	const char *rest;
	if ((rest = behind(s, "ok")))
		test_line(t, true, rest);
	else if ((rest = behind(s, "not ok")))
		test_line(t, false, rest);
	else if (strncmp(s, "1..", 3) == 0)
		plan_line(t, s + 3);
	else if (behind(s, "TAP version") || behind(s, "KTAP version"))
		t->versioned = true;
	else if ((rest = behind(s, "Bail out!")) && !t->bail)
		t->bail = xstrdup(skip_blanks(rest));
}

static void end_line(struct tap *t)
{
	while (t->n && isspace((unsigned char)t->line[t->n - 1]))
		t->n--;
	t->line[t->n] = '\0';
	line(t);
	t->n = 0;
}

void tap_add(struct tap *t, const void *data, size_t n)
{
	const char *s = data;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			end_line(t);
		else if (t->n < TAP_LINE_MAX)
			t->line[t->n++] = s[i] ? s[i] : '?';
	}
}

void tap_end(struct tap *t)
{
	end_line(t);
}

enum verdict tap_verdict(const struct tap *t, int code, char **ret_why)
{
	unsigned told = t->passed + t->failed + t->skipped + t->todo;
	*ret_why = NULL;
	if (t->failed) {
		auto_free char *names = strv_join(&t->names, "; ");
		*ret_why = xasprintf("%u of its %u tests failed: %s%s", t->failed, told, names,
			t->failed > t->names.n ? "; ..." : "");
		return VERDICT_FAIL;
	}
	if (t->bail) {
		*ret_why = xasprintf("it bailed out: %s", *t->bail ? t->bail : "without a reason");
		return VERDICT_ERROR;
	}
	if (code != 0 && code != TAP_SKIP_CODE) {
		*ret_why = told ? xasprintf("exit code %d, though none of its %u tests failed",
					  code, told)
				: xasprintf("exit code %d", code);
		return VERDICT_FAIL;
	}
	if (t->planned && t->plan != told) {
		*ret_why = xasprintf("it planned %u tests, and told of %u", t->plan, told);
		return VERDICT_ERROR;
	}
	if (t->versioned && !t->planned && told == 0 && code == 0) {
		*ret_why = xstrdup("it told of no test");
		return VERDICT_ERROR;
	}
	if (code == TAP_SKIP_CODE || (t->planned && t->plan == 0) || (t->skipped && !t->passed)) {
		*ret_why = xstrdup(t->skip ? t->skip : "no reason given");
		return VERDICT_SKIP;
	}
	return VERDICT_PASS;
}

void tap_clear(struct tap *t)
{
	strv_clear(&t->names);
	free(t->skip);
	free(t->bail);
	*t = (struct tap){ 0 };
}
