/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/copies.h"
#include "cli/vm_command.h"
#include "config/profile.h"
#include <stdbool.h>
#include <stddef.h>

static int cmd_exec_fn(struct cli *cli, int argc, char **argv)
{
	struct profile *profile = NULL;
	auto_free char *state_dir = NULL;
	if (argc < 2)
		return cli_errorf(cli, CLI_USAGE, "no command: fsqa exec PROFILE -- COMMAND...");
	int rc = cli_profile_vm(cli, argv[0], NULL, &profile);
	if (rc == 0)
		rc = cli_state_dir(cli, profile->config, &state_dir);
	if (rc == 0)
		rc = vm_command(cli, profile, state_dir, (const char *const *)argv + 1,
			!cli_flag(cli, "cold"));
	profile_free(profile);
	return rc;
}

static const struct command_option options[] = {
	CLI_VM_OPTIONS,
	CLI_COPY_OPTIONS,
	{ "cold", 0, NULL, "boot, and take no snapshot", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa exec btrfs/demo -- mkfs.btrfs /dev/xvdb", "one command in a pristine machine" },
	{ "fsqa exec btrfs/demo -- sh -c 'cat > /tmp/x; wc /tmp/x' < file", "with its input" },
	{ "fsqa exec --put ./repro:/root/ --get /tmp/out:out btrfs/demo -- /root/repro",
		"a program of yours, and what it wrote" },
	{ "fsqa exec -k arch/x86/boot/bzImage btrfs/demo -- uname -r", "on your own kernel" },
	{ 0 },
};

const struct command cmd_exec = {
	.name = "exec",
	.args = "PROFILE -- COMMAND...",
	.max_args = 1000,
	.values = "profile",
	.summary = "one command in a pristine clone of the VM, its output and exit code",
	.help = "Runs the command as root in a machine that nobody has used: a clone of a snapshot "
		"of the VM that `fsqa run` would boot, with empty scratch disks, a clock, random "
		"numbers and ids of its own. The first time, the machine is booted and saved; then "
		"a clone takes a fraction of a second. The machine is gone afterwards.\n\n"
		"--put and --get copy a file, or a folder with all in it: modes, times, links, "
		"holes and extended attributes stay, and owners where you are root. A TO of --put "
		"that ends with / is the folder to put it into. --get takes from the machine "
		"neither devices nor set-user-ID bits, and writes into an empty folder only.",
	.examples = examples,
	.options = options,
	.fn = cmd_exec_fn,
};
