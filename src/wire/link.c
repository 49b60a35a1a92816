/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/link.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LINK_LOW (LINK_HIGH / 4)

struct link {
	const struct link_handler *h;
	void *ctx;
	int fd;
	uv_poll_t poll;
	uv_timer_t timer; /* while open: frames to deliver after a pause; closing: end of flush */
	unsigned handles; /* of libuv, not yet closed */
	struct buf queue;
	size_t sent; /* of queue */
	bool paused;
	bool deaf;    /* on_closed was called: nothing more to read */
	bool mute;    /* writing failed: what is sent is dropped */
	bool closing; /* link_close was called: no callback any more */
	struct frame_decoder dec;
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_handle_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;
	if (--l->handles > 0)
		return;
	buf_clear(&l->queue);
	free(l);
}

static void release(struct link *l)
{
	if (l->fd < 0)
		return;
	uv_close((uv_handle_t *)&l->poll, on_handle_closed);
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
	close_fd(&l->fd);
}

size_t link_queued(const struct link *l)
{
	return l->queue.len - l->sent;
}

static void update_poll(struct link *l)
{
	if (l->fd < 0)
		return;
	int events = 0;
	if (!l->paused && !l->deaf && !l->closing)
		events |= UV_READABLE;
	if (link_queued(l) > 0)
		events |= UV_WRITABLE;
	if (events)
		(void)uv_poll_start(&l->poll, events, on_poll); /* cannot fail on an open handle */
	else
		(void)uv_poll_stop(&l->poll); /* never fails */
}

static void drop_queue(struct link *l)
{
	buf_clear(&l->queue);
	l->sent = 0;
}

static void tell_closed(struct link *l, const struct err *why)
{
	l->deaf = true;
	l->mute = true;
	drop_queue(l);
	l->h->on_closed(l->ctx, why);
}

/* The other end is gone. That a VM is killed in the middle of a frame is no lie of its agent. */
static void tell_gone(struct link *l, const char *how)
{
	struct err why = { 0 };
	(void)err_set(&why, 0, "%s%s%s", how,
		l->dec.have > l->dec.used ? " in the middle of a frame" : "",
		l->mute || link_queued(l) > 0 ? ", with bytes of ours unsent" : "");
	tell_closed(l, &why);
}

static void deliver(struct link *l)
{
	struct frame f;
	int rc = 0;
	while (!l->paused && !l->deaf && !l->closing && (rc = frame_next(&l->dec, &f)) > 0)
		l->h->on_frame(l->ctx, &f);
	if (rc == -EPROTO) {
		struct err why = { 0 };
		(void)err_set(&why, EPROTO, "the other end sent what is no frame");
		tell_closed(l, &why);
	}
}

/* One read a wake-up, so that a busy peer does not starve the rest of the loop. */
static void read_some(struct link *l)
{
	/* Frames that a pause held back come first; they may fill the decoder. */
	deliver(l);
	if (l->paused || l->deaf || l->closing)
		return;
	size_t room;
	uint8_t *p = frame_decoder_space(&l->dec, &room);
	ssize_t n = recv(l->fd, p, room, MSG_DONTWAIT);
	if (n > 0) {
		frame_decoder_fed(&l->dec, (size_t)n);
		deliver(l);
	} else if (n == 0) {
		tell_gone(l, "the other end closed");
	} else if (errno == ECONNRESET || errno == EPIPE) {
		/* So a unix socket says that its peer closed without reading all. */
		tell_gone(l, "the other end was reset");
	} else if (errno != EAGAIN && errno != EINTR) {
		struct err why = { 0 };
		(void)err_sys(&why, "read frames");
		tell_closed(l, &why);
	}
}

static void write_some(struct link *l)
{
	size_t before = link_queued(l);
	ssize_t n = send(l->fd, l->queue.s + l->sent, before, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		/* What the other end sent before it went is still to be read: on_closed comes
		 * when that has ended, so here only stop writing. */
		l->mute = true;
		drop_queue(l);
		return;
	}
	l->sent += (size_t)n;
	if (l->sent == l->queue.len) {
		if (l->queue.cap > LINK_LOW)
			buf_clear(&l->queue);
		else
			buf_reset(&l->queue);
		l->sent = 0;
	} else if (l->sent > l->queue.len / 2) {
		buf_consume(&l->queue, l->sent);
		l->sent = 0;
	}
	if (before >= LINK_LOW && link_queued(l) < LINK_LOW && !l->closing && l->h->on_drained)
		l->h->on_drained(l->ctx);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct link *l = handle->data;
	/* libuv gives an error on the socket as status and stops polling: read and write then
	 * say what it is, after the data that came before it. */
	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if ((events & UV_WRITABLE) && link_queued(l) > 0)
		write_some(l);
	if ((events & UV_READABLE) && !l->paused && !l->deaf && !l->closing)
		read_some(l);
	if (l->closing && link_queued(l) == 0)
		release(l);
	update_poll(l);
}

static void on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;
	if (l->closing)
		release(l);
	else
		deliver(l);
	update_poll(l);
}

int link_open(uv_loop_t *loop, int fd, const struct link_handler *h, void *ctx, struct link **ret,
	struct err *e)
{
	struct link *l = xcalloc(1, sizeof *l);
	int rc = uv_poll_init(loop, &l->poll, fd);
	if (rc < 0) {
		free(l);
		return err_code(e, rc, "watch descriptor %d", fd);
	}
	(void)uv_timer_init(loop, &l->timer); /* never fails */
	l->poll.data = l;
	l->timer.data = l;
	l->handles = 2;
	l->h = h;
	l->ctx = ctx;
	l->fd = fd;
	frame_decoder_init(&l->dec);
	update_poll(l);
	*ret = l;
	return 0;
}

void link_send(struct link *l, uint16_t type, uint32_t stream, const void *payload, size_t n)
{
	assert(n <= FRAME_MAX_PAYLOAD);
	if (l->mute || l->closing)
		return;
	uint8_t header[FRAME_HEADER];
	frame_header(
		&(struct frame){ .type = type, .stream = stream, .length = (uint32_t)n }, header);
	buf_add(&l->queue, header, sizeof header);
	buf_add(&l->queue, payload, n);
	update_poll(l);
}

int link_dup(const struct link *l)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

void link_pause(struct link *l, int paused)
{
	if (l->paused == !!paused || l->closing)
		return;
	l->paused = !!paused;
	/* From the loop, not from here: the caller may be in the middle of something. */
	if (!l->paused)
		(void)uv_timer_start(&l->timer, on_timer, 0, 0); /* has a callback: cannot fail */
	update_poll(l);
}

void link_close(struct link *l, uint64_t flush_us)
{
	if (!l || l->closing)
		return;
	l->closing = true;
	if (link_queued(l) == 0 || flush_us == 0) {
		release(l);
		return;
	}
	uv_update_time(l->timer.loop);
	(void)uv_timer_start(&l->timer, on_timer, (flush_us + 999) / 1000, 0); /* as above */
	update_poll(l);
}
