/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/results.h"
#include "cli/table.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static bool is_shown(const struct cli *cli, const struct run_attempt *a)
{
	if (!cli_flag(cli, "failed"))
		return true;
	return !a->superseded && a->ended && a->status <= VERDICT_MISS;
}

static bool was_started(const struct run_info *r, const char *test)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		if (strcmp(r->attempts[i].test, test) == 0)
			return true;
	}
	return false;
}

/* ---- JSON ---- */

static json_t *test_json(const struct run_attempt *a)
{
	return json_pack("{s:s, s:s, s:I, s:s?, s:b, s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:O?, s:o, "
			 "s:o, s:o}",
		"test", a->test, "stage", a->stage, "attempt", (json_int_t)a->attempt, "status",
		a->ended ? verdict_name(a->status) : NULL, "ended", a->ended, "reason", a->reason,
		"duration_us", (json_int_t)a->duration_us, "superseded", a->superseded, "exit_code",
		results_member(a->end, "exit_code"), "signal", results_member(a->end, "signal"),
		"timed_out", results_member(a->end, "timed_out"), "kernel_log",
		results_member(a->end, "kernel_log"), "faults", a->faults, "causes",
		results_member(a->end, "causes"), "diff", results_member(a->witness, "diff"),
		"hints", results_member(a->witness, "hints"));
}

static void print_json(struct cli *cli, const struct run_info *r)
{
	json_t *tests = json_array();
	for (size_t i = 0; i < r->n_attempts; i++) {
		if (is_shown(cli, &r->attempts[i]))
			json_array_append_new(tests, test_json(&r->attempts[i]));
	}
	json_t *waiting = json_array();
	size_t i = 0;
	json_t *planned = NULL;
	json_array_foreach (json_object_get(r->plan, "tests"), i, planned) {
		if (json_is_string(planned) && !was_started(r, json_string_value(planned)))
			json_array_append(waiting, planned);
	}
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s?, s:O, s:o, s:o, s:o, s:o, s:O}",
		"id", r->id, "dir", r->dir, "status", verdict_name(run_info_status(r)), "state",
		r->live          ? "running"
		: r->interrupted ? "interrupted"
				 : "ended",
		"duration_us", (json_int_t)r->duration_us, "counts", results_counts(counts),
		"damage", r->damage, "run", r->first, "target",
		r->target ? json_incref(r->target) : json_null(), "end",
		r->last ? json_incref(r->last) : json_null(), "tests", tests, "waiting", waiting,
		"notes", r->notes);
	cli_print_json(cli, j);
}

/* ---- text ---- */

static void line(const struct cli *cli, const char *head, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void line(const struct cli *cli, const char *head, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* a cut line is still a line */
	va_end(ap);
	if (!*text)
		return;
	for (char *c = text; *c; c++) /* what a record says must not steer the terminal */
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
	printf("%s%-12s%s %s\n", cli_color_on(cli, stdout, CLI_DIM), head,
		cli_color_off(cli, stdout), text);
}

/* What the kernel was built of. */
static void print_origin(const struct cli *cli, const json_t *first)
{
	const json_t *origin = json_object_get(first, "kernel_origin");
	size_t i;
	json_t *patch;
	line(cli, "Source", "%s", json_str_or(origin, "source", ""));
	line(cli, "Commit", "%s", json_str_or(origin, "commit", ""));
	line(cli, "Tree", "%s", json_str_or(origin, "tree", ""));
	json_array_foreach (json_object_get(origin, "patches"), i, patch)
		line(cli, i ? "" : "Patches", "%s", json_string_value(patch));
}

static void print_head(const struct cli *cli, const struct run_info *r)
{
	const json_t *f = r->first;
	char start[CLOCK_ISO_SIZE];
	char took[CLOCK_HUMAN_SIZE];
	enum verdict v = run_info_status(r);
	auto_free char *state = results_state(v, r->live, r->interrupted, r->damage != NULL);
	const char *release = json_str_or(r->target, "release", "");
	const char *kernel = json_str_or(f, "kernel", "");
	const char *reason;
	const char *accel = run_info_accel(r, &reason);
	line(cli, "Run", "%s", r->id);
	line(cli, "Profile", "%s", json_str_or(f, "profile", ""));
	printf("%s%-12s%s %s%s%s\n", cli_color_on(cli, stdout, CLI_DIM), "Result",
		cli_color_off(cli, stdout),
		cli_color_on(cli, stdout, r->live ? CLI_BLUE : results_color(v)), state,
		cli_color_off(cli, stdout));
	line(cli, "Error", "%s", json_str_or(r->last, "error", ""));
	if (*release && *kernel && strcmp(release, kernel) != 0)
		line(cli, "Kernel", "%s (booted: %s)", kernel, release);
	else
		line(cli, "Kernel", "%s", *kernel ? kernel : release);
	print_origin(cli, f);
	line(cli, "Build id", "%s", json_str_or(f, "kernel_build_id", ""));
	line(cli, "Variant", "%s", json_str_or(f, "variant", ""));
	line(cli, "Baseline", "%s", json_str_or(f, "baseline", ""));
	line(cli, "Image", "%s", json_str_or(f, "image", ""));
	line(cli, "Accelerator", "%s%s%s%s", accel, *reason ? " (" : "", reason,
		*reason ? ")" : "");
	line(cli, "Host", "%s", json_str_or(f, "host", ""));
	line(cli, "Started", "%s", clock_iso(json_i64_or(f, "wall_us", 0), start));
	line(cli, "Duration", "%s", clock_human(r->duration_us, took));
	line(cli, "Command", "%s", json_str_or(f, "command", ""));
	line(cli, "Folder", "%s", r->dir);
}

static void test_cells(struct table *t, const struct run_attempt *a)
{
	char took[CLOCK_HUMAN_SIZE];
	auto_free char *again =
		a->attempt > 1 ? xasprintf(" (attempt %" PRId64 ")", a->attempt) : xstrdup("");
	/* A subtest below its stage, without the stage's own name before it. */
	const char *dot = strchr(a->test, '.');
	size_t n = strlen(a->stage);
	bool sub = n && dot && strncmp(dot + 1, a->stage, n) == 0 && dot[n + 1] == '.';
	table_cell(t, sub ? CLI_PLAIN : CLI_BOLD, "%s%s%s", sub ? "  " : "",
		sub ? dot + n + 2 : a->test, again);
	if (a->ended)
		table_cell(t, results_color(a->status), "%s", verdict_name(a->status));
	else
		table_cell(
			t, CLI_BLUE, "%s", strcmp(a->reason, "running") == 0 ? "running" : "MISS");
	table_cell(t, CLI_PLAIN, "%s",
		a->ended || a->duration_us ? clock_human(a->duration_us, took) : "");
	table_cell(t, CLI_PLAIN, "%s",
		a->superseded && !*a->reason        ? "run again"
		: strcmp(a->reason, "running") == 0 ? ""
						    : a->reason);
}

static void print_tests(struct cli *cli, const struct run_info *r)
{
	auto_table struct table *t = table_new("TEST", "STATUS", ">DURATION", "REASON", NULL);
	for (size_t i = 0; i < r->n_attempts; i++) {
		if (is_shown(cli, &r->attempts[i]))
			test_cells(t, &r->attempts[i]);
	}
	size_t i = 0;
	json_t *planned = NULL;
	json_array_foreach (json_object_get(r->plan, "tests"), i, planned) {
		const char *test = json_string_value(planned);
		if (!test || !r->live || was_started(r, test) || cli_flag(cli, "failed"))
			continue;
		table_cell(t, CLI_BOLD, "%s", test);
		table_cell(t, CLI_DIM, "waiting");
		table_cell(t, CLI_PLAIN, "%s", "");
		table_cell(t, CLI_PLAIN, "%s", "");
	}
	putchar('\n');
	if (table_rows(t))
		table_print(cli, t);
	else
		puts(cli_flag(cli, "failed") ? "No test failed." : "No test was started.");
}

/* What was done to disks on purpose, so that nobody takes it for the kernel's doing. */
static void print_faults(const struct cli *cli, const struct run_info *r)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		size_t k = 0;
		json_t *fault = NULL;
		if (!is_shown(cli, a))
			continue;
		json_array_foreach (a->faults, k, fault)
			line(cli, "fault", "%s: %s", a->test, json_str_or(fault, "text", ""));
	}
}

static void print_notes(const struct cli *cli, const struct run_info *r)
{
	size_t i = 0;
	json_t *note = NULL;
	if (json_array_size(r->notes))
		putchar('\n');
	print_faults(cli, r);
	json_array_foreach (r->notes, i, note)
		line(cli, json_str_or(note, "level", "note"), "%s", json_str_or(note, "text", ""));
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	auto_free char *text = results_counts_text(counts);
	printf("\n%s.\n", text);
}

static int show(struct cli *cli, int argc, char **argv)
{
	auto_run_info struct run_info *r = NULL;
	int code = results_read(cli, argc ? argv[0] : NULL, &r);
	if (code != CLI_GOOD)
		return code;
	if (cli_wants_json(cli)) {
		print_json(cli, r);
		return CLI_GOOD;
	}
	print_head(cli, r);
	print_tests(cli, r);
	print_notes(cli, r);
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "failed", 'f', NULL, "only tests that are FAIL, ERROR or MISS" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa show", "the run that was started last" },
	{ "fsqa show 20261121-10 --failed", "what went wrong in the run whose id starts so" },
	{ "fsqa show --json | jq -r '.tests[] | \"\\(.status) \\(.test)\"'", "for programs" },
	{ 0 },
};

extern const struct command cmd_show;
const struct command cmd_show = {
	.name = "show",
	.args = "[RUN]",
	.max_args = 1,
	.values = "run",
	.summary = "show one run and its tests",
	.help = "RUN is a run's id as fsqa runs lists it, the start of one, or \"latest\", which "
		"is also what is shown without it. Subtests are indented below their stage. The "
		"exit code tells whether the run could be shown, not how it went.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = show,
};
