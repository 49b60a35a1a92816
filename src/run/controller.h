/* SPDX-License-Identifier: GPL-2.0-or-later */
/* controller.h: one run from the side of fsqa: starts a worker for each batch, so many at once as
 * there are slots, writes down what they say before it answers, and finishes the run whatever
 * becomes of them. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct attempts;
struct prepared;
struct run_writer;

struct controller_handler {
	/* A record was written (borrowed): attempt_start, attempt_end, target, note ... */
	void (*on_record)(void *ctx, const char *type, const json_t *record);
	/* {phase, what}: for the display. */
	void (*on_status)(void *ctx, const char *phase, const char *what);
	/* Some ten times a second: time to renew the display. May be NULL. */
	void (*on_tick)(void *ctx);
	/* Of a shell: output of its command; which: 1 out, 2 err. May be NULL. */
	void (*on_tty)(void *ctx, int which, const void *data, size_t n);
};

struct controller_spec {
	const struct prepared *prepared; /* placed */
	/* Of each batch, in the order in which they are started; NULL: prepared's alone. */
	json_t *const *jobs;
	size_t n_jobs;
	unsigned slots;            /* of them at once */
	struct attempts *attempts; /* of the jobs; NULL: numbers stay as a worker has them */
	struct run_writer *writer; /* NULL: nothing is recorded (a shell) */
	const char *state_dir;
	uint64_t min_free_bytes; /* below it the run is stopped */
	uint64_t limit_us;       /* then it is stopped, an error; 0: none */
	bool tty_input;          /* pass standard input on to the shell's command */
	bool tty_raw;            /* and the terminal is ours: raw mode while it runs */
};

struct controller_result {
	enum verdict status;
	unsigned counts[VERDICT_COUNT];
	bool interrupted; /* by a signal */
	bool overdue;     /* the spec's limit passed; so says `error` */
	bool worker_died;
	int shell_code;
	bool kept; /* a machine outlives the run: say so by controller_let_go */
	int kept_fd;
	char kept_test[300]; /* at whose failure */
	char error[300];     /* not empty: infrastructure broke */
};

/* Runs to the end in an event loop of its own. INT and TERM stop the batch with its evidence, a
 * second one at once. 0: it ran, see *ret. Else the worker did not start or the journal could
 * not be written. */
int controller_run(const struct controller_spec *spec, const struct controller_handler *h,
	void *ctx, struct controller_result *ret, struct err *e);
/* When all about the run is durable: a machine that was kept is its worker's alone from here on, or
 * ends (`keep` false). r->kept says which. No-op where none was kept. */
void controller_let_go(struct controller_result *r, bool keep);
