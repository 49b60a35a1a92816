/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/controller.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/place.h"
#include "proc/proc.h"
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

struct controller {
	uv_loop_t loop;
	uv_signal_t on_int, on_term;
	uv_timer_t tick;
	uv_timer_t sync;
	uint32_t unsynced; /* newest message that waits for `sync` */
	struct tty *tty;
	const struct controller_spec *spec;
	const struct controller_handler *h;
	void *ctx;
	struct link *link;
	struct proc *worker;
	bool done;     /* DONE came */
	bool over;     /* the worker ended */
	bool artifact; /* one is open in the writer */
	int signals;
	unsigned ticks;
	char worker_said[STDERR_MAX]; /* the end of its standard error */
	struct controller_result result;
};

static void stop(struct controller *c, const char *why)
{
	if (c->link)
		link_send(c->link, RUN_STOP, 0, why, strlen(why));
}

static void close_link(struct controller *c)
{
	tty_close(take(&c->tty));
	link_close(take(&c->link), 0);
}

/* Infrastructure broke on our side: say it once, and stop the worker. */
static void broke(struct controller *c, const char *what)
{
	if (c->result.error[0] == '\0')
		(void)snprintf(
			c->result.error, sizeof c->result.error, "%s", what); /* may be cut */
	stop(c, what);
}

/* The journal takes nothing any more, so nothing can be acknowledged: the worker ends when its
 * link does, and its spool stays for the recovery. */
static void give_up(struct controller *c, const char *what)
{
	broke(c, what);
	close_link(c);
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

static void on_record(struct controller *c, const struct frame *f)
{
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	const char *type = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, &e) < 0 ||
		json_get_str(j, "type", &type, &e) < 0 || !type_is_known(type)) {
		broke(c, "the worker sent a record that is none");
		return;
	}
	if (c->spec->writer && run_append(c->spec->writer, type, j, true, &e) < 0) {
		give_up(c, e.msg);
		return;
	}
	if (strcmp(type, "attempt_end") == 0)
		count(c, j);
	else if (strcmp(type, "target_end") == 0)
		target_ended(c, j);
	c->h->on_record(c->ctx, type, j);
	link_send(c->link, RUN_ACK, f->stream, NULL, 0);
}

static void on_artifact(struct controller *c, const struct frame *f)
{
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	const char *test = NULL;
	const char *name = NULL;
	const char *kind = NULL;
	int64_t attempt = 0;
	if (json_parse_object((const char *)f->payload, f->length, &j, &e) < 0 ||
		json_get_str(j, "test", &test, &e) < 0 || json_get_str(j, "name", &name, &e) < 0 ||
		json_get_str(j, "kind", &kind, &e) < 0 ||
		json_get_i64(j, "attempt", &attempt, &e) < 0) {
		broke(c, "the worker sent an artifact that is none");
		return;
	}
	if (!c->spec->writer)
		return;
	if (run_artifact_begin(c->spec->writer, test, attempt, name, kind, &e) < 0)
		give_up(c, e.msg);
	else
		c->artifact = true;
}

static void on_artifact_data(struct controller *c, const struct frame *f)
{
	struct err e = { 0 };
	if (c->artifact && run_artifact_add(c->spec->writer, f->payload, f->length, &e) < 0) {
		c->artifact = false;
		give_up(c, e.msg);
	}
}

static void on_sync(uv_timer_t *t)
{
	struct controller *c = t->data;
	struct err e = { 0 };
	if (c->spec->writer && run_sync(c->spec->writer, &e) < 0)
		give_up(c, e.msg);
	else if (c->link)
		link_send(c->link, RUN_ACK, c->unsynced, NULL, 0);
}

static void on_artifact_end(struct controller *c, const struct frame *f)
{
	struct err e = { 0 };
	auto_json json_t *j = NULL;
	if (c->spec->writer && !c->artifact)
		return; /* it broke before: no ACK, the worker keeps its copy */
	bool cut = json_parse_object((const char *)f->payload, f->length, &j, &e) == 0 &&
		   json_bool_or(j, "cut", false);
	if (c->artifact && run_artifact_end(c->spec->writer, cut, &e) < 0) {
		c->artifact = false;
		give_up(c, e.msg);
		return;
	}
	c->artifact = false;
	/* One sync for all that come together. */
	c->unsynced = f->stream;
	uv_timer_start(&c->sync, on_sync, SYNC_MS, 0);
}

static void open_tty(struct controller *c)
{
	if (c->spec->tty_input && !c->tty && c->link)
		c->tty = tty_open(&c->loop, c->link, c->spec->tty_raw);
}

static void phase_changed(struct controller *c, const char *phase, const char *what)
{
	c->h->on_status(c->ctx, phase, what);
	/* Not before the command runs: until then the terminal is the user's, and what is typed
	 * waits in it. */
	if (strcmp(phase, "shell") == 0)
		open_tty(c);
}

static void on_status(struct controller *c, const struct frame *f)
{
	auto_json json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0)
		phase_changed(c, json_str_or(j, "phase", ""), json_str_or(j, "what", ""));
}

static void close_handles(struct controller *c);

/* The machine outlives us: so does its worker, unless controller_let_go does not come. */
static int let_it_live(struct controller *c, const char *test)
{
	int fd = link_dup(c->link);
	if (fd < 0)
		return fd;
	c->result.kept = true;
	c->result.kept_fd = fd;
	(void)snprintf(
		c->result.kept_test, sizeof c->result.kept_test, "%s", test); /* may be cut */
	proc_disown(take(&c->worker));
	close_handles(c);
	return 0;
}

static void on_done(struct controller *c, const struct frame *f)
{
	auto_json json_t *j = NULL;
	if (json_parse_object((const char *)f->payload, f->length, &j, NULL) == 0) {
		const char *error = json_str_or(j, "error", NULL);
		if (error && c->result.error[0] == '\0')
			(void)snprintf(c->result.error, sizeof c->result.error, "%s",
				error); /* may be cut */
		c->result.shell_code = (int)json_i64_or(j, "exit", 0);
	}
	c->done = true;
	const char *kept = json_str_or(j, "kept", NULL);
	if (!kept)
		link_send(c->link, RUN_BYE, 0, NULL, 0);
	else if (!c->spec->writer || let_it_live(c, kept) < 0)
		close_link(c); /* then it ends the machine */
}

static void on_frame(void *ctx, const struct frame *f)
{
	struct controller *c = ctx;
	switch (f->type) {
	case RUN_RECORD:
		on_record(c, f);
		break;
	case RUN_ARTIFACT:
		on_artifact(c, f);
		break;
	case RUN_ARTIFACT_DATA:
		on_artifact_data(c, f);
		break;
	case RUN_ARTIFACT_END:
		on_artifact_end(c, f);
		break;
	case RUN_STATUS:
		on_status(c, f);
		break;
	case RUN_TTY_TAKEN:
		tty_taken(c->tty, f);
		break;
	case RUN_TTY_OUT:
		if (c->h->on_tty)
			c->h->on_tty(c->ctx, f->stream == 2 ? 2 : 1, f->payload, f->length);
		break;
	case RUN_DONE:
		on_done(c, f);
		break;
	default:
		broke(c, "the worker sent a message that is not known");
	}
}

/* The worker's end is told by its process, not by its socket. */
static void on_closed(void *ctx, const struct err *why)
{
	struct controller *c = ctx;
	if (why && why->code && c->worker)
		proc_stop(c->worker);
}

static const struct link_handler link_handler = {
	.on_frame = on_frame,
	.on_closed = on_closed,
};

/* ---- the worker's process ---- */

static void worker_output(void *ctx, int which, const void *data, size_t n)
{
	struct controller *c = ctx;
	size_t used = strlen(c->worker_said);
	if (n > sizeof c->worker_said / 2)
		n = sizeof c->worker_said / 2;
	if (used + n >= sizeof c->worker_said)
		used = 0; /* the newest is what matters */
	memcpy(c->worker_said + used, data, n);
	c->worker_said[used + n] = '\0';
}

static void close_handles(struct controller *c)
{
	uv_close((uv_handle_t *)&c->on_int, NULL);
	uv_close((uv_handle_t *)&c->on_term, NULL);
	uv_close((uv_handle_t *)&c->tick, NULL);
	uv_close((uv_handle_t *)&c->sync, NULL);
	close_link(c);
}

static void worker_end(void *ctx, const struct proc_end *end)
{
	struct controller *c = ctx;
	c->over = true;
	if (!c->done) {
		auto_free char *how = proc_end_text(end);
		size_t n = strcspn(c->worker_said, "\n");
		c->result.worker_died = true;
		if (c->result.error[0] == '\0')
			(void)snprintf(c->result.error, sizeof c->result.error,
				"fsqa-worker died: %s%s%.*s", how, n ? ": " : "", (int)n,
				c->worker_said); /* may be cut */
	}
	proc_free(take(&c->worker));
	close_handles(c);
}

static int start_worker(struct controller *c, struct err *e)
{
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
		.ctx = c,
	};
	rc = link_open(&c->loop, ours, &link_handler, c, &c->link, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&ours); /* the link has it now */
	rc = proc_spawn(&c->loop, &spec, &c->worker, e);
	if (rc < 0)
		return rc;
	auto_free char *job = json_line(c->spec->prepared->job);
	if (strlen(job) > FRAME_MAX_PAYLOAD)
		return err_set(e, E2BIG, "the job is too large: %zu bytes", strlen(job));
	link_send(c->link, RUN_JOB, 0, job, strlen(job));
	return 0;
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
	if (c->h->on_tick)
		c->h->on_tick(c->ctx);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct controller *c = s->data;
	c->result.interrupted = true;
	stop(c, number == SIGINT ? "stopped by the user" : "stopped by a TERM signal");
	if (++c->signals >= 3 && c->worker)
		proc_stop(c->worker);
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

int controller_run(const struct controller_spec *spec, const struct controller_handler *h,
	void *ctx, struct controller_result *ret, struct err *e)
{
	struct controller *c = xcalloc(1, sizeof *c);
	c->spec = spec;
	c->h = h;
	c->ctx = ctx;
	c->result.status = VERDICT_SKIP;
	start_handles(c);
	int rc = start_worker(c, e);
	if (rc < 0) {
		proc_free(take(&c->worker));
		close_handles(c);
	}
	uv_run(&c->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&c->loop); /* all handles are closed: uv_run came back */
	*ret = c->result;
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
