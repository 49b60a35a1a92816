/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mux.h: the agent's way to the host: one port, one buffer out, and the kernel log, which has
 * the first right to it. Static memory only; nothing here waits. */
#pragma once
#include "guest/channel.h"
#include "wire/frame.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUX_OUT (512u * 1024)

struct mux {
	int port; /* non-blocking */
	int kmsg; /* non-blocking; -1: none */
	bool gone;
	struct frame_decoder in;
	/* Frames on their way to the host: out[head .. tail), then out[0 .. front) where frames
	 * went on at the beginning because the end had no room. Nothing is ever moved. */
	size_t head, tail, front;
	uint8_t out[MUX_OUT];
	/* The kernel log: */
	bool overrun;      /* records were lost since the last one */
	uint64_t last_seq; /* of the last record sent */
	size_t flood;      /* bytes since the log was last seen empty */
	uint8_t records[FRAME_MAX_PAYLOAD];
};

/* Takes the descriptors. */
void mux_init(struct mux *m, int port, int kmsg);

/* Whether a frame of any size fits. */
bool mux_room(const struct mux *m);
/* A frame to the host; only where mux_room said yes. */
void mux_send(struct mux *m, uint16_t type, uint32_t stream, const void *p, size_t n);
/* Where a packet of a handler may be read to (CHANNEL_PACKET bytes), after mux_room said yes;
 * mux_commit then sends the n bytes there. */
uint8_t *mux_space(struct mux *m);
void mux_commit(struct mux *m, size_t n);

/* Whether frames wait for the port. */
bool mux_waiting(const struct mux *m);
/* Write what the port takes. */
void mux_write(struct mux *m);
/* Read what is there: true: frames may be ready for mux_next. m->gone: the host closed. */
bool mux_read(struct mux *m);
/* 1: a frame; 0: no more; -EPROTO. */
int mux_next(struct mux *m, struct frame *f);

/* Move kernel log records to the buffer. true: all there were at the time of the call are in
 * it and there is room for a frame behind them. A log that grows faster than the port takes it
 * is called drained every few megabytes, so that the rest of us lives on. */
bool mux_pump_kmsg(struct mux *m);
