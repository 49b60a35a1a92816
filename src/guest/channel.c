/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/channel.h"
#include "base/json.h"
#include "base/mem.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for the window in packets, the control frames beside it, and the kernel's own share. */
#define PAIR_BYTES (4 * (int)AGENT_WINDOW)

struct packet {
	struct packet *next;
	uint16_t type;
	size_t n;
	uint8_t payload[];
};

struct channel {
	int fd;
	uint32_t stream;
	size_t credit;
	size_t owed; /* consumed, not yet given back */
	bool gone;
	struct packet *first, **last; /* what the pair had no room for */
	uint8_t buf[CHANNEL_PACKET];
};

int channel_packet_send(int fd, int flags, const struct frame *f)
{
	uint8_t head[FRAME_HEADER];
	frame_header(f, head);
	struct iovec iov[2] = {
		{ head, sizeof head }, { (void *)(uintptr_t)f->payload, f->length }, /* only read */
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	for (;;) {
		if (sendmsg(fd, &m, flags | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
			if (flags & MSG_DONTWAIT)
				return -EAGAIN;
			(void)poll(NULL, 0, 10); /* the kernel is short of memory */
		} else if (errno != EINTR) {
			return -EPIPE;
		}
	}
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ECONNRESET comes once, where the other end closed with packets of ours unread; what it sent
 * before still lies here. */
static ssize_t receive(int fd, struct msghdr *m, int flags)
{
	ssize_t n;
	do
		n = recvmsg(fd, m, flags);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	return n;
}

int channel_packet_peek(int fd)
{
	uint8_t head[FRAME_HEADER];
	struct iovec iov = { head, sizeof head };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = receive(fd, &m, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	return n == FRAME_HEADER ? head[2] | head[3] << 8 : 0;
}

int channel_packet_recv(int fd, int flags, uint8_t *buf, struct frame *f)
{
	struct iovec iov = { buf, CHANNEL_PACKET };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = receive(fd, &m, flags);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : 0;
	if (n == 0)
		return 0;
	if (n < FRAME_HEADER || buf[0] != 'f' || buf[1] != FRAME_VERSION ||
		le32(buf + 8) != (uint32_t)n - FRAME_HEADER || (m.msg_flags & MSG_TRUNC))
		return -EPROTO;
	f->type = (uint16_t)(buf[2] | buf[3] << 8);
	f->stream = le32(buf + 4);
	f->length = (uint32_t)n - FRAME_HEADER;
	f->payload = buf + FRAME_HEADER;
	return 1;
}

int channel_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	int bytes = PAIR_BYTES;
	for (int i = 0; i < 2; i++)
		/* Not root: the ordinary limit (208 KiB twice over) still holds a window. */
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	return 0;
}

struct channel *channel_open(int fd, uint32_t stream)
{
	struct channel *c = xcalloc(1, sizeof *c);
	c->fd = fd;
	c->stream = stream;
	c->credit = AGENT_WINDOW;
	c->last = &c->first;
	return c;
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

uint32_t channel_stream(const struct channel *c)
{
	return c->stream;
}

static void take_credit(struct channel *c, const struct frame *f)
{
	if (f->length != 4)
		return;
	uint32_t n = le32(f->payload);
	/* Never above the window, whatever the host gives: our memory is bounded by it. */
	c->credit = n > AGENT_WINDOW - c->credit ? AGENT_WINDOW : c->credit + n;
}

int channel_next(struct channel *c, bool wait, struct frame *ret)
{
	if (c->gone)
		return -EPIPE;
	int rc = channel_packet_recv(c->fd, wait ? 0 : MSG_DONTWAIT, c->buf, ret);
	if (rc == -EAGAIN)
		return 0;
	if (rc <= 0) {
		c->gone = true;
		return -EPIPE;
	}
	if (ret->type == AGENT_CREDIT)
		take_credit(c, ret);
	return 1;
}

size_t channel_credit(const struct channel *c)
{
	return c->credit;
}

void channel_send(struct channel *c, uint16_t type, const void *p, size_t n)
{
	assert(n <= FRAME_MAX_PAYLOAD);
	struct frame f = { .type = type, .stream = c->stream, .length = (uint32_t)n, .payload = p };
	if (c->gone)
		return;
	if (!c->first) {
		int rc = channel_packet_send(c->fd, MSG_DONTWAIT, &f);
		c->gone = rc == -EPIPE;
		if (rc != -EAGAIN)
			return;
	}
	struct packet *k = xmalloc(sizeof *k + n);
	k->next = NULL;
	k->type = type;
	k->n = n;
	if (n)
		memcpy(k->payload, p, n);
	*c->last = k;
	c->last = &k->next;
}

void channel_data(struct channel *c, uint16_t type, const void *p, size_t n)
{
	assert(n <= c->credit);
	c->credit -= n;
	channel_send(c, type, p, n);
}

void channel_consumed(struct channel *c, size_t n)
{
	c->owed += n;
	if (c->owed < AGENT_WINDOW / 4)
		return;
	uint32_t v = (uint32_t)c->owed;
	uint8_t le[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
	c->owed = 0;
	channel_send(c, AGENT_CREDIT, le, sizeof le);
}

bool channel_waiting(const struct channel *c)
{
	return c->first && !c->gone;
}

void channel_flush(struct channel *c, bool wait)
{
	while (c->first) {
		struct packet *k = c->first;
		struct frame f = { k->type, c->stream, (uint32_t)k->n, k->payload };
		int rc = c->gone ? -EPIPE : channel_packet_send(c->fd, wait ? 0 : MSG_DONTWAIT, &f);
		if (rc == -EAGAIN)
			return;
		c->gone = rc == -EPIPE;
		c->first = k->next;
		free(k);
	}
	c->last = &c->first;
}

void channel_exit(struct channel *c, const struct channel_exit *x)
{
	auto_json json_t *j = json_object();
	if (x->signal)
		json_object_set_new(j, "signal", json_integer(x->signal));
	else
		json_object_set_new(j, "code", json_integer(x->code));
	if (x->timed_out)
		json_object_set_new(j, "timed_out", json_true());
	if (x->oom)
		json_object_set_new(j, "oom", json_true());
	if (x->skipped)
		json_object_set_new(j, "skipped", json_integer((json_int_t)x->skipped));
	if (x->warning)
		json_object_set_new(j, "warning", json_bytes(x->warning, strlen(x->warning)));
	if (x->error)
		json_object_set_new(j, "error", json_bytes(x->error, strlen(x->error)));
	auto_free char *line = json_line(j);
	channel_send(c, AGENT_EXIT, line, strlen(line));
	channel_flush(c, true);
	close_fd(&c->fd);
	free(c);
}
