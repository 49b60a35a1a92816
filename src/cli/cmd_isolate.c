/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/results.h"
#include "proc/proc.h"
#include "run/isolate.h"
#include "run/repro.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define OUTPUT_MAX (64u << 20)
#define TRIES      40

struct tries {
	struct cli *cli;
	const struct repro *repro;
	unsigned n;
};

/* The status of the test in what `fsqa run --json` printed; -1: it is not there. */
static int status_of(const json_t *out, const char *test)
{
	size_t i;
	json_t *t;
	int v = -1;
	json_array_foreach (json_object_get(out, "tests"), i, t)
		if (strcmp(json_str_or(t, "test", ""), test) == 0)
			v = verdict_from_name(json_str_or(t, "status", ""));
	return v;
}

static int read_status(const struct buf *out, const char *test, struct err *e)
{
	auto_json json_t *j = NULL;
	int rc = json_parse_object(buf_str(out), out->len, &j, e);
	int v = rc < 0 ? -1 : status_of(j, test);
	if (rc == 0 && (v < 0 || v == VERDICT_MISS))
		return err_set(e, EIO, "%s did not really run: fsqa show %s", test,
			json_str_or(j, "id", "latest"));
	return rc < 0 ? rc : v;
}

/* One run of fsqa's own. */
static int try(void *ctx, const char *const *before, size_t n, bool *ret, struct err *e)
{
	struct tries *t = ctx;
	const char *test = t->repro->attempt->test;
	auto_strv struct strv words = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf out = { 0 };
	struct proc_end end;
	repro_argv(t->repro, before, &words);
	strv_add(&argv, "/proc/self/exe");
	for (size_t i = 1; i < words.n; i++)
		strv_add(&argv, words.v[i]);
	strv_add(&argv, "--json");
	const struct proc_spec spec = {
		.argv = strv_get(&argv), .in = PROC_NULL, .err = PROC_NULL
	};
	int rc = proc_run(&spec, &out, OUTPUT_MAX, &end, e);
	if (rc < 0)
		return rc;
	if (end.how != PROC_EXITED || out.len == 0)
		return err_set(
			e, EIO, "try %u: fsqa run failed: fsqa repro says its command", t->n + 1);
	int v = read_status(&out, test, e);
	if (v < 0)
		return v;
	*ret = v <= VERDICT_ERROR;
	t->n++;
	if (!cli_wants_json(t->cli))
		cli_note(t->cli, "Try %-3u behind %3zu tests: %s", t->n, n,
			verdict_name((enum verdict)v));
	return 0;
}

static void tell(struct cli *cli, const struct repro *p, enum isolate_answer answer,
	const struct strv *left, bool done)
{
	static const char *const names[] = { "alone", "never", "behind" };
	auto_strv struct strv argv = { 0 };
	repro_argv(p, answer == ISOLATE_CULPRIT ? strv_get(left) : NULL, &argv);
	auto_free char *command = strv_shell(strv_get(&argv));
	if (cli_wants_json(cli)) {
		json_t *list = json_array();
		for (size_t i = 0; i < left->n; i++)
			json_array_append_new(list, json_string(left->v[i]));
		cli_print_json(cli, json_pack("{s:s, s:s, s:o, s:b, s:s}", "test", p->attempt->test,
					    "fails", names[answer], "before", list, "complete",
					    done, "command", command));
		return;
	}
	if (answer == ISOLATE_ALONE)
		printf("It fails alone.\n");
	else if (answer == ISOLATE_NEVER)
		printf("It does not fail, alone or behind all that ran before it: not every "
		       "time.\n");
	else
		printf("It fails behind%s:\n", done ? "" : " these, or fewer of them");
	for (size_t i = 0; i < left->n; i++)
		printf("  %s\n", left->v[i]);
	printf("%s\n", command);
}

static int isolate_fn(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	auto_run_info struct run_info *r = NULL;
	auto_repro struct repro p = { 0 };
	auto_strv struct strv left = { 0 };
	enum isolate_answer answer;
	bool done;
	uint64_t max = TRIES;
	int code = results_read(cli, argv[0], &r);
	if (code != CLI_GOOD)
		return code;
	if (repro_find(r, argv[1], &p, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	const char *tries = cli_value(cli, "tries");
	if (tries && (parse_u64(tries, &max, &e) < 0 || max < 1 || max > 10000))
		return cli_usage(cli, "--tries %s: a number from 1 to 10000", tries);
	if (!p.listed)
		return cli_usage(cli,
			"%s is no test of fstests: nothing ran before it that could "
			"be left out",
			p.attempt->test);
	struct tries t = { .cli = cli, .repro = &p };
	if (isolate(&p.before, try, &t, (unsigned)max, &answer, &left, &done, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	tell(cli, &p, answer, &left, done);
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "tries", 0, "N", "runs at most; unset: 40", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa isolate latest generic/475", "does it fail alone, or because of another test?" },
	{ 0 },
};

extern const struct command cmd_isolate;
const struct command cmd_isolate = {
	.name = "isolate",
	.args = "RUN TEST",
	.min_args = 2,
	.max_args = 2,
	.values = "run",
	.summary = "which tests before it make a test of fstests fail",
	.help = "Runs TEST alone; if it does not fail, behind all that ran before it in its "
		"machine; if it fails there, the list is halved again and again until none of it "
		"can be left out. Each try is a run of its own, as `fsqa repro` prints it. A test "
		"that does not fail every time may lead it astray.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = isolate_fn,
};
