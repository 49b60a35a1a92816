/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attempts.h: the numbers of attempts in a journal that several workers write to by way of their
 * controller (docs/decisions/012-batches.md). Each worker counts its own from 1: boot, and a
 * section that is in several batches, begin in each. In the journal they are numbered as they
 * come, and each record says whose it is ("batch", from 1). When all batches are over, a test that
 * was in several of them and did not pass in each gets one more attempt, which is the verdict on
 * all of them, whoever was quicker. */
#pragma once
#include "suite/verdict.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct attempts;

/* `before`: batches that the journal has already. */
struct attempts *attempts_new(size_t n_batches, size_t before);
void attempts_free(struct attempts *a);
/* The journal has this attempt of the test already. */
void attempts_seen(struct attempts *a, const char *test, int64_t attempt);
/* What is known already of a stage's tests, in batches of before: counts with the new ones. */
void attempts_before(struct attempts *a, const char *test, const char *stage, enum verdict v,
	const char *reason);
/* A record of a batch (from 0), or the head of an artifact, as the journal is to have it. */
void attempts_number(struct attempts *a, size_t batch, const char *type, json_t *record);

/* Of the records that follow the caller gets each, in order; an error of his ends it. */
typedef int attempts_write(void *ctx, const char *type, json_t *record, struct err *e);
/* The tests of a batch's job that was not started: their two records each. */
int attempts_not_run(struct attempts *a, size_t batch, const json_t *job, const char *why,
	attempts_write *write, void *ctx, struct err *e);
/* All batches are over. */
int attempts_conclude(struct attempts *a, attempts_write *write, void *ctx, struct err *e);
