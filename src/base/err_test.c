/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include <errno.h>

static void test_code_is_negative_whatever_sign_came(void **unused)
{
	struct err e = { 0 };
	assert_int_equal(err_set(&e, ENOENT, "no %s", "such"), -ENOENT);
	assert_int_equal(err_set(&e, -ENOENT, "no such"), -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_int_equal(err_set(NULL, EIO, "nobody listens"), -EIO);
}

static void test_sys_tells_errno_and_wrap_prefixes(void **unused)
{
	struct err e = { 0 };
	errno = ENOSPC;
	assert_int_equal(err_sys(&e, "write %s", "log"), -ENOSPC);
	assert_string_equal(e.msg, "write log: No space left on device");
	assert_int_equal(err_wrap(&e, "run %d", 7), -ENOSPC);
	assert_string_equal(e.msg, "run 7: write log: No space left on device");
	errno = 0;
	assert_int_equal(err_sys(&e, "x"), -EIO);
}

static void test_long_message_says_that_it_was_cut(void **unused)
{
	struct err e = { 0 };
	err_set(&e, EINVAL, "%0300d", 1);
	assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
	assert_string_equal(e.msg + sizeof e.msg - 4, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_is_negative_whatever_sign_came),
		cmocka_unit_test(test_sys_tells_errno_and_wrap_prefixes),
		cmocka_unit_test(test_long_message_says_that_it_was_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
