/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.h: fsqa-test and the agent: a SOCK_SEQPACKET socket, one frame a packet.
 *
 *   fsqa-test                                agent
 *     |  EVENT kind {"event":...} ->           |  kind (in the stream field): enum event_kind
 *     |  <- EVENT_ACK "" or why not            |  a collect: when it is on its way; else what
 *     |                                        |  the host answers (wire/agent.h)
 *
 * One connection is one test: start, any number of collects and disks, end. A connection that
 * closes after a start and before an end is a test that died. One with no test may ask for a
 * reboot, or say that a test begins. */
#pragma once
#include "guest/mux.h"
#include <poll.h>

#define EVENTS_MAX    64
#define EVENTS_SOCKET "/run/fsqa/agent.sock"
#define EVENTS_ENV    "FSQA_AGENT_SOCKET"

enum event_kind {
	EVENT_START = 1,
	EVENT_END = 2,
	EVENT_COLLECT = 3,
	EVENT_REBOOT = 4,
	EVENT_DISK = 5, /* from fsqa-disk */
	EVENT_BEGINS =
		6, /* a test that its suite announces begins: answered when that is durable */
};

struct event_conn {
	int fd;          /* -1: free */
	uint32_t stream; /* odd */
	bool started, ended;
	unsigned others; /* events of other kinds */
};

struct events {
	int listener; /* -1: none */
	uint32_t next_stream;
	size_t turn; /* whose packet is taken next */
	struct event_conn conns[EVENTS_MAX];
	uint8_t packet[CHANNEL_PACKET];
};

/* A socket at `path`, which replaces an old one; -1 with errno. */
int events_listen(const char *path);
/* Takes `listener`. */
void events_init(struct events *ev, int listener);
/* Fill `p` (room for EVENTS_MAX + 1); -> how many. */
size_t events_poll(const struct events *ev, struct pollfd *p);
/* Take all that is there and pass it on, each behind the kernel log up to it and once `drained`
 * says that what commands wrote before it is on its way. false: not all of it now, for there is no
 * room or `drained` said no. */
bool events_serve(struct events *ev, struct mux *m, bool (*drained)(void));
/* The host's answer: its frame. */
void events_ack(struct events *ev, const struct frame *f);
