/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "site/site.h"
#include <errno.h>
#include <stdio.h>

static int cmd_report_fn(struct cli *cli, int argc, char **argv)
{
	struct err e = { 0 };
	auto_free char *state_dir = NULL;
	auto_free char *path = NULL;
	int rc = cli_state_dir(cli, NULL, &state_dir);
	if (rc != 0)
		return rc;
	rc = site_write_run(state_dir, argc ? argv[0] : "latest", &path, &e);
	if (rc < 0)
		return cli_error(cli, rc == -ENOENT ? CLI_USAGE : CLI_INFRA, &e);
	puts(path);
	return CLI_GOOD;
}

static const struct command_example examples[] = {
	{ "fsqa report", "write the page of the latest run again, and say where it is" },
	{ "fsqa report 20261121-100533-demo", "of that run: one that was interrupted, say" },
	{ 0 },
};

const struct command cmd_report = {
	.name = "report",
	.args = "[RUN]",
	.max_args = 1,
	.summary = "write the page of a run again, and say where it is",
	.help = "Every run writes its page when it ends. This writes it again from the journal: "
		"after "
		"a run was interrupted, or when the style changed.",
	.examples = examples,
	.fn = cmd_report_fn,
};
