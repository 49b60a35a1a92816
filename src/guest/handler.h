/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handler.h: what a forked handler does with its stream. Each runs in a process of its own,
 * takes the channel, sends EXIT as its last frame and ends the process. Only handlers touch
 * files or allocate: a deadlocked filesystem holds one of them, never the agent. */
#pragma once
#include <stddef.h>
#include <stdnoreturn.h>
struct channel;

/* `json`: the payload of EXEC, PUT, GET (wire/agent.h). */
noreturn void handler_exec(struct channel *c, const void *json, size_t n);
noreturn void handler_put(struct channel *c, const void *json, size_t n);
noreturn void handler_get(struct channel *c, const void *json, size_t n);

/* What a command's environment has when the host says nothing of it. */
#define HANDLER_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* The socket that fsqa-test finds in FSQA_AGENT_SOCKET; borrowed, for good. NULL: none. */
void handler_set_socket(const char *path);
