/* SPDX-License-Identifier: GPL-2.0-or-later */
/* salvage.h: what a dead machine left on its state disk, fetched by fsqa-salvage, a process of no
 * privileges that is no more trusted than the machine was: it is spoken to as to an agent, and
 * what it hands over goes the way of wire/session.h's session_get. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct err;
struct salvage;

/* All borrowed until on_done. */
struct salvage_spec {
	const char *program;      /* fsqa-salvage */
	const char *image;        /* the state disk */
	const char *const *paths; /* in the guest, absolute, NULL-terminated */
	int dirfd;                /* everything is written beneath it, and nowhere else */
	uint64_t max_bytes;
	uint32_t max_files;
	/* As session_get has them. */
	void (*on_file)(void *ctx, const char *path, uint64_t size, bool cut);
	void (*on_skipped)(void *ctx, const char *name, const char *why);
	/* Once, last; its process is gone. `why`: NULL, or why not everything could be read. The
	 * salvage is freed after it. */
	void (*on_done)(void *ctx, const char *why);
	void *ctx;
};

/* *ret is valid until on_done. -ENOENT: no image, or no program ... */
int salvage_start(
	uv_loop_t *loop, const struct salvage_spec *spec, struct salvage **ret, struct err *e);
/* Enough of it: on_done comes soon. */
void salvage_stop(struct salvage *s);
