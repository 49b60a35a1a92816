/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "site/html.h"
#include "site/site_priv.h"

/* Everything comes from beside the page. 'self' of a page from file:// is each browser's own
 * affair, so the scheme is named; from a server it matches nothing. The player compiles its
 * terminal (wasm), and carries a font and symbols as data: addresses. */
static const char policy[] =
	"default-src 'none'; script-src 'self' file: 'wasm-unsafe-eval'; "
	"style-src 'self' file:; img-src 'self' file: data:; font-src 'self' data:; "
	"base-uri 'none'; form-action 'none'";

void site_head(struct buf *b, const char *up, const char *title)
{
	html_add(b,
		"<!DOCTYPE html>\n"
		"<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"",
		policy,
		"\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<title>",
		TEXT(title),
		"</title>\n"
		"<link rel=\"icon\" href=\"data:,\">\n"
		"<link rel=\"stylesheet\" href=\"",
		up, "assets/style.css\">\n<script defer src=\"", up,
		"assets/report.js\"></script>\n</head>\n<body>\n"
		"<a class=\"skip\" href=\"#content\">Skip to content</a>\n"
		"<header class=\"top\"><nav aria-label=\"Site\"><a class=\"brand\" href=\"",
		up, "index.html\"><b>fsqa</b> all runs</a></nav></header>\n",
		"<main id=\"content\">\n", NULL);
}

void site_foot(struct buf *b, const char *up)
{
	html_add(b,
		"</main>\n<footer>Written by fsqa. Recordings are asciicast v2: <code>fsqa play "
		"FILE</code> or <code>asciinema play FILE</code> shows them in a terminal."
		"</footer>\n</body>\n</html>\n",
		NULL);
}

static const struct {
	const char *class, *glyph, *counted;
} looks[VERDICT_COUNT] = {
	[VERDICT_FAIL] = { "v-fail", "\xe2\x9c\x95", "failed" },
	[VERDICT_ERROR] = { "v-error", "!", "broken" },
	[VERDICT_MISS] = { "v-miss", "?", "missed" },
	[VERDICT_PASS] = { "v-pass", "\xe2\x9c\x93", "passed" },
	[VERDICT_DONE] = { "v-done", "\xe2\x80\xa2", "done" },
	[VERDICT_SKIP] = { "v-skip", "\xe2\x80\x93", "skipped" },
};

const char *site_class(enum verdict v)
{
	return looks[v].class;
}

const char *site_glyph(enum verdict v)
{
	return looks[v].glyph;
}

static void badge(struct buf *b, const char *class, const char *glyph, const char *word)
{
	html_add(b, "<span class=\"badge ", class, "\"><span aria-hidden=\"true\">", glyph,
		"</span> ", TEXT(word), "</span>", NULL);
}

void site_badge(struct buf *b, enum verdict v)
{
	badge(b, site_class(v), site_glyph(v), verdict_name(v));
}

void site_run_badge(struct buf *b, enum verdict v, bool live, bool interrupted)
{
	if (live)
		badge(b, "v-live", "\xe2\x96\xb6", "RUNNING");
	else
		site_badge(b, v);
	if (interrupted && !live)
		buf_adds(b, " <span class=\"aside\">interrupted</span>");
}

void site_counts(struct buf *b, const unsigned counts[VERDICT_COUNT])
{
	static const enum verdict order[] = { VERDICT_PASS, VERDICT_DONE, VERDICT_FAIL,
		VERDICT_ERROR, VERDICT_MISS, VERDICT_SKIP };
	bool any = false;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (counts[order[i]] == 0)
			continue;
		html_add(b, any ? ", " : "", "<span class=\"n ", site_class(order[i]), "\">", NULL);
		html_number(b, counts[order[i]]);
		html_add(b, " ", looks[order[i]].counted, "</span>", NULL);
		any = true;
	}
	if (!any)
		buf_adds(b, "no tests");
}

void site_duration(struct buf *b, uint64_t us)
{
	char text[CLOCK_HUMAN_SIZE];
	html_add(b, TEXT(clock_human(us, text)), NULL);
}

static void square(struct buf *b, const char *up, const struct site_square *q, bool current)
{
	const char *word = q->live ? "RUNNING" : verdict_name(q->status);
	char text[CLOCK_HUMAN_SIZE];
	clock_human(q->duration_us, text);
	html_add(b, "<li><", q->has_page && !current ? "a" : "span", " class=\"",
		q->live ? "v-live" : site_class(q->status), current ? " now" : "", "\" title=\"",
		ATTR(q->run), ": ", word, ", ", ATTR(text), "\"", NULL);
	if (q->has_page && !current)
		html_add(b, " href=\"", up, "runs/", URL(q->run), "/index.html\"", NULL);
	html_add(b, "><span aria-hidden=\"true\">",
		q->live ? "\xe2\x96\xb6" : site_glyph(q->status), "</span><span class=\"unseen\">",
		word, " in ", current ? "this run, " : "", TEXT(q->run),
		q->has_page && !current ? "</span></a></li>" : "</span></span></li>", "\n", NULL);
}

void site_strip(struct buf *b, const char *up, const char *label, const char *current,
	const struct site_square *newest_first, size_t n)
{
	html_add(b, "<ol class=\"strip\" aria-label=\"", ATTR(label), "\">\n", NULL);
	for (size_t i = n; i-- > 0;)
		square(b, up, &newest_first[i],
			current && strcmp(newest_first[i].run, current) == 0);
	buf_adds(b, "</ol>\n");
}

bool site_has_page(const char *site_dir, const char *run)
{
	if (!site_dir)
		return false;
	auto_free char *path = xasprintf("%s/runs/%s/index.html", site_dir, run);
	return access(path, F_OK) == 0;
}

bool site_has_compare(const char *site_dir, const char *name)
{
	if (!site_dir)
		return false;
	auto_free char *path = xasprintf("%s/compare/%s.html", site_dir, name);
	return access(path, F_OK) == 0;
}
