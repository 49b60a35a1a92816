/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h: the one codec; agent and worker speak it.
 *
 *      0        1         2        4          8          12
 *   +--------+---------+--------+----------+----------+----------- - -
 *   | 'f'    | version | type   | stream   | length   | payload
 *   +--------+---------+--------+----------+----------+----------- - -
 *      u8       u8       u16 le   u32 le     u32 le     length bytes
 *
 * Allocates nothing: it also runs in the guest's PID 1. JSON is only the payload of control
 * frames. A length above FRAME_MAX_PAYLOAD, another magic or version is -EPROTO, for good. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION     1
#define FRAME_HEADER      12
#define FRAME_MAX_PAYLOAD 65536

/* Types are one space for both protocols; agent.h and run/protocol.h give the meanings. */
struct frame {
	uint16_t type;
	uint32_t stream;
	uint32_t length;
	const uint8_t *payload; /* borrowed from the decoder until its next call */
};

/* Write a header for `f` (payload is sent behind it). */
void frame_header(const struct frame *f, uint8_t out[FRAME_HEADER]);

/* Decoder over a fixed buffer: feed it what was read, take frames until none is left. */
struct frame_decoder {
	uint8_t buf[FRAME_HEADER + FRAME_MAX_PAYLOAD];
	size_t have; /* bytes in buf */
	size_t used; /* of them, by the frames returned so far */
	int failed;
};

void frame_decoder_init(struct frame_decoder *d);
/* Where to read to, and how many bytes fit (never 0 after frame_next returned 0). Moves what
 * is left to the front: take all frames before, so that this is a partial one at most. */
uint8_t *frame_decoder_space(struct frame_decoder *d, size_t *ret_room);
void frame_decoder_fed(struct frame_decoder *d, size_t n);
/* 1: *ret is a frame. 0: more bytes are wanted. -EPROTO: the stream is broken, for good; told
 * with the first wrong byte, not only when a header is whole. */
int frame_next(struct frame_decoder *d, struct frame *ret);
