/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest.h: the known name that a mistyped word most likely meant. */
#pragma once

/* Edit distance of two words: insert, delete, replace and swap of neighbours cost one each;
 * letter case costs nothing. Words beyond 64 bytes are as far apart as they are long. */
unsigned nearest_distance(const char *a, const char *b);
/* The nearest of `known` (NULL-terminated, or NULL), borrowed from it; the first of equals.
 * NULL: nothing is near enough to be worth offering. */
const char *nearest(const char *word, const char *const *known);
/* " (did you mean NAME?)", or "" where nothing is near; the caller's. */
char *nearest_hint(const char *word, const char *const *known);
