/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/order.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/plan.h"
#include "store/store.h"
#include "suite/testpath.h"
#include <string.h>

void order_failed_first(struct order *o, const struct run_info *r)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		if (!a->superseded && a->status <= VERDICT_MISS && *a->stage &&
			!run_attempt_is_stage(a))
			strv_add(&o->first, a->test);
	}
	strv_sort(&o->first);
}

void order_clear(struct order *o)
{
	strv_clear(&o->first);
	*o = (struct order){ 0 };
}

/* splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void swap(json_t *tests, size_t a, size_t b)
{
	json_t *x = json_incref(json_array_get(tests, a));
	json_array_set(tests, a, json_array_get(tests, b));
	json_array_set_new(tests, b, x);
}

/* Each section in an order of its own. */
static void shuffle(json_t *tests, uint64_t seed, const char *section)
{
	uint64_t state = seed ^ ((uint64_t)hash_crc32(section, strlen(section)) << 32);
	for (size_t i = json_array_size(tests); i > 1; i--)
		swap(tests, i - 1, (size_t)(random_next(&state) % i));
}

static bool is_first(const struct order *o, const char *section, const char *name)
{
	auto_free char *path = testpath_make(section, name);
	return strv_find(&o->first, path) < o->first.n;
}

static json_t *first_of(const struct order *o, const char *section, json_t *tests, size_t *ret_n)
{
	json_t *first = json_array();
	json_t *others = json_array();
	size_t i;
	json_t *test;
	json_array_foreach (tests, i, test) {
		bool now = is_first(o, section, json_string_value(test));
		json_array_append(now ? first : others, test);
		*ret_n += now;
	}
	json_array_extend(first, others);
	json_decref(others);
	return first;
}

size_t order_apply(const struct order *o, json_t *stages)
{
	size_t n = 0;
	size_t i;
	json_t *stage;
	json_array_foreach (stages, i, stage) {
		json_t *tests = json_object_get(stage, "tests");
		auto_free char *section = plan_stage_path(stage);
		if (o->shuffle)
			shuffle(tests, o->seed, section);
		if (o->first.n)
			json_object_set_new(stage, "tests", first_of(o, section, tests, &n));
	}
	return n;
}
