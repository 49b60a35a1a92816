/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_diff.h: a unified diff of two small texts, golden and got, as diff(1) -u writes it. Its
 * work is bounded: where the part that differs is large, it is told as one block replaced. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct buf;

/* Append the diff, of at most `max` bytes, to `out`; nothing where both are equal. Control
 * characters but tab become '?'. Returns whether it was cut. */
bool fstests_diff(const char *golden, size_t n_golden, const char *got, size_t n_got, size_t max,
	struct buf *out);
