/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/profile.h"
#include "run/fault_plan.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct fixture {
	char dir[64];
	json_t *disks; /* xvdb, and xvdc with zones */
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	memcpy(f->dir, "/tmp/fault-plan-XXXXXX", 23);
	assert_non_null(mkdtemp(f->dir));
	auto_free char *scripts = path_join(f->dir, "scripts");
	auto_free char *script = path_join(scripts, "001_a");
	assert_int_equal(file_mkdirs(scripts, 0755, NULL), 0);
	assert_int_equal(file_replace(script, "", 0, 0755, NULL), 0);
	assert_int_equal(chmod(script, 0755), 0);
	f->disks = json_pack(
		"[{s:s}, {s:s, s:i}]", "serial", "xvdb", "serial", "xvdc", "zone_bytes", 1 << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	json_decref(f->disks);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

static int plan(struct fixture *f, const char *text, json_t **ret, struct err *e)
{
	struct profile *p = NULL;
	auto_free char *conf = path_join(f->dir, "fsqa.conf");
	assert_int_equal(file_replace(conf, text, strlen(text), 0644, NULL), 0);
	assert_int_equal(profile_load(f->dir, NULL, &p, NULL), 0);
	int rc = fault_plan(p, f->disks, ret, e);
	profile_free(p);
	return rc;
}

static void test_words_are_the_events_that_fsqa_disk_would_send(void **state)
{
	auto_json json_t *j = NULL;
	assert_int_equal(
		plan(*state,
			"[stage \"001_a\"]\n"
			"faults = xvdb:error,write,sector=8-15,count=2 xvdb:slow,bytes=1M\n"
			"faults = xvdc:error,flush\nexpect = BTRFS (error|info)\n"
			"[test \"script.*.read*\"]\nfaults = xvdb:unplug,surprise\n",
			&j, NULL),
		0);
	auto_free char *text = json_line(j);
	assert_string_equal(text,
		"[{\"stage\":\"001_a\",\"faults\":["
		"{\"action\":\"error\",\"disk\":\"xvdb\",\"write\":true,\"sector\":8,\"sectors\":8,"
		"\"count\":2},{\"action\":\"slow\",\"disk\":\"xvdb\",\"bytes\":1048576},"
		"{\"action\":\"error\",\"disk\":\"xvdc\",\"flush\":true}],"
		"\"expect\":[\"BTRFS (error|info)\"]},{\"test\":\"script.*.read*\",\"faults\":["
		"{\"action\":\"unplug\",\"disk\":\"xvdb\",\"surprise\":true}],\"expect\":[]}]");
}

static void test_what_could_not_be_done_is_refused_with_its_line(void **state)
{
	static const char *const all[][2] = {
		{ "xvdb", "want DISK:unplug" },
		{ ":error", "want DISK:unplug" },
		{ "xvdb:heal", "want DISK:unplug" },
		{ "xvdb:error,wirte", "error has no 'wirte'" },
		{ "xvdb:unplug,read", "unplug has no 'read'" },
		{ "xvdb:error,read=1", "read takes no value" },
		{ "xvdb:error,count", "count needs a value" },
		{ "xvdb:error,count=x", "x" },
		{ "xvdb:error,count=65", "count: want at most 64" },
		{ "xvdb:error,every=2,sector=1", "one of so many requests" },
		{ "xvdb:error,flush,sector=1", "a flush touches no sectors" },
		{ "xvdb:error,sector=9-8", "the last sector comes before the first" },
		{ "xvdb:error,sector=0-18446744073709551615", "sector" },
		{ "xvdb:slow", "how slow?" },
		{ "xvdz:error", "there is no scratch disk xvdz" },
		{ "xvdc:unplug", "xvdc has zones" },
		{ "xvdb:error xvdb:error,read", "does not go with its error" },
		{ "xvdb:slow,bytes=1M xvdb:unplug", "does not go with its slow" },
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct err e = { 0 };
		json_t *j = NULL;
		auto_free char *text = xasprintf("[stage \"001_a\"]\nfaults = %s\n", all[i][0]);
		assert_int_equal(plan(*state, text, &j, &e), -EINVAL);
		if (!strstr(e.msg, "fsqa.conf:2: stage.001_a.faults: '") ||
			!strstr(e.msg, all[i][1]))
			fail_msg("%s: %s", all[i][0], e.msg);
	}
	struct err e = { 0 };
	json_t *j = NULL;
	assert_int_equal(plan(*state, "[test \"script.*\"]\nexpect = (\n", &j, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "fsqa.conf:2: test.script.*.expect: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_words_are_the_events_that_fsqa_disk_would_send, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_could_not_be_done_is_refused_with_its_line, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
