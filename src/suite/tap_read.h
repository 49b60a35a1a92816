/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap_read.h: what one program told of its tests, in TAP (versions 12 to 14) or the kernel's KTAP:
 *   TAP version 13              or KTAP version 1, or nothing
 *   1..3                        the plan, before the tests or behind them; 1..0 # SKIP no such
 * device ok 1 - it mounts not ok 2 - it unmounts      # TODO: known not to work, so that it does
 * not count; KTAP's XFAIL ok 3 - quota # SKIP no quota Bail out! the disk is gone Lines that are
 * indented are of subtests, which a line of their own sums up; what is no such line is for people.
 * A program that tells nothing of this is judged by its exit code alone. Source: testanything.org
 * (TAP version 14 specification); the kernel's Documentation/dev-tools/ktap.rst and
 * tools/testing/selftests/kselftest.h (exit codes). */
#pragma once
#include "base/strv.h"
#include "suite/verdict.h"
#include <stdbool.h>
#include <stddef.h>

#define TAP_LINE_MAX  1000 /* bytes of a line that are looked at */
#define TAP_NAMES_MAX 20   /* tests that failed, of which the names are kept */
#define TAP_SKIP_CODE 4    /* KSFT_SKIP */

/* Zero to begin; tap_clear. */
struct tap {
	unsigned passed, failed, skipped, todo;
	bool versioned; /* it said that it is TAP */
	bool planned;
	unsigned plan;
	struct strv names; /* of those that failed, "2 - it unmounts" */
	char *skip;        /* the first reason of one that was skipped, NULL: none */
	char *bail;        /* why it gave up, NULL: it did not */
	char line[TAP_LINE_MAX + 1];
	size_t n; /* bytes of it */
};

/* Bytes that it printed, cut anywhere. */
void tap_add(struct tap *t, const void *data, size_t n);
/* No more comes. */
void tap_end(struct tap *t);
/* Its verdict, with that exit code (of a program that was not killed); why, the caller's, is NULL
 * for PASS. */
enum verdict tap_verdict(const struct tap *t, int code, char **ret_why);
void tap_clear(struct tap *t);
#define auto_tap __attribute__((cleanup(tap_clear)))
