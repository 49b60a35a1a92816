/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/results.h"
#include "run/repro.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int become(const struct cli *cli, struct strv *argv)
{
	(void)fflush(stdout);
	(void)execv("/proc/self/exe", argv->v); /* returns only where it fails */
	return cli_errorf(cli, CLI_INFRA, "run it: %s", strerror(errno));
}

static void print(struct cli *cli, const struct repro *p, const char *alone, const char *behind)
{
	printf("# %s: %s\n", p->attempt->test, p->attempt->reason);
	for (size_t i = 0; i < p->doubts.n; i++)
		printf("# It may not be the same: %s.\n", p->doubts.v[i]);
	printf("%s\n", alone);
	if (p->before.n)
		printf("# Behind what ran before it in its machine:\n%s\n", behind);
}

static int repro(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	auto_run_info struct run_info *r = NULL;
	auto_repro struct repro p = { 0 };
	auto_strv struct strv alone = { 0 };
	auto_strv struct strv behind = { 0 };
	auto_buf struct buf plain = { 0 };
	int code = results_read(cli, argv[0], &r);
	if (code != CLI_GOOD)
		return code;
	if (repro_find(r, argv[1], &p, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	bool order = cli_flag(cli, "order");
	const char *const *before = strv_get(&p.before);
	repro_argv(&p, NULL, &alone);
	repro_argv(&p, before, &behind);
	auto_free char *alone_line = strv_shell(strv_get(&alone));
	auto_free char *behind_line = strv_shell(strv_get(&behind));
	if (cli_flag(cli, "run"))
		return become(cli, order ? &behind : &alone);
	if (cli_flag(cli, "plain")) {
		repro_plain(&p, order ? before : NULL, &plain);
		fputs(plain.s, stdout);
	} else if (cli_wants_json(cli)) {
		json_t *names = json_array();
		for (size_t i = 0; i < p.before.n; i++)
			json_array_append_new(names, json_string(p.before.v[i]));
		cli_print_json(
			cli, json_pack("{s:s, s:s, s:s, s:o}", "test", p.attempt->test, "command",
				     alone_line, "command_in_order", behind_line, "before", names));
	} else {
		print(cli, &p, alone_line, behind_line);
	}
	return CLI_GOOD;
}

static const struct command_option options[] = {
	{ "run", 0, NULL, "run it, too", NULL, 0, 0 },
	{ "order", 0, NULL, "behind the tests that ran before it in its machine", NULL, 0, 0 },
	{ "plain", 0, NULL, "a recipe of git, make and qemu, for somebody without fsqa", NULL, 0,
		0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa repro latest generic/475", "the command that runs this test alone" },
	{ "fsqa repro latest generic/475 --order --run", "run it, behind what ran before it" },
	{ "fsqa repro latest generic/475 --plain", "a recipe to put into a mail" },
	{ 0 },
};

extern const struct command cmd_repro;
const struct command cmd_repro = {
	.name = "repro",
	.args = "RUN TEST",
	.min_args = 2,
	.max_args = 2,
	.values = "run",
	.summary = "how to run one test of a run once more",
	.help = "Prints the command line of the run, narrowed to TEST: its path as `fsqa show` has "
		"it, the end of one, or its own name (generic/475). The kernel is the commit that "
		"the run's was built of; where it was built of none, or of changes that are in no "
		"commit, that is said.\n\n"
		"A test of fstests is printed a second time behind those that ran before it in "
		"its machine. fsqa isolate finds which of them matter.",
	.examples = examples,
	.options = options,
	.flags = COMMAND_JSON,
	.fn = repro,
};
