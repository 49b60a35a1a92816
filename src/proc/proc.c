/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/proc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "proc/spawn.h"
#include "proc/tree.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK           65536
#define TERM_GRACE_US   2000000
#define QUIET_US        1000000    /* left behind, and no output for so long: KILL */
#define LINGER_US       5000000    /* left behind: KILL after so long, output or not */
#define GIVE_UP_US      5000000    /* after KILL */
#define LAST_DRAIN      (4u << 20) /* more than a pipe can hold */
#define TICK_MS         10
#define SLOWEST_TICK_MS 200

enum phase {
	RUNNING,
	STOPPING,  /* TERM is sent, KILL comes at kill_at */
	LINGERING, /* it ended by itself; output or others may be left */
	OVER,
};

static const char *const phase_name[] = { "running", "stopping", "lingering", "over" };

struct stream {
	uv_poll_t poll;
	struct proc *p;
	int fd; /* -1: none, or closed */
	int which;
};

struct proc {
	struct proc *next; /* in the list of those that are not reaped */
	uv_loop_t *loop;
	char *name;
	char mark[SPAWN_MARK_SIZE];
	pid_t pid;
	int pidfd;
	enum phase phase;
	struct stream in, out[2]; /* a terminal is out[0], for both directions */
	bool pty;
	uv_poll_t exit_poll;
	uv_timer_t deadline;
	uv_timer_t tick;
	uv_signal_t chld;
	unsigned handles; /* of libuv, not yet closed */
	uint64_t tick_ms;

	struct buf input;
	bool input_ends;
	bool line_open; /* the last byte that went to the terminal was no newline */
	bool paused;
	bool ended; /* the child is a zombie: its pid and group stay ours until it is reaped */
	bool freed;
	uint64_t started_us, kill_at_us, grace_us;
	uint64_t linger_us; /* when it ended by itself, or was read on after a pause */
	struct proc_end end;
	struct tree known; /* found below it by the last look */

	void (*on_output)(void *ctx, int which, const void *data, size_t n);
	void (*on_end)(void *ctx, const struct proc_end *end);
	void *ctx;
};

static struct proc *unreaped;
static bool adopting;

static void settle(struct proc *p);

void proc_adopt_orphans(void)
{
	adopting = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

static bool is_leader(pid_t pid)
{
	for (const struct proc *p = unreaped; p; p = p->next)
		if (p->pid == pid)
			return true;
	return false;
}

static void set_phase(struct proc *p, enum phase phase)
{
	log_line(LOG_LEVEL_DEBUG, "process changes phase", "pid=%d program=%s from=%s to=%s",
		(int)p->pid, p->name, phase_name[p->phase], phase_name[phase]);
	p->phase = phase;
}

/* ---- memory and handles ---- */

static void release_if_done(struct proc *p)
{
	if (p->handles > 0 || !p->freed || p->phase != OVER)
		return;
	buf_clear(&p->input);
	tree_clear(&p->known);
	free(p->name);
	free(p);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct proc *p = handle->data;
	p->handles--;
	release_if_done(p);
}

static void close_handle(struct proc *p, void *handle)
{
	uv_handle_t *h = handle;
	if (h->data == p && !uv_is_closing(h))
		uv_close(h, on_handle_closed);
}

static void own_handle(struct proc *p, void *handle)
{
	((uv_handle_t *)handle)->data = p;
	p->handles++;
}

static void stream_close(struct stream *s)
{
	if (s->fd < 0)
		return;
	close_handle(s->p, &s->poll);
	close_fd(&s->fd);
}

static bool output_is_open(const struct proc *p)
{
	return p->out[0].fd >= 0 || p->out[1].fd >= 0;
}

/* ---- reaping ---- */

/* Wait for what was left to us and has ended. Our own children are left for settle: another
 * zombie may hide behind one, but then the one's own end leads here again. */
static void reap_orphans(void)
{
	for (;;) {
		siginfo_t si = { 0 };
		if (!adopting || waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
			return;
		if (si.si_pid == 0 || is_leader(si.si_pid))
			return;
		(void)waitpid(si.si_pid, NULL, WNOHANG); /* it is there: just seen */
	}
}

static void on_sigchld(uv_signal_t *handle, int sig)
{
	reap_orphans();
}

/* From here on the pid is no longer ours. */
static void reap_leader(struct proc *p)
{
	int status;
	struct rusage usage;
	struct proc **at = &unreaped;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (wait4(p->pid, &status, WNOHANG, &usage) != p->pid) {
		/* Somebody else has waited for it. What is not known must not read as good. */
		log_line(LOG_LEVEL_ERROR, "exit status lost", "pid=%d program=%s", (int)p->pid,
			p->name);
		p->end.how = PROC_EXITED;
		p->end.value = 255;
		return;
	}
	p->end.how = WIFSIGNALED(status) ? PROC_SIGNALED : PROC_EXITED;
	p->end.value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	p->end.max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static void close_all_handles(struct proc *p)
{
	stream_close(&p->in);
	stream_close(&p->out[0]);
	stream_close(&p->out[1]);
	close_handle(p, &p->exit_poll);
	close_handle(p, &p->deadline);
	close_handle(p, &p->tick);
	close_handle(p, &p->chld);
	close_fd(&p->pidfd);
}

static void finish(struct proc *p)
{
	reap_leader(p);
	reap_orphans();
	close_all_handles(p);
	set_phase(p, OVER);
	if (!p->freed && p->on_end)
		p->on_end(p->ctx, &p->end);
	release_if_done(p);
}

/* ---- output and input ---- */

static void stream_update(struct stream *s);

/* Returns false when there is nothing more to read now, or for good (then the stream is closed). */
static bool read_output(struct stream *s)
{
	struct proc *p = s->p;
	char data[CHUNK];
	ssize_t n = read(s->fd, data, sizeof data);
	if (n > 0) {
		if (p->phase == LINGERING) {
			uint64_t last = p->linger_us + LINGER_US;
			uint64_t next = clock_mono_us() + QUIET_US;
			p->kill_at_us = next < last ? next : last;
		}
		if (p->on_output && !p->freed)
			p->on_output(p->ctx, s->which, data, (size_t)n);
		return s->fd >= 0 && !p->paused;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* End of file. A terminal says EIO when nobody has it open any more. */
	stream_close(s);
	return false;
}

/* Who still holds the other end has been given up: what lies in the pipe is the last of it. */
static void drain_and_close(struct proc *p)
{
	for (int i = 0; i < 2; i++) {
		struct stream *s = &p->out[i];
		for (size_t n = 0; s->fd >= 0 && n < LAST_DRAIN; n += CHUNK)
			if (!read_output(s))
				break;
		if (p->paused)
			return;
		stream_close(s);
	}
}

/* A pipe whose reader is gone raises SIGPIPE, which is not the whole program's business. */
static ssize_t write_quietly(int fd, const void *data, size_t n)
{
	sigset_t pipe_set;
	sigset_t before;
	sigset_t pending;
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	(void)sigpending(&pending);                       /* these three cannot fail */
	(void)sigprocmask(SIG_BLOCK, &pipe_set, &before); /* with valid arguments */
	ssize_t rc = write(fd, data, n);
	int code = errno;
	if (rc < 0 && code == EPIPE && !sigismember(&pending, SIGPIPE)) {
		const struct timespec now = { 0 };
		(void)sigtimedwait(&pipe_set, NULL, &now); /* ours, just raised */
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return rc;
}

static struct stream *input_stream(struct proc *p)
{
	return p->pty ? &p->out[0] : &p->in;
}

static void end_input(struct proc *p)
{
	if (!p->pty) {
		stream_close(&p->in);
		return;
	}
	/* The character counts as end of file only at a line's start; else it just sends the line
	 * off, and a second one is needed. */
	p->input_ends = false;
	buf_add(&p->input, "\4\4", p->line_open ? 2 : 1);
}

static void write_input(struct proc *p)
{
	struct stream *s = input_stream(p);
	if (p->input.len > 0) {
		ssize_t n = write_quietly(s->fd, p->input.s, p->input.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			buf_clear(&p->input);
			if (!p->pty)
				stream_close(s);
			return;
		}
		p->line_open = n > 0 && p->input.s[n - 1] != '\n' && p->input.s[n - 1] != '\4';
		buf_consume(&p->input, (size_t)n);
	}
	if (p->input.len == 0 && p->input_ends)
		end_input(p);
}

static void on_stream(uv_poll_t *handle, int status, int events)
{
	struct proc *p = handle->data;
	struct stream *s = handle == &p->in.poll       ? &p->in
			   : handle == &p->out[0].poll ? &p->out[0]
						       : &p->out[1];
	/* The other end of a pipe closed: libuv calls it an error and stops polling. The write
	 * or read says what it is. */
	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if ((events & UV_WRITABLE) && s == input_stream(p))
		write_input(p);
	if ((events & UV_READABLE) && s != &p->in && s->fd >= 0 && !p->paused)
		(void)read_output(s); /* one read a wake-up; the loop comes back for more */
	stream_update(s);
	if (p->ended && p->phase != OVER && !output_is_open(p))
		settle(p);
}

static void stream_update(struct stream *s)
{
	if (s->fd < 0)
		return;
	struct proc *p = s->p;
	int events = 0;
	if (s != &p->in && !p->paused)
		events |= UV_READABLE;
	if (s == input_stream(p) && (p->input.len > 0 || p->input_ends))
		events |= UV_WRITABLE;
	if (events)
		(void)uv_poll_start(&s->poll, events, on_stream); /* cannot fail on an open one */
	else
		(void)uv_poll_stop(&s->poll); /* never fails */
}

/* ---- the end ---- */

static void signal_members(const struct proc *p, const struct tree *t, int sig, bool with_group)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].member && (!with_group || t->rows[i].group != p->pid))
			tree_signal(&t->rows[i], sig);
}

static size_t find_members(struct proc *p, struct tree *t)
{
	const struct tree_query q = { .known = &p->known,
		.leader = p->pid,
		.mark = p->mark,
		.adopting = adopting,
		.only = unreaped == p && !p->next,
		.is_leader = is_leader };
	tree_read(t);
	size_t n = tree_find_members(t, &q);
	tree_remember(t, &p->known);
	return n;
}

/* The group in one act, so that a fork under way cannot slip through, then who left it. */
static void signal_all(struct proc *p, const struct tree *t, int sig)
{
	(void)kill(-p->pid, sig); /* the unreaped child keeps the group's number ours */
	signal_members(p, t, sig, true);
}

static void on_tick(uv_timer_t *timer)
{
	settle(timer->data);
}

static void arm_tick(struct proc *p, uint64_t now, bool wait_for_kill)
{
	uint64_t ms = p->tick_ms;
	p->tick_ms = ms * 2 < SLOWEST_TICK_MS ? ms * 2 : SLOWEST_TICK_MS;
	uint64_t left = p->kill_at_us > now ? (p->kill_at_us - now) / 1000 + 1 : 0;
	if (left > 0 && (wait_for_kill || left < ms))
		ms = left;
	uv_update_time(p->loop);
	(void)uv_timer_start(&p->tick, on_tick, ms, 0); /* has a callback: cannot fail */
}

/* Where a child stands that was told to stop or has ended: KILL whom it is time for, find out
 * whether all is over, else come back later. */
static void settle(struct proc *p)
{
	uint64_t now = clock_mono_us();
	if (p->phase == OVER || p->phase == RUNNING)
		return;
	if (p->phase == LINGERING && p->paused && output_is_open(p) && now >= p->kill_at_us)
		p->kill_at_us = now + QUIET_US; /* it is the reader who is slow */
	bool killing = now >= p->kill_at_us;
	if (!killing && (!p->ended || output_is_open(p))) {
		arm_tick(p, now, true);
		return;
	}
	auto_tree struct tree t = { 0 };
	size_t left = find_members(p, &t);
	if (killing && (left > 0 || !p->ended))
		signal_all(p, &t, SIGKILL);
	bool give_up = now >= p->kill_at_us + GIVE_UP_US;
	if (p->ended && (left == 0 || give_up)) {
		if (left > 0)
			log_line(LOG_LEVEL_WARNING, "processes left behind",
				"pid=%d program=%s left=%zu", (int)p->pid, p->name, left);
		if (killing && !p->paused)
			drain_and_close(p);
		if (!output_is_open(p)) {
			finish(p);
			return;
		}
	}
	arm_tick(p, now, false);
}

static void on_exit_ready(uv_poll_t *handle, int status, int events)
{
	struct proc *p = handle->data;
	(void)uv_poll_stop(handle); /* never fails; a zombie's pidfd stays readable */
	p->ended = true;
	uint64_t now = clock_mono_us();
	p->end.duration_us = now - p->started_us;
	p->tick_ms = TICK_MS;
	if (p->phase == RUNNING) {
		p->linger_us = now;
		p->kill_at_us = now + QUIET_US;
		set_phase(p, LINGERING);
	}
	settle(p);
}

static void begin_stop(struct proc *p, uint64_t grace_us)
{
	if (p->phase == STOPPING || p->phase == OVER)
		return;
	auto_tree struct tree t = { 0 };
	(void)find_members(p, &t);
	set_phase(p, STOPPING);
	p->kill_at_us = clock_mono_us() + grace_us;
	p->tick_ms = TICK_MS;
	if (grace_us > 0) {
		signal_all(p, &t, SIGTERM);
		signal_all(p, &t, SIGCONT); /* one that is halted cannot act on it */
		arm_tick(p, clock_mono_us(), !p->ended);
	} else {
		signal_all(p, &t, SIGKILL);
		arm_tick(p, clock_mono_us(), false);
	}
}

static void on_deadline(uv_timer_t *timer)
{
	struct proc *p = timer->data;
	if (p->phase == RUNNING)
		p->end.timed_out = true;
	begin_stop(p, p->ended ? 0 : p->grace_us);
}

/* ---- start ---- */

static int stream_open(struct proc *p, struct stream *s, int *fd, int which, struct err *e)
{
	s->p = p;
	s->fd = -1;
	s->which = which;
	if (*fd < 0)
		return 0;
	int rc = uv_poll_init(p->loop, &s->poll, *fd);
	if (rc < 0)
		return err_code(e, rc, "watch the output of %s", p->name);
	own_handle(p, &s->poll);
	s->fd = take_fd(fd);
	stream_update(s);
	return 0;
}

static int open_handles(struct proc *p, struct spawned *c, struct err *e)
{
	int rc = uv_poll_init(p->loop, &p->exit_poll, c->pidfd);
	if (rc < 0)
		return err_code(e, rc, "watch %s", p->name);
	own_handle(p, &p->exit_poll);
	p->pidfd = take_fd(&c->pidfd);
	(void)uv_timer_init(p->loop, &p->deadline); /* these two never fail */
	own_handle(p, &p->deadline);
	(void)uv_timer_init(p->loop, &p->tick);
	own_handle(p, &p->tick);
	if (adopting) {
		rc = uv_signal_init(p->loop, &p->chld);
		if (rc < 0)
			return err_code(e, rc, "watch for orphans");
		own_handle(p, &p->chld);
		rc = uv_signal_start(&p->chld, on_sigchld, SIGCHLD);
		if (rc < 0)
			return err_code(e, rc, "watch for orphans");
	}
	rc = stream_open(p, &p->in, &c->in, 0, e);
	if (rc == 0)
		rc = stream_open(p, &p->out[0], &c->out, 1, e);
	if (rc == 0)
		rc = stream_open(p, &p->out[1], &c->err, 2, e);
	return rc;
}

/* The program's mark in the environment, if a proc_spawn of another fsqa made it, goes first. */
static void make_mark(struct proc *p)
{
	static unsigned count;
	const char *outer = getenv(SPAWN_MARK_NAME);
	int n = snprintf(
		p->mark, sizeof p->mark, "%s/%d.%u", outer ? outer : "", (int)getpid(), ++count);
	if (n < 0 || (size_t)n >= sizeof p->mark) /* nested too deep: only what is below us */
		(void)snprintf(p->mark, sizeof p->mark, "/%d.%u", (int)getpid(), count); /* fits */
}

static void abandon(struct proc *p, struct spawned *c)
{
	(void)kill(-c->pid, SIGKILL); /* ours, and not yet reaped: cannot miss */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close_all_handles(p);
	close_fd(&c->pidfd);
	close_fd(&c->in);
	close_fd(&c->out);
	close_fd(&c->err);
	p->freed = true;
	p->phase = OVER;
	release_if_done(p);
}

int proc_spawn(uv_loop_t *loop, const struct proc_spec *spec, struct proc **ret, struct err *e)
{
	struct proc *p = xcalloc(1, sizeof *p);
	struct spawned c;
	make_mark(p);
	int rc = spawn_child(spec, p->mark, &c, e);
	if (rc < 0) {
		free(p);
		return rc;
	}
	p->loop = loop;
	p->name = xstrdup(spec->argv[0]);
	p->pid = c.pid;
	p->pidfd = -1;
	p->in.fd = p->out[0].fd = p->out[1].fd = -1;
	p->pty = spec->in == PROC_PTY;
	p->started_us = clock_mono_us();
	p->grace_us = spec->term_grace_us ? spec->term_grace_us : TERM_GRACE_US;
	p->on_output = spec->on_output;
	p->on_end = spec->on_end;
	p->ctx = spec->ctx;
	rc = open_handles(p, &c, e);
	if (rc < 0) {
		abandon(p, &c);
		return rc;
	}
	p->next = unreaped;
	unreaped = p;
	uv_update_time(loop);
	(void)uv_poll_start(&p->exit_poll, UV_READABLE, on_exit_ready); /* open: cannot fail */
	if (spec->deadline_us)
		(void)uv_timer_start(
			&p->deadline, on_deadline, (spec->deadline_us + 999) / 1000, 0);
	*ret = p;
	return 0;
}

pid_t proc_pid(const struct proc *p)
{
	return p->pid;
}

size_t proc_write(struct proc *p, const void *data, size_t n)
{
	struct stream *s = input_stream(p);
	if (s->fd < 0 || p->input_ends)
		return 0;
	buf_add(&p->input, data, n);
	stream_update(s);
	return p->input.len;
}

void proc_write_end(struct proc *p)
{
	struct stream *s = input_stream(p);
	if (s->fd < 0)
		return;
	p->input_ends = true;
	stream_update(s);
}

void proc_pause(struct proc *p, bool paused)
{
	if (p->paused && !paused && p->phase == LINGERING) {
		p->linger_us = clock_mono_us();
		p->kill_at_us = p->linger_us + QUIET_US;
	}
	p->paused = paused;
	stream_update(&p->out[0]);
	stream_update(&p->out[1]);
}

void proc_resize(struct proc *p, unsigned cols, unsigned rows)
{
	const struct winsize ws = { .ws_col = (unsigned short)cols,
		.ws_row = (unsigned short)rows };
	if (p->pty && p->out[0].fd >= 0)
		(void)ioctl(p->out[0].fd, TIOCSWINSZ, &ws); /* the kernel sends WINCH; a terminal
							     * that just went needs no size */
}

void proc_signal(struct proc *p, int sig)
{
	if (p->pidfd >= 0)
		(void)pidfd_send_signal(p->pidfd, sig, NULL, 0); /* fails where it just ended */
}

void proc_stop(struct proc *p)
{
	if (p->phase == OVER)
		return;
	if (p->phase == STOPPING) {
		p->kill_at_us = clock_mono_us();
		(void)uv_timer_start(&p->tick, on_tick, 0, 0); /* from the loop: see on_end */
		return;
	}
	if (!p->ended)
		p->end.stopped = true;
	begin_stop(p, p->grace_us);
}

void proc_free(struct proc *p)
{
	if (!p || p->freed)
		return;
	p->freed = true;
	if (p->phase == OVER) {
		release_if_done(p);
		return;
	}
	stream_close(&p->in);
	stream_close(&p->out[0]);
	stream_close(&p->out[1]);
	p->paused = false;
	if (p->phase == STOPPING) {
		p->kill_at_us = clock_mono_us();
		(void)uv_timer_start(&p->tick, on_tick, 0, 0); /* has a callback: cannot fail */
	}
	begin_stop(p, 0);
}

void proc_disown(struct proc *p)
{
	if (p->phase != RUNNING) {
		proc_free(p);
		return;
	}
	struct proc **at = &unreaped;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->freed = true;
	set_phase(p, OVER);
	close_all_handles(p);
	release_if_done(p);
}

void proc_outlive_parent(void)
{
	(void)prctl(PR_SET_PDEATHSIG, 0); /* cannot fail with 0 */
}
