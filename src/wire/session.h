/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h: a target that is up: exec, put, get, log. The host's side of wire/agent.h; every
 * live target (qemu, ssh, ec2) yields one. The other end is not trusted: frames are checked,
 * sizes capped, unknown streams and types end the session as broken. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct agent_wake;
struct err;
struct session;
struct session_job;

struct session_kmsg {
	unsigned level;    /* 0 emergency .. 7 debug */
	unsigned facility; /* 0: the kernel itself; else a process wrote it to /dev/kmsg */
	uint64_t seq;
	uint64_t us;      /* guest's monotonic time */
	const char *text; /* one record, cleaned UTF-8, no newline at its end; borrowed */
};

struct session_handler {
	/* The agent serves; `hello` borrowed: {protocol, release, build_id ...}. */
	void (*on_hello)(void *ctx, const json_t *hello);
	/* Device nodes are settled: suites may start. */
	void (*on_ready)(void *ctx);
	void (*on_kmsg)(void *ctx, const struct session_kmsg *k);
	/* From fsqa-test and fsqa-disk (wire/agent.h, Events). Each but a collect
	 * must be answered by session_event_ack once what it asks for holds; the guest waits for
	 * that. */
	void (*on_event)(void *ctx, uint32_t stream, const json_t *event);
	/* Once: the other end is gone (code 0) or lied (-EPROTO). Jobs under way end first, each
	 * with on_exit lost=true. */
	void (*on_lost)(void *ctx, const struct err *why);
};

/* Takes `fd` (on success only). `h` is borrowed for the session's life. */
int session_open(uv_loop_t *loop, int fd, const struct session_handler *h, void *ctx,
	struct session **ret, struct err *e);
void session_close(struct session *s);
/* The other end is given up: all that is under way ends as when the channel does, on_lost last. */
void session_drop(struct session *s); /* NULL: no-op; no callback comes any more */

struct session_exit {
	bool lost;         /* the session ended first; the rest says nothing */
	bool timed_out;    /* its deadline passed in the guest */
	bool oom;          /* the guest's kernel killed it for memory */
	int code;          /* exit code, or -1 */
	int signal;        /* or 0 */
	char error[160];   /* not empty: it did not start or the transfer failed, and why */
	char warning[256]; /* not empty: what of a put's owners, modes, attributes did not hold */
};

struct session_exec {
	const char *const *argv;
	const char *const *env; /* "NAME=value"; added to the agent's basic environment */
	const char *cwd;        /* NULL: "/" */
	const char *user;       /* NULL: root */
	bool pty;
	unsigned cols, rows;
	bool stdin_open;      /* false: /dev/null (or an idle terminal) */
	uint64_t deadline_us; /* 0: none */
	uint64_t grace_us;    /* from TERM to KILL; 0: 5 s */
	/* which: 1 out, 2 err. Credit goes back when it returns, unless job is paused. */
	void (*on_output)(void *ctx, int which, const void *data, size_t n);
	/* n bytes of its input went to the guest. May be NULL. */
	void (*on_input)(void *ctx, size_t n);
	void (*on_exit)(
		void *ctx, const struct session_exit *x); /* last; the job is gone after it */
	void *ctx;
};

/* *ret is valid until on_exit. -EAGAIN: too many at once; -ENOTCONN: lost. */
int session_exec(
	struct session *s, const struct session_exec *x, struct session_job **ret, struct err *e);
/* Queue input; what passes the credit waits inside. Returns bytes waiting. */
size_t session_job_write(struct session_job *j, const void *p, size_t n);
void session_job_eof(struct session_job *j);
void session_job_signal(struct session_job *j, int sig);
void session_job_resize(struct session_job *j, unsigned cols, unsigned rows);
/* Hold credit back: the command in the guest blocks once its window is full. */
void session_job_pause(struct session_job *j, bool paused);

/* Copy a file or folder to `path` in the guest, whose parents are made. Of what is sent by name,
 * modes, times, extended attributes, links and holes are kept; a folder that is there already stays
 * and gets what is new, a file is replaced. A put or get in which the guest does nothing for two
 * minutes fails (its filesystem hangs). */
struct session_put {
	const char *from; /* NULL: the file `fd`, borrowed until on_exit, with `mode` */
	int fd;
	unsigned mode;
	const char *path;
	bool owners; /* users and groups are kept, too; else all is root's */
	void (*on_exit)(void *ctx, const struct session_exit *x);
	void *ctx;
};
/* As session_exec; and what is wrong with `from`. A part of it that cannot be read or sent (a
 * device) is on_exit's error. */
int session_put(struct session *s, const struct session_put *p, struct err *e);

struct session_get {
	const char *path;     /* file or folder in the guest */
	int dirfd;            /* borrowed; everything is written beneath it, and nowhere else */
	uint64_t max_bytes;   /* of all files together; the rest of each is cut, and said */
	uint32_t max_entries; /* more are counted, not fetched */
	bool halve;           /* no file has more than half of what is left of max_bytes */
	bool whole; /* links, modes but for set-ID, times, holes and "user." attributes are kept,
		       and where we are root owners */
	/* Each file that was written, path beneath dirfd. May be NULL. `cut`: not all of it.
	 * A path is printable UTF-8: any other byte that the guest's name has is \xNN here. */
	void (*on_file)(void *ctx, const char *path, uint64_t size, bool cut);
	/* What was not fetched (a link, device, bad name, over the limit), and why. May be NULL.
	 * `name` is made printable. */
	void (*on_skipped)(void *ctx, const char *name, const char *why);
	void (*on_exit)(void *ctx, const struct session_exit *x);
	void *ctx;
};
int session_get(struct session *s, const struct session_get *g, struct err *e);

/* `why` (NULL: all is well): one line that says why not. */
void session_event_ack(struct session *s, uint32_t stream, const char *why);
/* on_done comes when the guest's kernel log up to now has arrived (or the session is lost). */
int session_sync(struct session *s, void (*on_done)(void *ctx), void *ctx, struct err *e);
/* As session_sync, and behind it the agent does nothing until it is woken: no stream may be open.
 */
int session_freeze(struct session *s, void (*on_done)(void *ctx), void *ctx, struct err *e);
/* To an agent that was frozen, in this session or in the one of the machine that this is a clone
 * of: HELLO and READY come next. `w`: struct agent_wake of wire/agent.h. */
void session_wake(struct session *s, const struct agent_wake *w);
/* Ask the guest to power off, or to reset itself; the target tells when it did. */
void session_shutdown(struct session *s, bool reboot);
