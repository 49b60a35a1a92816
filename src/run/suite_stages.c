/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/suite_stages.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "config/config.h"
#include "run/disk_plan.h"
#include "run/suite_tree.h"
#include "suite/suite.h"
#include <errno.h>
#include <string.h>

/* What all suites are asked with. */
struct asking {
	struct suite_ask ask;
	struct strv disks;
};

static void asking_begin(struct asking *a, const struct config *c, const char *tree)
{
	*a = (struct asking){ .ask = { .config = c, .tree = tree, .place = TREE_PLACE } };
	for (unsigned i = 0; i < config_num(c, "disk.count"); i++) {
		auto_free char *name = disk_plan_name(c, i);
		strv_addf(&a->disks, "/dev/%s", name);
	}
	a->ask.disks = strv_get(&a->disks);
}

static const struct suite_ask *asking_of(struct asking *a, const struct suite *s)
{
	auto_free char *tests = xasprintf("suite.%s.tests", s->name);
	auto_free char *timeout = xasprintf("suite.%s.testTimeout", s->name);
	a->ask.tests = config_list(a->ask.config, tests);
	a->ask.origin = config_origin(a->ask.config, tests);
	a->ask.test_timeout_us = config_num(a->ask.config, timeout);
	return &a->ask;
}

static void asking_clear(struct asking *a)
{
	strv_clear(&a->disks);
}
#define auto_asking __attribute__((cleanup(asking_clear)))

/* [suite "X"] of a suite that there is, and that takes its tests so. */
static int check_names(const struct config *c, struct err *e)
{
	auto_strv struct strv known = { 0 };
	const char *x;
	for (size_t i = 0; suites[i]; i++)
		if (suites[i]->stages)
			strv_add(&known, suites[i]->name);
	for (size_t i = 0; (x = config_subsection(c, "suite", i)); i++) {
		auto_free char *name = xasprintf("suite.%s.tests", x);
		auto_free char *hint = nearest_hint(x, strv_get(&known));
		if (strv_find(&known, x) == known.n && *config_list(c, name))
			return err_set(e, ENOENT, "%s: no suite '%.80s'%s", config_origin(c, name),
				x, hint);
	}
	return 0;
}

int suite_stages(const struct config *c, const char *tree, json_t **ret, struct err *e)
{
	auto_asking struct asking a;
	auto_json json_t *all = json_array();
	asking_begin(&a, c, tree);
	int rc = check_names(c, e);
	for (size_t i = 0; rc == 0 && suites[i]; i++)
		if (suites[i]->stages)
			rc = suites[i]->stages(asking_of(&a, suites[i]), all, e);
	if (rc == 0)
		*ret = json_incref(all);
	return rc;
}

int suite_groups(const struct config *c, const char *tree, json_t **ret, struct err *e)
{
	auto_asking struct asking a;
	auto_json json_t *all = json_object();
	int rc = 0;
	asking_begin(&a, c, tree);
	for (size_t i = 0; rc == 0 && suites[i]; i++) {
		json_t *its = json_object();
		json_object_set_new(all, suites[i]->name, its);
		if (suites[i]->groups)
			rc = suites[i]->groups(asking_of(&a, suites[i]), its, e);
	}
	if (rc == 0)
		*ret = json_incref(all);
	return rc;
}

void suite_fragments(const struct config *c, struct strv *ret, struct strv *ret_by)
{
	auto_asking struct asking a;
	asking_begin(&a, c, NULL);
	for (size_t i = 0; suites[i]; i++) {
		if (suites[i]->fragments)
			suites[i]->fragments(asking_of(&a, suites[i]), ret);
		while (ret_by->n < ret->n)
			strv_add(ret_by, suites[i]->name);
	}
}

char *suite_durations(const struct config *c, const json_t *stages)
{
	auto_asking struct asking a;
	struct buf all = { 0 };
	size_t i;
	json_t *stage;
	asking_begin(&a, c, NULL);
	json_array_foreach (stages, i, stage) {
		const struct suite *s = suite_find(json_str_or(stage, "suite", ""));
		auto_free char *text = s && s->durations ? s->durations(asking_of(&a, s),
								   json_str_or(stage, "name", ""))
							 : NULL;
		buf_adds(&all, text ? text : "");
	}
	return buf_take(&all);
}

/* "CONFIG_X=y" or "CONFIG_X=m" as a line. */
static bool has_option(const char *config, const char *option)
{
	size_t n = strlen(option);
	for (const char *p = config; (p = strstr(p, option)); p += n)
		if ((p == config || p[-1] == '\n') && p[n] == '=' &&
			(p[n + 1] == 'y' || p[n + 1] == 'm'))
			return true;
	return false;
}

void suite_stages_kernel(json_t *stages, const char *config)
{
	for (size_t i = 0; i < json_array_size(stages); i++) {
		json_t *needs = json_object_get(json_array_get(stages, i), "needs");
		for (size_t k = json_array_size(needs); k-- > 0;) {
			json_t *need = json_array_get(needs, k);
			const char *what = json_str_or(need, "what", "");
			if (strncmp(what, "c:", 2) != 0)
				continue;
			auto_free char *missing = xasprintf("-:%s", what + 2);
			if (!config || has_option(config, what + 2))
				json_array_remove(needs, k);
			else
				json_object_set_new(need, "what", json_string(missing));
		}
	}
}
