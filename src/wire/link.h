/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.h: frames over a descriptor (socket, virtio-serial chardev) in the event loop: what is
 * read becomes frames, what is sent is queued. Bounded: a sender looks at link_queued. */
#pragma once
#include "wire/frame.h"
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct err;
struct link;

/* Each may call any function below, link_close too. */
struct link_handler {
	void (*on_frame)(void *ctx, const struct frame *f);
	/* Once, after every frame that came before it: the other end is gone (err code 0; the
	 * message says whether within a frame, or with bytes of ours unsent) or the stream is
	 * broken (-EPROTO, -EIO ...). No frame comes after it; sending becomes a no-op. */
	void (*on_closed)(void *ctx, const struct err *why);
	/* The queue fell below a quarter of LINK_HIGH again, where it was above. May be NULL. */
	void (*on_drained)(void *ctx);
};

#define LINK_HIGH (1u << 20) /* a polite sender stops here until on_drained */

/* Takes `fd` (on success only), a connected stream socket. `h` is borrowed for the link's life. */
int link_open(uv_loop_t *loop, int fd, const struct link_handler *h, void *ctx, struct link **ret,
	struct err *e);
/* Queue one frame (copied); n <= FRAME_MAX_PAYLOAD. */
void link_send(struct link *l, uint16_t type, uint32_t stream, const void *payload, size_t n);
size_t link_queued(const struct link *l);
/* Another descriptor of the same stream, or -errno: it stays open when the link is closed. */
int link_dup(const struct link *l);
/* Stop or go on reading: no frame comes while paused, also none that was read already. */
void link_pause(struct link *l, int paused);
/* Ends it after what is queued was written or `flush_us` passed; no callback comes any more.
 * The loop must run on for that, and to release the memory. NULL: no-op. */
void link_close(struct link *l, uint64_t flush_us);
