/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/tty.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/protocol.h"
#include "wire/link.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct tty {
	struct link *link;
	uv_poll_t poll; /* where input can be waited for */
	uv_idle_t idle; /* where it cannot */
	uv_signal_t winch;
	bool polls;
	bool over;   /* the input has ended */
	size_t room; /* what may be sent before some of it was taken */
	struct termios was;
	bool raw;
	unsigned handles; /* not yet closed */
};

static void read_more(struct tty *t);

static void on_poll(uv_poll_t *p, int status, int events)
{
	read_more(p->data);
}

static void on_idle(uv_idle_t *i)
{
	read_more(i->data);
}

static void listen_on(struct tty *t, bool on)
{
	if (t->polls && on)
		uv_poll_start(&t->poll, UV_READABLE, on_poll);
	else if (t->polls)
		uv_poll_stop(&t->poll);
	else if (on)
		uv_idle_start(&t->idle, on_idle);
	else
		uv_idle_stop(&t->idle);
}

static void read_more(struct tty *t)
{
	char chunk[FRAME_MAX_PAYLOAD];
	ssize_t n = read(STDIN_FILENO, chunk, t->room < sizeof chunk ? t->room : sizeof chunk);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	t->over = n <= 0;
	/* An empty frame is the end of the input. */
	link_send(t->link, RUN_TTY_IN, 0, chunk, n > 0 ? (size_t)n : 0);
	t->room -= n > 0 ? (size_t)n : 0;
	if (t->over || t->room == 0)
		listen_on(t, false);
}

void tty_taken(struct tty *t, const struct frame *f)
{
	uint32_t n = 0;
	if (!t || f->length != sizeof n)
		return;
	memcpy(&n, f->payload, sizeof n); /* both ends are this host */
	if (n <= RUN_TTY_WINDOW - t->room)
		t->room += n;
	if (!t->over && t->room)
		listen_on(t, true);
}

static void on_winch(uv_signal_t *s, int number)
{
	const struct tty *t = s->data;
	struct winsize w;
	char text[64];
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	int n = snprintf(text, sizeof text, "{\"cols\": %u, \"rows\": %u}", w.ws_col, w.ws_row);
	link_send(t->link, RUN_TTY_SIZE, 0, text, (size_t)n); /* fits */
}

struct tty *tty_open(uv_loop_t *loop, struct link *link, bool raw)
{
	struct tty *t = xcalloc(1, sizeof *t);
	t->link = link;
	t->room = RUN_TTY_WINDOW;
	t->polls = uv_poll_init(loop, &t->poll, STDIN_FILENO) == 0;
	uv_idle_init(loop, &t->idle);
	uv_signal_init(loop, &t->winch);
	t->poll.data = t->idle.data = t->winch.data = t;
	t->handles = t->polls ? 3 : 2;
	listen_on(t, true);
	if (!raw || tcgetattr(STDIN_FILENO, &t->was) < 0)
		return t;
	struct termios settings = t->was;
	cfmakeraw(&settings);
	t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
	uv_signal_start(&t->winch, on_winch, SIGWINCH);
	on_winch(&t->winch, SIGWINCH); /* it may have changed before the command was there */
	return t;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct tty *t = h->data;
	if (--t->handles == 0)
		free(t);
}

void tty_close(struct tty *t)
{
	if (!t)
		return;
	if (t->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t->was); /* nothing else can be done */
	if (t->polls)
		uv_close((uv_handle_t *)&t->poll, on_handle_closed);
	uv_close((uv_handle_t *)&t->idle, on_handle_closed);
	uv_close((uv_handle_t *)&t->winch, on_handle_closed);
}

void tty_output(int which, const void *data, size_t n)
{
	/* A reader that went away is its own matter. */
	(void)fd_write_all(which == 2 ? STDERR_FILENO : STDOUT_FILENO, data, n, NULL);
}
