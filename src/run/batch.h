/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch.h: what a worker does with its JOB: boot the target, run the stages one after the other,
 * record terminal, console and kernel log in the spool, judge each test from typed facts, and
 * tell. When the target is lost in the middle, the test it was in is FAIL with the evidence
 * and the stages never reached go on in a fresh one.
 *
 * Spool, below job->work_dir:
 *   console.cast console.log kernel.log    all boots of the batch
 *   <stage>/terminal.cast terminal.log logs/...
 *   vm/                                    disks of the target that is up
 *   machine.json attach gdb                see run/protocol.h */
#pragma once
#include <stdbool.h>
#include <uv.h>
struct batch;
struct job;
struct link;
struct outbox;
struct session;
struct target;

struct batch_handler {
	/* For the shell: output of the command; which: 1 out, 2 err. */
	void (*on_tty)(void *ctx, int which, const void *data, size_t n);
	/* n bytes of its input went to it. */
	void (*on_tty_taken)(void *ctx, size_t n);
	/* Once, last. `error` is NULL, or why the batch could not go on (infrastructure); of a
	 * shell, `code` is its command's exit code. */
	void (*on_done)(void *ctx, const char *error, int code);
	/* The target ended: its session and what runs in it are gone. */
	void (*on_gone)(void *ctx);
	/* Once, later than on_done: a machine that was kept has ended. */
	void (*on_released)(void *ctx);
};

/* Borrows all. Returns at once; work goes on in the loop. */
struct batch *batch_start(uv_loop_t *loop, const struct job *job, struct outbox *out,
	const struct batch_handler *h, void *ctx);
/* All that was put into the outbox is durable; of a batch that is not over. */
void batch_sent(struct batch *b);
/* End early: the test under way is MISS with `why`, its evidence is kept. Twice: at once. */
void batch_stop(struct batch *b, const char *why);
/* The shell's input. */
void batch_tty_input(struct batch *b, const void *p, size_t n);
/* Hold the shell's output back, so that a slow reader stops the command, not fills memory. */
void batch_tty_pause(struct batch *b, bool paused);
void batch_tty_resize(struct batch *b, unsigned cols, unsigned rows);
/* For who attaches; NULL while no machine is up that could be used. */
struct session *batch_session(const struct batch *b);
struct target *batch_target(const struct batch *b);
/* Somebody attached to the machine, and runs `what`: the journal says so. */
void batch_attached(struct batch *b, const char *what);
/* After on_done: the test at whose failure the machine was kept; it is up until batch_stop or
 * on_released. NULL: none was kept. */
const char *batch_kept(const struct batch *b);
/* After on_done, and on_released where the machine was kept. */
void batch_free(struct batch *b);
