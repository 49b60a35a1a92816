/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh_keys.h: what ssh needs to know of one machine, made for it alone: a host key and a user's, an
 * ssh_config that knows both and asks nothing, and the script that has the machine serve them. Each
 * connection is an sshd of its own (-i) on the agent's channel, so that no network is needed. */
#pragma once
struct cli;
struct err;

#define SSH_IN_GUEST "/run/fsqa-ssh"
/* The server's words, once the setup has run. */
#define SSH_SERVER  SSH_IN_GUEST "/sshd", "-i", "-e", "-f", SSH_IN_GUEST "/config"
#define SSH_NO_SSHD 69 /* the setup's exit code where the machine has none */

/* Files in `dir`. */
struct ssh_keys {
	char *dir, *id, *host, *known_hosts, *config, *setup;
};

void ssh_keys_init(struct ssh_keys *k, const char *dir);
void ssh_keys_clear(struct ssh_keys *k);
/* Make them, once. `name` is the host's in the config, whose connection `proxy` is (ProxyCommand).
 */
int ssh_keys_make(
	const struct ssh_keys *k, const char *name, const char *const *proxy, struct err *e);
/* Be ssh to it from here on, with these arguments; returns an exit code only where that fails. */
int ssh_become(struct cli *cli, const struct ssh_keys *k, const char *name, char **args);
/* fsqa shell --ssh: ssh whose connection is a machine of its own, booted for it. `words` are those
 * of fsqa that boot it and run a command: the command is added. */
int ssh_shell(struct cli *cli, const char *state_dir, const char *const *words, const char *profile,
	char **args);
