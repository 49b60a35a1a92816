/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/copies.h"
#include "cli/ssh_keys.h"
#include "cli/vm_command.h"
#include "config/profile.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* These very options again, for the process that boots the machine for ssh. */
static int over_ssh(
	struct cli *cli, const struct profile *profile, const char *state_dir, char **args)
{
	static const char *const once[] = { "kernel", "root", "arch" };
	static const char *const often[] = { "config", "share", "put", "get" };
	auto_strv struct strv words = { 0 };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return cli_errorf(cli, CLI_INFRA, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	strv_addl(&words, self, "shell", "--state", state_dir, "--config",
		"image.packages=openssh-server", NULL);
	for (size_t i = 0; i < ARRAY_LEN(once); i++) {
		const char *value = cli_value(cli, once[i]);
		if (value)
			strv_addf(&words, "--%s=%s", once[i], value);
	}
	for (size_t i = 0; i < ARRAY_LEN(often); i++)
		for (const char *const *v = cli_values(cli, often[i]); *v; v++)
			strv_addf(&words, "--%s=%s", often[i], *v);
	return ssh_shell(cli, state_dir, strv_get(&words), profile->dir, args);
}

/* [PROFILE] [-- CMD...]: the profile is the word before "--", which the frame takes away; so a
 * command needs the profile named, or "--" first. */
static int cmd_shell_fn(struct cli *cli, int argc, char **argv)
{
	struct profile *profile = NULL;
	auto_free char *state_dir = NULL;
	if (cli_value(cli, "attach"))
		return vm_attach(cli, cli_value(cli, "attach"), (const char *const *)argv);
	int rc = cli_profile_vm(cli, argc ? argv[0] : NULL, NULL, &profile);
	if (rc == 0)
		rc = cli_state_dir(cli, profile->config, &state_dir);
	if (rc == 0 && cli_flag(cli, "ssh"))
		rc = over_ssh(cli, profile, state_dir, argc ? argv + 1 : argv);
	else if (rc == 0)
		rc = vm_command(cli, profile, state_dir,
			argc > 1 ? (const char *const *)argv + 1 : NULL, false);
	profile_free(profile);
	return rc;
}

static const struct command_option options[] = {
	CLI_VM_OPTIONS,
	CLI_COPY_OPTIONS,
	{ "attach", 0, "RUN", "in the VM that RUN has now, or that --keep kept", NULL, 0, 0 },
	{ "ssh", 0, NULL, "by the host's ssh, whose arguments COMMAND is", NULL, 0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa shell", "a shell in the demo's VM, with its six disks" },
	{ "fsqa shell btrfs/demo -- uname -a", "one command, its exit code and output" },
	{ "fsqa shell --ssh btrfs -- -L 8080:localhost:80", "by ssh, with its own options" },
	{ "fsqa shell --attach latest", "in the VM of the test that failed" },
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
		"with its code. The VM and its disks are gone afterwards. --put and --get are "
		"those of "
		"`fsqa exec`.\n\n"
		"With --ssh it is the host's ssh that goes in, as `fsqa ssh` does into a VM that "
		"is up: "
		"the VM has sshd (openssh-server is added to its image), keys made for it alone, "
		"and "
		"is gone when ssh ends.\n\n"
		"With --attach it is a shell, or command, in a VM that is up already: that of a "
		"run under way, whose record then says that somebody was there, or of the test at "
		"whose failure `fsqa run --keep` kept it. RUN is an id of fsqa ps, its beginning, "
		"or latest. The VM stays.",
	.examples = examples,
	.options = options,
	.fn = cmd_shell_fn,
};
