/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual machine. Three socket pairs lead into QEMU: its monitor, the guest's console, the
 * agent's port; their ends live in descriptors only, so that nothing is left behind and nobody
 * else can connect. What ended the guest is decided once, by whoever knows first, but a panic
 * outranks them all; on_end comes when QEMU is reaped and every channel was read to its end. */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include "target/command.h"
#include "target/ending.h"
#include "target/faults.h"
#include "target/gdb.h"
#include "target/hang.h"
#include "target/machine.h"
#include "target/qmp.h"
#include "target/room.h"
#include "target/snapshot.h"
#include "target/target.h"
#include "wire/agent.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BOOT_DEADLINE_US 120000000 /* where the spec has none */
#define PANIC_GRACE_US   10000000  /* from the panic to the reset that panic=-1 asks for */
#define EXIT_GRACE_US    10000000  /* from QEMU's word that the guest ended to its exit */
#define DRAIN_GRACE_US   5000000   /* from QEMU's end to that of its channels */
#define MKFS_DEADLINE_US 60000000
#define SETTLE_US        300000 /* from the guest's end to its console's last words */

enum state {
	STATE_PREPARING, /* QEMU loads the kernel, mke2fs runs; the guest does not run yet */
	STATE_BOOTING,
	STATE_UP,     /* the agent said hello */
	STATE_ENDING, /* decided how it ends */
	STATE_ENDED,  /* on_end was called */
};

struct target {
	uv_loop_t *loop;
	struct target_handler handler;
	struct session_handler session_handler;
	void *ctx;
	const struct machine *machine;
	enum state state;
	char *hostname, *work_dir;
	struct strv argv;
	struct proc *qemu, *mkfs;
	bool qemu_over, mkfs_over;
	struct qmp *qmp;
	bool qmp_ready, qmp_over;
	bool started; /* "cont" was sent */
	struct session *session;
	bool was_up; /* on_session was called */
	bool session_over;
	uv_pipe_t console;
	bool console_over;
	char chunk[16384];
	uv_timer_t boot;   /* to NEVER_UP */
	uv_timer_t grace;  /* to `late`, or on from a drain that does not end */
	uv_timer_t finish; /* to on_end, outside of any other callback */
	unsigned handles;  /* of libuv, not yet closed */
	uint64_t boot_deadline_us;
	struct ending ending;
	enum target_end late;
	char *late_detail;
	struct faults *faults; /* of its disks; NULL: none may be injected */
	struct hang *hang;     /* the last look at a guest that hangs */
	enum target_end hang_end;
	char *hang_why;
	char *core;
	uint64_t core_max_bytes;
	struct proc_end exit;
	bool saves, clones;
	struct snapshot snapshot;
	int device;      /* of the snapshot, or -1 */
	json_t *resizes; /* snapshot_resizes of a clone */
	bool holds, settles, held;
	struct gdb gdb;
	bool debugged; /* a debugger may have stopped it */
	bool freed;    /* nobody listens any more */
};

static const char *const state_names[] = { "preparing", "booting", "up", "ending", "ended" };

/* Only onward. */
static void set_state(struct target *t, enum state state)
{
	if (state <= t->state)
		return;
	t->state = state;
	log_line(LOG_LEVEL_DEBUG, "target", "vm=%s state=%s", t->hostname, state_names[state]);
}

static void decide(struct target *t, enum target_end end, const char *detail)
{
	ending_decide(&t->ending, end, detail);
	set_state(t, STATE_ENDING);
}

static void end_now(struct target *t, enum target_end end, const char *detail)
{
	decide(t, end, detail);
	if (t->qemu && !t->qemu_over)
		proc_signal(t->qemu, SIGKILL);
	if (t->mkfs && !t->mkfs_over)
		proc_signal(t->mkfs, SIGKILL);
}

static void on_finish(uv_timer_t *timer);
static void end_within(struct target *t, uint64_t us, enum target_end end, const char *detail);

/* What is left to come may come now: end outside of the callback we are in. */
static void finish_if_over(struct target *t)
{
	if (t->state == STATE_ENDED || !t->qemu_over || !t->mkfs_over)
		return;
	if (t->console_over && t->qmp_over && t->session_over)
		(void)uv_timer_start(&t->finish, on_finish, 0, 0); /* has a callback: cannot fail */
}

/* It stands still from here on, and its agent is let go. */
static void hold(struct target *t, enum target_end end, const char *detail)
{
	if (t->held || t->freed)
		return;
	t->held = true;
	uv_timer_stop(&t->grace);
	(void)qmp_command(t->qmp, "stop", NULL, NULL, NULL, NULL); /* else it spins on */
	session_drop(t->session);
	t->handler.on_held(t->ctx, end, detail);
}

static void quit(struct target *t, enum target_end end)
{
	(void)qmp_command(t->qmp, "quit", NULL, NULL, NULL, NULL); /* else: */
	end_within(t, EXIT_GRACE_US, end, "QEMU does not exit");
}

static void on_grace(uv_timer_t *timer)
{
	struct target *t = timer->data;
	bool settled = t->settles;
	t->settles = false;
	if (t->qemu_over)
		(void)uv_timer_start(&t->finish, on_finish, 0, 0); /* as above */
	else if (t->holds && t->ending.panicked)
		hold(t, TARGET_PANIC, ending_panic(&t->ending));
	else if (settled) /* QEMU was told to stay */
		quit(t, TARGET_DIED);
	else
		end_now(t, t->late, t->late_detail);
}

/* Unless QEMU has ended by then. The nearest of such deadlines counts. */
static void end_within(struct target *t, uint64_t us, enum target_end end, const char *detail)
{
	uint64_t ms = (us + 999) / 1000;
	uv_update_time(t->loop);
	if (t->qemu_over ||
		(uv_is_active((uv_handle_t *)&t->grace) && uv_timer_get_due_in(&t->grace) <= ms))
		return;
	t->late = end;
	free(t->late_detail);
	t->late_detail = xstrdup(detail);
	(void)uv_timer_start(&t->grace, on_grace, ms, 0); /* as above */
}

/* ---- a guest that does not get on ---- */

static void on_looked(void *ctx, const char *note)
{
	struct target *t = ctx;
	auto_free char *detail = xasprintf("%s%s%s", t->hang_why, *note ? "; " : "", note);
	if (t->holds && t->hang_end == TARGET_HUNG && !t->ending.decided)
		hold(t, t->hang_end, detail);
	else
		end_now(t, t->hang_end, detail);
}

/* Its tasks and, if asked, its memory, before it is ended. */
static void look_and_end(struct target *t, enum target_end end, const char *why)
{
	if (t->hang || t->ending.panicked || t->ending.decided || t->qemu_over)
		return; /* its end is on the way, and bounded */
	if (!t->started || t->qmp_over) {
		end_now(t, end, why);
		return;
	}
	const struct hang_spec spec = {
		.loop = t->loop,
		.qmp = t->qmp,
		.console = (uv_stream_t *)&t->console,
		.core = t->core,
		.core_max_bytes = t->core_max_bytes,
		.on_done = on_looked,
		.ctx = t,
	};
	set_state(t, STATE_ENDING);
	t->hang_end = end;
	t->hang_why = xstrdup(why);
	t->hang = hang_start(&spec);
}

static void on_boot_deadline(uv_timer_t *timer)
{
	char human[CLOCK_HUMAN_SIZE];
	struct target *t = timer->data;
	auto_free char *detail = xasprintf("no agent after %s (state: %s)",
		clock_human(t->boot_deadline_us, human), state_names[t->state]);
	look_and_end(t, TARGET_NEVER_UP, detail);
}

/* It goes on to print and to reset, for panic=-1 asks for it; but a test may have changed that. */
static void saw_panic(struct target *t)
{
	t->ending.panicked = true;
	set_state(t, STATE_ENDING);
	end_within(t, PANIC_GRACE_US, TARGET_PANIC, "the guest's kernel panicked");
}

/* ---- QEMU's monitor ---- */

/* What was frozen when it was saved goes on as a machine of its own. */
static void wake(struct target *t)
{
	struct agent_wake w;
	struct err e = { 0 };
	if (snapshot_identity(t->hostname, &w, &e) < 0)
		end_now(t, TARGET_DIED, e.msg);
	else
		session_wake(t->session, &w);
}

static void on_cont(void *ctx, const json_t *ret, const struct err *why)
{
	struct target *t = ctx;
	auto_free char *detail = xasprintf("QEMU does not start the guest: %s", why->msg);
	t->ending.running = ret != NULL;
	if (ret) {
		set_state(t, STATE_BOOTING);
		if (t->clones)
			wake(t);
	} else if (why->code != -ENOTCONN) { /* then its end is on the way, and says more */
		end_now(t, TARGET_DIED, detail);
	}
}

static void cont(struct target *t)
{
	struct err e = { 0 };
	if (qmp_command(t->qmp, "cont", NULL, on_cont, t, &e) < 0)
		end_now(t, TARGET_DIED, e.msg);
}

static void on_loaded(void *ctx, const struct err *why)
{
	struct target *t = ctx;
	if (why->code == 0)
		cont(t);
	else if (why->code != -ENOTCONN) /* as above */
		end_now(t, TARGET_DIED, why->msg);
}

static void on_saved(void *ctx, const struct err *why)
{
	struct target *t = ctx;
	if (why->code == 0) {
		decide(t, TARGET_SAVED, "the machine was saved");
		quit(t, TARGET_SAVED);
	} else if (why->code != -ENOTCONN) {
		end_now(t, TARGET_DIED, why->msg);
	}
}

static void on_frozen(void *ctx)
{
	struct target *t = ctx;
	if (t->state >= STATE_ENDING)
		return;
	t->snapshot =
		(struct snapshot){ .qmp = t->qmp, .fd = t->device, .on_done = on_saved, .ctx = t };
	snapshot_save(&t->snapshot);
}

/* The guest runs once QEMU listens and the state disk is made. */
static void start_if_ready(struct target *t)
{
	if (t->started || t->ending.decided || !t->qmp_ready || !t->mkfs_over)
		return;
	t->started = true;
	if (!t->clones) {
		cont(t);
		return;
	}
	t->snapshot =
		(struct snapshot){ t->qmp, t->device, t->resizes, .on_done = on_loaded, .ctx = t };
	snapshot_load(&t->snapshot);
}

static void on_qmp_ready(void *ctx, const char *version)
{
	struct target *t = ctx;
	t->qmp_ready = true;
	start_if_ready(t);
}

/* With -blockdev ... werror=stop the guest is stopped, and no error reaches it. */
static void disk_error(struct target *t, const json_t *data)
{
	bool full;
	auto_free char *detail = ending_disk_error(data, t->work_dir, &full);
	end_now(t, full ? TARGET_HOST_FULL : TARGET_DIED, detail);
}

static void on_status(void *ctx, const json_t *ret, const struct err *why)
{
	struct target *t = ctx;
	const char *status = json_str_or(ret, "status", why->msg);
	auto_free char *said = ending_first_words(&t->ending);
	auto_free char *detail =
		xasprintf("QEMU stopped the guest: %s%s%s", status, *said ? ": " : "", said);
	if (t->debugged && (strcmp(status, "debug") == 0 || strcmp(status, "paused") == 0))
		return;
	bool kvm_gave_up = t->ending.under_kvm && strcmp(status, "internal-error") == 0;
	if (strcmp(status, "running") != 0)
		end_now(t, kvm_gave_up ? TARGET_NO_ACCEL : TARGET_DIED, detail);
}

static void on_qmp_event(void *ctx, const char *name, const json_t *data)
{
	struct target *t = ctx;
	if (t->hang)
		hang_event(t->hang, name, data);
	if (snapshot_event(&t->snapshot, name, data))
		return;
	if (t->faults && faults_event(t->faults, name, data))
		return;
	if (strcmp(name, "SHUTDOWN") == 0) {
		ending_shutdown(&t->ending, json_str_or(data, "reason", "no reason"));
		set_state(t, STATE_ENDING);
		t->settles = t->holds && !t->held;
		end_within(t, t->settles ? SETTLE_US : EXIT_GRACE_US, TARGET_DIED,
			"QEMU does not exit");
	} else if (strcmp(name, "GUEST_PANICKED") == 0) {
		saw_panic(t);
	} else if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		disk_error(t, data);
	} else if (strcmp(name, "STOP") == 0 && !t->ending.decided && !t->hang && !t->held) {
		/* We stop it for its memory only, so something is wrong; the status says what. */
		(void)qmp_command(t->qmp, "query-status", NULL, on_status, t, NULL); /* else: */
		if (!t->debugged)
			end_within(t, EXIT_GRACE_US, TARGET_DIED, "QEMU stopped the guest");
	}
}

static void on_qmp_closed(void *ctx, const struct err *why)
{
	struct target *t = ctx;
	t->qmp_over = true;
	if (t->faults)
		faults_end(t->faults);
	if (why->code)
		end_now(t, TARGET_DIED, why->msg);
	else
		end_within(t, EXIT_GRACE_US, TARGET_DIED, "QEMU closed its monitor and hangs");
	finish_if_over(t);
}

static const struct qmp_handler qmp_handler = {
	.on_ready = on_qmp_ready,
	.on_event = on_qmp_event,
	.on_closed = on_qmp_closed,
};

/* ---- the console ---- */

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *ret)
{
	struct target *t = h->data;
	*ret = uv_buf_init(t->chunk, sizeof t->chunk);
}

static void on_console(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct target *t = s->data;
	if (n < 0) {
		(void)uv_read_stop(s); /* never fails */
		t->console_over = true;
		finish_if_over(t);
	} else if (n > 0) {
		if (ending_console(&t->ending, b->base, (size_t)n))
			saw_panic(t);
		if (t->hang)
			hang_console(t->hang, b->base, (size_t)n);
		if (!t->freed && t->handler.on_console)
			t->handler.on_console(t->ctx, b->base, (size_t)n);
	}
}

/* ---- the session: its events go on to their owner, its end comes to us ---- */

static void on_hello(void *ctx, const json_t *hello)
{
	struct target *t = ctx;
	if (t->state >= STATE_ENDING)
		return;
	uv_timer_stop(&t->boot);
	set_state(t, STATE_UP);
	t->was_up = true;
	if (t->handler.on_session)
		t->handler.on_session(t->ctx, t->session);
	if (t->session_handler.on_hello)
		t->session_handler.on_hello(t->ctx, hello);
}

static void on_ready(void *ctx)
{
	struct target *t = ctx;
	struct err e = { 0 };
	if (t->was_up && t->session_handler.on_ready)
		t->session_handler.on_ready(t->ctx);
	if (t->was_up && t->saves && session_freeze(t->session, on_frozen, t, &e) < 0)
		end_now(t, TARGET_DIED, e.msg);
}

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	struct target *t = ctx;
	if (t->was_up && t->session_handler.on_kmsg)
		t->session_handler.on_kmsg(t->ctx, k);
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	struct target *t = ctx;
	if (t->was_up && t->session_handler.on_event)
		t->session_handler.on_event(t->ctx, stream, event);
}

static void on_lost(void *ctx, const struct err *why)
{
	struct target *t = ctx;
	auto_free char *detail = xasprintf("the agent broke the protocol: %s", why->msg);
	t->session_over = true;
	if (t->held)
		return;
	if (why->code == -EPROTO)
		end_now(t, TARGET_LIED, detail);
	else
		end_within(
			t, EXIT_GRACE_US, TARGET_DIED, "the agent's channel ended, QEMU did not");
	finish_if_over(t);
}

static const struct session_handler session_wrap = {
	.on_hello = on_hello,
	.on_ready = on_ready,
	.on_kmsg = on_kmsg,
	.on_event = on_event,
	.on_lost = on_lost,
};

/* ---- processes ---- */

static void on_stderr(void *ctx, int which, const void *data, size_t n)
{
	struct target *t = ctx;
	ending_stderr(&t->ending, data, n);
}

static void on_qemu_end(void *ctx, const struct proc_end *end)
{
	struct target *t = ctx;
	uv_timer_stop(&t->boot);
	set_state(t, STATE_ENDING);
	t->exit = *end;
	t->qemu_over = true;
	/* Its ends of the channels are closed, so they end: but nothing waits for ever. */
	uv_update_time(t->loop);
	(void)uv_timer_start(&t->grace, on_grace, DRAIN_GRACE_US / 1000, 0); /* has a callback */
	finish_if_over(t);
}

static void on_mkfs_end(void *ctx, const struct proc_end *end)
{
	struct target *t = ctx;
	uint64_t room = ROOM_MIN_BYTES;
	t->mkfs_over = true;
	if (end->how == PROC_EXITED && end->value == 0) {
		start_if_ready(t);
		return;
	}
	auto_free char *how = proc_end_text(end);
	auto_free char *said = ending_first_words(&t->ending);
	auto_free char *detail =
		xasprintf("cannot make the state disk's filesystem: %s: %s", how, said);
	(void)file_free_bytes(t->work_dir, &room, NULL); /* unknown counts as enough */
	end_now(t, room < ROOM_MIN_BYTES / 16 ? TARGET_HOST_FULL : TARGET_DIED, detail);
	finish_if_over(t);
}

static int spawn_mkfs(struct target *t, const struct target_spec *spec, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	room_mkfs_command(spec, &argv);
	const struct proc_spec p = {
		.argv = strv_get(&argv),
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_PIPE,
		.deadline_us = MKFS_DEADLINE_US,
		.on_output = on_stderr,
		.on_end = on_mkfs_end,
		.ctx = t,
	};
	int rc = proc_spawn(t->loop, &p, &t->mkfs, e);
	return rc == -ENOENT ? err_set(e, ENOENT,
				       "mke2fs is not installed: sudo apt-get install "
				       "e2fsprogs")
			     : rc;
}

static int spawn_qemu(struct target *t, const int fds[3], struct err *e)
{
	const struct proc_fd hand_down[] = {
		{ fds[0], COMMAND_FD_QMP },
		{ fds[1], COMMAND_FD_CONSOLE },
		{ fds[2], COMMAND_FD_AGENT },
	};
	const struct proc_spec p = {
		.argv = strv_get(&t->argv),
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_PIPE,
		.fds = hand_down,
		.n_fds = ARRAY_LEN(hand_down),
		.on_output = on_stderr,
		.on_end = on_qemu_end,
		.ctx = t,
	};
	int rc = proc_spawn(t->loop, &p, &t->qemu, e);
	return rc == -ENOENT ? err_set(e, ENOENT, "%s is not installed: sudo apt-get install %s",
				       t->argv.v[0], t->machine->package)
			     : rc;
}

/* ---- birth and death ---- */

static void on_handle_closed(uv_handle_t *h)
{
	struct target *t = h->data;
	if (--t->handles > 0)
		return;
	strv_clear(&t->argv);
	ending_clear(&t->ending);
	close_fd(&t->device);
	json_decref(t->resizes);
	free(t->late_detail);
	free(t->hang_why);
	free(t->core);
	free(t->hostname);
	free(t->work_dir);
	free(t);
}

static void release(struct target *t)
{
	session_close(t->session);
	hang_free(t->hang);
	faults_free(t->faults);
	qmp_close(t->qmp);
	proc_free(t->qemu);
	proc_free(t->mkfs);
	uv_close((uv_handle_t *)&t->console, on_handle_closed);
	uv_close((uv_handle_t *)&t->boot, on_handle_closed);
	uv_close((uv_handle_t *)&t->grace, on_handle_closed);
	uv_close((uv_handle_t *)&t->finish, on_handle_closed);
}

static void on_finish(uv_timer_t *timer)
{
	struct target *t = timer->data;
	if (t->state == STATE_ENDED)
		return;
	uv_timer_stop(&t->grace);
	ending_finish(&t->ending, t->qemu ? &t->exit : NULL, t->was_up);
	set_state(t, STATE_ENDED);
	if (t->faults)
		faults_end(t->faults);
	session_close(t->session);
	t->session = NULL;
	if (t->freed)
		release(t);
	else if (t->handler.on_end)
		/* It may free us. */
		t->handler.on_end(t->ctx, t->ending.end, ending_detail(&t->ending));
}

void target_free(struct target *t)
{
	if (!t || t->freed)
		return;
	t->freed = true;
	t->was_up = false;
	if (t->faults)
		faults_mute(t->faults);
	if (t->state == STATE_ENDED)
		release(t);
	else
		end_now(t, TARGET_KILLED, "abandoned");
}

static struct target *target_new(uv_loop_t *loop, const struct target_spec *spec,
	const struct target_handler *h, const struct session_handler *sh, void *ctx)
{
	struct target *t = xcalloc(1, sizeof *t);
	t->loop = loop;
	t->handler = *h;
	t->session_handler = *sh;
	t->ctx = ctx;
	t->hostname = xstrdup(spec->hostname);
	t->work_dir = xstrdup(spec->work_dir);
	t->core = spec->core ? xstrdup(spec->core) : NULL;
	t->core_max_bytes = spec->core_max_bytes;
	t->device = -1;
	t->holds = spec->hold && h->on_held;
	t->saves = spec->save_to != NULL;
	t->clones = spec->clone_of != NULL;
	t->resizes = snapshot_resizes(spec);
	t->mkfs_over = t->clones || spec->again; /* its disk is a copy, or has its own already */
	t->ending.under_kvm = strcmp(spec->accel, "kvm") == 0;
	t->boot_deadline_us = spec->boot_deadline_us ? spec->boot_deadline_us : BOOT_DEADLINE_US;
	/* None of these can fail. */
	(void)uv_pipe_init(loop, &t->console, 0);
	(void)uv_timer_init(loop, &t->boot);
	(void)uv_timer_init(loop, &t->grace);
	(void)uv_timer_init(loop, &t->finish);
	t->console.data = t->boot.data = t->grace.data = t->finish.data = t;
	t->handles = 4;
	return t;
}

/* Our ends of the channels; what is taken becomes -1 in `fds`. */
static int open_channels(
	struct target *t, const struct target_spec *spec, int fds[3], struct err *e)
{
	int rc = qmp_open(t->loop, fds[0], &qmp_handler, t, &t->qmp, e);
	if (rc < 0)
		return rc;
	fds[0] = -1;
	if (spec->faults)
		t->faults = faults_new(t->loop, t->qmp, spec);
	rc = uv_pipe_open(&t->console, fds[1]);
	if (rc < 0)
		return err_code(e, rc, "open console");
	fds[1] = -1;
	rc = uv_read_start((uv_stream_t *)&t->console, on_alloc, on_console);
	assert(rc == 0); /* an open stream that is not closing */
	rc = session_open(t->loop, fds[2], &session_wrap, t, &t->session, e);
	if (rc < 0)
		return rc;
	fds[2] = -1;
	return 0;
}

static int make_pairs(int ours[3], int theirs[3], struct err *e)
{
	for (size_t i = 0; i < 3; i++) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return err_sys(e, "socketpair");
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	return 0;
}

static void close_three(int (*fds)[3])
{
	for (size_t i = 0; i < 3; i++)
		close_fd(&(*fds)[i]);
}

static int start(struct target *t, const struct target_spec *spec, struct err *e)
{
	__attribute__((cleanup(close_three))) int ours[3] = { -1, -1, -1 };
	/* Closed at the end: then only QEMU holds them, and its death is their end. */
	__attribute__((cleanup(close_three))) int theirs[3] = { -1, -1, -1 };
	int rc = make_pairs(ours, theirs, e);
	if (rc == 0 && (t->saves || t->clones)) {
		t->device = snapshot_device(spec, e);
		rc = t->device < 0 ? t->device : 0;
	}
	if (rc == 0)
		rc = open_channels(t, spec, ours, e);
	if (rc == 0 && !t->mkfs_over)
		rc = spawn_mkfs(t, spec, e);
	if (rc == 0)
		rc = spawn_qemu(t, theirs, e);
	return rc;
}

int target_open(uv_loop_t *loop, const struct target_spec *spec, const struct target_handler *h,
	const struct session_handler *sh, void *ctx, struct target **ret, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	const struct machine *m;
	int rc = machine_find(spec->arch, &m, e);
	if (rc == 0)
		rc = command_make(m, spec, &argv, e);
	if (rc == 0)
		rc = room_check(spec, e);
	if (rc == 0 && !spec->again)
		rc = room_make_disks(spec, e);
	if (rc < 0)
		return rc;
	struct target *t = target_new(loop, spec, h, sh, ctx);
	t->machine = m;
	t->argv = argv;
	argv = (struct strv){ 0 };
	rc = start(t, spec, e);
	if (rc < 0) {
		/* proc_free ends what was started. */
		release(t);
		return rc;
	}
	uv_update_time(loop);
	(void)uv_timer_start(&t->boot, on_boot_deadline, (t->boot_deadline_us + 999) / 1000, 0);
	*ret = t;
	return 0;
}

char *target_command(const struct target *t)
{
	return strv_shell(strv_get(&t->argv));
}

void target_kill(struct target *t)
{
	end_now(t, TARGET_KILLED, "killed");
}

void target_hang(struct target *t, const char *why)
{
	look_and_end(t, TARGET_HUNG, why);
}

int target_fault(struct target *t, const struct target_fault *f,
	void (*on_done)(void *ctx, const struct err *why), void *ctx, struct err *e)
{
	if (!t->faults)
		return err_set(e, ENOTSUP,
			"faults of disks want disk.faults = true in the profile, or -c "
			"disk.faults=true");
	return faults_add(t->faults, f, on_done, ctx, e);
}

int target_gdb(struct target *t, int fd, void (*on_done)(void *ctx, const struct err *why),
	void *ctx, struct err *e)
{
	if (!t->started || (t->state >= STATE_ENDING && !t->held))
		return err_set(e, EAGAIN, "the machine does not run now");
	t->debugged = true;
	t->gdb = (struct gdb){ .qmp = t->qmp, .on_done = on_done, .ctx = ctx };
	return gdb_start(&t->gdb, fd, e);
}

void target_gdb_end(struct target *t)
{
	if (t->gdb.qmp && !t->qmp_over && (!t->hang || t->held))
		gdb_end(&t->gdb, !t->held);
}

void target_shutdown(struct target *t, uint64_t grace_us)
{
	char human[CLOCK_HUMAN_SIZE];
	if (t->state >= STATE_ENDING)
		return;
	if (t->state != STATE_UP) {
		end_now(t, TARGET_KILLED, "killed before it was up");
		return;
	}
	auto_free char *detail =
		xasprintf("killed: did not power off in %s", clock_human(grace_us, human));
	session_shutdown(t->session, false);
	end_within(t, grace_us, TARGET_KILLED, detail);
}
