/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/ssh_keys.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME   "fsqa-vm"
#define PREFIX "ssh-"
#define SETUP  "/run/fsqa-ssh.sh"
#define SERVE                                                                                      \
	"sh " SETUP                                                                                \
	" || { echo 'fsqa: the machine has no sshd (openssh-server)' >&2; exit 69; }; "            \
	"exec " SSH_IN_GUEST "/sshd -i -e -f " SSH_IN_GUEST "/config"

/* The machine, which ends with the connection, and then the keys. Signals are for ssh, and what it
 * does then ends the machine. */
static char *script(const struct ssh_keys *k, const char *const *words, const char *profile)
{
	auto_strv struct strv vm = { 0 };
	auto_buf struct buf b = { 0 };
	for (; *words; words++)
		strv_add(&vm, *words);
	strv_add(&vm, "--put");
	strv_addf(&vm, "%s:" SETUP, k->setup);
	strv_addl(&vm, profile, "--", "sh", "-c", SERVE, NULL);
	auto_free char *run = strv_shell(strv_get(&vm));
	const char *const remove[] = { "rm", "-rf", "--", k->dir, NULL };
	auto_free char *clean = strv_shell(remove);
	buf_addf(&b, "trap '' HUP INT; %s; %s", run, clean);
	return buf_take(&b);
}

/* Folders of those that were killed. Their number is that of their ssh, which we became. */
static void sweep(const char *state_dir)
{
	DIR *d = opendir(state_dir);
	const struct dirent *de;
	while (d && (de = readdir(d))) {
		char *end;
		if (strncmp(de->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		long pid = strtol(de->d_name + strlen(PREFIX), &end, 10);
		auto_free char *path = path_join(state_dir, de->d_name);
		if (pid > 0 && !*end && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			(void)file_remove_tree(path, NULL); /* else the next one does */
	}
	if (d)
		closedir(d);
}

int ssh_shell(struct cli *cli, const char *state_dir, const char *const *words, const char *profile,
	char **args)
{
	struct err e = { 0 };
	struct ssh_keys k;
	auto_free char *dir = xasprintf("%s/" PREFIX "%ld", state_dir, (long)getpid());
	sweep(state_dir);
	ssh_keys_init(&k, dir);
	auto_free char *text = script(&k, words, profile);
	const char *const proxy[] = { "sh", "-c", text, NULL };
	int rc = file_remove_tree(dir, &e); /* of a process that had our number */
	if (rc == 0)
		rc = file_mkdirs(dir, 0700, &e);
	if (rc == 0)
		rc = ssh_keys_make(&k, NAME, proxy, &e);
	int code = rc < 0 ? cli_error(cli, CLI_INFRA, &e) : ssh_become(cli, &k, NAME, args);
	(void)file_remove_tree(dir, NULL); /* it did not come to ssh */
	ssh_keys_clear(&k);
	return code;
}
