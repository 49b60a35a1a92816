/* SPDX-License-Identifier: GPL-2.0-or-later */
/* panic.h: finds the kernel's last words in the bytes of a console, however they are cut:
 *   [    1.970301] Kernel panic - not syncing: sysrq triggered crash\r\n
 * Bounded memory, one pass. Source: panic() in the kernel's kernel/panic.c. The console is a
 * witness that can only make a verdict worse, so that a guest that forges it hurts itself. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define PANIC_TEXT 192

/* Zero to begin. */
struct panic {
	size_t matched; /* bytes of the phrase seen in a row */
	bool seen;
	bool ended; /* the line is whole; `text` does not change any more */
	size_t len;
	char text[PANIC_TEXT]; /* from "Kernel panic" on, printable ASCII; always ends in NUL */
};

/* Look at the next bytes. True when the phrase was completed in this call. Only the first panic
 * counts: what comes after it is often its consequence. */
bool panic_scan(struct panic *p, const void *data, size_t n);
