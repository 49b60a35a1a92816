/* SPDX-License-Identifier: GPL-2.0-or-later */
/* needs.h: what tests want of the target (struct suite_need), looked for in it by a command:
 *   argv of a shell -> "u:fsgqa" a line for each that is missing, "--", what the caller's command
 * printed */
#pragma once
#include <stddef.h>
struct strv;
struct suite_need;

/* Append the argv of the look; behind it the caller appends a command that is run at its end, or
 * nothing. `needs` may be NULL. Disks are those of FSQA_DISKS. */
void needs_argv(const struct suite_need *needs, struct strv *argv);
/* What it printed, read: `on_soft` is told of each that is missing and not hard; the hard ones are
 * the result, the caller's, or NULL. *ret_rest is what stands behind "--", NULL: the look did not
 * come so far. */
char *needs_missing(const struct suite_need *needs, const char *said,
	void (*on_soft)(void *ctx, const char *text), void *ctx, const char **ret_rest);
