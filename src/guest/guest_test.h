/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest_test.h: a real fsqa-guest --agent-fd and a session with it, for x_test.c files only. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "build_config.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct rig {
	uv_loop_t loop;
	struct session *session;
	pid_t guest;
	char *folder, *socket;
	bool hello, ready, lost, ack_starts;
	struct err lost_why;
	struct buf events; /* "STREAM JSON\n" each */
	unsigned n_acks;
	const struct buf *output; /* not NULL: what is in it at an end is copied */
	struct buf output_at_end;
	const char *disk_answer; /* NULL: done */
};

static void rig_hello(void *ctx, const json_t *hello)
{
	struct rig *r = ctx;
	assert_false(r->hello);
	assert_int_equal(json_i64_or(hello, "protocol", 0), 1);
	r->hello = true;
}

static void rig_ready(void *ctx)
{
	((struct rig *)ctx)->ready = true;
}

static void rig_event(void *ctx, uint32_t stream, const json_t *event)
{
	struct rig *r = ctx;
	auto_free char *line = json_line(event);
	buf_addf(&r->events, "%u %s\n", stream, line);
	const char *what = json_str_or(event, "event", "");
	bool start = strcmp(what, "start") == 0;
	bool disk = strcmp(what, "disk") == 0;
	if (r->output && strcmp(what, "end") == 0)
		buf_add(&r->output_at_end, r->output->s, r->output->len);
	if ((start && r->ack_starts) || disk || strcmp(what, "end") == 0)
		session_event_ack(r->session, stream, disk ? r->disk_answer : NULL);
	r->n_acks += start && r->ack_starts;
}

static void rig_lost(void *ctx, const struct err *why)
{
	struct rig *r = ctx;
	assert_false(r->lost);
	r->lost = true;
	r->lost_why = *why;
}

static const struct session_handler rig_handler = {
	.on_hello = rig_hello,
	.on_ready = rig_ready,
	.on_event = rig_event,
	.on_lost = rig_lost,
};

static void rig_tick(uv_timer_t *timer)
{
}

static inline void rig_run_until(struct rig *r, const bool *flag)
{
	uint64_t until = clock_mono_us() + 60000000;
	uv_timer_t tick;
	uv_timer_init(&r->loop, &tick);
	/* So that a test that fails does not wait for ever. */
	uv_timer_start(&tick, rig_tick, 50, 50);
	while (!*flag && clock_mono_us() < until)
		uv_run(&r->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&r->loop, UV_RUN_NOWAIT);
	assert_true(*flag);
}

static inline void rig_start(struct rig *r)
{
	int pair[2];
	*r = (struct rig){ .folder = test_folder(), .ack_starts = true };
	r->socket = path_join(r->folder, "agent.sock");
	assert_int_equal(uv_loop_init(&r->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	r->guest = fork();
	if (r->guest == 0) {
		dup2(pair[1], 3);
		fcntl(3, F_SETFD, 0);
		execl(FSQA_BUILD_DIR "/src/guest/fsqa-guest", "fsqa-guest", "--agent-fd", "3",
			"--socket", r->socket, NULL);
		_exit(127);
	}
	close(pair[1]);
	assert_int_equal(session_open(&r->loop, pair[0], &rig_handler, r, &r->session, NULL), 0);
	rig_run_until(r, &r->hello);
}

static inline void rig_end(struct rig *r)
{
	int status = -1;
	if (!r->lost)
		session_shutdown(r->session, false);
	session_close(r->session);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	assert_int_equal(waitpid(r->guest, &status, 0), r->guest);
	assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
	assert_int_equal(uv_loop_close(&r->loop), 0);
	file_remove_tree(r->folder, NULL);
	free(r->folder);
	free(r->socket);
	buf_clear(&r->events);
	buf_clear(&r->output_at_end);
}

/* One command, what it wrote (bounded), and how it ended. */
struct command {
	struct rig *rig;
	struct session_job *job;
	struct buf out, err;
	size_t limit;   /* of out and err; 0: 1 MiB */
	uint64_t total; /* bytes that came */
	bool done, paused;
	struct session_exit x;
};

static void command_output(void *ctx, int which, const void *p, size_t n)
{
	struct command *c = ctx;
	struct buf *b = which == 1 ? &c->out : &c->err;
	size_t limit = c->limit ? c->limit : 1 << 20;
	c->total += n;
	if (b->len + n <= limit)
		buf_add(b, p, n);
}

static void command_exit(void *ctx, const struct session_exit *x)
{
	struct command *c = ctx;
	assert_false(c->done);
	c->done = true;
	c->x = *x;
}

static inline void command_start(struct rig *r, struct command *c, struct session_exec x)
{
	struct err e = { 0 };
	c->rig = r;
	x.on_output = command_output;
	x.on_exit = command_exit;
	x.ctx = c;
	if (session_exec(r->session, &x, &c->job, &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void command_wait(struct command *c)
{
	rig_run_until(c->rig, &c->done);
	if (c->x.lost)
		fail_msg("lost: %s", c->rig->lost_why.msg);
}

static inline void command_clear(struct command *c)
{
	buf_clear(&c->out);
	buf_clear(&c->err);
}
#define auto_command __attribute__((cleanup(command_clear)))

/* Run a shell script to its end. */
static inline void command_sh(struct rig *r, struct command *c, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	command_start(r, c, (struct session_exec){ .argv = argv });
	command_wait(c);
}

/* Runs each test with a fresh guest. */
static inline int rig_setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof *r);
	rig_start(r);
	*state = r;
	return 0;
}

static inline int rig_teardown(void **state)
{
	rig_end(*state);
	free(*state);
	return 0;
}
#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
