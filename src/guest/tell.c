/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/tell.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "guest/channel.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int tell_connect(const char **path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *env = getenv(EVENTS_ENV);
	*path = env && env[0] ? env : EVENTS_SOCKET;
	if (strlen(*path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, *path, strlen(*path) + 1);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return -1;
	return take_fd(&fd);
}

/* What the host says comes to stand on a terminal. */
static void copy_answer(const struct frame *f, char *answer)
{
	size_t n = f->length < TELL_ANSWER ? f->length : TELL_ANSWER - 1;
	memcpy(answer, f->payload, n);
	answer[n] = '\0';
}

int tell(int fd, enum event_kind kind, json_t *event, uint64_t wait_us, char *answer)
{
	static uint8_t packet[CHANNEL_PACKET];
	auto_json json_t *j = event;
	auto_free char *line = json_line(j);
	struct frame f = { .type = AGENT_EVENT,
		.stream = kind,
		.length = (uint32_t)strlen(line),
		.payload = (const uint8_t *)line };
	answer[0] = '\0';
	if (f.length > AGENT_JSON_MAX)
		return -EMSGSIZE;
	int rc = channel_packet_send(fd, 0, &f);
	uint64_t until = clock_mono_us() + wait_us;
	while (rc == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_mono_us();
		if (now >= until)
			return -ETIMEDOUT;
		(void)poll(&p, 1, (int)((until - now) / 1000) + 1);
		int got = channel_packet_recv(fd, MSG_DONTWAIT, packet, &f);
		if (got == 1 && f.type == AGENT_EVENT_ACK) {
			copy_answer(&f, answer);
			return 0;
		}
		rc = got == 0 ? -EPIPE : got == -EPROTO ? got : 0;
	}
	return rc;
}

json_t *tell_event(const char *what)
{
	json_t *j = json_object();
	json_object_set_new(j, "event", json_string(what));
	return j;
}

int tell_complain(const char *program, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return code;
}
