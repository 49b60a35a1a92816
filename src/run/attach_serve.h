/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach_serve.h: the worker's side of who attaches to its machine (run/protocol.h): commands and
 * debuggers of the user whose run it is, over a unix socket in the run's work folder. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct attach_serve;
struct err;
struct session;
struct target;

#define ATTACH_MAX 16 /* at once */

/* All borrowed until attach_serve_close. */
struct attach_serve_spec {
	uv_loop_t *loop;
	const char *work_dir;
	const char *const *env; /* of the commands */
	/* The machine, or NULL while none is up that could be used. */
	struct session *(*session)(void *ctx);
	struct target *(*target)(void *ctx);
	/* Somebody came or went: how many are there now; `what` they run, or NULL. */
	void (*on_visitors)(void *ctx, unsigned n, const char *what);
	void *ctx;
};

/* Listens from now on. -EADDRINUSE and others: it does not, and *ret is untouched. */
int attach_serve_open(
	const struct attach_serve_spec *spec, struct attach_serve **ret, struct err *e);
/* The machine is gone: who is attached is told so. */
void attach_serve_gone(struct attach_serve *a, const char *why);
/* No callback comes any more; the socket is gone. The loop must run on to release the memory.
 * NULL: no-op. */
void attach_serve_close(struct attach_serve *a);
