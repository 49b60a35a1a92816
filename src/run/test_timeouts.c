/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/test_timeouts.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/plan.h"
#include "store/store.h"
#include "suite/suite.h"
#include "suite/testpath.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS     20          /* of which the history is read */
#define FLOOR    4           /* the part of test_timeout_us that each test has, */
#define FLOOR_US (60000000u) /* and this, where it is not more than that */

static void on_longest(void *ctx, const char *test, uint64_t us)
{
	json_object_set_new(ctx, test, json_integer((json_int_t)us));
}

/* {PATH: us} of the longest passes. */
static json_t *longest(const char *state_dir, const char *profile, const char *accel)
{
	json_t *all = json_object();
	struct index_db *x = NULL;
	auto_free char *runs = path_join(state_dir, "runs");
	if (access(runs, F_OK) == 0 && index_open(state_dir, &x, NULL) == 0)
		(void)index_longest(x, profile, accel, RUNS, on_longest, all, NULL);
	index_close(x);
	return all;
}

static uint64_t floor_us(uint64_t most_us)
{
	uint64_t us = most_us / FLOOR > FLOOR_US ? most_us / FLOOR : FLOOR_US;
	return us < most_us ? us : most_us;
}

static void set_stage(uint64_t factor, const json_t *known, json_t *stage)
{
	uint64_t most_us = (uint64_t)json_i64_or(stage, "test_timeout_us", 0);
	const struct suite *s = suite_find(json_str_or(stage, "suite", ""));
	uint64_t soak = s && s->soak_us ? s->soak_us(stage) : 0;
	uint64_t more_us = 0;
	size_t i;
	json_t *name;
	json_t *timeouts = json_object();
	auto_free char *above = plan_stage_path(stage);
	json_array_foreach (json_object_get(stage, "tests"), i, name) {
		auto_free char *path = testpath_make(above, json_string_value(name));
		uint64_t us = (uint64_t)json_i64_or(known, path, 0);
		if (us == 0 && soak == 0)
			continue;
		us *= factor;
		us = us == 0 ? most_us : us < floor_us(most_us) ? floor_us(most_us) : us;
		us += soak;
		more_us += us > most_us ? us - most_us : 0;
		json_object_set_new(
			timeouts, json_string_value(name), json_integer((json_int_t)us));
	}
	json_object_set_new(stage, "timeouts_us", timeouts);
	json_object_set_new(stage, "timeout_us",
		json_integer(json_i64_or(stage, "timeout_us", 0) + (json_int_t)more_us));
}

void test_timeouts_set(
	const char *state_dir, const char *profile, const char *accel, json_t *stages)
{
	size_t i;
	json_t *stage;
	auto_json json_t *known = longest(state_dir, profile, accel);
	json_array_foreach (stages, i, stage) {
		int64_t factor = json_i64_or(stage, "timeout_factor", 0);
		if (factor > 0)
			set_stage((uint64_t)factor, known, stage);
	}
}
