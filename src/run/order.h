/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.h: in which order the tests of each section run, where not as the suite has it. */
#pragma once
#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct run_info;

struct order {
	bool shuffle;
	uint64_t seed;     /* the same one is the same order */
	struct strv first; /* paths of tests that come before the others */
};

/* Put those first that went wrong in that run: FAIL, ERROR and MISS. */
void order_failed_first(struct order *o, const struct run_info *r);
/* Change the tests of the stages that suite_stages made, in place. Returns how many of `first`
 * there were. */
size_t order_apply(const struct order *o, json_t *stages);
void order_clear(struct order *o);
#define auto_order __attribute__((cleanup(order_clear)))
