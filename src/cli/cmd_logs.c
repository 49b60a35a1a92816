/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/results.h"
#include "cli/table.h"
#include "record/tame.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT "script."

/* ---- which test ---- */

static const char *short_name(const char *test)
{
	return strncmp(test, SCRIPT, strlen(SCRIPT)) == 0 ? test + strlen(SCRIPT) : test;
}

static int unknown_test(struct cli *cli, const struct run_info *r, const char *text)
{
	auto_strv struct strv names = { 0 };
	for (size_t i = 0; i < r->n_attempts; i++)
		strv_add(&names, short_name(r->attempts[i].test));
	auto_free char *hint = nearest_hint(short_name(text), strv_get(&names));
	return cli_errorf(cli, CLI_USAGE, "no test \"%s\" in run %s%s", text, r->id, hint);
}

/* How well `text` names the attempt's test: 3: it is the name, 2: the start of a stage's, 1: the
 * start of another's or a subtest's name without its stage's, 0: not at all. */
static int fits(const struct run_attempt *a, const char *text)
{
	const char *name = short_name(a->test);
	const char *want = short_name(text);
	size_t n = strlen(a->stage);
	if (strcmp(name, want) == 0)
		return 3;
	if (strncmp(name, want, strlen(want)) == 0)
		return run_attempt_is_stage(a) ? 2 : 1;
	bool sub = n && strncmp(name, a->stage, n) == 0 && name[n] == '.';
	return sub && strcmp(name + n + 1, want) == 0 ? 1 : 0;
}

/* The verdict on several batches, in none of which it ran: it has no log. */
static bool is_on_several(const struct run_info *r, const struct run_attempt *a)
{
	return json_i64_or(r->plan, "batches", 1) > 1 && a->batch == 0 && a->attempt > 1;
}

/* The test that `text` names, whole or by a start that only one has; its last attempt, or the
 * one that was asked for. */
static int find_test(struct cli *cli, const struct run_info *r, const char *text, int64_t attempt,
	const struct run_attempt **ret)
{
	const struct run_attempt *best = NULL;
	int best_fit = 0;
	bool several = false;
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		int fit = *text ? fits(a, text) : 0;
		if (fit == 0 || fit < best_fit || (attempt && a->attempt != attempt) ||
			(!attempt && best && is_on_several(r, a)))
			continue;
		several = fit == best_fit && fit < 3 && strcmp(best->test, a->test) != 0;
		best = a;
		best_fit = fit;
	}
	if (!best && attempt)
		return cli_errorf(
			cli, CLI_USAGE, "no attempt %" PRId64 " of a test \"%s\"", attempt, text);
	if (!best)
		return unknown_test(cli, r, text);
	if (several)
		return cli_errorf(cli, CLI_USAGE, "\"%s\" may be several tests; %s is one", text,
			short_name(best->test));
	*ret = best;
	return CLI_GOOD;
}

/* ---- which artifacts ---- */

struct choice {
	const struct run_artifact **v;
	size_t n;
};

static bool is_chosen(const struct run_artifact *x, const struct run_attempt *a, const char *name)
{
	if (a && (x->attempt != a->attempt || strcmp(x->test, a->test) != 0))
		return false;
	/* A core is for who asks for it. */
	return name ? strcmp(x->name, name) == 0 : strcmp(x->kind, "core") != 0;
}

/* A subtest's artifacts are its own; where it has none, its stage's. */
static void choose(
	const struct run_info *r, const struct run_attempt *a, const char *name, struct choice *c)
{
	c->v = xcalloc(r->n_artifacts, sizeof *c->v);
	for (size_t i = 0; i < r->n_artifacts; i++) {
		if (is_chosen(&r->artifacts[i], a, name))
			c->v[c->n++] = &r->artifacts[i];
	}
	if (c->n || !a || !*a->stage || run_attempt_is_stage(a))
		return;
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *s = &r->attempts[i];
		if (!run_attempt_is_stage(s) || s->batch != a->batch ||
			strcmp(s->stage, a->stage) != 0 || s > a)
			continue;
		c->n = 0; /* the last one before it is the one it ran in */
		for (size_t k = 0; k < r->n_artifacts; k++) {
			if (is_chosen(&r->artifacts[k], s, name))
				c->v[c->n++] = &r->artifacts[k];
		}
	}
}

static int unknown_name(
	struct cli *cli, const struct run_info *r, const struct run_attempt *a, const char *name)
{
	struct choice all = { 0 };
	auto_strv struct strv names = { 0 };
	choose(r, a, NULL, &all);
	for (size_t i = 0; i < all.n; i++)
		strv_add(&names, all.v[i]->name);
	free(all.v);
	auto_free char *hint = nearest_hint(name, strv_get(&names));
	return cli_errorf(cli, CLI_USAGE, "no artifact \"%s\" of %s%s; --list shows what there is",
		name, a ? a->test : r->id, hint);
}

static void print_json(struct cli *cli, const struct run_info *r, const struct choice *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n; i++) {
		const struct run_artifact *x = c->v[i];
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:b}", "test", x->test,
				      "attempt", (json_int_t)x->attempt, "name", x->name, "kind",
				      x->kind, "size", (json_int_t)x->size, "stored",
				      (json_int_t)x->length, "sha256", x->sha256, "cut", x->cut));
	}
	cli_print_json(cli, json_pack("{s:s, s:o}", "run", r->id, "artifacts", list));
}

static void print_list(struct cli *cli, const struct choice *c)
{
	auto_table struct table *t = table_new("TEST", "NAME", "KIND", ">SIZE", "", NULL);
	for (size_t i = 0; i < c->n; i++) {
		const struct run_artifact *x = c->v[i];
		char size[PARSE_SIZE_TEXT];
		auto_free char *again = x->attempt > 1
						? xasprintf(" (attempt %" PRId64 ")", x->attempt)
						: xstrdup("");
		table_cell(t, CLI_PLAIN, "%s%s", x->test, again);
		table_cell(t, CLI_BOLD, "%s", x->name);
		table_cell(t, CLI_PLAIN, "%s", x->kind);
		table_cell(t, CLI_PLAIN, "%s", parse_size_text(x->size, size));
		table_cell(t, CLI_YELLOW, "%s", x->cut ? "cut" : "");
	}
	if (c->n)
		table_print(cli, t);
	else
		cli_note(cli, "No artifacts.");
}

/* ---- printing ---- */

struct printer {
	bool tamed;
	struct tame tame;
	bool ends_line;
};

static int print_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	struct printer *to = ctx;
	auto_buf struct buf b = { 0 };
	if (to->tamed)
		tame_add(&to->tame, &b, p, n);
	else
		buf_add(&b, p, n);
	if (b.len == 0)
		return 0;
	to->ends_line = b.s[b.len - 1] == '\n';
	errno = 0;
	if (fwrite(b.s, 1, b.len, stdout) != b.len)
		return err_sys(e, "write to standard output");
	return 0;
}

/* On a terminal of ours, what a guest wrote must not steer it. */
static struct printer printer_new(const struct cli *cli)
{
	return (struct printer){ .tamed = isatty(STDOUT_FILENO) && !cli_flag(cli, "raw"),
		.ends_line = true };
}

static int printed(struct cli *cli, const struct printer *to, int rc, const struct err *e)
{
	if (to->tamed && !to->ends_line)
		putchar('\n');
	if (rc < 0)
		clearerr(stdout); /* it is told here, not once more at the end */
	if (rc == -EPIPE) /* the reader went away: its choice, and the shell's custom is silence */
		return CLI_GOOD;
	return rc < 0 ? cli_error(cli, rc == -ENODATA || rc == -ENOENT ? CLI_USAGE : CLI_INFRA, e)
		      : CLI_GOOD;
}

static int print_terminal(struct cli *cli, const struct run_info *r, const struct run_attempt *a)
{
	struct err e = { 0 };
	struct printer to = printer_new(cli);
	int rc = run_terminal_each(r, a, print_piece, &to, &e);
	return printed(cli, &to, rc, &e);
}

static int print_artifact(struct cli *cli, const struct run_info *r, const struct run_artifact *x)
{
	struct err e = { 0 };
	struct printer to = printer_new(cli);
	int rc = run_artifact_each(r, x, print_piece, &to, &e);
	return printed(cli, &to, rc, &e);
}

static int save(struct cli *cli, const struct run_info *r, const struct choice *c, const char *dir)
{
	struct err e = { 0 };
	int rc = store_save_artifacts(r, c->v, c->n, dir, &e);
	if (rc < 0)
		return cli_error(cli, rc == -EEXIST ? CLI_USAGE : CLI_INFRA, &e);
	cli_note(cli, "%zu file%s in %s.", c->n, c->n == 1 ? "" : "s", dir);
	return CLI_GOOD;
}

static int show(struct cli *cli, const struct run_info *r, const struct run_attempt *a,
	const struct choice *c)
{
	const char *name = cli_value(cli, "name");
	if (name && c->n == 0)
		return unknown_name(cli, r, a, name);
	if (cli_wants_json(cli))
		print_json(cli, r, c);
	if (cli_value(cli, "output"))
		return save(cli, r, c, cli_value(cli, "output"));
	if (cli_wants_json(cli))
		return CLI_GOOD;
	if (cli_flag(cli, "list") || (!a && !name)) {
		print_list(cli, c);
		return CLI_GOOD;
	}
	if (!name)
		return print_terminal(cli, r, a);
	if (c->n > 1 && !a)
		return cli_errorf(cli, CLI_USAGE,
			"%zu artifacts are called %s; name the test too, e.g. %s", c->n, name,
			short_name(c->v[0]->test));
	/* The last of several: what a later boot left. */
	return print_artifact(cli, r, c->v[c->n - 1]);
}

static int logs(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	uint64_t attempt = 0;
	const char *text = cli_value(cli, "attempt");
	if (text && (parse_u64(text, &attempt, &e) < 0 || attempt == 0 || attempt > INT32_MAX))
		return cli_usage(cli, "--attempt %s: a number from 1 is wanted", text);
	if (text && argc < 2)
		return cli_usage(cli, "--attempt wants a TEST");
	auto_run_info struct run_info *r = NULL;
	int code = results_read(cli, argv[0], &r);
	if (code != CLI_GOOD)
		return code;
	const struct run_attempt *a = NULL;
	if (argc > 1) {
		code = find_test(cli, r, argv[1], (int64_t)attempt, &a);
		if (code != CLI_GOOD)
			return code;
	}
	struct choice c = { 0 };
	choose(r, a, cli_value(cli, "name"), &c);
	code = show(cli, r, a, &c);
	free(c.v);
	return code;
}

static const struct command_option options[] = {
	{ "name", 0, "NAME", "this artifact instead of the terminal" },
	{ "list", 'l', NULL, "list the artifacts instead" },
	{ "output", 'o', "DIR", "write the artifacts as files below DIR instead", "dir" },
	{ "attempt", 0, "N", "the test's attempt N; the last one else" },
	{ "raw", 0, NULL, "every byte as it is, also to a terminal" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa logs latest", "what was kept of the last run" },
	{ "fsqa logs latest 002", "the terminal of the stage 002_btrfsprogs" },
	{ "fsqa logs latest 002_btrfsprogs.convert", "the part that one subtest wrote" },
	{ "fsqa logs latest boot --name kernel.log", "the kernel's log" },
	{ "fsqa logs latest -o /tmp/evidence", "all artifacts as files" },
	{ 0 },
};

extern const struct command cmd_logs;
const struct command cmd_logs = {
	.name = "logs",
	.args = "RUN [TEST]",
	.min_args = 1,
	.max_args = 2,
	.values = "run",
	.summary = "print what a test wrote, or any artifact of a run",
	.help = "RUN is a run's id, the start of one, or \"latest\". Without TEST the run's "
		"artifacts are listed. TEST is a test's path as fsqa show has it, with or without "
		"\"script.\" before it, a start that only one test has, or a subtest's own name. "
		"Of a stage its terminal "
		"is printed, of a subtest the part that it wrote, of \"boot\" the console.\n\n"
		"To a terminal colours are kept and other control sequences left out, for they "
		"are a guest's; --raw prints them too. With --json the artifacts are listed.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = logs,
};
