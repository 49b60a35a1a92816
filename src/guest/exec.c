/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "guest/channel.h"
#include "guest/handler.h"
#include "guest/request.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* After the leader's exit its output may come a little later, by a child or a pipe through
 * another program. */
#define OUTPUT_GRACE_US 250000
#define KILL_AGAIN_US   50000
/* A process in an uninterruptible sleep does not die: say so and go on without it. */
#define KILL_GIVE_UP_US   10000000
#define TERMINAL_AGAIN_US 50000
#define IO_CHUNK          FRAME_MAX_PAYLOAD
/* What lies in a pipe of the usual size: a command that writes on and on ends no SYNC. */
#define SYNC_BYTES 65536

enum phase {
	PHASE_STARTING, /* the child has not reached exec */
	PHASE_RUNNING,
	PHASE_LINGER,   /* the leader is gone, others may still write */
	PHASE_KILLING,  /* all get KILL until none is left */
	PHASE_DRAINING, /* what lies in the pipes goes out */
	PHASE_DONE,
};

struct exec {
	struct channel *ch;
	struct request req;
	struct tree tree;
	struct started p;
	enum phase phase;
	int sigchld;
	int status;
	bool reaped, timed_out, lost;
	char error[256];
	struct buf input;
	bool input_eof;
	bool sync;                             /* the agent waits for what was written until now */
	size_t sync_window;                    /* bytes more, and it was */
	uint64_t stop_at, kill_at, give_up_at; /* 0: not set */
	uint64_t look_at; /* when to look at a terminal again that nobody has open */
};

static const char *socket_path;

void handler_set_socket(const char *path)
{
	socket_path = path;
}

static void go_on(struct exec *x, enum phase phase, uint64_t now)
{
	x->phase = phase;
	if (phase == PHASE_LINGER) {
		x->kill_at = now + OUTPUT_GRACE_US;
		x->stop_at = 0;
	} else if (phase == PHASE_KILLING) {
		tree_signal(&x->tree, SIGKILL);
		x->kill_at = now + KILL_AGAIN_US;
		x->give_up_at = now + KILL_GIVE_UP_US;
		x->stop_at = 0;
	}
}

static void lose_input(struct exec *x)
{
	/* Whoever wrote it is not held up for a command that reads no more. */
	channel_consumed(x->ch, x->input.len);
	buf_clear(&x->input);
	close_fd(&x->p.in);
}

static void write_input(struct exec *x)
{
	while (x->p.in >= 0 && x->input.len) {
		ssize_t n = write(x->p.in, x->input.s, x->input.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			lose_input(x);
			return;
		}
		buf_consume(&x->input, (size_t)n);
		channel_consumed(x->ch, (size_t)n);
	}
	if (x->input_eof && x->p.in >= 0 && !x->input.len) {
		if (x->req.pty) {
			struct termios t;
			bool known = tcgetattr(x->p.out, &t) == 0;
			unsigned char eof = known ? t.c_cc[VEOF] : 4;
			(void)!write(x->p.in, &eof, 1); /* terminal full: it reads nothing anyway */
			x->input_eof = false;
		} else {
			close_fd(&x->p.in);
		}
	}
}

static void take_input(struct exec *x, const struct frame *f)
{
	if (x->p.in < 0) {
		channel_consumed(x->ch, f->length);
		return;
	}
	if (x->input.len + f->length > AGENT_WINDOW) {
		/* Our memory is bounded by the window: such a host is not served. */
		(void)snprintf(x->error, sizeof x->error, "more input than credit was given");
		x->lost = true;
		return;
	}
	buf_add(&x->input, f->payload, f->length);
}

static void take_signal(struct exec *x, int sig)
{
	if (sig < 1 || sig >= NSIG || x->reaped)
		return;
	if (sig == SIGKILL || sig == SIGTERM) {
		tree_signal(&x->tree, sig);
		return;
	}
	pid_t group = x->req.pty ? tcgetpgrp(x->p.out) : x->p.pid;
	(void)kill(group > 1 ? -group : x->p.pid, sig); /* may be gone already */
}

static void take_control(struct exec *x, const struct frame *f)
{
	auto_json json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) < 0)
		return;
	if (f->type == AGENT_SIGNAL)
		take_signal(x, (int)json_i64_or(j, "signal", 0));
	else if (x->req.pty && x->p.out >= 0)
		request_set_winsize(x->p.out, (unsigned)json_i64_or(j, "cols", 80) & 0xffff,
			(unsigned)json_i64_or(j, "rows", 24) & 0xffff);
}

static void begin_sync(struct exec *x)
{
	x->sync = true;
	x->sync_window = SYNC_BYTES;
}

static void take_frames(struct exec *x)
{
	struct frame f;
	int rc;
	while ((rc = channel_next(x->ch, false, &f)) == 1) {
		if (f.type == AGENT_STDIN)
			take_input(x, &f);
		else if (f.type == AGENT_EOF)
			x->input_eof = true;
		else if (f.type == AGENT_SIGNAL || f.type == AGENT_WINSIZE)
			take_control(x, &f);
		else if (f.type == AGENT_SYNC)
			begin_sync(x);
		else if (f.type != AGENT_CREDIT)
			x->lost = true;
	}
	if (rc < 0)
		x->lost = true;
}

/* Whether it could be sent. */
static bool has_room(const struct exec *x)
{
	return channel_credit(x->ch) > 0 && !channel_waiting(x->ch);
}

/* -> bytes that came; closes *fd at its end. */
static size_t read_output(struct exec *x, int *fd, uint16_t type)
{
	static char chunk[IO_CHUNK];
	size_t want = channel_credit(x->ch);
	if (*fd < 0 || !has_room(x))
		return 0;
	ssize_t n = read(*fd, chunk, want < sizeof chunk ? want : sizeof chunk);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == EIO && x->phase < PHASE_LINGER) {
		/* No one has the terminal open, but its session may open /dev/tty again. */
		x->look_at = clock_mono_us() + TERMINAL_AGAIN_US;
		return 0;
	}
	if (n <= 0) {
		close_fd(fd);
		return 0;
	}
	channel_data(x->ch, type, chunk, (size_t)n);
	return (size_t)n;
}

static size_t read_outputs(struct exec *x)
{
	size_t out = read_output(x, &x->p.out, AGENT_STDOUT);
	return out + read_output(x, &x->p.err, AGENT_STDERR);
}

/* A terminal or pipe that gives nothing was read to its end: a read of a terminal waits for what
 * the kernel moves there in the background. */
static void answer_sync(struct exec *x)
{
	while (x->sync && has_room(x)) {
		size_t n = read_outputs(x);
		if (n && n < x->sync_window) {
			x->sync_window -= n;
		} else if (n || has_room(x)) {
			channel_send(x->ch, AGENT_SYNC, NULL, 0);
			x->sync = false;
		}
	}
}

/* The child's word on how exec went. */
static void read_status(struct exec *x)
{
	ssize_t n = x->p.status < 0 ? -1 : read(x->p.status, x->error, sizeof x->error - 1);
	if (n < 0)
		return;
	x->error[n] = '\0';
	close_fd(&x->p.status);
	if (x->phase == PHASE_STARTING)
		x->phase = PHASE_RUNNING;
}

static void give_up(struct exec *x)
{
	char who[160] = "a process";
	(void)tree_describe(&x->tree, who, sizeof who); /* or without its name */
	if (!x->reaped)
		(void)snprintf(x->error, sizeof x->error, "%s was killed but does not die", who);
	x->phase = PHASE_DRAINING;
}

/* What time alone brings about. */
static void take_time(struct exec *x, uint64_t now)
{
	if (x->stop_at && now >= x->stop_at) {
		x->timed_out = true;
		x->stop_at = 0;
		x->kill_at = now + x->req.grace_us;
		tree_signal(&x->tree, SIGTERM);
	}
	if (x->look_at && (now >= x->look_at || x->phase >= PHASE_LINGER))
		x->look_at = 0;
	if (x->phase == PHASE_KILLING && now >= x->give_up_at)
		give_up(x);
	else if (x->phase == PHASE_KILLING && x->kill_at && now >= x->kill_at) {
		tree_signal(&x->tree, SIGKILL);
		x->kill_at = now + KILL_AGAIN_US;
	} else if (x->phase < PHASE_KILLING && x->kill_at && now >= x->kill_at) {
		go_on(x, PHASE_KILLING, now);
	}
}

static void advance(struct exec *x, uint64_t now)
{
	bool empty =
		x->phase < PHASE_DRAINING && tree_reap(&x->tree, x->p.pid, &x->status, &x->reaped);
	take_time(x, now);
	if (x->lost && x->phase < PHASE_KILLING)
		go_on(x, PHASE_KILLING, now);
	if (x->reaped && x->phase < PHASE_LINGER) {
		read_status(x);
		go_on(x, PHASE_LINGER, now);
	}
	/* Nobody can write any more, or nobody wants to. */
	if (x->phase == PHASE_LINGER && empty)
		x->phase = PHASE_DRAINING;
	else if (x->phase == PHASE_LINGER && x->p.out < 0 && x->p.err < 0)
		go_on(x, PHASE_KILLING, now);
	if (x->phase == PHASE_KILLING && empty)
		x->phase = PHASE_DRAINING;
	if (x->phase != PHASE_DRAINING)
		return;
	while (read_outputs(x))
		;
	bool held = !x->lost && !has_room(x);
	/* All who wrote are dead, so an empty pipe stays empty, whoever else holds it open. */
	if (!held)
		x->phase = PHASE_DONE;
}

static int wait_ms(const struct exec *x, uint64_t now)
{
	uint64_t at = 0;
	const uint64_t times[] = { x->stop_at, x->kill_at, x->give_up_at, x->look_at };
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i] && (!at || times[i] < at))
			at = times[i];
	if (x->phase == PHASE_DRAINING || !at)
		return -1;
	if (at <= now)
		return 0;
	return at - now > 3600000000 ? 3600000 : (int)((at - now + 999) / 1000);
}

static void wait_for_something(struct exec *x, uint64_t now)
{
	bool room = has_room(x);
	bool want_in = x->input.len || (x->input_eof && x->p.in >= 0);
	short out = channel_waiting(x->ch) ? POLLOUT : 0;
	struct pollfd p[] = {
		{ .fd = channel_fd(x->ch), .events = (short)(POLLIN | out) },
		{ .fd = x->sigchld, .events = POLLIN },
		{ .fd = x->p.status, .events = POLLIN },
		{ .fd = room && !x->look_at ? x->p.out : -1, .events = POLLIN },
		{ .fd = room ? x->p.err : -1, .events = POLLIN },
		{ .fd = want_in ? x->p.in : -1, .events = POLLOUT },
	};
	if (x->lost)
		p[0].fd = -1;
	if (poll(p, ARRAY_LEN(p), wait_ms(x, now)) <= 0)
		return;
	struct signalfd_siginfo si;
	if (p[1].revents)
		(void)!read(x->sigchld, &si, sizeof si); /* only wakes us; advance() reaps */
	if (p[2].revents)
		read_status(x);
	if (p[3].revents || p[4].revents)
		(void)read_outputs(x);
}

static void run(struct exec *x)
{
	uint64_t now = clock_mono_us();
	x->stop_at = x->req.deadline_us ? now + x->req.deadline_us : 0;
	while (x->phase != PHASE_DONE) {
		channel_flush(x->ch, false);
		take_frames(x);
		write_input(x);
		answer_sync(x);
		advance(x, now);
		if (x->phase != PHASE_DONE)
			wait_for_something(x, now);
		now = clock_mono_us();
	}
}

static noreturn void end(struct exec *x)
{
	struct channel_exit r = { .code = -1, .timed_out = x->timed_out };
	if (x->error[0])
		r.error = x->error;
	else if (WIFSIGNALED(x->status))
		r.signal = WTERMSIG(x->status);
	else
		r.code = WEXITSTATUS(x->status);
	r.oom = tree_oom(&x->tree);
	tree_remove(&x->tree);
	channel_exit(x->ch, &r);
	_exit(0);
}

noreturn void handler_exec(struct channel *c, const void *json, size_t n)
{
	static struct exec x;
	struct err e = { 0 };
	sigset_t chld;
	x.ch = c;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL); /* cannot fail with these arguments */
	x.sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	int rc = x.sigchld < 0 ? err_sys(&e, "signalfd") : request_parse(json, n, &x.req, &e);
	if (rc == 0) {
		tree_init(&x.tree, channel_stream(c));
		rc = request_start(&x.req, &x.tree, socket_path, &x.p, &e);
	}
	if (rc == 0)
		run(&x);
	else
		(void)snprintf(x.error, sizeof x.error, "%s", e.msg);
	end(&x);
}
