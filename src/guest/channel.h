/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel.h: a handler's end of its stream: frames over a SOCK_SEQPACKET pair, one packet a
 * frame, and the stream's credit. The other end is agent.c's. */
#pragma once
#include "wire/agent.h"
#include "wire/frame.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct channel;

/* One packet of a socket pair between agent and handler. Header and payload go in one call,
 * so that a frame is there whole or not at all. 0, -EAGAIN (only with MSG_DONTWAIT), -EPIPE. */
int channel_packet_send(int fd, int flags, const struct frame *f);
/* Largest packet. */
#define CHANNEL_PACKET (FRAME_HEADER + FRAME_MAX_PAYLOAD)
/* Read one packet to `buf` (CHANNEL_PACKET bytes) and take it apart; f->payload lies in it.
 * 1: a frame. 0: the other end is gone, and all that it sent was read. -EAGAIN, -EPROTO: the packet
 * is no frame. */
int channel_packet_recv(int fd, int flags, uint8_t *buf, struct frame *f);
/* The type of the packet that comes next, which stays there. 0: the other end is gone, or what came
 * is no frame. -EAGAIN. */
int channel_packet_peek(int fd);
/* A pair whose ends hold a window of data and more each. 0 or -errno. */
int channel_pair(int fds[2]);

/* Takes `fd`. */
struct channel *channel_open(int fd, uint32_t stream);
int channel_fd(const struct channel *c);
uint32_t channel_stream(const struct channel *c);

/* The next frame; `wait`: until there is one. 1: *ret is set, borrowed until the next call, and
 * CREDIT was already counted. 0: none now. -EPIPE: the agent is gone. */
int channel_next(struct channel *c, bool wait, struct frame *ret);

/* Bytes that may be sent by channel_data now. */
size_t channel_credit(const struct channel *c);
/* Send data, n <= channel_credit and FRAME_MAX_PAYLOAD. It waits inside where the pair is full;
 * there is never more of it than the window. */
void channel_data(struct channel *c, uint16_t type, const void *p, size_t n);
/* A frame that needs no credit. */
void channel_send(struct channel *c, uint16_t type, const void *p, size_t n);
/* We took n bytes of the host's data: gives the credit back, in large pieces. */
void channel_consumed(struct channel *c, size_t n);
/* Whether something waits for POLLOUT; channel_flush sends it, with `wait` all of it. */
bool channel_waiting(const struct channel *c);
void channel_flush(struct channel *c, bool wait);

struct channel_exit {
	int code;   /* -1: none */
	int signal; /* 0: none */
	bool timed_out, oom;
	uint64_t skipped;    /* of a get */
	const char *error;   /* NULL: none */
	const char *warning; /* NULL: none */
};
/* The last frame; waits until all is sent. The channel is closed after it. */
void channel_exit(struct channel *c, const struct channel_exit *x);
