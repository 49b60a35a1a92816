/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tame.h: bytes of a guest's terminal made fit for ours: colours stay, all that could steer the
 * terminal (title, clipboard, cursor, screen, answers) goes. Source: ECMA-48, xterm's ctlseqs. */
#pragma once
#include <stddef.h>
struct buf;

/* Where the last piece ended. Zero to begin. */
struct tame {
	int state;
	char held[32]; /* a sequence that is not whole yet */
	size_t n_held;
};

/* Append to `out` what of the n bytes (cut anywhere) may be shown. */
void tame_add(struct tame *t, struct buf *out, const void *p, size_t n);
