/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/controller.h"
#include "run/prepare.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void on_record(void *ctx, const char *type, const json_t *record)
{
}

static void on_status(void *ctx, const char *phase, const char *what)
{
	struct progress *p = ctx;
	if (strcmp(phase, "shell") == 0)
		progress_clear(p);
	else
		progress_observer.controller.on_status(ctx, phase, what);
}

static void on_tick(void *ctx)
{
}

static void on_tty(void *ctx, const void *data, size_t n)
{
	struct err e = { 0 };
	(void)fd_write_all(
		STDOUT_FILENO, data, n, &e); /* a reader that went away is its own matter */
}

static const struct controller_handler handler = {
	.on_record = on_record,
	.on_status = on_status,
	.on_tick = on_tick,
	.on_tty = on_tty,
};

static int run_shell(struct cli *cli, struct progress *p, struct prepared *prepared,
	const char *state_dir, bool raw)
{
	struct err e = { 0 };
	struct controller_result r;
	auto_free char *folder = NULL;
	auto_close int lock = -1;
	if (run_scratch_folder(state_dir, &folder, &lock, &e) < 0)
		return cli_error(cli, CLI_INFRA, &e);
	auto_free char *work = path_join(folder, "work");
	prepare_place(prepared, work);
	struct controller_spec spec = {
		.prepared = prepared,
		.state_dir = state_dir,
		.tty_input = true,
		.tty_raw = raw,
	};
	int rc = controller_run(&spec, &handler, p, &r, &e);
	progress_clear(p);
	(void)file_remove_tree(folder, NULL); /* else the next shell does */
	if (rc < 0)
		return cli_error(cli, CLI_INFRA, &e);
	if (r.error[0])
		return cli_errorf(cli, CLI_INFRA, "%s", r.error);
	return r.interrupted ? CLI_INTERRUPTED : r.shell_code;
}

static int shell_profile(
	struct cli *cli, struct profile *profile, const char *state_dir, const char *const *argv)
{
	static const char *const login[] = { "/bin/bash", "-l", NULL };
	struct err e = { 0 };
	struct prepared prepared = { 0 };
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int exit_code = CLI_INFRA;
	if (tty)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size); /* else the usual size stands */
	struct prepare_request q = {
		.state_dir = state_dir,
		.profile = profile,
		.kernel = cli_value(cli, "kernel"),
		.shell_argv = argv ? argv : login,
		.shell_pty = tty,
		.shell_cols = size.ws_col,
		.shell_rows = size.ws_row,
	};
	struct progress *p = progress_new(cli, NULL);
	if (prepare(&q, progress_text, p, &prepared, &exit_code, &e) < 0) {
		progress_clear(p);
		(void)cli_error(cli, exit_code, &e);
	} else {
		exit_code = run_shell(cli, p, &prepared, state_dir, tty);
	}
	progress_free(p);
	prepared_clear(&prepared);
	return exit_code;
}

/* [PROFILE] [-- CMD...]: the profile is the word before "--", which the frame takes away; so a
 * command needs the profile named, or "--" first. */
static int cmd_shell_fn(struct cli *cli, int argc, char **argv)
{
	struct profile *profile = NULL;
	auto_free char *state_dir = NULL;
	int rc = cli_profile(cli, argc ? argv[0] : NULL, &profile);
	if (rc == 0)
		rc = cli_state_dir(cli, profile->config, &state_dir);
	if (rc == 0)
		rc = shell_profile(
			cli, profile, state_dir, argc > 1 ? (const char *const *)argv + 1 : NULL);
	profile_free(profile);
	return rc;
}

static const struct command_option options[] = {
	{ "kernel", 'k', "FILE|VERSION", "boot this kernel: a bzImage or vmlinux, or a version",
		"file", 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa shell", "a shell in the demo's VM, with its six disks" },
	{ "fsqa shell btrfs/demo -- uname -a", "one command, its exit code and output" },
	{ "fsqa shell -k arch/x86/boot/bzImage btrfs", "on your own kernel" },
	{ 0 },
};

const struct command cmd_shell = {
	.name = "shell",
	.args = "[PROFILE [-- COMMAND...]]",
	.max_args = 1000,
	.values = "profile",
	.summary = "an interactive shell in the same VM with the same disks",
	.help = "Boots the VM that `fsqa run` would use, with fresh scratch disks, and connects "
		"this terminal to a root shell in it. With a command, runs that instead and exits "
		"with its code. The VM and its disks are gone afterwards.",
	.examples = examples,
	.options = options,
	.fn = cmd_shell_fn,
};
