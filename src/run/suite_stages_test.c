/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/config.h"
#include "run/suite_stages.h"
#include "suite/suite.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	char dir[64];
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	auto_free char *path = path_join(f->dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	memcpy(f->dir, "/tmp/fstests-stages-XXXXXX", 27);
	assert_non_null(mkdtemp(f->dir));
	auto_free char *generic = path_join(f->dir, "tree/tests/generic");
	assert_int_equal(file_mkdirs(generic, 0755, NULL), 0);
	put(f, "tree/check", "SRC_GROUPS=\"generic\"\n");
	put(f, "tree/tests/generic/group.list", "001 auto quick\n002 auto\n003 auto quick\n");
	put(f, "tree/tests/generic/001", "#! /bin/sh\n");
	put(f, "tree/tests/generic/002", "#! /bin/sh\n");
	put(f, "tree/tests/generic/003", "#! /bin/sh\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

static int plan(struct fixture *f, const char *text, json_t **ret, struct err *e)
{
	struct config *c = NULL;
	auto_free char *conf = path_join(f->dir, "fsqa.conf");
	put(f, "fsqa.conf", text);
	assert_int_equal(config_load(conf, NULL, &c, NULL), 0);
	int rc = suite_stages(c, config_str(c, "fstests.tree"), ret, e);
	config_free(c);
	return rc;
}

static void refused(struct fixture *f, const char *text, int code, const char *said)
{
	struct err e = { 0 };
	json_t *j = NULL;
	assert_int_equal(plan(f, text, &j, &e), code);
	if (!strstr(e.msg, said))
		fail_msg("%s: not in: %s", said, e.msg);
	assert_null(j);
}

static void test_each_section_is_a_stage_with_its_tests_and_configuration(void **state)
{
	auto_json json_t *j = NULL;
	assert_int_equal(plan(*state,
				 "[fstests]\ntree = tree\ngroups = quick\nexclude = generic/003\n"
				 "testTimeout = 1m\nsections = default zstd\n[disk]\ncount = 3\n"
				 "[section \"a\"]\nmkfs = -n 4096\n[section \"zstd\"]\nmount = -o "
				 "compress=zstd\n",
				 &j, NULL),
		0);
	assert_int_equal(json_array_size(j), 2);
	const json_t *s = json_array_get(j, 1);
	const json_t *tests = json_object_get(s, "tests");
	assert_string_equal(json_str_or(s, "suite", ""), "fstests");
	assert_string_equal(json_str_or(s, "name", ""), "zstd");
	assert_string_equal(json_str_or(s, "tree", ""), "/mnt/fstests");
	assert_int_equal(json_array_size(tests), 1);
	assert_string_equal(json_string_value(json_array_get(tests, 0)), "generic/001");
	assert_int_equal(json_i64_or(s, "test_timeout_us", 0), 60000000);
	const char *config = json_str_or(s, "config", "");
	assert_non_null(strstr(config, "[zstd]"));
	assert_non_null(strstr(config, "compress=zstd"));
	assert_non_null(strstr(config, "SCRATCH_DEV_POOL"));
}

static void test_one_scratch_device_of_a_filesystem_that_has_no_pools(void **state)
{
	auto_json json_t *j = NULL;
	assert_int_equal(
		plan(*state, "[fstests]\ntree = tree\nfstyp = xfs\n[disk]\ncount = 4\n", &j, NULL),
		0);
	const char *config = json_str_or(json_array_get(j, 0), "config", "");
	assert_string_equal(json_str_or(json_array_get(j, 0), "name", ""), "default");
	assert_non_null(strstr(config, "SCRATCH_DEV="));
	assert_null(strstr(config, "SCRATCH_DEV_POOL"));
}

static void test_the_last_disk_is_that_of_log_writes_where_it_is_asked(void **state)
{
	auto_json json_t *j = NULL;
	const char text[] = "[fstests]\ntree = tree\nfstyp = btrfs\nlogwrites = true\n[disk]\n"
			    "count = 4\n";
	assert_int_equal(plan(*state, text, &j, NULL), 0);
	const char *config = json_str_or(json_array_get(j, 0), "config", "");
	assert_non_null(strstr(config, "SCRATCH_DEV_POOL=\"/dev/xvdc /dev/xvdd\""));
	assert_non_null(strstr(config, "LOGWRITES_DEV=\"/dev/xvde\""));
	refused(*state, "[fstests]\ntree = tree\nlogwrites = true\n[disk]\ncount = 2\n", -EINVAL,
		"three disks at least");
}

static void test_what_is_not_there_is_named_with_where_it_was_asked(void **state)
{
	refused(*state, "[fstests]\ntree = nothing\n", -ENOENT, "nothing");
	refused(*state, "[fstests]\ntree = tree\ntests = generic/0001\n", -ENOENT, "generic/001");
	refused(*state, "[fstests]\ntree = tree\ngroups = quik\n", -ENOENT, "quick");
	refused(*state,
		"[fstests]\ntree = tree\nsections = smal\n[section \"small\"]\nmkfs = -n 4096\n",
		-ENOENT, "fsqa.conf:3: no section 'smal' (did you mean small?)");
	refused(*state, "[fstests]\ntree = tree\n[disk]\ncount = 1\n", -EINVAL, "fsqa.conf:4");
}

static void owner(const char *path, const char *want)
{
	size_t n = 0;
	const char *name = suite_fstests.test_of(path, &n);
	if (!want) {
		assert_null(name);
		return;
	}
	assert_int_equal(n, strlen(want));
	assert_memory_equal(name, want, n);
}

static void test_a_result_file_belongs_to_its_test(void **state)
{
	owner("zstd/generic/001.out.bad", "generic/001");
	owner("zstd/generic/001", "generic/001");
	owner("zstd/result.xml", NULL);
	owner("check.log", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_section_is_a_stage_with_its_tests_and_configuration),
		cmocka_unit_test(test_one_scratch_device_of_a_filesystem_that_has_no_pools),
		cmocka_unit_test(test_the_last_disk_is_that_of_log_writes_where_it_is_asked),
		cmocka_unit_test(test_what_is_not_there_is_named_with_where_it_was_asked),
		cmocka_unit_test(test_a_result_file_belongs_to_its_test),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
