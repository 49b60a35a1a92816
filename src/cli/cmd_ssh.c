/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh over the agent's channel: each connection is an sshd of its own (-i), a command in the
 * machine as any other, so that it needs no network. Keys are made once a machine. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/live.h"
#include "cli/vm_command.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX   16384
#define LOCK_US   60000000
#define SETUP_US  60000000
#define KEYGEN_US 30000000
#define IN_GUEST  "/run/fsqa-ssh"
#define NO_SSHD   69
#define SETUP_HEAD                                                                                 \
	"sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) || exit 69\n"                \
	"set -e\n"                                                                                 \
	"mkdir -p /run/sshd\n"                                                                     \
	"umask 077\n"                                                                              \
	"mkdir -p " IN_GUEST "\n"                                                                  \
	"chmod 711 " IN_GUEST "\n"                                                                 \
	"ln -sf \"$sshd\" " IN_GUEST "/sshd\n"                                                     \
	"cat >" IN_GUEST "/config <<'END'\n"                                                       \
	"HostKey " IN_GUEST "/host\n"                                                              \
	"AuthorizedKeysFile " IN_GUEST "/authorized_keys\n"                                        \
	"StrictModes no\n"                                                                         \
	"PermitRootLogin prohibit-password\n"                                                      \
	"PasswordAuthentication no\n"                                                              \
	"KbdInteractiveAuthentication no\n"                                                        \
	"LogLevel ERROR\n"                                                                         \
	"Subsystem sftp internal-sftp\n"                                                           \
	"END\n"

/* Files of a machine, in its work folder. */
struct keys {
	char *dir, *id, *host, *known_hosts, *config, *setup;
};

static void keys_init(struct keys *k, const struct live *l)
{
	k->dir = path_join(l->work_dir, "ssh");
	k->id = path_join(k->dir, "id");
	k->host = path_join(k->dir, "host");
	k->known_hosts = path_join(k->dir, "known_hosts");
	k->config = path_join(k->dir, "config");
	k->setup = path_join(k->dir, "setup.sh");
}

static void keys_clear(struct keys *k)
{
	free(k->dir);
	free(k->id);
	free(k->host);
	free(k->known_hosts);
	free(k->config);
	free(k->setup);
}

static int make_key(const char *path, struct err *e)
{
	const char *const argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fsqa",
		"-f", path, NULL };
	const struct proc_spec spec = { .argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = KEYGEN_US };
	int rc = proc_check(&spec, NULL, 0, e);
	return rc == -ENOENT ? err_set(e, ENOENT,
				       "ssh-keygen is not installed: sudo apt-get install "
				       "openssh-client")
			     : rc;
}

/* The public half: "ssh-ed25519 AAAA... fsqa\n". */
static int read_public(const char *path, struct buf *out, struct err *e)
{
	auto_free char *public = xasprintf("%s.pub", path);
	return file_read(public, KEY_MAX, out, e);
}

static int write_known_hosts(const struct keys *k, const struct live *l, struct err *e)
{
	auto_buf struct buf key = { 0 };
	auto_buf struct buf b = { 0 };
	int rc = read_public(k->host, &key, e);
	if (rc < 0)
		return rc;
	buf_addf(&b, "%s %s", l->id, buf_str(&key));
	return file_replace(k->known_hosts, b.s, b.len, 0600, e);
}

/* As ssh_config(5) takes it, which knows %x, and quotes, but no way to write one within. */
static int add_path(struct buf *b, const char *keyword, const char *path, struct err *e)
{
	if (strpbrk(path, "\"\n\\"))
		return err_set(e, EINVAL, "ssh takes no such path: %s", path);
	buf_addf(b, "\t%s \"", keyword);
	for (; *path; path++)
		buf_addf(b, "%s%c", *path == '%' ? "%" : "", *path);
	buf_adds(b, "\"\n");
	return 0;
}

static int add_proxy(struct buf *b, const struct live *l, const char *state_dir, struct err *e)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return err_sys(e, "/proc/self/exe");
	self[n] = '\0';
	const char *const argv[] = { self, "shell", "--state", state_dir, "--attach", l->id, "--",
		IN_GUEST "/sshd", "-i", "-e", "-f", IN_GUEST "/config", NULL };
	auto_free char *words = strv_shell(argv);
	buf_adds(b, "\tProxyCommand "); /* ssh puts exec before it */
	for (const char *p = words; *p; p++)
		buf_addf(b, "%s%c", *p == '%' ? "%" : "", *p);
	buf_addc(b, '\n');
	return 0;
}

/* Also for scp, sftp, rsync and git. */
static int write_config(
	const struct keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	auto_buf struct buf b = { 0 };
	buf_addf(&b,
		"Host %s fsqa\n\tHostKeyAlias %s\n\tUser root\n\tIdentitiesOnly yes\n"
		"\tIdentityAgent none\n\tStrictHostKeyChecking yes\n\tUpdateHostKeys no\n"
		"\tGlobalKnownHostsFile none\n\tLogLevel ERROR\n",
		l->id, l->id);
	int rc = add_path(&b, "IdentityFile", k->id, e);
	if (rc == 0)
		rc = add_path(&b, "UserKnownHostsFile", k->known_hosts, e);
	if (rc == 0)
		rc = add_proxy(&b, l, state_dir, e);
	return rc < 0 ? rc : file_replace(k->config, b.s, b.len, 0600, e);
}

static int write_setup(const struct keys *k, struct err *e)
{
	auto_buf struct buf host = { 0 };
	auto_buf struct buf id = { 0 };
	auto_buf struct buf b = { 0 };
	int rc = file_read(k->host, KEY_MAX, &host, e);
	if (rc == 0)
		rc = read_public(k->id, &id, e);
	if (rc < 0)
		return rc;
	buf_addf(&b,
		SETUP_HEAD "cat >" IN_GUEST "/host <<'END'\n%sEND\n"
			   "cat >" IN_GUEST "/authorized_keys <<'END'\n%sEND\n"
			   "chmod 644 " IN_GUEST "/authorized_keys\n",
		buf_str(&host), buf_str(&id));
	return file_replace(k->setup, b.s, b.len, 0600, e);
}

static int set_up_guest(
	const struct keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	static const char *const argv[] = { "sh", "-s", NULL };
	struct proc_end end;
	auto_close int in = open(k->setup, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "%s", k->setup);
	const struct vm_ask ask = { .argv = argv, .in = in, .deadline_us = SETUP_US };
	int rc = vm_ask(l, state_dir, &ask, &end, e);
	if (rc == 0 && end.how == PROC_EXITED && end.value == NO_SSHD)
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

/* The configuration is written last, and says that the rest is there. */
static int make_keys(
	const struct keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	const char *const pairs[] = { k->id, k->host };
	int rc = 0;
	if (access(k->config, R_OK) == 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(pairs); i++) {
		rc = file_remove_tree(pairs[i], e); /* half made */
		if (rc == 0)
			rc = make_key(pairs[i], e);
	}
	if (rc == 0)
		rc = write_known_hosts(k, l, e);
	if (rc == 0)
		rc = write_setup(k, e);
	return rc < 0 ? rc : write_config(k, l, state_dir, e);
}

/* The keys once, the machine each time: it may have been booted anew since. */
static int prepare_ssh(
	const struct keys *k, const struct live *l, const char *state_dir, struct err *e)
{
	auto_free char *lock_path = path_join(k->dir, "lock");
	int rc = file_mkdirs(k->dir, 0700, e);
	auto_close int lock = rc < 0 ? rc : file_lock(lock_path, LOCK_US, e);
	if (lock < 0)
		return lock;
	rc = make_keys(k, l, state_dir, e);
	return rc < 0 ? rc : set_up_guest(k, l, state_dir, e);
}

static int become_ssh(struct cli *cli, const struct keys *k, const char *id, char **args)
{
	auto_strv struct strv argv = { 0 };
	strv_addl(&argv, "ssh", "-F", k->config, id, NULL);
	for (; *args; args++)
		strv_add(&argv, *args);
	(void)execvp("ssh", (char *const *)strv_get(&argv)); /* returns only where it fails */
	return cli_errorf(cli, CLI_INFRA, "ssh: %s%s", strerror(errno),
		errno == ENOENT ? ": sudo apt-get install openssh-client" : "");
}

static int ssh_into(struct cli *cli, const struct live *l, const char *state_dir, char **args)
{
	struct err e = { 0 };
	struct keys k;
	keys_init(&k, l);
	int code = CLI_GOOD;
	if (prepare_ssh(&k, l, state_dir, &e) < 0)
		code = cli_error(cli, e.code == -ENOPKG ? CLI_USAGE : CLI_INFRA, &e);
	else if (cli_flag(cli, "config-file"))
		printf("%s\n", k.config);
	else
		code = become_ssh(cli, &k, l->id, args);
	keys_clear(&k);
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
