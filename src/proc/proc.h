/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proc.h: the only fork in the program. A child has argv (no shell), its own session or process
 * group, pipes or a terminal, a deadline, and inherits no descriptor but those given.
 * It is over when it is reaped AND its output is drained AND nothing of its group is left.
 * When it ends by itself and leaves others behind, they have until a second passes without
 * output (5 at most), then KILL. To stop it: TERM, grace, KILL, each to its group and to every
 * descendant found in /proc. What even KILL does not end is given up after 5 s, with a warning. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>
struct buf;
struct err;
struct proc;

/* Besides a descriptor number (borrowed), where a standard stream may go. */
enum {
	PROC_INHERIT = -1,
	PROC_NULL = -2,
	PROC_PIPE = -3, /* in: proc_write; out, err: on_output */
	PROC_PTY = -4,  /* all three share one terminal: give it for each of them */
	PROC_OUT = -5,  /* err only: where standard output goes */
};

enum proc_how {
	PROC_EXITED,   /* value is the exit code */
	PROC_SIGNALED, /* value is the signal */
};

struct proc_end {
	enum proc_how how;
	int value;
	bool timed_out; /* the deadline passed, and it was stopped for that */
	bool stopped;   /* proc_stop was called before it ended by itself */
	uint64_t duration_us;
	uint64_t max_rss_bytes;
};

struct proc_fd {
	int fd; /* ours, borrowed */
	int as; /* its number in the child, 3 or higher */
};

struct proc_spec {
	/* argv[0] is looked up in our PATH, then in /usr/sbin and /sbin (mkfs, depmod). */
	const char *const *argv;
	const char *const *env;    /* NULL: ours. FSQA_PROC is added, a mark to find orphans by */
	const char *cwd;           /* NULL: ours */
	int in, out, err;          /* descriptor or PROC_x; out and err 0 (not set): -EINVAL */
	unsigned cols, rows;       /* of the terminal; 0: 80x24 */
	const struct proc_fd *fds; /* further descriptors to hand down, at most 64 */
	size_t n_fds;
	uint64_t deadline_us;   /* after the start; 0: none */
	uint64_t term_grace_us; /* between TERM and KILL; 0: 2 s */
	bool outlives_us;       /* true: the child outlives us; default: KILL when we die */
	/* `which` is 1 or 2 (a terminal's output is 1). Data is borrowed, at most 64 KiB. May be
	 * NULL: output is read and dropped. Both callbacks may call any function below. */
	void (*on_output)(void *ctx, int which, const void *data, size_t n);
	/* Called once, in the loop, when the child is over, after its last output. The proc is
	 * still valid in it; the callback may proc_free it. */
	void (*on_end)(void *ctx, const struct proc_end *end);
	void *ctx;
};

/* Start a child in `loop`. -ENOENT: no such program (found before the call returns; the
 * message names it), -EACCES, -EAGAIN ... On failure nothing was started, *ret untouched. */
int proc_spawn(uv_loop_t *loop, const struct proc_spec *spec, struct proc **ret, struct err *e);
pid_t proc_pid(const struct proc *p);
/* Queue bytes for its standard input (copied). Returns bytes queued and not yet taken, so that
 * a caller can hold back. Writing to one that has ended is a no-op. */
size_t proc_write(struct proc *p, const void *data, size_t n);
/* No more input: closes its standard input once what is queued went out. A terminal stays
 * open: it gets its end-of-file character. */
void proc_write_end(struct proc *p);
/* Stop or go on reading its output (back-pressure: the child blocks when the pipe is full).
 * While paused nothing is lost: on_end waits until the rest was read. */
void proc_pause(struct proc *p, bool paused);
void proc_resize(struct proc *p, unsigned cols, unsigned rows);
/* To the child alone, not its group. One that has ended: no-op. */
void proc_signal(struct proc *p, int sig);
/* TERM now, KILL after the grace. on_end still comes. Twice: KILL now. */
void proc_stop(struct proc *p);
/* After on_end: release. Before: KILL, and release when it is over, without any callback. The
 * loop must run on for that. NULL: no-op. */
void proc_free(struct proc *p);
/* Let it live on by itself: no callback comes any more, its streams are closed, and nothing of it
 * is stopped or waited for. It must have called proc_outlive_parent, or outlives_us. One that ended
 * is freed. */
void proc_disown(struct proc *p);
/* In a child: go on when the parent dies. */
void proc_outlive_parent(void);

/* Run one to its end in a loop of its own, collecting standard output (and error, where
 * spec->err is PROC_OUT) into `out` up to `limit` bytes; more is -EFBIG and stops the child.
 * spec's callbacks and `out` member are ignored, `err` 0 (not set) is PROC_PIPE, whose text is
 * dropped (but see proc_check). `out` may be NULL: dropped. 0: it ran, see *ret for how it ended.
 */
int proc_run(const struct proc_spec *spec, struct buf *out, size_t limit, struct proc_end *ret,
	struct err *e);
/* As proc_run, and an end other than exit code 0 is -EIO whose message has the program's name,
 * its end and the last line it wrote to standard error. */
int proc_check(const struct proc_spec *spec, struct buf *out, size_t limit, struct err *e);
/* Where proc_spawn would find a program; *ret the caller's, set where it is 0. -ENOENT, -EACCES. */
int proc_find(const char *program, char **ret);
/* "exit code 3", "killed by signal 9 (Killed)", "timed out after 12.0s"; the caller's. */
char *proc_end_text(const struct proc_end *end);
/* Make this process adopt what its children leave behind, so that proc_stop finds it.
 * Once, at the start of main. */
void proc_adopt_orphans(void);
