/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/frame.h"
#include "config/config.h"
#include "config/profile.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct command cmd_version;

int cli_config(struct cli *cli, struct config **ret)
{
	struct err e = { 0 };
	if (config_load(NULL, cli_values(cli, "config"), ret, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	return CLI_GOOD;
}

int cli_profile_with(
	struct cli *cli, const char *name, const char *const *settings, struct profile **ret)
{
	struct err e = { 0 };
	auto_strv struct strv all = { 0 };
	for (const char *const *v = cli_values(cli, "config"); *v; v++)
		strv_add(&all, *v);
	for (; settings && *settings; settings++)
		strv_add(&all, *settings);
	if (profile_load(name, strv_get(&all), ret, &e) < 0)
		return cli_error(cli, CLI_USAGE, &e);
	for (size_t i = 0; i < (*ret)->warnings.n; i++)
		cli_warn(cli, "%s", (*ret)->warnings.v[i]);
	return CLI_GOOD;
}

int cli_profile(struct cli *cli, const char *name, struct profile **ret)
{
	return cli_profile_with(cli, name, NULL, ret);
}

int cli_profile_vm(
	struct cli *cli, const char *name, const char *const *settings, struct profile **ret)
{
	auto_strv struct strv all = { 0 };
	const char *root = cli_value(cli, "root");
	const char *arch = cli_value(cli, "arch");
	if (root)
		strv_addf(&all, "vm.root=%s", root);
	if (arch)
		strv_addf(&all, "vm.arch=%s", arch);
	for (const char *const *s = cli_values(cli, "share"); *s; s++)
		strv_addf(&all, "vm.share=%s", *s);
	for (; settings && *settings; settings++)
		strv_add(&all, *settings);
	return cli_profile_with(cli, name, strv_get(&all), ret);
}

static const char *env(const char *name)
{
	const char *s = getenv(name);
	return s && *s ? s : NULL;
}

/* `dir` (taken) made absolute; the caller's. */
static char *absolute(char *dir)
{
	auto_free char *owned = dir;
	if (owned[0] == '/')
		return take(&owned);
	auto_free char *cwd = getcwd(NULL, 0);
	return path_join(cwd ? cwd : "/", owned);
}

int cli_state_dir(struct cli *cli, const struct config *c, char **ret)
{
	const char *given = cli_value(cli, "state");
	if (given && !*given)
		return cli_usage(cli, "--state names no folder");
	if (!given)
		given = env("FSQA_STATE");
	if (given) {
		*ret = absolute(xstrdup(given));
		return CLI_GOOD;
	}
	struct config *own = NULL;
	if (!c) {
		int rc = cli_config(cli, &own);
		if (rc != CLI_GOOD)
			return rc;
		c = own;
	}
	char *dir = NULL;
	if (config_str(c, "state.dir"))
		dir = xstrdup(config_str(c, "state.dir"));
	else if (env("XDG_STATE_HOME"))
		dir = path_join(env("XDG_STATE_HOME"), "fsqa");
	else if (env("HOME"))
		dir = path_join(env("HOME"), ".local/state/fsqa");
	config_free(own);
	if (!dir)
		return cli_errorf(
			cli, CLI_USAGE, "no folder for state: HOME is not set; give --state DIR");
	*ret = absolute(dir);
	return CLI_GOOD;
}

/* What was printed and did not arrive (a full disk, a closed pipe) is a failure too. */
static int close_stdout(const struct cli *cli, int code)
{
	errno = 0;
	bool bad = ferror(stdout);
	if (fflush(stdout) == 0 && !bad)
		return code;
	/* The reader went away: its choice, and the shell's custom is silence. */
	if (errno == EPIPE)
		return code;
	return cli_errorf(
		cli, CLI_INFRA, "write to standard output: %s", strerror(errno ? errno : EIO));
}

static int run_command(struct cli *cli)
{
	if (cli_flag(cli, "version")) {
		char *none[] = { NULL };
		return cmd_version.fn(cli, 0, none);
	}
	if (cli_flag(cli, "help") && !cli->command && cli->argc > 0) {
		int words = 0;
		const struct command *c = command_find(cli->argc, cli->argv, &words);
		cli_help(cli, stdout,
			c                                ? c->name
			: command_is_group(cli->argv[0]) ? cli->argv[0]
							 : NULL);
		return CLI_GOOD;
	}
	if (cli_flag(cli, "help")) {
		cli_help(cli, stdout, cli->command ? cli->command->name : NULL);
		return CLI_GOOD;
	}
	if (!cli->command) {
		cli_help(cli, stderr, NULL);
		return CLI_USAGE;
	}
	const char *dir = cli_value(cli, "directory");
	if (dir && chdir(dir) < 0)
		return cli_errorf(cli, CLI_USAGE, "-C %s: %s", dir, strerror(errno));
	return cli->command->fn(cli, cli->argc, cli->argv);
}

int cli_main(int argc, char **argv)
{
	/* For the width of text on a terminal; numbers and sorting stay those of C. */
	setlocale(LC_CTYPE, "");
	/* A peer that went away is an error to handle (EPIPE), not the end of us and the VM. */
	signal(SIGPIPE, SIG_IGN);
	/* So is a file that may not grow (EFBIG), like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	struct cli cli = { 0 };
	int code = cli_parse(&cli, argc, argv);
	if (code == CLI_GOOD) {
		int v = cli_verbosity(&cli);
		log_set_level(v < 0    ? LOG_LEVEL_ERROR
			      : v == 0 ? LOG_LEVEL_WARNING
			      : v == 1 ? LOG_LEVEL_INFO
				       : LOG_LEVEL_DEBUG);
		code = close_stdout(&cli, run_command(&cli));
	}
	cli_clear(&cli);
	return code;
}
