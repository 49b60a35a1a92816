/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh over the agent's channel: each connection is an sshd of its own (-i), a command in the
 * machine as any other, so that it needs no network. Keys are made once a machine. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/live.h"
#include "cli/ssh_keys.h"
#include "cli/vm_command.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOCK_US  60000000
#define SETUP_US 60000000
static int make_keys(
	const struct ssh_keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return err_sys(e, "/proc/self/exe");
	self[n] = '\0';
	const char *const proxy[] = { self, "shell", "--state", state_dir, "--attach", l->id, "--",
		SSH_SERVER, NULL };
	return ssh_keys_make(k, l->id, proxy, e);
}

static int set_up_guest(
	const struct ssh_keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	static const char *const argv[] = { "sh", "-s", NULL };
	struct proc_end end;
	auto_close int in = open(k->setup, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "%s", k->setup);
	const struct vm_ask ask = { .argv = argv, .in = in, .deadline_us = SETUP_US };
	int rc = vm_ask(l, state_dir, &ask, &end, e);
	if (rc == 0 && end.how == PROC_EXITED && end.value == SSH_NO_SSHD)
		return err_set(e, ENOPKG,
			"the machine has no sshd: add openssh-server to the profile's "
			"image.packages, or use fsqa shell --attach %s",
			l->id);
	if (rc == 0 && (end.how != PROC_EXITED || end.value != 0)) {
		auto_free char *how = proc_end_text(&end);
		return err_set(e, EIO, "the machine could not be set up for ssh: %s", how);
	}
	return rc;
}

/* The keys once, the machine each time: it may have been booted anew since. */
static int prepare_ssh(
	const struct ssh_keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	auto_free char *lock_path = path_join(k->dir, "lock");
	int rc = file_mkdirs(k->dir, 0700, e);
	auto_close int lock = rc < 0 ? rc : file_lock(lock_path, LOCK_US, e);
	if (lock < 0)
		return lock;
	rc = make_keys(k, l, state_dir, e);
	return rc < 0 ? rc : set_up_guest(k, l, state_dir, e);
}

static int ssh_into(struct cli *cli, const struct live *l, const char *state_dir, char **args)
{
	struct err e = { 0 };
	struct ssh_keys k;
	auto_free char *dir = path_join(l->work_dir, "ssh");
	ssh_keys_init(&k, dir);
	int code = CLI_GOOD;
	if (prepare_ssh(&k, l, state_dir, &e) < 0)
		code = cli_error(cli, e.code == -ENOPKG ? CLI_USAGE : CLI_INFRA, &e);
	else if (cli_flag(cli, "config-file"))
		printf("%s\n", k.config);
	else
		code = ssh_become(cli, &k, l->id, args);
	ssh_keys_clear(&k);
	return code;
}

static int ssh(struct cli *cli, int argc, char **argv)
{
	auto_free char *state_dir = NULL;
	struct live *l = NULL;
	int code = live_find(cli, argv[0], &state_dir, &l);
	if (code != CLI_GOOD)
		return code;
	code = ssh_into(cli, l, state_dir, argv + 1);
	live_free(l, 1);
	return code;
}

static const struct command_option options[] = {
	{ "config-file", 0, NULL, "only print the ssh_config file, for scp -F, rsync and git", NULL,
		0, 0 },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "fsqa ssh latest", "a login in the VM of the test that failed" },
	{ "fsqa ssh latest -- -L 8080:localhost:80 -N", "with ssh's own options" },
	{ "scp -F $(fsqa ssh latest --config-file) fsqa:/tmp/x .", "scp, sftp, rsync, git" },
	{ 0 },
};

extern const struct command cmd_ssh;
const struct command cmd_ssh = {
	.name = "ssh",
	.args = "RUN [-- ARGS...]",
	.min_args = 1,
	.max_args = 1000,
	.summary = "ssh into a VM that is up",
	.help = "Connects the host's ssh to the VM of a run under way, or one that `fsqa run "
		"--keep` "
		"kept; ARGS are ssh's: options, a command. RUN is an id of fsqa ps, its beginning, "
		"or latest.\n\n"
		"The VM needs sshd (openssh-server in image.packages), but no network: the "
		"connection goes over the agent's channel, as that of fsqa shell --attach. A host "
		"key and a user's key are made for this VM alone and are gone with it; the client "
		"knows the host key, so nothing is asked.",
	.examples = examples,
	.options = options,
	.fn = ssh,
};
