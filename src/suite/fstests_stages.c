/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_stages.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "config/config.h"
#include "suite/fstests_config.h"
#include "suite/fstests_needs.h"
#include "suite/fstests_tree.h"
#include "suite/suite.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN       "default" /* a section without options, which need not be declared */
#define TEST_DIR    "/mnt/test"
#define SCRATCH_MNT "/mnt/scratch"
#define TIMES_MAX   (1u << 20) /* bytes of a check.time */
/* Many damage a filesystem on purpose, and check reads the kernel's log itself, with each test's
 * own exceptions: what a test may provoke at all is for check to judge. */
#define ANY_MESSAGE "."

static bool is_true(const struct config *c, const char *setting)
{
	return strcmp(config_str(c, setting), "true") == 0;
}

/* The first disk is the test device; of btrfs all others are the pool, of others the second is the
 * scratch device; the last may be that of dm-log-writes, *ret_log, else NULL. */
static int place_disks(const struct suite_ask *a, const char *fstyp, struct strv *dev,
	const char **ret_log, struct err *e)
{
	const struct config *c = a->config;
	bool log = is_true(c, "fstests.logwrites");
	size_t n = 0;
	while (a->disks[n])
		n++;
	if (n < (log ? 3 : 2))
		return err_set(e, EINVAL,
			"%s: disk.count is %u: fstests wants %s disks at least, one to test on, "
			"one to make anew%s",
			config_origin(c, "disk.count"), (unsigned)n, log ? "three" : "two",
			log ? ", one for fstests.logwrites" : "");
	*ret_log = log ? a->disks[n - 1] : NULL;
	n -= log;
	if (strcmp(fstyp, "btrfs") != 0)
		n = 2;
	for (size_t i = 0; i < n; i++)
		strv_add(dev, a->disks[i]);
	return 0;
}

static int render(const struct suite_ask *a, const char *fstyp, const struct fstests_section *s,
	struct buf *text, struct err *e)
{
	auto_strv struct strv dev = { 0 };
	const char *log = NULL;
	int rc = place_disks(a, fstyp, &dev, &log, e);
	if (rc < 0)
		return rc;
	const struct fstests_places places = {
		.fstyp = fstyp,
		.test_dev = dev.v[0],
		.test_dir = TEST_DIR,
		.scratch = strv_get(&dev) + 1,
		.scratch_mnt = SCRATCH_MNT,
		.logwrites_dev = log,
		.result_base = suite_fstests.log_dir,
	};
	return fstests_config_render(&places, s, text, e);
}

static const char *const *words(const struct config *c, const char *name)
{
	const char *const *v = config_list(c, name);
	return *v ? v : NULL;
}

static int choose(const struct config *c, const struct fstests_tree *tree, const char *fstyp,
	struct fstests_picks *picks, struct err *e)
{
	struct err why = { 0 };
	const struct fstests_choice choice = {
		.fstyp = fstyp,
		.groups = words(c, "fstests.groups"),
		.not_groups = words(c, "fstests.excludeGroups"),
		.tests = words(c, "fstests.tests"),
		.excludes = words(c, "fstests.exclude"),
		.exclude_files = words(c, "fstests.excludeFiles"),
	};
	int rc = fstests_tree_choose(tree, &choice, picks, &why);
	if (rc < 0)
		return err_set(
			e, rc, "fstests of %s: %s", config_origin(c, "fstests.tree"), why.msg);
	if (picks->n == 0)
		return err_set(e, ENOENT, "%s: no test is left of what fstests.* chooses",
			config_origin(c, "fstests.tree"));
	return 0;
}

static json_t *need_json(const struct fstests_need *n)
{
	static const char *const marks[] = { "p", "u", "c" };
	auto_free char *what = xasprintf("%s:%s", marks[n->kind], n->name);
	auto_free char *who = n->hard ? xstrdup("check does not begin without")
				      : xasprintf("%u of the tests want%s, %s first", n->tests,
						n->tests == 1 ? "s" : "", n->first);
	const char *where = n->kind == FSTESTS_CONFIG ? "the kernel" : "the target";
	auto_free char *cure = n->kind == FSTESTS_USER
				       ? xstrdup(": vm.users = fsgqa 123456-fsgqa fsgqa2")
			       : n->package ? xasprintf(": image.packages = %s", n->package)
					    : xstrdup("");
	auto_free char *text = xasprintf("%s has no %s%s, which %s%s", where,
		n->kind == FSTESTS_USER ? "user " : "", n->name, who, cure);
	return json_pack("{s:s, s:b, s:s}", "what", what, "hard", n->hard, "text", text);
}

static int needs_json(const struct fstests_tree *tree, const char *fstyp,
	const struct fstests_picks *picks, json_t **ret, struct err *e)
{
	auto_fstests_needs struct fstests_needs needs = { 0 };
	int rc = fstests_needs_of(tree, fstyp, picks, &needs, e);
	*ret = json_array();
	for (size_t i = 0; rc == 0 && i < needs.n; i++)
		json_array_append_new(*ret, need_json(&needs.v[i]));
	return rc;
}

static int add_section(const struct suite_ask *a, const struct fstests_tree *tree,
	const struct fstests_section *s, json_t *all, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_fstests_picks struct fstests_picks picks = { 0 };
	const struct config *c = a->config;
	const char *fstyp = s->fstyp ? s->fstyp : config_str(c, "fstests.fstyp");
	uint64_t each_us = config_num(c, "fstests.testTimeout");
	uint64_t loops = config_num(c, "fstests.loops");
	int rc = choose(c, tree, fstyp, &picks, e);
	json_t *needs = NULL;
	if (rc == 0)
		rc = render(a, fstyp, s, &text, e);
	if (rc == 0)
		rc = needs_json(tree, fstyp, &picks, &needs, e);
	if (rc < 0) {
		json_decref(needs);
		return rc;
	}
	json_t *tests = json_array();
	for (size_t i = 0; i < picks.n; i++)
		if (!picks.v[i].expunged)
			json_array_append_new(tests, json_string(picks.v[i].test->name));
	json_array_append_new(all,
		json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:b, s:I, s:[], s:[], s:[s], "
			  "s:o}",
			"suite", suite_fstests.name, "name", s->name, "tree", a->place, "config",
			buf_str(&text), "tests", tests, "test_timeout_us", (json_int_t)each_us,
			"timeout_factor", (json_int_t)config_num(c, "fstests.timeoutFactor"),
			"timeout_us", (json_int_t)(each_us * (picks.n + 1) * (loops + 1)),
			"own_report", is_true(c, "fstests.xunit"), "loops", (json_int_t)loops,
			"requires", "logs", "provokes", ANY_MESSAGE, "needs", needs));
	return 0;
}

/* Those that are asked for, else all that are declared. */
static void section_names(const struct config *c, struct strv *ret)
{
	const char *name;
	for (const char *const *w = config_list(c, "fstests.sections"); *w; w++)
		if (strv_find(ret, *w) == ret->n) /* a profile's, and once more on top */
			strv_add(ret, *w);
	for (size_t i = 0; ret->n == i && (name = config_subsection(c, "section", i)); i++)
		strv_add(ret, name);
	if (ret->n == 0)
		strv_add(ret, PLAIN);
}

void fstests_fragments(const struct suite_ask *a, struct strv *ret)
{
	/* fragments/README.md; ext4 is in every guest. */
	static const char *const own[] = { "btrfs", "f2fs", "xfs" };
	auto_strv struct strv names = { 0 };
	const struct config *c = a->config;
	const char *tree = config_str(c, "fstests.tree");
	if (!tree || !*tree)
		return;
	strv_add(ret, "fstests");
	section_names(c, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct fstests_section s = { 0 };
		/* What is wrong with one is told when it becomes a stage. */
		int rc = fstests_section_read(c, names.v[i], &s, NULL);
		const char *fstyp = rc == 0 && s.fstyp ? s.fstyp : config_str(c, "fstests.fstyp");
		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			if (strcmp(own[k], fstyp) == 0 && strv_find(ret, fstyp) == ret->n)
				strv_add(ret, fstyp);
	}
}

int fstests_stages(const struct suite_ask *a, json_t *all, struct err *e)
{
	struct err why = { 0 };
	const struct config *c = a->config;
	auto_fstests_tree struct fstests_tree *tree = NULL;
	auto_strv struct strv names = { 0 };
	if (a->tests[0])
		return err_set(e, EINVAL, "%s: fstests has its tests from fstests.tree", a->origin);
	if (!a->tree)
		return 0;
	int rc = fstests_tree_open(a->tree, &tree, e);
	section_names(c, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct fstests_section s = { .name = PLAIN };
		rc = fstests_section_read(c, names.v[i], &s, &why);
		if (rc == -ENOENT && strcmp(names.v[i], PLAIN) == 0)
			rc = 0;
		else if (rc == -ENOENT)
			err_set(e, rc, "%s: %s", config_origin(c, "fstests.sections"), why.msg);
		else if (rc < 0)
			err_set(e, rc, "%s", why.msg);
		if (rc == 0)
			rc = add_section(a, tree, &s, all, e);
	}
	return rc;
}

int fstests_groups(const struct suite_ask *a, json_t *ret, struct err *e)
{
	size_t n = 0;
	auto_fstests_tree struct fstests_tree *tree = NULL;
	int rc = a->tree ? fstests_tree_open(a->tree, &tree, e) : 0;
	const struct fstests_test *tests = tree ? fstests_tree_tests(tree, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		json_t *groups = json_array();
		for (size_t k = 0; k < tests[i].groups.n; k++)
			json_array_append_new(groups, json_string(tests[i].groups.v[k]));
		json_object_set_new(ret, tests[i].name, groups);
	}
	return rc;
}

/* "generic/001 5", as the tree's own check left it. */
char *fstests_durations_of(const struct suite_ask *a, const char *stage)
{
	const char *tree = config_str(a->config, "fstests.tree");
	const char *const folders[] = { ".", stage };
	struct buf all = { 0 };
	for (size_t i = 0; tree && i < ARRAY_LEN(folders); i++) {
		auto_buf struct buf text = { 0 };
		auto_free char *path = xasprintf("%s/results/%s/check.time", tree, folders[i]);
		if (file_read(path, TIMES_MAX, &text, NULL) == 0)
			buf_add(&all, text.s, text.len);
	}
	return buf_take(&all);
}

/* "90", "30s", "2m", "1h", "1d", as fstests has it; 0: none. */
uint64_t fstests_soak_us(const json_t *stage)
{
	static const char units[] = "smhd";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };
	const char *config = json_str_or(stage, "config", "");
	auto_free char *text = fstests_config_value(
		config, strlen(config), json_str_or(stage, "name", ""), "SOAK_DURATION");
	char *end;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;
	const char *unit = text && *end ? strchr(units, *end) : units;
	return unit && n < 1u << 24 ? n * seconds[unit - units] * 1000000 : 0;
}
