/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "site/html.h"
#include "site/site_priv.h"

/* Of one profile: a line with its newest runs. */
static void profile_history(struct buf *b, const struct run_row *rows, size_t n,
	const char *profile, const char *site_dir)
{
	struct site_square squares[SITE_HISTORY];
	size_t k = 0;
	for (size_t i = 0; i < n && k < SITE_HISTORY; i++)
		if (strcmp(rows[i].profile, profile) == 0)
			squares[k++] = (struct site_square){ rows[i].id, rows[i].status,
				rows[i].duration_us, rows[i].live,
				site_has_page(site_dir, rows[i].id) };
	auto_free char *label = xasprintf("Last %zu runs of %s, oldest first", k, profile);
	html_add(b, "<tr><th scope=\"row\">", TEXT(profile), "</th><td>", NULL);
	site_strip(b, "", label, NULL, squares, k);
	buf_adds(b, "</td></tr>\n");
}

static void histories(struct buf *b, const struct run_row *rows, size_t n, const char *site_dir)
{
	auto_strv struct strv profiles = { 0 };
	buf_adds(b, "<section aria-labelledby=\"h-history\"><h2 id=\"h-history\">History</h2>\n"
		    "<table class=\"history\"><caption class=\"unseen\">Newest runs of each "
		    "profile, oldest first</caption>\n<thead class=\"unseen\"><tr>"
		    "<th scope=\"col\">Profile</th><th scope=\"col\">Runs</th></tr></thead>\n"
		    "<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		for (size_t k = 0; k < profiles.n && !known; k++)
			known = strcmp(profiles.v[k], rows[i].profile) == 0;
		if (known)
			continue;
		strv_add(&profiles, rows[i].profile);
		profile_history(b, rows, n, rows[i].profile, site_dir);
	}
	buf_adds(b, "</tbody></table></section>\n");
}

static void run_line(struct buf *b, const struct run_row *r, const char *site_dir)
{
	buf_adds(b, "<tr><th scope=\"row\" data-label=\"Run\">");
	if (site_has_page(site_dir, r->id))
		html_add(b, "<a href=\"runs/", URL(r->id), "/index.html\">", TEXT(r->id), "</a>",
			NULL);
	else
		html_add(b, TEXT(r->id), NULL);
	buf_adds(b, "</th>\n<td data-label=\"Status\">");
	site_run_badge(b, r->status, r->live, r->interrupted);
	if (r->damage)
		html_add(b, " <span class=\"aside\">damaged record</span>", NULL);
	html_add(b, "</td>\n<td data-label=\"Profile\">", TEXT(r->profile),
		"</td>\n<td data-label=\"Kernel\"><span class=\"kernel\">", TEXT(r->kernel),
		"</span>", NULL);
	if (r->accel && strcmp(r->accel, "tcg") == 0)
		buf_adds(b, " <span class=\"aside\">(TCG)</span>");
	buf_adds(b, "</td>\n<td data-label=\"Tests\">");
	site_counts(b, r->counts);
	buf_adds(b, "</td>\n<td class=\"num\" data-label=\"Duration\">");
	site_duration(b, r->duration_us);
	buf_adds(b, "</td>\n<td data-label=\"Started\">");
	html_time(b, r->start_wall_us);
	buf_adds(b, "</td></tr>\n");
}

void site_page_index(
	struct buf *b, const struct run_row *rows, size_t n, bool more, const char *site_dir)
{
	site_head(b, "", "fsqa: all runs");
	buf_adds(b, "<h1>All runs</h1>\n");
	if (n == 0) {
		buf_adds(b, "<p>None yet. <code>fsqa run</code> makes one.</p>\n");
		site_foot(b, "");
		return;
	}
	histories(b, rows, n, site_dir);
	buf_adds(b, "<section aria-labelledby=\"h-runs\"><h2 id=\"h-runs\">Runs</h2>\n"
		    "<table class=\"cards runs\"><caption>Newest first</caption>\n<thead><tr>"
		    "<th scope=\"col\">Run</th><th scope=\"col\">Status</th>"
		    "<th scope=\"col\">Profile</th><th scope=\"col\">Kernel</th>"
		    "<th scope=\"col\">Tests</th><th scope=\"col\" class=\"num\">Duration</th>"
		    "<th scope=\"col\">Started</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++)
		run_line(b, &rows[i], site_dir);
	buf_adds(b, "</tbody></table>\n");
	if (more)
		buf_adds(b, "<p>Older runs: <code>fsqa runs</code> lists them all.</p>\n");
	buf_adds(b, "</section>\n");
	site_foot(b, "");
}
