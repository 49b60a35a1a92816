/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_stages.h: fstests as suite.h has a suite before a run: one stage for each section
 * ([fstests], [section "NAME"]), with its tests in order. For suite/fstests*.c only. */
#pragma once
#include <jansson.h>
#include <stdint.h>
struct err;
struct strv;
struct suite_ask;

int fstests_stages(const struct suite_ask *a, json_t *all, struct err *e);
void fstests_fragments(const struct suite_ask *a, struct strv *ret);
int fstests_groups(const struct suite_ask *a, json_t *ret, struct err *e);
char *fstests_durations_of(const struct suite_ask *a, const char *stage);
uint64_t fstests_soak_us(const json_t *stage);
