/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proc_test.h: one child in a loop, for the tests of this room. */
#pragma once
#include "base/test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "proc/proc.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#define SH(script) ((const char *const[]){ "/bin/sh", "-c", script, NULL })

struct bench {
	uv_loop_t loop;
	struct proc *proc;
	struct buf out, err;
	struct proc_end end;
	unsigned ended;
	unsigned chunks;
	size_t largest;
	/* What to do with the first output. */
	void (*at_output)(struct bench *b);
	void (*at_end)(struct bench *b);
};

static inline void bench_output(void *ctx, int which, const void *data, size_t n)
{
	struct bench *b = ctx;
	assert_int_equal(b->ended, 0);
	buf_add(which == 1 ? &b->out : &b->err, data, n);
	b->largest = n > b->largest ? n : b->largest;
	if (b->chunks++ == 0 && b->at_output)
		b->at_output(b);
}

static inline void bench_end(void *ctx, const struct proc_end *end)
{
	struct bench *b = ctx;
	b->end = *end;
	b->ended++;
	if (b->at_end)
		b->at_end(b);
}

static inline int bench_setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);
	*state = b;
	return uv_loop_init(&b->loop);
}

/* Whatever a test did: its child ends, and nothing of it stays in the loop. */
static inline int bench_teardown(void **state)
{
	struct bench *b = *state;
	proc_free(take(&b->proc));
	uv_run(&b->loop, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&b->loop);
	buf_clear(&b->out);
	buf_clear(&b->err);
	free(b);
	return rc;
}

static inline void bench_start(struct bench *b, struct proc_spec s)
{
	struct err e = { 0 };
	s.on_output = bench_output;
	s.on_end = bench_end;
	s.ctx = b;
	int rc = proc_spawn(&b->loop, &s, &b->proc, &e);
	if (rc < 0)
		print_error("%s\n", e.msg);
	assert_int_equal(rc, 0);
}

/* Run the loop until the child is over; it must be so once and within 20 s. */
static inline void bench_finish(struct bench *b)
{
	uint64_t last = clock_mono_us() + 20000000;
	while (!b->ended && clock_mono_us() < last)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_int_equal(b->ended, 1);
}

static inline void bench_run(struct bench *b, struct proc_spec s)
{
	bench_start(b, s);
	bench_finish(b);
}

/* Run the loop until the child has written something. */
static inline void bench_until_output(struct bench *b)
{
	uint64_t last = clock_mono_us() + 20000000;
	while (b->out.len == 0 && clock_mono_us() < last)
		uv_run(&b->loop, UV_RUN_ONCE);
	assert_true(b->out.len > 0);
}

static inline void bench_wake(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Run the loop for so long. */
static inline void bench_wait(struct bench *b, uint64_t us)
{
	bool over = false;
	uv_timer_t timer;
	uv_timer_init(&b->loop, &timer);
	timer.data = &over;
	uv_update_time(&b->loop);
	uv_timer_start(&timer, bench_wake, us / 1000, 0);
	while (!over)
		uv_run(&b->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* The process that the child named in its output, as "pid=NUMBER". */
static inline pid_t bench_named_pid(const struct bench *b)
{
	const char *at = strstr(buf_str(&b->out), "pid=");
	assert_non_null(at);
	pid_t pid = (pid_t)strtol(at + 4, NULL, 10);
	assert_true(pid > 1);
	return pid;
}

/* Whether it runs: a zombie that its parent has not yet waited for does not. */
static inline bool bench_alive(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	char text[512] = { 0 };
	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	const char *rest = n ? strrchr(text, ')') : NULL;
	return rest && rest[2] != 'Z' && rest[2] != 'X';
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
