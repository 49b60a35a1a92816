/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tty.h: our standard input, as frames TTY_IN and TTY_SIZE (run/protocol.h) for a command in a
 * machine; and the terminal in raw mode while it runs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
struct frame;
struct link;
struct tty;

/* Start to pass on what is typed, or comes from a pipe: from a plain file, which cannot be waited
 * for, too. `link` is borrowed until tty_close. `raw`: standard input is a terminal and ours. */
struct tty *tty_open(uv_loop_t *loop, struct link *link, bool raw);
/* RUN_TTY_TAKEN came: there is room for more. NULL: no-op. */
void tty_taken(struct tty *t, const struct frame *f);
/* The terminal is as it was. The loop must run on to release the memory. NULL: no-op. */
void tty_close(struct tty *t);
/* To standard output (1) or error (2). */
void tty_output(int which, const void *data, size_t n);
