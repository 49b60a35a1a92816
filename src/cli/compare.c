/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/compare.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/results.h"
#include "cli/table.h"
#include "judge/compare.h"
#include "site/site.h"
#include <stdlib.h>

static const char *name_of(enum verdict v)
{
	return v == VERDICT_COUNT ? "not reached" : verdict_name(v);
}

static const char *reason_of(const struct compare_row *r)
{
	return r->candidate && *r->candidate->reason           ? r->candidate->reason
	       : r->baseline && r->change != COMPARE_REGRESSED ? r->baseline->reason
							       : "";
}

static enum cli_color color_of(enum compare_change c)
{
	return c == COMPARE_REGRESSED ? CLI_RED : c == COMPARE_FIXED ? CLI_GREEN : CLI_YELLOW;
}

/* ---- text ---- */

/* "A", "B" ...: what a run is called in a table of many. */
static char letter(size_t i)
{
	return (char)('A' + i);
}

static const struct run_info *baseline_of(struct run_info *const *runs, size_t n, size_t i)
{
	return compare_baseline((const struct run_info *const *)runs, n, i);
}

/* "baseline", "candidate"; of many "C, with A". */
static char *role_of(struct run_info *const *runs, size_t n, size_t i)
{
	const struct run_info *baseline = baseline_of(runs, n, i);
	size_t k = 0;
	if (n == 2)
		return xstrdup(i ? "candidate" : "baseline");
	while (baseline && runs[k] != baseline)
		k++;
	return baseline ? xasprintf("%c, with %c", letter(i), letter(k))
			: xasprintf("%c", letter(i));
}

static void print_kernels(const struct cli *cli, struct run_info *const *runs, size_t n)
{
	auto_table struct table *t = table_new(
		"", "KERNEL", "VARIANT", "SOURCE", "TESTS", "REGRESSED", "FIXED", "RUN", NULL);
	for (size_t i = 0; i < n; i++) {
		struct compare c = { 0 };
		unsigned counts[VERDICT_COUNT];
		const json_t *first = runs[i]->first;
		const struct run_info *baseline = baseline_of(runs, n, i);
		auto_free char *role = role_of(runs, n, i);
		run_info_counts(runs[i], counts);
		auto_free char *text = results_counts_text(counts);
		compare_runs(baseline ? baseline : runs[0], runs[i], &c);
		table_cell(t, CLI_BOLD, "%s", role);
		table_cell(t, CLI_PLAIN, "%s", json_str_or(first, "kernel", "-"));
		table_cell(t, CLI_PLAIN, "%s", json_str_or(first, "variant", "-"));
		table_cell(t, CLI_PLAIN, "%s", json_str_or(first, "kernel_source", ""));
		table_cell(t, CLI_PLAIN, "%s", text);
		for (int k = COMPARE_REGRESSED; k <= COMPARE_FIXED; k++) {
			bool some = i && c.counts[k];
			auto_free char *number = i ? xasprintf("%u", c.counts[k]) : xstrdup("");
			table_cell(t, some ? color_of((enum compare_change)k) : CLI_PLAIN, "%s",
				number);
		}
		table_cell(t, CLI_PLAIN, "%s", runs[i]->id);
		compare_clear(&c);
	}
	putchar('\n');
	table_print(cli, t);
}

/* A column for each run. */
static void print_side_by_side(const struct cli *cli, struct run_info *const *runs, size_t n)
{
	struct compare_lines l;
	auto_table struct table *t = table_new("TEST", NULL);
	for (size_t i = 0; i < n; i++)
		table_column(t, (const char[]){ letter(i), '\0' });
	compare_side_by_side((const struct run_info *const *)runs, n, &l);
	for (size_t k = 0; k < l.n; k++) {
		if (!l.lines[k].differs)
			continue;
		table_cell(t, CLI_BOLD, "%s", l.lines[k].test);
		for (size_t i = 0; i < n; i++) {
			enum verdict v = l.lines[k].verdicts[i];
			table_cell(t, v == VERDICT_COUNT ? CLI_DIM : results_color(v), "%s",
				name_of(v));
		}
	}
	putchar('\n');
	if (l.n_differ)
		table_print(cli, t);
	else
		puts("All tests end alike on all.");
	compare_lines_clear(&l);
}

static void print_differences(
	const struct cli *cli, const struct run_info *a, const struct run_info *b)
{
	struct compare c = { 0 };
	auto_table struct table *t = table_new("TEST", "BASELINE", "CANDIDATE", "", "REASON", NULL);
	compare_runs(a, b, &c);
	for (size_t i = 0; i < c.n; i++) {
		const struct compare_row *r = &c.rows[i];
		if (r->change == COMPARE_SAME)
			continue;
		table_cell(t, CLI_BOLD, "%s", compare_test(r));
		table_cell(t, CLI_PLAIN, "%s", name_of(r->a));
		table_cell(t, CLI_PLAIN, "%s", name_of(r->b));
		table_cell(t, color_of(r->change), "%s", compare_change_name(r->change));
		table_cell(t, CLI_PLAIN, "%s", reason_of(r));
	}
	compare_clear(&c);
	putchar('\n');
	if (table_rows(t))
		table_print(cli, t);
	else
		printf("%s: all tests end as on the baseline.\n", b->id);
}

void compare_print(const struct cli *cli, struct run_info *const *runs, size_t n, const char *page)
{
	print_kernels(cli, runs, n);
	if (n == 2)
		print_differences(cli, runs[0], runs[1]);
	else
		print_side_by_side(cli, runs, n);
	if (page)
		cli_note(cli, "\nSide by side  %s", page);
}

char *compare_page(const struct cli *cli, const char *state_dir, const char *name,
	struct run_info *const *runs, size_t n)
{
	struct err e = { 0 };
	char *path = NULL;
	if (site_write_compare(
		    state_dir, name, (const struct run_info *const *)runs, n, &path, &e) < 0)
		cli_warn(cli, "the page was not written: %s", e.msg);
	return path;
}

/* ---- JSON ---- */

static json_t *run_json(const struct run_info *r)
{
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "run", r->id, "status",
		verdict_name(run_info_status(r)), "variant", results_member(r->first, "variant"),
		"kernel", results_member(r->first, "kernel"), "build_id",
		results_member(r->first, "kernel_build_id"), "source",
		results_member(r->first, "kernel_source"), "counts", results_counts(counts));
}

static json_t *candidate_json(const struct run_info *a, const struct run_info *b)
{
	struct compare c = { 0 };
	json_t *j = run_json(b);
	json_object_set_new(j, "against", json_string(a->id));
	json_t *tests = json_array();
	compare_runs(a, b, &c);
	for (int k = 0; k < COMPARE_CHANGES; k++)
		json_object_set_new(j, compare_change_name((enum compare_change)k),
			json_integer((json_int_t)c.counts[k]));
	for (size_t i = 0; i < c.n; i++) {
		const struct compare_row *r = &c.rows[i];
		if (r->change != COMPARE_SAME)
			json_array_append_new(tests,
				json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "test", compare_test(r),
					"baseline",
					r->a == VERDICT_COUNT ? NULL : verdict_name(r->a),
					"candidate",
					r->b == VERDICT_COUNT ? NULL : verdict_name(r->b), "change",
					compare_change_name(r->change), "reason", reason_of(r)));
	}
	json_object_set_new(j, "tests", tests);
	compare_clear(&c);
	return j;
}

json_t *compare_json(struct run_info *const *runs, size_t n)
{
	json_t *candidates = json_array();
	for (size_t i = 1; i < n; i++)
		json_array_append_new(candidates, candidate_json(baseline_of(runs, n, i), runs[i]));
	return json_pack("{s:o, s:o}", "baseline", run_json(runs[0]), "candidates", candidates);
}

int compare_exit(struct run_info *const *runs, size_t n)
{
	unsigned regressed = 0;
	unsigned unknown = 0;
	for (size_t i = 1; i < n; i++) {
		struct compare c = { 0 };
		compare_runs(baseline_of(runs, n, i), runs[i], &c);
		regressed += c.counts[COMPARE_REGRESSED];
		unknown += c.counts[COMPARE_UNKNOWN];
		compare_clear(&c);
	}
	return regressed ? CLI_TESTS_FAILED : unknown ? CLI_INFRA : CLI_GOOD;
}
