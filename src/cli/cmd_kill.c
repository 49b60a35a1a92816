/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "cli/live.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define WAIT_MS 60000 /* a run ends its stage and collects its evidence */

/* By a descriptor, for the number may be another process's by the time we wait. */
static int end_one(struct cli *cli, const struct live *l)
{
	auto_close int fd = pidfd_open(l->pid, 0);
	if (fd < 0 && errno == ESRCH)
		return CLI_GOOD; /* it ended by itself */
	if (fd < 0 || pidfd_send_signal(fd, SIGTERM, NULL, 0) < 0)
		return errno == ESRCH ? CLI_GOOD
				      : cli_errorf(cli, CLI_INFRA, "%s (process %ld): %s", l->id,
						(long)l->pid, strerror(errno));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, WAIT_MS) <= 0)
		return cli_errorf(cli, CLI_INFRA, "%s: process %ld has not ended within %d s",
			l->id, (long)l->pid, WAIT_MS / 1000);
	cli_note(cli, "%s ended", l->id);
	return CLI_GOOD;
}

static bool is_meant(struct cli *cli, const struct live *l, int argc, char **argv)
{
	if (cli_flag(cli, "all"))
		return true;
	for (int i = 0; i < argc; i++)
		if (live_is(l, argv[i]))
			return true;
	return false;
}

static int check_names(struct cli *cli, const struct live *rows, size_t n, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		bool found = false;
		for (size_t k = 0; k < n; k++)
			found |= live_is(&rows[k], argv[i]);
		if (!found)
			return cli_errorf(cli, CLI_USAGE,
				"\"%s\" does not run: fsqa ps lists what does", argv[i]);
	}
	return CLI_GOOD;
}

static int kill_them(struct cli *cli, int argc, char **argv)
{
	auto_free char *state = NULL;
	struct live *rows = NULL;
	size_t n = 0;
	if (argc == 0 && !cli_flag(cli, "all"))
		return cli_usage(cli, "which one? Name it as fsqa ps does, or say --all");
	int code = cli_state_dir(cli, NULL, &state);
	if (code == CLI_GOOD)
		code = live_list(cli, state, &rows, &n);
	if (code == CLI_GOOD)
		code = check_names(cli, rows, n, argc, argv);
	for (size_t i = 0; i < n && code != CLI_USAGE; i++) {
		int one = is_meant(cli, &rows[i], argc, argv) ? end_one(cli, &rows[i]) : CLI_GOOD;
		if (code == CLI_GOOD)
			code = one;
	}
	live_free(rows, n);
	return code;
}

static const struct command_option options[] = {
	{ "all", 'a', NULL, "all that fsqa ps lists", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa kill vm-4711", "end a shell's machine" },
	{ "fsqa kill --all", "end everything of this state folder" },
	{ 0 },
};

extern const struct command cmd_kill;
const struct command cmd_kill = {
	.name = "kill",
	.args = "ID...",
	.max_args = 1000,
	.summary = "end a run, a shell or a command under way, with its VM",
	.help = "Ends it as Ctrl-C does: a run keeps its evidence, and the machine and its disks "
		"are gone when this returns. IDs are those of fsqa ps.",
	.examples = examples,
	.options = options,
	.fn = kill_them,
};
