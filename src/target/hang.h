/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hang.h: the last look at a guest that does not get on. The kernel is asked for its tasks by
 * magic SysRq, which needs no userland: a break on the serial console and a letter behind it.
 *
 *     break h   help: does it answer at all, and does it have lockdep?
 *     break 8   what follows goes to the console, too
 *     break w   blocked tasks            break l   where each CPU is
 *     break m   memory                   break d   locks held, where lockdep is built in
 *     break t   all tasks
 *
 * Each has until the console has been quiet for a moment. Then, if asked, QEMU writes the guest's
 * memory to a file in the format of kdump, which crash(8) and drgn open. All of it is bounded in
 * time. Source: Linux's Documentation/admin-guide/sysrq.rst; QEMU's qapi/dump.json. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
struct hang;
struct qmp;

struct hang_spec {
	uv_loop_t *loop;
	struct qmp *qmp;         /* ready; borrowed until hang_free */
	uv_stream_t *console;    /* connected; borrowed until hang_free */
	const char *core;        /* where the memory is written to, absent yet; NULL: nowhere */
	uint64_t core_max_bytes; /* a larger core is given up and removed */
	void (*on_done)(void *ctx, const char *note); /* once, last; hang_free may be called in it.
						       * `note`: what could not be had, or "" */
	void *ctx;
};

struct hang *hang_start(const struct hang_spec *spec);
/* The next bytes of the console. */
void hang_console(struct hang *h, const void *data, size_t n);
/* An event of the monitor. */
void hang_event(struct hang *h, const char *name, const json_t *data);
/* No callback comes any more; the memory goes when the loop has run. Call qmp_close right after it,
 * for the monitor's answers may still come. NULL: no-op. */
void hang_free(struct hang *h);
