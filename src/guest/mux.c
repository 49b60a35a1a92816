/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/mux.h"
#include "base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The longest record that /dev/kmsg gives (CONSOLE_EXT_LOG_MAX in Linux' printk), and a line
 * of ours. */
#define RECORD_MAX (8192 + 256)
#define FLOOD_MAX  (4u << 20)

void mux_init(struct mux *m, int port, int kmsg)
{
	m->port = port;
	m->kmsg = kmsg;
	frame_decoder_init(&m->in);
}

/* Frames go behind the others, or once there is no room for a whole one, to the beginning. */
static bool at_front(const struct mux *m)
{
	return m->front || sizeof m->out - m->tail < CHANNEL_PACKET;
}

bool mux_room(const struct mux *m)
{
	return !at_front(m) || m->head - m->front >= CHANNEL_PACKET;
}

uint8_t *mux_space(struct mux *m)
{
	return m->out + (at_front(m) ? m->front : m->tail);
}

void mux_commit(struct mux *m, size_t n)
{
	*(at_front(m) ? &m->front : &m->tail) += n;
}

bool mux_waiting(const struct mux *m)
{
	return m->head < m->tail;
}

void mux_send(struct mux *m, uint16_t type, uint32_t stream, const void *p, size_t n)
{
	struct frame f = { .type = type, .stream = stream, .length = (uint32_t)n };
	uint8_t *to = mux_space(m);
	frame_header(&f, to);
	if (n)
		memcpy(to + FRAME_HEADER, p, n);
	mux_commit(m, FRAME_HEADER + n);
}

void mux_write(struct mux *m)
{
	while (m->head < m->tail && !m->gone) {
		ssize_t n = write(m->port, m->out + m->head, m->tail - m->head);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			m->gone = true;
		if (n <= 0)
			return;
		m->head += (size_t)n;
		if (m->head == m->tail) {
			m->head = 0;
			m->tail = m->front;
			m->front = 0;
		}
	}
}

bool mux_read(struct mux *m)
{
	size_t room;
	uint8_t *p = frame_decoder_space(&m->in, &room);
	ssize_t n;
	do
		n = read(m->port, p, room);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		frame_decoder_fed(&m->in, (size_t)n);
		return true;
	}
	if (n == 0 || errno != EAGAIN)
		m->gone = true;
	return false;
}

int mux_next(struct mux *m, struct frame *f)
{
	return frame_next(&m->in, f);
}

/* "PRIO,SEQ,USEC,FLAGS;text": the record's number and time; false: it is none. */
static bool parse_record(const char *s, uint64_t *seq, uint64_t *us)
{
	char *end;
	(void)strtoull(s, &end, 10);
	if (*end != ',')
		return false;
	*seq = strtoull(end + 1, &end, 10);
	if (*end != ',')
		return false;
	*us = strtoull(end + 1, &end, 10);
	return *end == ',' || *end == ';';
}

/* A record was read to m->records + at: put a line before it where others were lost. */
static size_t take_record(struct mux *m, size_t at, size_t n)
{
	uint64_t seq;
	uint64_t us;
	char line[160];
	m->records[at + n] = '\0';
	if (!parse_record((const char *)m->records + at, &seq, &us))
		return n;
	size_t more = 0;
	if (m->overrun && seq > m->last_seq + 1) {
		int k = snprintf(line, sizeof line,
			"4,%" PRIu64 ",%" PRIu64 ",-;fsqa: %" PRIu64
			" kernel log records were lost (overrun)\n",
			seq - 1, us, seq - m->last_seq - 1);
		more = (size_t)k;
		memmove(m->records + at + more, m->records + at, n);
		memcpy(m->records + at, line, more);
	}
	m->overrun = false;
	m->last_seq = seq;
	return n + more;
}

bool mux_pump_kmsg(struct mux *m)
{
	bool drained = m->kmsg < 0;
	while (!drained && m->flood < FLOOD_MAX) {
		size_t n = 0;
		if (!mux_room(m))
			return false;
		while (n + RECORD_MAX < sizeof m->records) {
			ssize_t k = read(m->kmsg, m->records + n, RECORD_MAX - 256);
			if (k < 0 && errno == EPIPE) {
				m->overrun = true;
			} else if (k > 0) {
				n += take_record(m, n, (size_t)k);
			} else if (k < 0 && errno == EINTR) {
				continue;
			} else {
				if (k < 0 && errno != EAGAIN)
					close_fd(&m->kmsg);
				drained = true;
				break;
			}
		}
		if (n)
			mux_send(m, AGENT_KMSG, 0, m->records, n);
		m->flood += n;
	}
	m->flood = 0;
	return mux_room(m);
}
