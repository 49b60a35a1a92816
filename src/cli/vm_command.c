/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/vm_command.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/copies.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "config/config.h"
#include "config/profile.h"
#include "proc/proc.h"
#include "run/attach.h"
#include "run/controller.h"
#include "run/prepare.h"
#include "run/run.h"
#include "run/snapshot.h"
#include "run/tty.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const login[] = { "/bin/bash", "-l", NULL };

/* A shell has no verdicts to show, but what it must say it says. */
static void on_record(void *ctx, const char *type, const json_t *record)
{
	if (strcmp(type, "note") == 0)
		progress_observer.controller.on_record(ctx, type, record);
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

static void on_tty(void *ctx, int which, const void *data, size_t n)
{
	tty_output(which, data, n);
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

/* A machine that cannot be saved (or cloned) boots as any other, and we say so. */
static void clone_it(struct cli *cli, struct progress *p, const struct profile *profile,
	const char *state_dir, struct prepared *prepared)
{
	struct err e = { 0 };
	const struct snapshot_request q = {
		.state_dir = state_dir,
		.max_bytes = config_num(profile->config, "snapshot.maxSize"),
		.progress = progress_text,
		.ctx = p,
	};
	int rc = snapshot_use(&q, prepared, &e);
	if (rc < 0) {
		progress_clear(p);
		cli_warn(cli, "no snapshot, booting: %s", e.msg);
	}
}

int vm_command(struct cli *cli, const struct profile *profile, const char *state_dir,
	const char *const *argv, bool clone)
{
	struct err e = { 0 };
	struct prepared prepared = { 0 };
	struct copies copies = { 0 };
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int exit_code = CLI_INFRA;
	if (tty)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size); /* else the usual size stands */
	int rc = copies_read(cli, &copies);
	if (rc != CLI_GOOD) {
		copies_clear(&copies);
		return rc;
	}
	struct prepare_request q = {
		.state_dir = state_dir,
		.profile = profile,
		.kernel = cli_value(cli, "kernel"),
		.put = copies.put,
		.n_put = copies.n_put,
		.fetch = copies.fetch,
		.n_fetch = copies.n_fetch,
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
		if (clone)
			clone_it(cli, p, profile, state_dir, &prepared);
		exit_code = run_shell(cli, p, &prepared, state_dir, tty);
	}
	progress_free(p);
	prepared_clear(&prepared);
	copies_clear(&copies);
	return exit_code;
}

int vm_attach(struct cli *cli, const char *id, const char *const *argv)
{
	struct err e = { 0 };
	auto_free char *state_dir = NULL;
	struct live *l = NULL;
	int code = live_find(cli, id, &state_dir, &l);
	if (code != CLI_GOOD)
		return code;
	bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (attach_command(l->work_dir, argv && argv[0] ? argv : login, tty, &code, &e) < 0)
		code = cli_error(cli, CLI_INFRA, &e);
	live_free(l, 1);
	return code;
}

int vm_ask(const struct live *l, const char *state_dir, const struct vm_ask *ask,
	struct proc_end *ret, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	strv_addl(&argv, "/proc/self/exe", "shell", "--state", state_dir, "--attach", l->id, "--",
		NULL);
	for (size_t i = 0; ask->argv[i]; i++)
		strv_add(&argv, ask->argv[i]);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.in = ask->in,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = ask->deadline_us,
	};
	return proc_run(&spec, ask->out, ask->limit, ret, e);
}
