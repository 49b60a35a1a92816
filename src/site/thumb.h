/* SPDX-License-Identifier: GPL-2.0-or-later */
/* thumb.h: what a recording's terminal shows at one moment, as a small SVG: text as <text>, in
 * its colours, cropped to 16:9 around the last lines, at most THUMB_COLS wide. Nothing in it is
 * active, whatever the recording holds. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
struct buf;
struct err;

#define THUMB_COLS 160u

struct thumb {
	char *last_line; /* the last line that is not blank, for a text alternative; may be "" */
	uint64_t at_us;
	uint64_t duration_us; /* of the recording */
	unsigned width, height;
	unsigned marks;
};

/* Add an SVG document to `svg`. at_us: the moment; UINT64_MAX: two thirds of the way. -EINVAL,
 * -EFBIG: not a recording; then nothing was added and *ret is untouched. */
int thumb_render(const char *cast_path, uint64_t at_us, const char *title, struct buf *svg,
	struct thumb *ret, struct err *e);
void thumb_clear(struct thumb *t);
#define auto_thumb __attribute__((cleanup(thumb_clear)))
