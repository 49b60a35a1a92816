/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isolate.h: which of the tests before it make a test fail. The list is halved again and again
 * (delta debugging), each try a machine of its own; what is left is a list of which none can be
 * left out, as far as one try each can tell.
 * Source: Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002. */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>
struct err;

enum isolate_answer {
	ISOLATE_ALONE,   /* it fails without any of them */
	ISOLATE_NEVER,   /* it does not fail even behind all of them: flaky */
	ISOLATE_CULPRIT, /* it fails behind those that are left */
};

/* Run it behind `before`: *ret whether it failed. An error ends it all. */
typedef int isolate_try(void *ctx, const char *const *before, size_t n, bool *ret, struct err *e);

/* `left` gets what is left of `before`, in its order, of CULPRIT. At most `max` tries; where they
 * do not suffice, more is left than need be (*ret_done false). */
int isolate(const struct strv *before, isolate_try *try, void *ctx, unsigned max,
	enum isolate_answer *ret, struct strv *left, bool *ret_done, struct err *e);
