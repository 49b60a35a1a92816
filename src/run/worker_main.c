/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsqa-worker: runs one batch on this machine and tells its controller, by descriptor 3
 * (run/protocol.h). Static: it runs on any Linux that has QEMU. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "build_config.h"
#include "proc/proc.h"
#include "run/attach_serve.h"
#include "run/batch.h"
#include "run/job.h"
#include "run/kept.h"
#include "run/outbox.h"
#include "run/protocol.h"
#include "wire/link.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct worker {
	uv_loop_t loop;
	struct link *link;
	struct outbox *out;
	struct buf job_text; /* as far as it came */
	struct job job;
	struct batch *batch;
	bool done; /* the batch is over, its result goes out when the rest is durable */
	bool told;
	char error[300];
	char stop_why[300];
	bool failed;
	int code;
	int exit_status;
	struct attach_serve *attach;
	/* A machine that outlives its run: */
	int kept_fd; /* its file, locked; -1: there is none */
	struct kept kept;
	bool alone; /* the controller let go */
	uv_timer_t idle;
	uv_signal_t on_term;
};

static void end_worker(struct worker *w)
{
	if (w->link)
		link_close(take(&w->link), 1000000);
	attach_serve_close(take(&w->attach));
	batch_free(take(&w->batch));
	if (w->kept_fd >= 0)
		(void)unlink(w->job.hold_file); /* the next sweep does */
	uv_stop(&w->loop);
}

/* ---- a machine that is kept ---- */

static void remove_work(const struct worker *w)
{
	if (w->job.work_dir)
		(void)file_remove_tree(w->job.work_dir, NULL); /* the next start removes it else */
}

static void on_idle_over(uv_timer_t *t)
{
	const struct worker *w = t->data;
	batch_stop(w->batch, "nobody came back");
}

static void on_term(uv_signal_t *s, int number)
{
	const struct worker *w = s->data;
	batch_stop(w->batch, "stopped by a TERM signal");
}

/* The time runs while nobody is there. */
static void say_kept(struct worker *w, bool busy)
{
	struct err e = { 0 };
	w->kept.until_us = busy ? 0 : clock_wall_us() + (int64_t)w->job.hold_idle_us;
	if (kept_write(w->kept_fd, &w->kept, &e) < 0)
		log_line(LOG_LEVEL_WARNING, e.msg, " ");
	uv_update_time(&w->loop);
	if (busy)
		uv_timer_stop(&w->idle);
	else
		uv_timer_start(&w->idle, on_idle_over, w->job.hold_idle_us / 1000 + 1, 0);
}

static void keep(struct worker *w, const char *test)
{
	struct err e = { 0 };
	w->kept_fd = kept_lock(w->job.hold_file, &e);
	if (w->kept_fd < 0) { /* it ends with us */
		w->failed = true;
		(void)snprintf(w->error, sizeof w->error, "the machine is not kept: %s",
			e.msg); /* may be cut */
		return;
	}
	w->kept.pid = getpid();
	w->kept.since_us = clock_wall_us();
	(void)snprintf(w->kept.test, sizeof w->kept.test, "%s", test); /* may be cut */
	uv_signal_start(&w->on_term, on_term, SIGTERM);
	say_kept(w, false);
	proc_outlive_parent();
}

static struct session *visited_session(void *ctx)
{
	const struct worker *w = ctx;
	return batch_session(w->batch);
}

static struct target *visited_target(void *ctx)
{
	const struct worker *w = ctx;
	return batch_target(w->batch);
}

static void on_visitors(void *ctx, unsigned n, const char *what)
{
	struct worker *w = ctx;
	if (what)
		batch_attached(w->batch, what);
	if (w->kept_fd >= 0)
		say_kept(w, n > 0);
}

/* Without it the run is as good: only nobody can attach. */
static void serve_attach(struct worker *w)
{
	struct err e = { 0 };
	const struct attach_serve_spec spec = {
		.loop = &w->loop,
		.work_dir = w->job.work_dir,
		.env = w->job.env,
		.session = visited_session,
		.target = visited_target,
		.on_visitors = on_visitors,
		.ctx = w,
	};
	if (w->job.target.save_to) /* one that is frozen serves nobody */
		return;
	if (attach_serve_open(&spec, &w->attach, &e) < 0)
		log_line(LOG_LEVEL_WARNING, e.msg, " ");
}

/* ---- the batch ---- */

static void tell_done(struct worker *w)
{
	if (!w->done || w->told || !outbox_is_idle(w->out))
		return;
	w->told = true;
	const char *kept = w->batch && !w->failed ? batch_kept(w->batch) : NULL;
	if (kept)
		keep(w, kept);
	json_t *j = json_pack("{s:i}", "exit", w->code);
	if (w->failed)
		json_object_set_new(j, "error", json_bytes(w->error, strlen(w->error)));
	if (w->kept_fd >= 0)
		json_object_set_new(j, "kept", json_bytes(w->kept.test, strlen(w->kept.test)));
	auto_free char *line = json_line(j);
	json_decref(j);
	link_send(w->link, RUN_DONE, 0, line, strlen(line));
}

static void on_idle(void *ctx)
{
	struct worker *w = ctx;
	if (w->batch && !w->done)
		batch_sent(w->batch);
	tell_done(w);
}

static void on_tty(void *ctx, int which, const void *data, size_t n)
{
	struct worker *w = ctx;
	const char *p = data;
	while (n) {
		size_t piece = n < FRAME_MAX_PAYLOAD ? n : FRAME_MAX_PAYLOAD;
		link_send(w->link, RUN_TTY_OUT, (uint32_t)which, p, piece);
		p += piece;
		n -= piece;
	}
	if (link_queued(w->link) >= LINK_HIGH)
		batch_tty_pause(w->batch, true);
}

static void on_tty_taken(void *ctx, size_t n)
{
	const struct worker *w = ctx;
	uint32_t taken = (uint32_t)n;
	link_send(w->link, RUN_TTY_TAKEN, 0, &taken, sizeof taken);
}

static void on_done(void *ctx, const char *error, int code)
{
	struct worker *w = ctx;
	w->done = true;
	w->failed = error != NULL;
	w->code = code;
	(void)snprintf(w->error, sizeof w->error, "%s", error ? error : ""); /* may be cut */
	tell_done(w);
}

static void on_gone(void *ctx)
{
	const struct worker *w = ctx;
	if (w->attach)
		attach_serve_gone(w->attach, "the machine ended");
}

/* Before it is told, it was not kept; before BYE, that will clean up. */
static void on_released(void *ctx)
{
	struct worker *w = ctx;
	uv_timer_stop(&w->idle);
	if (!w->alone)
		return;
	remove_work(w);
	end_worker(w);
}

static const struct batch_handler batch_handler = {
	.on_tty = on_tty,
	.on_tty_taken = on_tty_taken,
	.on_done = on_done,
	.on_gone = on_gone,
	.on_released = on_released,
};

static void start_job(struct worker *w)
{
	struct err e = { 0 };
	json_t *j = NULL;
	int rc = w->batch ? err_set(&e, EPROTO, "a second job") : 0;
	if (rc == 0)
		rc = json_parse_object(buf_str(&w->job_text), w->job_text.len, &j, &e);
	buf_clear(&w->job_text);
	if (rc == 0)
		rc = job_parse(j, &w->job, &e);
	if (rc < 0) {
		json_decref(j);
		on_done(w, e.msg, 0);
		return;
	}
	w->batch = batch_start(&w->loop, &w->job, w->out, &batch_handler, w);
	serve_attach(w);
}

static void resize(struct worker *w, const struct frame *f)
{
	json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0)
		batch_tty_resize(w->batch, (unsigned)json_i64_or(j, "cols", 80),
			(unsigned)json_i64_or(j, "rows", 24));
	json_decref(j);
}

static void stop(struct worker *w, const struct frame *f)
{
	if (w->stop_why[0] == '\0')
		(void)snprintf(w->stop_why, sizeof w->stop_why, "%.*s", (int)f->length,
			(const char *)f->payload); /* may be cut */
	batch_stop(w->batch, w->stop_why);
}

static void bye(struct worker *w)
{
	if (w->batch && batch_kept(w->batch) && w->kept_fd >= 0) {
		w->alone = true;
		link_close(take(&w->link), 0);
		return;
	}
	if (!w->job.keep || w->kept_fd >= 0)
		remove_work(w);
	end_worker(w);
}

static void on_frame(void *ctx, const struct frame *f)
{
	struct worker *w = ctx;
	if (f->type == RUN_JOB) {
		buf_add(&w->job_text, f->payload, f->length);
		if (f->stream == 0)
			start_job(w);
	} else if (f->type == RUN_ACK)
		outbox_acked(w->out, f->stream);
	else if (f->type == RUN_STOP && w->batch)
		stop(w, f);
	else if (f->type == RUN_TTY_IN && w->batch)
		batch_tty_input(w->batch, f->payload, f->length);
	else if (f->type == RUN_TTY_SIZE && w->batch)
		resize(w, f);
	else if (f->type == RUN_BYE)
		bye(w);
}

static void on_drained(void *ctx)
{
	struct worker *w = ctx;
	outbox_drained(w->out);
	if (w->batch)
		batch_tty_pause(w->batch, false);
}

/* The controller is gone: the target must go too; the spool stays for the next start. */
static void on_closed(void *ctx, const struct err *why)
{
	struct worker *w = ctx;
	w->exit_status = 3;
	end_worker(w);
}

static const struct link_handler link_handler = {
	.on_frame = on_frame,
	.on_closed = on_closed,
	.on_drained = on_drained,
};

int main(int argc, char **argv)
{
	struct err e = { 0 };
	static struct worker w;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("fsqa-worker " FSQA_VERSION);
		return 0;
	}
	int type = 0;
	socklen_t len = sizeof type;
	if (argc != 1 || getsockopt(RUN_WORKER_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		fputs("fsqa-worker: is started by fsqa, with a socket as descriptor 3\n", stderr);
		return 2;
	}
	if (fcntl(RUN_WORKER_FD, F_SETFD, FD_CLOEXEC) < 0)
		return 3;
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail with these arguments */
	proc_adopt_orphans();
	uv_loop_init(&w.loop);
	uv_timer_init(&w.loop, &w.idle);
	uv_signal_init(&w.loop, &w.on_term);
	w.idle.data = w.on_term.data = &w;
	w.kept_fd = -1;
	if (link_open(&w.loop, RUN_WORKER_FD, &link_handler, &w, &w.link, &e) < 0) {
		log_line(LOG_LEVEL_ERROR, e.msg, " ");
		return 3;
	}
	w.out = outbox_new(w.link, on_idle, &w);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	/* Whatever still lives below us dies with us: PDEATHSIG. */
	return w.exit_status;
}
