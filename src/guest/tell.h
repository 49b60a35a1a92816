/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell.h: what fsqa-test and fsqa-disk have in common: one event to the agent, over the socket of
 * guest/events.h, and the host's answer. */
#pragma once
#include "guest/events.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define TELL_ANSWER 300

/* To $FSQA_AGENT_SOCKET, or where the agent listens; -1 with errno where there is none. `path` is
 * set to it. */
int tell_connect(const char **path);
/* Send the event (taken), and wait for the answer: "" in `answer` (TELL_ANSWER bytes), or why not.
 * -EMSGSIZE, -ETIMEDOUT, -EPIPE: the agent or the host is gone or does not take it, -EPROTO. */
int tell(int fd, enum event_kind kind, json_t *event, uint64_t wait_us, char *answer);
/* {"event": what} */
json_t *tell_event(const char *what);
/* "PROGRAM: ..." as a line of standard error. Returns `code`. */
int tell_complain(const char *program, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
