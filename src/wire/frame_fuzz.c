/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties: (1) bytes of any kind, cut anywhere, give the same frames and the same failure as
 * one byte at a time, and a failure stays; (2) frames that were encoded come out as they were. */
#include "base/buf.h"
#include "wire/frame.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decode all, in pieces of 1 to `step` bytes, and write down what came. Returns the failure. */
static int decode(const uint8_t *p, size_t n, size_t step, struct buf *out)
{
	struct frame_decoder *d = malloc(sizeof *d);
	if (!d)
		abort();
	frame_decoder_init(d);
	int rc = 0;
	for (size_t turn = 0; n > 0 && rc == 0; turn++) {
		size_t room;
		uint8_t *to = frame_decoder_space(d, &room);
		if (room == 0)
			abort();
		size_t piece = 1 + (step * (turn + 1) + turn) % step;
		piece = piece > n ? n : piece;
		piece = piece > room ? room : piece;
		memcpy(to, p, piece);
		frame_decoder_fed(d, piece);
		p += piece;
		n -= piece;
		struct frame f;
		while ((rc = frame_next(d, &f)) > 0) {
			if (f.length > FRAME_MAX_PAYLOAD || f.payload < d->buf ||
				f.payload + f.length > d->buf + d->have)
				abort();
			buf_addf(out, "%u %u %u:", f.type, f.stream, f.length);
			buf_add(out, f.payload, f.length);
		}
		if (rc < 0 && (rc != -EPROTO || frame_next(d, &f) != -EPROTO))
			abort();
	}
	free(d);
	return rc;
}

static void check_any_cut(const uint8_t *data, size_t size, size_t step)
{
	auto_buf struct buf bytewise = { 0 };
	auto_buf struct buf pieces = { 0 };
	int a = decode(data, size, 1, &bytewise);
	int b = decode(data, size, step, &pieces);
	if (a != b || bytewise.len != pieces.len ||
		memcmp(buf_str(&bytewise), buf_str(&pieces), pieces.len) != 0)
		abort();
}

/* The input as a list of frames: type, length, payload; encoded, it decodes to the same list. */
static void check_round_trip(const uint8_t *data, size_t size, size_t step)
{
	auto_buf struct buf wire = { 0 };
	auto_buf struct buf want = { 0 };
	auto_buf struct buf got = { 0 };
	while (size >= 3) {
		struct frame f = {
			.type = data[0], .stream = 0x01010101u * data[1], .length = data[2]
		};
		/* Some of them long: the byte counts for more. */
		uint32_t repeat = f.type % 8 == 0 ? 257 : 1;
		data += 3;
		size -= 3;
		uint32_t n = f.length > size ? (uint32_t)size : f.length;
		f.length = n * repeat > FRAME_MAX_PAYLOAD ? n : n * repeat;
		uint8_t header[FRAME_HEADER];
		frame_header(&f, header);
		buf_add(&wire, header, sizeof header);
		buf_addf(&want, "%u %u %u:", f.type, f.stream, f.length);
		for (uint32_t i = 0; n > 0 && i < f.length / n; i++) {
			buf_add(&wire, data, n);
			buf_add(&want, data, n);
		}
		data += n;
		size -= n;
	}
	if (decode((const uint8_t *)buf_str(&wire), wire.len, step, &got) != 0)
		abort();
	if (want.len != got.len || memcmp(buf_str(&want), buf_str(&got), got.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t step = 2 + (size_t)data[0] * data[0];
	check_any_cut(data + 1, size - 1, step);
	check_round_trip(data + 1, size - 1, step);
	return 0;
}
