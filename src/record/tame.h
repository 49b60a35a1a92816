/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tame.h: bytes of a guest's terminal made fit for ours: colours stay, all that could steer the
 * terminal (title, clipboard, cursor, screen, answers) goes; for a replay, which has the screen
 * for itself, cursor and screen may stay too. Source: ECMA-48, xterm's ctlseqs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct buf;

/* Where the last piece ended. Zero to begin. */
struct tame {
	bool screen; /* the caller's: moving the cursor, clearing, the other screen stay */
	int state;
	char held[32]; /* a sequence that is not whole yet */
	size_t n_held;
};

/* What undoes all that `screen` lets through: main screen, whole of it scrolls, cursor seen, plain
 * text, ASCII. */
#define TAME_RESET "\033[?1049l\033[r\033[?7h\033[?25h\033[0m\033(B"

/* Append to `out` what of the n bytes (cut anywhere) may be shown. */
void tame_add(struct tame *t, struct buf *out, const void *p, size_t n);
