/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task.h: what tasks of all suites have in common: a command in the target, with files put before
 * it, a record of its terminal, and logs collected behind it. */
#pragma once
#include "suite/suite.h"
#include <stdbool.h>
#include <stddef.h>
struct strv;

#define TASK_HOME "/root" /* the command's working folder */

/* `state` is task_start's; hooks that are NULL are passed over. */
struct task_kind {
	const char *prepare; /* shell; $1 is the stage's name */
	/* A file of its own in the target, behind the spec's: the descriptor, its path there and
	 * its mode are the caller's; or -errno. */
	int (*own_file)(
		const struct suite_spec *spec, char **ret_dest, unsigned *ret_mode, struct err *e);
	/* A look at the target before the command, beside that at the spec's needs, whose output
	 * is kept: append its argv; false: there is none. Then what is wrong with it, by what it
	 * printed (NUL behind it) and its exit code, the caller's: nothing runs then. NULL: go on.
	 */
	bool (*probe)(const struct suite_spec *spec, struct strv *argv);
	char *(*probed)(
		void *state, const struct suite_spec *spec, const char *out, size_t n, int code);
	/* The command: append its argv. */
	void (*command)(void *state, const struct suite_spec *spec, struct strv *argv);
	void (*output)(void *state, const void *data, size_t n);
	uint64_t (*limit_us)(const struct suite_spec *spec); /* of it; NULL: the spec's timeout */
	/* It ended, and not with the session. */
	void (*ran)(void *state, struct suite_result *r);
	/* Whether there is a further command; asked where the last one could be started, and nobody
	 * stopped it. */
	bool (*more)(void *state);
	const char *marker; /* shell; exits 0 if the stage made its completion marker */
	const char *tidy;   /* shell */
	void (*end)(void *state, struct suite_result *r); /* before on_done: frees `state` */
};

/* As suite->run: *ret is set before any callback. */
int task_start(const struct suite *suite, const struct task_kind *kind, void *state,
	struct session *s, const struct suite_spec *spec, const struct suite_handler *h, void *ctx,
	struct suite_task **ret);
void task_collect(struct suite_task *t, const char *path);
void task_stop(struct suite_task *t);
