/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/fault_plan.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/disk_fault.h"
#include "run/kernel_watch.h"
#include "target/faults.h"
#include <errno.h>
#include <string.h>

/* What the target would refuse only once the test runs. */
static int check_fault(const json_t *event, const json_t *disks, struct err *e)
{
	struct target_fault f;
	auto_json json_t *rules = NULL;
	int rc = disk_fault_parse(event, &f, e);
	if (rc < 0)
		return rc;
	const json_t *disk = json_find(disks, "serial", f.disk);
	if (!disk)
		return err_set(e, EINVAL, "there is no scratch disk %.40s", f.disk);
	if (f.kind == TARGET_FAULT_UNPLUG && json_object_get(disk, "zone_bytes"))
		return err_set(e, EINVAL, "%s has zones, and cannot be unplugged", f.disk);
	return f.kind == TARGET_FAULT_ERROR ? faults_rules(&f, &rules, e) : 0;
}

/* Of one disk an error and a slowness: more would take each other's place. */
static int check_together(const json_t *faults, const json_t *event, struct err *e)
{
	size_t i;
	json_t *other;
	const char *disk = json_str_or(event, "disk", "");
	const char *action = json_str_or(event, "action", "");
	json_array_foreach (faults, i, other) {
		const char *its = json_str_or(other, "action", "");
		if (strcmp(json_str_or(other, "disk", ""), disk) == 0 &&
			(strcmp(its, action) == 0 || strcmp(its, "unplug") == 0 ||
				strcmp(action, "unplug") == 0))
			return err_set(e, EINVAL, "does not go with its %s", its);
	}
	return 0;
}

static int add_faults(const struct config *c, const char *name, const json_t *disks, json_t *faults,
	struct err *e)
{
	const char *const *words = config_list(c, name);
	for (; *words; words++) {
		struct err why = { 0 };
		auto_json json_t *event = NULL;
		int rc = disk_fault_word(*words, &event, &why);
		if (rc == 0)
			rc = check_fault(event, disks, &why);
		if (rc == 0)
			rc = check_together(faults, event, &why);
		if (rc < 0)
			return err_set(e, rc, "%s: %s: '%.60s': %s", config_origin(c, name), name,
				*words, why.msg);
		json_array_append(faults, event);
	}
	return 0;
}

static int add_expect(const struct config *c, const char *name, json_t *patterns, struct err *e)
{
	struct err why = { 0 };
	struct kernel_expect x = { 0 };
	const char *pattern = config_str(c, name);
	if (!pattern)
		return 0;
	int rc = kernel_expect_add(&x, pattern, &why);
	kernel_expect_clear(&x);
	if (rc < 0)
		return err_set(e, rc, "%s: %s: %s", config_origin(c, name), name, why.msg);
	json_array_append_new(patterns, json_string(pattern));
	return 0;
}

/* What [SECTION "NAME"] declares, if anything. */
static int add(const struct config *c, const char *section, const char *name, const json_t *disks,
	json_t *all, struct err *e)
{
	auto_free char *faults_name = xasprintf("%s.%s.faults", section, name);
	auto_free char *expect_name = xasprintf("%s.%s.expect", section, name);
	auto_json json_t *faults = json_array();
	auto_json json_t *expect = json_array();
	int rc = add_faults(c, faults_name, disks, faults, e);
	if (rc == 0)
		rc = add_expect(c, expect_name, expect, e);
	if (rc == 0 && (json_array_size(faults) || json_array_size(expect)))
		json_array_append_new(all, json_pack("{s:s, s:O, s:O}", section, name, "faults",
						   faults, "expect", expect));
	return rc;
}

int fault_plan(const struct profile *p, const json_t *disks, json_t **ret, struct err *e)
{
	auto_json json_t *all = json_array();
	const char *glob;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->n_stages; i++)
		rc = add(p->config, "stage", p->stages[i].name, disks, all, e);
	for (size_t i = 0; rc == 0 && (glob = config_subsection(p->config, "test", i)); i++)
		rc = add(p->config, "test", glob, disks, all, e);
	if (rc == 0)
		*ret = json_incref(all);
	return rc;
}
