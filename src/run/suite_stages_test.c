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
#include <unistd.h>

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
				 "testTimeout = 1m\nsections = default zstd\nsections = "
				 "default\n[disk]\ncount = 3\n"
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
	const json_t *provokes = json_object_get(s, "provokes");
	assert_string_equal(json_string_value(json_array_get(provokes, 0)), ".");
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

/* A folder of programs, whose stage is *ret; -errno of it else. */
static int tap(struct fixture *f, const char *settings, json_t **ret, struct err *e)
{
	json_t *all = NULL;
	int rc = plan(f, settings, &all, e);
	if (rc == 0) {
		assert_int_equal(json_array_size(all), 1);
		*ret = json_incref(json_array_get(all, 0));
	}
	json_decref(all);
	return rc;
}

static void put_program(const struct fixture *f, const char *name)
{
	auto_free char *path = path_join(f->dir, name);
	assert_int_equal(file_replace(path, "#!/bin/sh\n", 10, 0755, NULL), 0);
}

static void test_a_folder_of_programs_is_a_stage_of_tap(void **state)
{
	struct fixture *f = *state;
	auto_json json_t *s = NULL;
	auto_free char *dir = path_join(f->dir, "self");
	auto_free char *link = path_join(f->dir, "self/030_link");
	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	put_program(f, "self/020_b.sh");
	put_program(f, "self/010_a");
	put_program(f, "self/.hidden");
	put(f, "self/lib.sh", "x\n");
	put(f, "self/config",
		"# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C=n\nCONFIG_D=m\n"
		"CONFIG_E=4\nCONFIG_F\n");
	put(f, "self/provokes", "csum failed\n");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(
		tap(f, "[suite \"tap\"]\ntests = self/\ntestTimeout = 45s\n", &s, NULL), 0);
	assert_string_equal(json_str_or(s, "suite", ""), "tap");
	assert_string_equal(json_str_or(s, "name", ""), "self");
	auto_json json_t *want = json_pack("[ss]", "010_a", "020_b.sh");
	assert_true(json_equal(json_object_get(s, "tests"), want));
	const json_t *files = json_object_get(s, "files");
	assert_int_equal(json_array_size(files), 5); /* no link */
	assert_string_equal(
		json_str_or(json_array_get(files, 0), "dest", ""), "/root/tap/self/010_a");
	assert_int_equal(json_i64_or(json_array_get(files, 0), "mode", 0), 0755);
	const json_t *needs = json_object_get(s, "needs");
	assert_int_equal(json_array_size(needs), 2);
	assert_string_equal(json_str_or(json_array_get(needs, 1), "what", ""), "c:CONFIG_D");
	assert_int_equal(json_array_size(json_object_get(s, "provokes")), 1);
	assert_int_equal(json_i64_or(s, "test_timeout_us", 0), 105000000);
	/* Of a kernel that has one of the two, the other is missing. */
	auto_json json_t *all = json_pack("[O]", s);
	suite_stages_kernel(all, "CONFIG_B=y\nCONFIG_DD=y\n");
	assert_int_equal(json_array_size(needs), 1);
	assert_string_equal(json_str_or(json_array_get(needs, 0), "what", ""), "-:CONFIG_D");
}

static void test_a_suite_or_folder_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = path_join(f->dir, "bad name");
	auto_free char *other = path_join(f->dir, "other/bad");
	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_mkdirs(other, 0755, NULL), 0);
	refused(f, "[suite \"tab\"]\ntests = self\n", -ENOENT,
		"fsqa.conf:2: no suite 'tab' (did you mean tap?)");
	refused(f, "[suite \"fstests\"]\ntests = self\n", -EINVAL, "fstests.tree");
	refused(f, "[suite \"tap\"]\ntests = absent\n", -ENOENT, "fsqa.conf:2");
	refused(f, "[suite \"tap\"]\ntests = tree/tests\n", -ENOENT, "no executable file");
	refused(f, "[suite \"tap\"]\ntests = bad name\n", -EINVAL, "letters, digits");
	put_program(f, "other/bad/a b");
	refused(f, "[suite \"tap\"]\ntests = other/bad\n", -EINVAL, "a test's name");
	refused(f, "[suite \"tap\"]\ntests = self\ntests = other/self\n", -EINVAL,
		"two folders are named self");
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
		cmocka_unit_test(test_a_folder_of_programs_is_a_stage_of_tap),
		cmocka_unit_test(test_a_suite_or_folder_that_is_not_there_is_named),
		cmocka_unit_test(test_a_result_file_belongs_to_its_test),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
