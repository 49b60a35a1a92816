/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ssh_keys.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "proc/proc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX   16384
#define KEYGEN_US 30000000
#define SETUP_HEAD                                                                                 \
	"sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) || exit 69\n"                \
	"set -e\n"                                                                                 \
	"mkdir -p /run/sshd\n"                                                                     \
	"umask 077\n"                                                                              \
	"mkdir -p " SSH_IN_GUEST "\n"                                                              \
	"chmod 711 " SSH_IN_GUEST "\n"                                                             \
	"ln -sf \"$sshd\" " SSH_IN_GUEST "/sshd\n"                                                 \
	"cat >" SSH_IN_GUEST "/config <<'END'\n"                                                   \
	"HostKey " SSH_IN_GUEST "/host\n"                                                          \
	"AuthorizedKeysFile " SSH_IN_GUEST "/authorized_keys\n"                                    \
	"StrictModes no\n"                                                                         \
	"PermitRootLogin prohibit-password\n"                                                      \
	"PasswordAuthentication no\n"                                                              \
	"KbdInteractiveAuthentication no\n"                                                        \
	"LogLevel ERROR\n"                                                                         \
	"Subsystem sftp internal-sftp\n"                                                           \
	"END\n"

void ssh_keys_init(struct ssh_keys *k, const char *dir)
{
	k->dir = xstrdup(dir);
	k->id = path_join(k->dir, "id");
	k->host = path_join(k->dir, "host");
	k->known_hosts = path_join(k->dir, "known_hosts");
	k->config = path_join(k->dir, "config");
	k->setup = path_join(k->dir, "setup.sh");
}

void ssh_keys_clear(struct ssh_keys *k)
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

static int write_known_hosts(const struct ssh_keys *k, const char *name, struct err *e)
{
	auto_buf struct buf key = { 0 };
	auto_buf struct buf b = { 0 };
	int rc = read_public(k->host, &key, e);
	if (rc < 0)
		return rc;
	buf_addf(&b, "%s %s", name, buf_str(&key));
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

/* Also for scp, sftp, rsync and git. */
static int write_config(
	const struct ssh_keys *k, const char *name, const char *const *proxy, struct err *e)
{
	auto_buf struct buf b = { 0 };
	buf_addf(&b,
		"Host %s fsqa\n\tHostKeyAlias %s\n\tUser root\n\tIdentitiesOnly yes\n"
		"\tIdentityAgent none\n\tStrictHostKeyChecking yes\n\tUpdateHostKeys no\n"
		"\tGlobalKnownHostsFile none\n\tLogLevel ERROR\n",
		name, name);
	int rc = add_path(&b, "IdentityFile", k->id, e);
	if (rc == 0)
		rc = add_path(&b, "UserKnownHostsFile", k->known_hosts, e);
	auto_free char *words = strv_shell(proxy);
	buf_adds(&b, "\tProxyCommand "); /* ssh puts exec before it */
	for (const char *p = words; *p; p++)
		buf_addf(&b, "%s%c", *p == '%' ? "%" : "", *p);
	buf_addc(&b, '\n');
	return rc < 0 ? rc : file_replace(k->config, b.s, b.len, 0600, e);
}

static int write_setup(const struct ssh_keys *k, struct err *e)
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
		SETUP_HEAD "cat >" SSH_IN_GUEST "/host <<'END'\n%sEND\n"
			   "cat >" SSH_IN_GUEST "/authorized_keys <<'END'\n%sEND\n"
			   "chmod 644 " SSH_IN_GUEST "/authorized_keys\n",
		buf_str(&host), buf_str(&id));
	return file_replace(k->setup, b.s, b.len, 0600, e);
}

/* The configuration is written last, and says that the rest is there. */
int ssh_keys_make(
	const struct ssh_keys *k, const char *name, const char *const *proxy, struct err *e)
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
		rc = write_known_hosts(k, name, e);
	if (rc == 0)
		rc = write_setup(k, e);
	return rc < 0 ? rc : write_config(k, name, proxy, e);
}

int ssh_become(struct cli *cli, const struct ssh_keys *k, const char *name, char **args)
{
	auto_strv struct strv argv = { 0 };
	strv_addl(&argv, "ssh", "-F", k->config, name, NULL);
	for (; *args; args++)
		strv_add(&argv, *args);
	(void)execvp("ssh", (char *const *)strv_get(&argv)); /* returns only where it fails */
	return cli_errorf(cli, CLI_INFRA, "ssh: %s%s", strerror(errno),
		errno == ENOENT ? ": sudo apt-get install openssh-client" : "");
}
