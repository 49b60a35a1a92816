/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.h: the target's side of wire/agent.h: a loop over the port to the host, the kernel log,
 * fsqa-test's socket and one socket pair a handler. It is made to run in PID 1: it allocates
 * nothing, touches no file and waits for nobody. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

enum agent_role {
	AGENT_PROCESS, /* one among others on a machine that is not ours */
	AGENT_INIT,    /* we start udevd, and power off at the end */
	AGENT_SERVICE, /* of the machine's own init, which is asked to power off */
};

struct agent_setup {
	int port;     /* taken */
	int kmsg;     /* /dev/kmsg, taken; -1: none */
	int listener; /* of events_listen, taken; -1: none */
	enum agent_role role;
	uint64_t began_us; /* CLOCK_MONOTONIC when init began, told in HELLO; 0: unknown */
};

/* Serve until the host is gone or says SHUTDOWN; then end the machine, or the process. */
noreturn void agent_run(const struct agent_setup *s);
