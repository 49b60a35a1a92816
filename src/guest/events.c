/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/events.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define OTHERS_MAX 256 /* of one test: the host's own limit is not ours to reach */

static const char died[] = "{\"event\":\"end\",\"status\":\"ERROR\",\"code\":-1,"
			   "\"died\":true,\"reason\":\"fsqa-test died\",\"duration_us\":0}";

int events_listen(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlink(path); /* absent is the normal case */
	/* For every user: a test that runs as another one has verdicts as well. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod(path, 0666) < 0 ||
		listen(fd, EVENTS_MAX) < 0)
		return -1;
	return take_fd(&fd);
}

void events_init(struct events *ev, int listener)
{
	ev->listener = listener;
	ev->next_stream = 1;
	for (size_t i = 0; i < EVENTS_MAX; i++)
		ev->conns[i].fd = -1;
}

static struct event_conn *free_conn(struct events *ev)
{
	for (size_t i = 0; i < EVENTS_MAX; i++)
		if (ev->conns[i].fd < 0)
			return &ev->conns[i];
	return NULL;
}

size_t events_poll(const struct events *ev, struct pollfd *p)
{
	size_t n = 0;
	size_t used = 0;
	for (size_t i = 0; i < EVENTS_MAX; i++)
		used += ev->conns[i].fd >= 0;
	if (ev->listener >= 0 && used < EVENTS_MAX) /* more wait in the socket's own queue */
		p[n++] = (struct pollfd){ .fd = ev->listener, .events = POLLIN };
	for (size_t i = 0; i < EVENTS_MAX; i++)
		if (ev->conns[i].fd >= 0)
			p[n++] = (struct pollfd){ .fd = ev->conns[i].fd, .events = POLLIN };
	return n;
}

static void accept_all(struct events *ev)
{
	struct event_conn *c;
	while (ev->listener >= 0 && (c = free_conn(ev))) {
		int fd = accept4(ev->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		*c = (struct event_conn){ .fd = fd, .stream = ev->next_stream };
		ev->next_stream += 2;
	}
}

static void ack(struct event_conn *c, const uint8_t *why, uint32_t n)
{
	struct frame f = {
		.type = AGENT_EVENT_ACK, .stream = c->stream, .length = n, .payload = why
	};
	if (channel_packet_send(c->fd, MSG_DONTWAIT, &f) < 0)
		(void)shutdown(c->fd, SHUT_RDWR); /* it died: the next read says so */
}

void events_ack(struct events *ev, const struct frame *f)
{
	for (size_t i = 0; i < EVENTS_MAX; i++)
		if (ev->conns[i].fd >= 0 && ev->conns[i].stream == f->stream)
			ack(&ev->conns[i], f->payload, f->length);
}

static bool allowed(struct event_conn *c, const struct frame *f)
{
	if (f->type != AGENT_EVENT || f->length > AGENT_JSON_MAX || c->ended)
		return false;
	if (f->stream == EVENT_START)
		return !c->started;
	if (f->stream == EVENT_END)
		return c->started;
	if (f->stream == EVENT_REBOOT || f->stream == EVENT_BEGINS)
		return !c->started && c->others++ < OTHERS_MAX;
	return (f->stream == EVENT_COLLECT || f->stream == EVENT_DISK) && c->others++ < OTHERS_MAX;
}

/* One packet, or the connection's end. */
static void serve_one(struct events *ev, struct event_conn *c, struct mux *m)
{
	struct frame f;
	int rc = channel_packet_recv(c->fd, MSG_DONTWAIT, ev->packet, &f);
	if (rc == -EAGAIN)
		return;
	if (rc == 1 && allowed(c, &f)) {
		uint32_t kind = f.stream;
		mux_send(m, AGENT_EVENT, c->stream, f.payload, f.length);
		if (kind == EVENT_COLLECT)
			ack(c, NULL, 0);
		c->started |= kind == EVENT_START;
		c->ended |= kind == EVENT_END;
		return;
	} else if (c->started && !c->ended) {
		mux_send(m, AGENT_EVENT, c->stream, died, sizeof died - 1);
	}
	close_fd(&c->fd);
}

bool events_serve(struct events *ev, struct mux *m, bool (*drained)(void))
{
	accept_all(ev);
	for (size_t quiet = 0; quiet < EVENTS_MAX; quiet++) {
		struct event_conn *c = &ev->conns[ev->turn];
		/* Look first: what was said before this packet goes before it. What `drained` was
		 * asked for is this very packet, so the turn stays. */
		while (c->fd >= 0 && channel_packet_peek(c->fd) != -EAGAIN) {
			if (!drained() || !mux_pump_kmsg(m))
				return false;
			serve_one(ev, c, m);
			quiet = 0;
		}
		ev->turn = (ev->turn + 1) % EVENTS_MAX;
	}
	return true;
}
