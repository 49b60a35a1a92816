/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/frame.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void frame_header(const struct frame *f, uint8_t out[FRAME_HEADER])
{
	assert(f->length <= FRAME_MAX_PAYLOAD);
	out[0] = 'f';
	out[1] = FRAME_VERSION;
	out[2] = (uint8_t)f->type;
	out[3] = (uint8_t)(f->type >> 8);
	put_le32(out + 4, f->stream);
	put_le32(out + 8, f->length);
}

void frame_decoder_init(struct frame_decoder *d)
{
	d->have = 0;
	d->used = 0;
	d->failed = 0;
}

uint8_t *frame_decoder_space(struct frame_decoder *d, size_t *ret_room)
{
	/* Here and not in frame_next: one move a read, however many small frames it held. */
	if (d->used > 0) {
		memmove(d->buf, d->buf + d->used, d->have - d->used);
		d->have -= d->used;
		d->used = 0;
	}
	*ret_room = sizeof d->buf - d->have;
	return d->buf + d->have;
}

void frame_decoder_fed(struct frame_decoder *d, size_t n)
{
	assert(n <= sizeof d->buf - d->have);
	d->have += n;
}

static int fail(struct frame_decoder *d)
{
	d->failed = 1;
	return -EPROTO;
}

int frame_next(struct frame_decoder *d, struct frame *ret)
{
	const uint8_t *p = d->buf + d->used;
	size_t n = d->have - d->used;
	if (d->failed)
		return -EPROTO;
	if ((n > 0 && p[0] != 'f') || (n > 1 && p[1] != FRAME_VERSION))
		return fail(d);
	if (n < FRAME_HEADER)
		return 0;
	uint32_t length = get_le32(p + 8);
	if (length > FRAME_MAX_PAYLOAD)
		return fail(d);
	if (n - FRAME_HEADER < length)
		return 0;
	ret->type = (uint16_t)(p[2] | p[3] << 8);
	ret->stream = get_le32(p + 4);
	ret->length = length;
	ret->payload = p + FRAME_HEADER;
	d->used += FRAME_HEADER + length;
	return 1;
}
