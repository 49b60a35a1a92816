/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "judge/compare.h"
#include "site/html.h"
#include "site/site_priv.h"

/* "A", "B" ...: what a run is called in the head of its column. */
static void letter(struct buf *b, size_t i)
{
	buf_addc(b, (char)('A' + i));
}

static void run_cell(struct buf *b, const char *run, const char *site_dir)
{
	if (site_has_page(site_dir, run))
		html_add(b, "<a href=\"../runs/", URL(run), "/index.html\">", TEXT(run), "</a>",
			NULL);
	else
		html_text(b, run);
}

static void change_cells(struct buf *b, const struct run_info *const *runs, size_t n, size_t i)
{
	static const enum compare_change shown[] = { COMPARE_REGRESSED, COMPARE_FIXED };
	struct compare c = { 0 };
	const struct run_info *baseline = compare_baseline(runs, n, i);
	compare_runs(baseline ? baseline : runs[i], runs[i], &c);
	for (size_t k = 0; k < ARRAY_LEN(shown); k++) {
		html_add(b, "</td>\n<td class=\"num\" data-label=\"",
			shown[k] == COMPARE_FIXED ? "Fixed" : "Regressed", "\">", NULL);
		if (baseline)
			html_number(b, c.counts[shown[k]]);
	}
	compare_clear(&c);
}

static void kernel_row(
	struct buf *b, const struct run_info *const *runs, size_t n, size_t i, const char *site_dir)
{
	const json_t *first = runs[i]->first;
	const struct run_info *baseline = compare_baseline(runs, n, i);
	unsigned counts[VERDICT_COUNT];
	buf_adds(b, "<tr><th scope=\"row\" data-label=\"Column\">");
	letter(b, i);
	for (size_t k = 0; baseline && k < i; k++)
		if (runs[k] == baseline) {
			buf_adds(b, " <span class=\"aside\">with ");
			letter(b, k);
			buf_adds(b, "</span>");
		}
	html_add(b, "</th>\n<td data-label=\"Kernel\">", TEXT(json_str_or(first, "kernel", "none")),
		"</td>\n<td data-label=\"Variant\">", TEXT(json_str_or(first, "variant", "plain")),
		"</td>\n<td data-label=\"Source\">", TEXT(json_str_or(first, "kernel_source", "")),
		"</td>\n<td data-label=\"Tests\">", NULL);
	run_info_counts(runs[i], counts);
	site_counts(b, counts);
	change_cells(b, runs, n, i);
	buf_adds(b, "</td>\n<td data-label=\"Run\">");
	run_cell(b, runs[i]->id, site_dir);
	buf_adds(b, "</td></tr>\n");
}

static void kernels(
	struct buf *b, const struct run_info *const *runs, size_t n, const char *site_dir)
{
	buf_adds(b,
		"<section aria-labelledby=\"h-kernels\"><h2 id=\"h-kernels\">Kernels</h2>\n"
		"<table class=\"cards runs\"><caption class=\"unseen\">The runs and their kernels"
		"</caption>\n<thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Kernel</th>"
		"<th scope=\"col\">Variant</th><th scope=\"col\">Source</th>"
		"<th scope=\"col\">Tests</th><th scope=\"col\" class=\"num\">Regressed</th>"
		"<th scope=\"col\" class=\"num\">Fixed</th><th scope=\"col\">Run</th></tr>"
		"</thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++)
		kernel_row(b, runs, n, i, site_dir);
	buf_adds(b, "</tbody></table></section>\n");
}

static void verdict_cell(struct buf *b, enum verdict v, size_t i)
{
	buf_adds(b, "<td data-label=\"");
	letter(b, i);
	buf_adds(b, "\">");
	if (v == VERDICT_COUNT)
		buf_adds(b, "<span class=\"aside\">not reached</span>");
	else
		site_badge(b, v);
	buf_adds(b, "</td>");
}

/* Those that differ, or the others. */
static void tests(struct buf *b, const struct compare_lines *l, size_t n, bool differ)
{
	html_add(b, "<table class=\"cards\"><caption class=\"unseen\">Tests that end ",
		differ ? "differently" : "alike",
		"</caption>\n<thead><tr><th scope=\"col\">Test</th>", NULL);
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, "<th scope=\"col\">");
		letter(b, i);
		buf_adds(b, "</th>");
	}
	buf_adds(b, "</tr></thead>\n<tbody>\n");
	for (size_t k = 0; k < l->n; k++) {
		if (l->lines[k].differs != differ)
			continue;
		html_add(b, "<tr><th scope=\"row\" data-label=\"Test\">", TEXT(l->lines[k].test),
			"</th>", NULL);
		for (size_t i = 0; i < n; i++)
			verdict_cell(b, l->lines[k].verdicts[i], i);
		buf_adds(b, "</tr>\n");
	}
	buf_adds(b, "</tbody></table>\n");
}

void site_page_compare(
	struct buf *b, const struct run_info *const *runs, size_t n, const char *site_dir)
{
	struct compare_lines l;
	const char *profile = json_str_or(runs[0]->first, "profile", "unknown profile");
	auto_free char *title = xasprintf("%s on %zu kernels: %s", profile, n, runs[0]->id);
	compare_side_by_side(runs, n, &l);
	site_head(b, "../", title);
	html_add(b, "<div class=\"title\"><h1>Side by side <span class=\"profile\">", TEXT(profile),
		"</span></h1></div>\n", NULL);
	kernels(b, runs, n, site_dir);
	buf_adds(b, "<section aria-labelledby=\"h-tests\"><h2 id=\"h-tests\">Tests</h2>\n");
	if (l.n_differ)
		tests(b, &l, n, true);
	else
		buf_adds(b, "<p>All tests end alike.</p>\n");
	if (l.n > l.n_differ) {
		buf_adds(b, "<details><summary>");
		html_number(b, l.n - l.n_differ);
		buf_adds(b, " that end alike on all</summary>\n");
		tests(b, &l, n, false);
		buf_adds(b, "</details>\n");
	}
	buf_adds(b, "</section>\n");
	site_foot(b, "../");
	compare_lines_clear(&l);
}
