/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/agent.h"
#include "base/clock.h"
#include "base/mem.h"
#include "guest/channel.h"
#include "guest/events.h"
#include "guest/handler.h"
#include "guest/kernel_id.h"
#include "guest/mux.h"
#include "guest/say.h"
#include "guest/shutdown.h"
#include "guest/system.h"
#include "guest/tree.h"
#include "guest/udev.h"
#include "guest/wake.h"
#include "wire/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAMES_A_ROUND  64
#define PACKETS_A_ROUND 8   /* of one stream: then the others have their turn */
#define FLUSH_MS        200 /* the host may have stopped listening */
#define CONNECT_MS      5
#define CONNECT_TRIES   (120000 / CONNECT_MS)
#define KILLS_A_CLEANUP 100
#define DRAIN_US        1000000 /* a handler that cannot run holds no event up for longer */

/* A handler and its end of the pair. */
struct stream {
	uint32_t id; /* even; 0: free */
	int fd;
	pid_t pid; /* 0: reaped */
	bool runs; /* a command, not a transfer */
	bool draining;
};

static struct {
	const struct agent_setup *setup;
	struct mux mux;
	struct events events;
	struct kernel_id kernel; /* read once: a clone runs the one that was saved with us */
	uint64_t drain_until;    /* 0: nothing is drained now */
	struct udev udev;
	struct stream streams[AGENT_STREAMS];
	uint32_t last_id;
	size_t turn; /* which stream is served first */
	uint32_t syncs[AGENT_STREAMS];
	size_t n_syncs;
	int sigchld;
	sigset_t old_mask;
	bool connected, ready_sent;
	uint32_t frozen; /* the FREEZE that is to be answered, or 0 */
	bool unread;     /* frames may lie in the decoder */
	bool end, reboot_it;
	unsigned tries;
} a;

static noreturn void finish(void)
{
	struct pollfd p = { .fd = a.mux.port, .events = POLLOUT };
	while (mux_waiting(&a.mux) && !a.mux.gone && poll(&p, 1, FLUSH_MS) > 0)
		mux_write(&a.mux);
	if (a.setup->role == AGENT_INIT)
		shutdown_machine(a.reboot_it);
	if (a.setup->role == AGENT_SERVICE)
		system_end(a.reboot_it);
	for (size_t i = 0; i < AGENT_STREAMS; i++)
		if (a.streams[i].id)
			close_fd(&a.streams[i].fd); /* the handler ends its command, and itself */
	_exit(0);
}

static void violated(const char *what)
{
	say("the host broke the protocol: %s", what);
	a.end = true;
}

static struct stream *find_stream(uint32_t id)
{
	for (size_t i = 0; id && i < AGENT_STREAMS; i++)
		if (a.streams[i].id == id)
			return &a.streams[i];
	return NULL;
}

static struct stream *free_stream(void)
{
	for (size_t i = 0; i < AGENT_STREAMS; i++)
		if (!a.streams[i].id)
			return &a.streams[i];
	return NULL;
}

/* EXIT in a handler's place. The reasons are ours: they need no escape. */
static void send_error_exit(uint32_t id, const char *why)
{
	char json[160];
	int n = snprintf(json, sizeof json, "{\"code\":-1,\"error\":\"%s\"}", why);
	if (n > 0 && (size_t)n < sizeof json)
		mux_send(&a.mux, AGENT_EXIT, id, json, (size_t)n);
}

/* What a handler that was killed has left: a child kills it, for that is file work. */
static void clean_up_after(uint32_t id)
{
	if (a.setup->role == AGENT_PROCESS || fork() != 0)
		return;
	struct tree t;
	tree_init(&t, id);
	for (int i = 0; i < KILLS_A_CLEANUP; i++) {
		int status;
		bool reaped;
		tree_signal(&t, SIGKILL);
		if (tree_reap(&t, -1, &status, &reaped))
			break;
		(void)poll(NULL, 0, 50);
	}
	tree_remove(&t);
	_exit(0);
}

static void fail_stream(struct stream *s, const char *why)
{
	if (s->pid)
		(void)kill(s->pid, SIGKILL); /* not reaped yet: the number is still its own */
	send_error_exit(s->id, why);
	clean_up_after(s->id);
	close_fd(&s->fd);
	s->id = 0;
}

static noreturn void handler(const struct frame *f, int fd)
{
	(void)sigprocmask(SIG_SETMASK, &a.old_mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (fd > 3)
		(void)close_range(3, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, ~0U, 0);
	if (a.setup->role != AGENT_PROCESS)
		tree_set_oom_score("-900");
	struct channel *c = channel_open(fd, f->stream);
	if (f->type == AGENT_EXEC)
		handler_exec(c, f->payload, f->length);
	if (f->type == AGENT_PUT)
		handler_put(c, f->payload, f->length);
	handler_get(c, f->payload, f->length);
}

static void start_handler(const struct frame *f)
{
	int pair[2];
	if (f->stream % 2 || f->stream <= a.last_id) {
		violated("a stream number was used twice");
		return;
	}
	a.last_id = f->stream;
	struct stream *s = free_stream();
	if (!s) {
		send_error_exit(f->stream, "too many commands and transfers at once");
		return;
	}
	if (channel_pair(pair) < 0) {
		send_error_exit(f->stream, "no socket for a handler");
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		handler(f, pair[1]);
	(void)close(pair[1]); /* the handler's */
	if (pid < 0) {
		(void)close(pair[0]);
		send_error_exit(f->stream, "fork failed: no memory or too many processes");
		return;
	}
	*s = (struct stream){
		.id = f->stream, .fd = pair[0], .pid = pid, .runs = f->type == AGENT_EXEC
	};
}

/* To a handler; a stream that has ended meanwhile is no fault. */
static void forward(const struct frame *f)
{
	struct stream *s = find_stream(f->stream);
	if (s && channel_packet_send(s->fd, MSG_DONTWAIT, f) == -EAGAIN)
		/* The pair holds more than all credit there is. */
		fail_stream(s, "the host sent more than it had credit for");
}

static void dispatch(const struct frame *f)
{
	switch ((enum agent_type)f->type) {
	case AGENT_EXEC:
	case AGENT_PUT:
	case AGENT_GET:
		start_handler(f);
		return;
	case AGENT_STDIN:
	case AGENT_EOF:
	case AGENT_SIGNAL:
	case AGENT_WINSIZE:
	case AGENT_CREDIT:
	case AGENT_DATA:
	case AGENT_ENTRY:
	case AGENT_HOLE:
		forward(f);
		return;
	case AGENT_EVENT_ACK:
		events_ack(&a.events, f);
		return;
	case AGENT_SYNC:
		if (a.n_syncs == AGENT_STREAMS)
			violated("too many SYNC at once");
		else
			a.syncs[a.n_syncs++] = f->stream;
		return;
	case AGENT_FREEZE:
		a.frozen = f->stream;
		return;
	case AGENT_SHUTDOWN:
		a.end = true;
		a.reboot_it = memmem(f->payload, f->length, "\"reboot\"", 8) != NULL;
		return;
	default:
		violated("a frame of unknown type");
	}
}

/* Frames from the host. Each may be answered, so there must be room for an answer. */
static void serve_port(void)
{
	struct frame f;
	a.unread = true;
	for (int i = 0; i < FRAMES_A_ROUND && !a.end; i++) {
		if (!mux_room(&a.mux))
			return;
		int rc = mux_next(&a.mux, &f);
		if (rc == 0 && !mux_read(&a.mux)) {
			a.unread = false;
			return;
		}
		if (rc == 1)
			dispatch(&f);
		if (rc < 0)
			violated("what came is no frame");
	}
}

static void serve_syncs(void)
{
	while (a.n_syncs && mux_room(&a.mux)) {
		mux_send(&a.mux, AGENT_SYNC, a.syncs[0], NULL, 0);
		a.n_syncs--;
		memmove(a.syncs, a.syncs + 1, a.n_syncs * sizeof a.syncs[0]);
	}
}

/* Whether what the commands had written when this was first asked is on its way: a test's words
 * come before its end. */
static bool commands_drained(void)
{
	uint64_t now = clock_mono_us();
	bool all = true;
	for (size_t i = 0; i < AGENT_STREAMS; i++) {
		struct stream *s = &a.streams[i];
		struct frame ask = { .type = AGENT_SYNC, .stream = s->id };
		if (!a.drain_until)
			s->draining = s->id && s->runs &&
				      channel_packet_send(s->fd, MSG_DONTWAIT, &ask) == 0;
		all = all && !(s->id && s->draining);
	}
	if (!a.drain_until)
		a.drain_until = now + DRAIN_US;
	if (!all && now < a.drain_until)
		return false;
	a.drain_until = 0;
	return true;
}

static bool serve_events(void)
{
	return events_serve(&a.events, &a.mux, commands_drained);
}

/* -> whether there may be more. */
static bool serve_stream(struct stream *s)
{
	struct frame f;
	int next = channel_packet_peek(s->fd);
	if (next == -EAGAIN)
		return false;
	if (next == AGENT_EXIT)
		s->draining = false;
	/* The end of a command comes behind what its tests and the kernel said before it. */
	if (next == AGENT_EXIT && (!serve_events() || !mux_pump_kmsg(&a.mux)))
		return false;
	if (!mux_room(&a.mux))
		return false;
	int rc = channel_packet_recv(s->fd, MSG_DONTWAIT, mux_space(&a.mux), &f);
	if (rc == 1 && f.stream == s->id && f.type == AGENT_SYNC) {
		s->draining = false;
	} else if (rc == 1 && f.stream == s->id) {
		mux_commit(&a.mux, FRAME_HEADER + f.length);
		if (f.type == AGENT_EXIT) {
			close_fd(&s->fd);
			s->id = 0;
		}
	} else if (rc != -EAGAIN) {
		fail_stream(s, "its handler in the guest died");
	}
	return s->id != 0;
}

static void serve_streams(void)
{
	a.turn = (a.turn + 1) % AGENT_STREAMS;
	for (size_t i = 0; i < AGENT_STREAMS; i++) {
		struct stream *s = &a.streams[(a.turn + i) % AGENT_STREAMS];
		int left = s->id ? PACKETS_A_ROUND : 0;
		while (left && serve_stream(s))
			left--;
	}
}

static void reap(void)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;
	while (read(a.sigchld, &si, sizeof si) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < AGENT_STREAMS; i++)
			if (a.streams[i].id && a.streams[i].pid == pid)
				a.streams[i].pid = 0;
		udev_reaped(&a.udev, pid, status);
	}
}

static void send_ready(void)
{
	char json[64];
	if (a.ready_sent || !a.connected || !mux_room(&a.mux) ||
		(a.setup->role == AGENT_INIT && !a.udev.settled))
		return;
	int n = snprintf(json, sizeof json, "{\"udev_us\":%" PRIu64 "}", a.udev.settled_us);
	mux_send(&a.mux, AGENT_READY, 0, json, (size_t)n);
	a.ready_sent = true;
}

static void send_hello(void)
{
	char json[768];
	char boot_id[40] = "";
	struct utsname u;
	const struct kernel_id *kernel = &a.kernel;
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t k = fd < 0 ? -1 : read(fd, boot_id, 36);
	(void)uname(&u); /* fails only for a bad pointer */
	int n = snprintf(json, sizeof json,
		"{\"protocol\":%d,\"release\":\"%s\",\"build_id\":\"%s\",\"config_crc\":%" PRIu32
		",\"config_bytes\":%" PRIu32 ",\"machine\":\"%s\",\"pid1\":%s,"
		"\"boot_id\":\"%.*s\",\"init_us\":%" PRIu64 ",\"hello_us\":%" PRIu64 "}",
		AGENT_PROTOCOL, u.release, kernel->build_id, kernel->config_crc,
		kernel->config_bytes, u.machine, getpid() == 1 ? "true" : "false",
		(int)(k > 0 ? k : 0), boot_id, a.setup->began_us, clock_mono_us());
	mux_send(&a.mux, AGENT_HELLO, 0, json, (size_t)n);
}

/* A virtio port that no host has opened yet says POLLHUP all the time. */
static bool is_connected(void)
{
	struct pollfd p = { .fd = a.mux.port, .events = POLLOUT };
	if (!a.connected && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR))) {
		a.connected = true;
		send_hello();
	}
	if (!a.connected && ++a.tries > CONNECT_TRIES) {
		say("no host opened the port \"" AGENT_PORT "\"");
		a.end = true;
	}
	return a.connected;
}

static void wake_up(const struct frame *f)
{
	struct agent_wake w;
	if (a.setup->role == AGENT_PROCESS || f->length != sizeof w) {
		violated("a WAKE of another size, or not to a machine of ours");
		return;
	}
	memcpy(&w, f->payload, sizeof w);
	wake_apply(&w);
	a.last_id = 0;
	a.ready_sent = false;
	send_hello();
}

/* From here on this machine may be saved, and what reads on may be a clone of it, to whom the port
 * looks closed for a while. */
static void freeze(void)
{
	struct frame f;
	struct pollfd p = { .fd = a.mux.port, .events = POLLOUT };
	wake_prepare();
	mux_send(&a.mux, AGENT_SYNC, a.frozen, NULL, 0);
	a.frozen = 0;
	while (mux_waiting(&a.mux) && !a.mux.gone && poll(&p, 1, -1) > 0)
		mux_write(&a.mux);
	p.events = POLLIN;
	while (!a.end) {
		int rc = mux_next(&a.mux, &f);
		if (rc == 1 && f.type == AGENT_WAKE) {
			wake_up(&f);
			return;
		}
		if (rc != 0)
			violated("something other than WAKE after FREEZE");
		else if (!mux_read(&a.mux))
			(void)poll(a.mux.gone ? NULL : &p, a.mux.gone ? 0 : 1, a.mux.gone ? 2 : -1);
		a.mux.gone = false;
	}
}

static int min_wait(int x, int y)
{
	return x < 0 ? y : y < 0 || x < y ? x : y;
}

static void wait_for_something(void)
{
	struct pollfd p[AGENT_STREAMS + EVENTS_MAX + 5];
	size_t n = 0;
	int ms = a.setup->role == AGENT_INIT ? udev_tick(&a.udev, clock_mono_us()) : -1;
	bool room = a.connected && mux_room(&a.mux);
	if (!a.connected)
		ms = min_wait(ms, CONNECT_MS);
	if (a.drain_until)
		ms = min_wait(ms, DRAIN_US / 1000);
	short port = (short)((room ? POLLIN : 0) | (mux_waiting(&a.mux) ? POLLOUT : 0));
	p[n++] = (struct pollfd){ .fd = a.connected ? a.mux.port : -1, .events = port };
	p[n++] = (struct pollfd){ .fd = a.sigchld, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = a.setup->role == AGENT_INIT ? a.udev.notify : -1,
		.events = POLLIN };
	if (room) {
		p[n++] = (struct pollfd){ .fd = a.mux.kmsg, .events = POLLIN };
		if (!a.drain_until) /* the one that is waited for is there already */
			n += events_poll(&a.events, p + n);
		for (size_t i = 0; i < AGENT_STREAMS; i++)
			if (a.streams[i].id)
				p[n++] = (struct pollfd){ a.streams[i].fd, POLLIN, 0 };
	}
	if (poll(p, (nfds_t)n, room && a.unread ? 0 : ms) <= 0)
		return;
	if (p[0].revents & (POLLHUP | POLLERR) && !(p[0].revents & POLLIN))
		a.mux.gone = true;
	if (p[1].revents)
		reap();
	if (p[2].revents)
		udev_notified(&a.udev);
}

/* The kernel's log, then events. false: not all of it now. */
static bool tell_all(void)
{
	return mux_pump_kmsg(&a.mux) && serve_events();
}

/* The order matters: what was there when the wait ended is sent kernel log first, then events,
 * then what commands wrote and how they ended. */
static void serve_round(void)
{
	serve_port();
	bool told = tell_all();
	if (!told && a.drain_until) {
		/* What the events wait for may just have come, and nothing else would wake us. */
		serve_streams();
		told = tell_all();
	}
	if (told) {
		serve_syncs();
		serve_streams();
		if (a.frozen && mux_room(&a.mux))
			freeze();
	}
	send_ready();
	mux_write(&a.mux);
}

/* Nothing of us is paged in again, whatever happens to memory or disks. */
static void stay_in_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		say("mlockall: %s", strerror(errno));
}

noreturn void agent_run(const struct agent_setup *s)
{
	sigset_t chld;
	a.setup = s;
	a.connected = false;
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, &a.old_mask);
	a.sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a.sigchld < 0 || fcntl(s->port, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
		say("start the agent: %s", strerror(errno));
		a.end = true;
	}
	kernel_id_read(&a.kernel);
	mux_init(&a.mux, s->port, s->kmsg);
	events_init(&a.events, s->listener);
	bool begun = false;
	while (!a.end && !a.mux.gone) {
		if (is_connected())
			serve_round();
		/* Behind HELLO, which is on its way now. */
		if (!begun && s->role == AGENT_INIT)
			udev_begin(&a.udev);
		if (!begun && s->role != AGENT_PROCESS)
			stay_in_memory();
		begun = true;
		wait_for_something();
	}
	finish();
}
