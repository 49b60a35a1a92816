/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "proc/proc.h"
#include "suite/needs.h"
#include "suite/suite.h"
#include <stdlib.h>
#include <string.h>

static void on_soft(void *ctx, const char *text)
{
	buf_addf(ctx, "%s;", text);
}

static void test_what_is_missing_is_told_and_what_is_there_is_not(void **unused)
{
	static const struct suite_need needs[] = {
		{ "p:sh", true, "sh" },
		{ "p:no-such-program", false, "program" },
		{ "u:root", true, "root" },
		{ "u:no-such-user", false, "user" },
		{ "s:no-such-service", false, "service" },
		{ "d:2", true, "two disks" },
		{ "d:3", true, "three disks" },
		{ "n:1", true, "a CPU" },
		{ "n:100000", false, "CPUs" },
		{ "m:1", true, "a MiB" },
		{ "m:1000000000", false, "memory" },
		{ "-:CONFIG_X", true, "CONFIG_X" },
		{ NULL, false, NULL },
	};
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf said = { 0 };
	auto_buf struct buf soft = { 0 };
	const char *rest = NULL;
	assert_int_equal(setenv("FSQA_DISKS", "/dev/vdb /dev/vdc", 1), 0);
	needs_argv(needs, &argv);
	strv_addl(&argv, "echo", "more", NULL);
	const struct proc_spec spec = { .argv = strv_get(&argv) };
	assert_int_equal(proc_check(&spec, &said, 4096, NULL), 0);
	auto_free char *hard = needs_missing(needs, buf_str(&said), on_soft, &soft, &rest);
	assert_string_equal(hard, "three disks; CONFIG_X");
	assert_string_equal(buf_str(&soft), "program;user;service;CPUs;memory;");
	assert_string_equal(rest, "more\n");
}

static void test_a_look_that_was_cut_off_says_nothing(void **unused)
{
	const char *rest = "";
	assert_null(needs_missing(NULL, "p:fio\n", on_soft, NULL, &rest));
	assert_null(rest);
	assert_null(needs_missing(NULL, "--\n", on_soft, NULL, &rest));
	assert_string_equal(rest, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_missing_is_told_and_what_is_there_is_not),
		cmocka_unit_test(test_a_look_that_was_cut_off_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
