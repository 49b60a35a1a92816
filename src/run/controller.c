/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/controller.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/place.h"
#include "proc/proc.h"
#include "run/attempts.h"
#include "run/prepare.h"
#include "run/protocol.h"
#include "run/tty.h"
#include "store/store.h"
#include "target/accel.h"
#include "target/target.h"
#include "wire/link.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define TICK_MS    100
#define SYNC_MS    5
#define ROOM_TICKS 20 /* look at the free space every so many ticks */
#define STDERR_MAX 4096

/* One batch: its worker, from its start to its end. */
struct worker {
	struct controller *c;
	size_t batch;
	struct link *link;
	struct proc *proc;
	uint32_t unsynced; /* newest message that waits for `sync`; 0: none does */
	json_t *waiting;   /* an artifact's head: another's is under way, and this one is paused */
	bool up;           /* a target came up */
	bool done;         /* DONE came */
	char said[STDERR_MAX]; /* the end of its standard error */
};

struct controller {
	uv_loop_t loop;
	uv_signal_t on_int, on_term;
	uv_timer_t tick;
	uv_timer_t sync;
	struct tty *tty;
	const struct controller_spec *spec;
	const struct controller_handler *h;
	void *ctx;
	struct worker *workers; /* of each batch */
	size_t n_workers;
	size_t n_started; /* of them, in order */
	unsigned n_running;
	struct worker *packing; /* whose artifact is open in the writer, or NULL */
	int signals;
	unsigned ticks;
	char no_more[300]; /* why no further batch is started; empty: nothing is wrong */
	uint64_t start_us;
	struct controller_result result;
};

static void stop(struct controller *c, const char *why)
{
	for (size_t i = 0; i < c->n_started; i++)
		if (c->workers[i].link)
			link_send(c->workers[i].link, RUN_STOP, 0, why, strlen(why));
	if (c->no_more[0] == '\0')
		(void)snprintf(c->no_more, sizeof c->no_more, "%s", why); /* may be cut */
}

static void close_link(struct worker *w)
{
	tty_close(take(&w->c->tty));
	link_close(take(&w->link), 0);
}

static void set_error(struct controller *c, const char *what)
{
	if (c->result.error[0] == '\0')
		(void)snprintf(
			c->result.error, sizeof c->result.error, "%s", what); /* may be cut */
}

/* Infrastructure broke on our side: say it once, and stop the workers. */
static void broke(struct controller *c, const char *what)
{
	set_error(c, what);
	stop(c, what);
}

/* The journal takes nothing any more, so nothing can be acknowledged: a worker ends when its
 * link does, and its spool stays for the recovery. */
static void give_up(struct controller *c, const char *what)
{
	broke(c, what);
	for (size_t i = 0; i < c->n_started; i++)
		close_link(&c->workers[i]);
}

/* As the journal is to have it. */
static void number(struct worker *w, const char *type, json_t *record)
{
	if (w->c->spec->attempts)
		attempts_number(w->c->spec->attempts, w->batch, type, record);
}

static json_t *job_of(const struct controller *c, size_t batch)
{
	return c->spec->jobs ? c->spec->jobs[batch] : c->spec->prepared->job;
}

/* ---- records ---- */

static bool type_is_known(const char *type)
{
	static const char *const known[] = { "attempt_start", "attempt_end", "fault", "target",
		"target_end", "command", "note" };
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(type, known[i]) == 0)
			return true;
	}
	return false;
}

static void count(struct controller *c, const json_t *record)
{
	int v = verdict_from_name(json_str_or(record, "status", ""));
	if (v < 0)
		return;
	c->result.counts[v]++;
	c->result.status = verdict_worst(c->result.status, (enum verdict)v);
}

/* The probe was wrong: the next run is not to find out again. */
static void accel_was_wrong(struct controller *c, const json_t *end)
{
	const json_t *target = json_object_get(c->spec->prepared->job, "target");
	const struct accel_query q = {
		.state_dir = c->spec->state_dir,
		.arch = json_str_or(target, "arch", NULL),
		.qemu = json_str_or(target, "qemu", NULL),
	};
	accel_broke(&q, json_str_or(end, "detail", "it broke"));
}

static void target_ended(struct controller *c, const json_t *end)
{
	const json_t *target = json_object_get(c->spec->prepared->job, "target");
	const char *clone_of = json_str_or(target, "clone_of", NULL);
	if (strcmp(json_str_or(end, "end", ""), target_end_name(TARGET_NO_ACCEL)) == 0)
		accel_was_wrong(c, end);
	if (clone_of && json_bool_or(end, "bad_clone", false) && !c->result.interrupted)
		(void)file_remove_tree(clone_of, NULL); /* else the next one says so again */
}

static int write_record(void *ctx, const char *type, json_t *j, struct err *e)
{
	struct controller *c = ctx;
	int rc = c->spec->writer ? run_append(c->spec->writer, type, j, true, e) : 0;
	if (rc < 0)
		return rc;
	if (strcmp(type, "attempt_end") == 0)
		count(c, j);
	else if (strcmp(type, "target_end") == 0)
		target_ended(c, j);
	c->h->on_record(c->ctx, type, j);
	return 0;
}

static void on_record(struct worker *w, const struct frame *f)
{
	struct controller *c = w->c;
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	const char *type = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, &e) < 0 ||
		json_get_str(j, "type", &type, &e) < 0 || !type_is_known(type)) {
		broke(c, "the worker sent a record that is none");
		return;
	}
	number(w, type, j);
	if (write_record(c, type, j, &e) < 0) {
		give_up(c, e.msg);
		return;
	}
	w->up = w->up || strcmp(type, "target") == 0;
	link_send(w->link, RUN_ACK, f->stream, NULL, 0);
}

/* ---- artifacts: the writer takes one at a time, so other workers are paused meanwhile ---- */

static void begin_artifact(struct worker *w, json_t *head)
{
	struct controller *c = w->c;
	struct err e = { 0 };
	const char *test = json_str_or(head, "test", "");
	if (run_artifact_begin(c->spec->writer, test, json_i64_or(head, "attempt", 0),
		    json_str_or(head, "name", ""), json_str_or(head, "kind", ""), &e) < 0)
		give_up(c, e.msg);
	else
		c->packing = w;
	json_decref(head);
}

/* The writer is free: who waited longest is not known, so the first in order. */
static void next_artifact(struct controller *c)
{
	c->packing = NULL;
	for (size_t i = 0; i < c->n_started && !c->packing; i++) {
		struct worker *w = &c->workers[i];
		if (!w->waiting)
			continue;
		begin_artifact(w, take(&w->waiting));
		if (w->link)
			link_pause(w->link, 0);
	}
}

static void on_artifact(struct worker *w, const struct frame *f)
{
	struct controller *c = w->c;
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	const char *text = NULL;
	int64_t attempt = 0;
	if (json_parse_object((const char *)f->payload, f->length, &j, &e) < 0 ||
		json_get_str(j, "test", &text, &e) < 0 || json_get_str(j, "name", &text, &e) < 0 ||
		json_get_str(j, "kind", &text, &e) < 0 ||
		json_get_i64(j, "attempt", &attempt, &e) < 0) {
		broke(c, "the worker sent an artifact that is none");
		return;
	}
	if (!c->spec->writer)
		return;
	number(w, "artifact", j);
	if (c->packing && c->packing != w) {
		w->waiting = json_incref(j);
		link_pause(w->link, 1);
	} else {
		begin_artifact(w, json_incref(j));
	}
}

static void on_artifact_data(struct worker *w, const struct frame *f)
{
	struct controller *c = w->c;
	struct err e = { 0 };
	if (c->packing == w && run_artifact_add(c->spec->writer, f->payload, f->length, &e) < 0) {
		c->packing = NULL;
		give_up(c, e.msg);
	}
}

static void on_sync(uv_timer_t *t)
{
	struct controller *c = t->data;
	struct err e = { 0 };
	if (c->spec->writer && run_sync(c->spec->writer, &e) < 0) {
		give_up(c, e.msg);
		return;
	}
	for (size_t i = 0; i < c->n_started; i++) {
		struct worker *w = &c->workers[i];
		if (w->link && w->unsynced)
			link_send(w->link, RUN_ACK, w->unsynced, NULL, 0);
		w->unsynced = 0;
	}
}

static void on_artifact_end(struct worker *w, const struct frame *f)
{
	struct controller *c = w->c;
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	if (c->spec->writer && c->packing != w)
		return; /* it broke before: no ACK, the worker keeps its copy */
	bool cut = json_parse_object((const char *)f->payload, f->length, &j, &e) == 0 &&
		   json_bool_or(j, "cut", false);
	if (c->packing && run_artifact_end(c->spec->writer, cut, &e) < 0) {
		c->packing = NULL;
		give_up(c, e.msg);
		return;
	}
	/* One sync for all that come together. */
	w->unsynced = f->stream;
	uv_timer_start(&c->sync, on_sync, SYNC_MS, 0);
	next_artifact(c);
}

static void open_tty(struct worker *w)
{
	struct controller *c = w->c;
	if (c->spec->tty_input && !c->tty && w->link)
		c->tty = tty_open(&c->loop, w->link, c->spec->tty_raw);
}

static void phase_changed(struct worker *w, const char *phase, const char *what)
{
	w->c->h->on_status(w->c->ctx, phase, what);
	/* Not before the command runs: until then the terminal is the user's, and what is typed
	 * waits in it. */
	if (strcmp(phase, "shell") == 0)
		open_tty(w);
}

static void on_status(struct worker *w, const struct frame *f)
{
	auto_json json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0)
		phase_changed(w, json_str_or(j, "phase", ""), json_str_or(j, "what", ""));
}

static void close_handles(struct controller *c);

/* The machine outlives us: so does its worker, unless controller_let_go does not come. */
static int let_it_live(struct worker *w, const char *test)
{
	struct controller *c = w->c;
	int fd = link_dup(w->link);
	if (fd < 0)
		return fd;
	c->result.kept = true;
	c->result.kept_fd = fd;
	(void)snprintf(
		c->result.kept_test, sizeof c->result.kept_test, "%s", test); /* may be cut */
	proc_disown(take(&w->proc));
	close_link(w);
	c->n_running--;
	close_handles(c);
	return 0;
}

static void on_done(struct worker *w, const struct frame *f)
{
	struct controller *c = w->c;
	auto_json json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0) {
		const char *error = json_str_or(j, "error", NULL);
		if (error)
			set_error(c, error);
		c->result.shell_code = (int)json_i64_or(j, "exit", 0);
	}
	w->done = true;
	const char *kept = json_str_or(j, "kept", NULL);
	if (!kept)
		link_send(w->link, RUN_BYE, 0, NULL, 0);
	else if (!c->spec->writer || let_it_live(w, kept) < 0)
		close_link(w); /* then it ends the machine */
}

static void on_frame(void *ctx, const struct frame *f)
{
	struct worker *w = ctx;
	struct controller *c = w->c;
	switch (f->type) {
	case RUN_RECORD:
		on_record(w, f);
		break;
	case RUN_ARTIFACT:
		on_artifact(w, f);
		break;
	case RUN_ARTIFACT_DATA:
		on_artifact_data(w, f);
		break;
	case RUN_ARTIFACT_END:
		on_artifact_end(w, f);
		break;
	case RUN_STATUS:
		on_status(w, f);
		break;
	case RUN_TTY_TAKEN:
		tty_taken(c->tty, f);
		break;
	case RUN_TTY_OUT:
		if (c->h->on_tty)
			c->h->on_tty(c->ctx, f->stream == 2 ? 2 : 1, f->payload, f->length);
		break;
	case RUN_DONE:
		on_done(w, f);
		break;
	default:
		broke(c, "the worker sent a message that is not known");
	}
}

/* The worker's end is told by its process, not by its socket. */
static void on_closed(void *ctx, const struct err *why)
{
	const struct worker *w = ctx;
	if (why && why->code && w->proc)
		proc_stop(w->proc);
}

static const struct link_handler link_handler = {
	.on_frame = on_frame,
	.on_closed = on_closed,
};

/* ---- the worker's process ---- */

static void worker_output(void *ctx, int which, const void *data, size_t n)
{
	struct worker *w = ctx;
	size_t used = strlen(w->said);
	if (n > sizeof w->said / 2)
		n = sizeof w->said / 2;
	if (used + n >= sizeof w->said)
		used = 0; /* the newest is what matters */
	memcpy(w->said + used, data, n);
	w->said[used + n] = '\0';
}

static void close_handles(struct controller *c)
{
	uv_close((uv_handle_t *)&c->on_int, NULL);
	uv_close((uv_handle_t *)&c->on_term, NULL);
	uv_close((uv_handle_t *)&c->tick, NULL);
	uv_close((uv_handle_t *)&c->sync, NULL);
}

/* An artifact that it was sending is nobody's: its copy is in its spool. */
static void forget_artifact(struct worker *w)
{
	struct controller *c = w->c;
	json_decref(take(&w->waiting));
	if (c->packing != w)
		return;
	run_artifact_drop(c->spec->writer);
	next_artifact(c);
}

static void died(struct worker *w, const char *how)
{
	char text[300];
	size_t n = strcspn(w->said, "\n");
	(void)snprintf(text, sizeof text, "fsqa-worker died: %s%s%.*s", how, n ? ": " : "", (int)n,
		w->said); /* may be cut */
	w->c->result.worker_died = true;
	set_error(w->c, text);
}

static void start_workers(struct controller *c);

static void worker_end(void *ctx, const struct proc_end *end)
{
	struct worker *w = ctx;
	struct controller *c = w->c;
	auto_free char *how = proc_end_text(end);
	if (!w->done)
		died(w, how);
	/* Where one machine does not come up, the next does not either. */
	if (!w->up && c->no_more[0] == '\0')
		(void)snprintf(c->no_more, sizeof c->no_more,
			"not run: the machine of batch %zu did not come up",
			w->batch + 1); /* fits */
	proc_free(take(&w->proc));
	close_link(w);
	forget_artifact(w);
	c->n_running--;
	start_workers(c);
	if (c->n_running == 0)
		close_handles(c);
}

/* The tests of many sections are more than a frame. */
static void send_job(struct link *link, const char *job, size_t n)
{
	for (; n > FRAME_MAX_PAYLOAD; n -= FRAME_MAX_PAYLOAD, job += FRAME_MAX_PAYLOAD)
		link_send(link, RUN_JOB, 1, job, FRAME_MAX_PAYLOAD);
	link_send(link, RUN_JOB, 0, job, n);
}

static int start_worker(struct worker *w, struct err *e)
{
	struct controller *c = w->c;
	auto_free char *program = NULL;
	int rc = place_program("fsqa-worker", &program, e);
	if (rc < 0)
		return rc;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socket to the worker");
	auto_close int ours = pair[0];
	auto_close int theirs = pair[1];
	const char *const argv[] = { program, NULL };
	const struct proc_fd fds[] = { { theirs, RUN_WORKER_FD } };
	struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_PIPE,
		.fds = fds,
		.n_fds = 1,
		.on_output = worker_output,
		.on_end = worker_end,
		.ctx = w,
	};
	rc = link_open(&c->loop, ours, &link_handler, w, &w->link, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&ours); /* the link has it now */
	rc = proc_spawn(&c->loop, &spec, &w->proc, e);
	if (rc < 0)
		return rc;
	auto_free char *job = json_line(job_of(c, w->batch));
	send_job(w->link, job, strlen(job));
	return 0;
}

static void start_workers(struct controller *c)
{
	unsigned slots = c->spec->jobs ? c->spec->slots : 1;
	struct err e = { 0 };
	while (c->n_running < slots && c->n_started < c->n_workers && c->no_more[0] == '\0') {
		struct worker *w = &c->workers[c->n_started++];
		c->n_running++;
		if (start_worker(w, &e) == 0)
			continue;
		c->n_running--;
		broke(c, e.msg);
		proc_free(take(&w->proc));
		close_link(w);
	}
}

/* ---- time and signals ---- */

static void look_for_room(struct controller *c)
{
	char have[PARSE_SIZE_TEXT];
	char text[160];
	uint64_t free_bytes = 0;
	if (file_free_bytes(c->spec->state_dir, &free_bytes, NULL) < 0 ||
		free_bytes >= c->spec->min_free_bytes || c->result.error[0])
		return;
	(void)snprintf(text, sizeof text, "only %s left on the disk of the results: stopped",
		parse_size_text(free_bytes, have)); /* may be cut */
	broke(c, text);
}

static void on_tick(uv_timer_t *t)
{
	struct controller *c = t->data;
	if (++c->ticks % ROOM_TICKS == 0)
		look_for_room(c);
	if (c->spec->limit_us && !c->result.overdue &&
		clock_mono_us() - c->start_us > c->spec->limit_us) {
		c->result.overdue = true;
		broke(c, "it took too long");
	}
	if (c->h->on_tick)
		c->h->on_tick(c->ctx);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct controller *c = s->data;
	c->result.interrupted = true;
	stop(c, number == SIGINT ? "stopped by the user" : "stopped by a TERM signal");
	c->signals++;
	for (size_t i = 0; i < c->n_started && c->signals >= 3; i++)
		if (c->workers[i].proc)
			proc_stop(c->workers[i].proc);
}

static void start_handles(struct controller *c)
{
	uv_loop_init(&c->loop);
	uv_signal_init(&c->loop, &c->on_int);
	uv_signal_init(&c->loop, &c->on_term);
	uv_timer_init(&c->loop, &c->tick);
	uv_timer_init(&c->loop, &c->sync);
	c->on_int.data = c->on_term.data = c->tick.data = c->sync.data = c;
	uv_signal_start(&c->on_int, on_signal, SIGINT);
	uv_signal_start(&c->on_term, on_signal, SIGTERM);
	uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
}

/* What is known of the batches together, when the last is over. */
static int finish(struct controller *c, struct err *e)
{
	struct attempts *a = c->spec->attempts;
	int rc = 0;
	if (!a || c->result.worker_died) /* the recovery does it */
		return 0;
	for (size_t i = c->n_started; rc == 0 && i < c->n_workers; i++)
		rc = attempts_not_run(a, i, job_of(c, i), c->no_more, write_record, c, e);
	return rc < 0 ? rc : attempts_conclude(a, write_record, c, e);
}

int controller_run(const struct controller_spec *spec, const struct controller_handler *h,
	void *ctx, struct controller_result *ret, struct err *e)
{
	struct controller *c = xcalloc(1, sizeof *c);
	c->spec = spec;
	c->h = h;
	c->ctx = ctx;
	c->n_workers = spec->jobs ? spec->n_jobs : 1;
	c->workers = xcalloc(c->n_workers, sizeof *c->workers);
	for (size_t i = 0; i < c->n_workers; i++)
		c->workers[i] = (struct worker){ .c = c, .batch = i };
	c->result.status = VERDICT_SKIP;
	c->start_us = clock_mono_us();
	start_handles(c);
	start_workers(c);
	int rc = c->n_running ? 0 : err_set(e, EIO, "%s", c->result.error);
	if (rc < 0)
		close_handles(c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&c->loop); /* all handles are closed: uv_run came back */
	if (rc == 0)
		rc = finish(c, e);
	*ret = c->result;
	free(c->workers);
	free(c);
	return rc;
}

void controller_let_go(struct controller_result *r, bool keep)
{
	uint8_t bye[FRAME_HEADER];
	if (!r->kept)
		return;
	frame_header(&(struct frame){ .type = RUN_BYE }, bye);
	/* Without it the worker ends its machine, as when we die. */
	r->kept = keep && fd_write_all(r->kept_fd, bye, sizeof bye, NULL) == 0;
	close_fd(&r->kept_fd);
}
