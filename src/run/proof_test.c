/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/proof.h"
#include <errno.h>
#include <string.h>

#define ASKED                                                                                      \
	"{\"release\":\"6.1.0-1\",\"build_id\":\"aa11\",\"config_crc\":4294967295,"                \
	"\"config_bytes\":1000}"

/* `what` NULL: it is the kernel that was asked for. */
static void compare(const char *asked, const char *hello, const char *what)
{
	struct proof p;
	auto_json json_t *a = json_loads(asked, 0, NULL);
	auto_json json_t *h = json_loads(hello, 0, NULL);
	assert_true(a && h);
	assert_int_equal(proof_parse(a, &p, NULL), 0);
	auto_free char *why = proof_check(&p, h);
	if (!what)
		assert_null(why);
	else if (!why || !strstr(why, what))
		fail_msg("\"%s\" is not in \"%s\"", what, why ? why : "");
}

static void test_the_kernel_that_was_asked_for_is_proved(void **state)
{
	compare(ASKED,
		"{\"release\":\"6.1.0-1\",\"build_id\":\"aa11\",\"config_crc\":4294967295,"
		"\"config_bytes\":1000}",
		NULL);
	/* One that carries no configuration. */
	compare(ASKED,
		"{\"release\":\"6.1.0-1\",\"build_id\":\"aa11\",\"config_crc\":0,\"config_bytes\":"
		"0}",
		NULL);
	/* Of one whose store entry knows neither. */
	compare("{\"release\":\"6.1.0-1\"}",
		"{\"release\":\"6.1.0-1\",\"build_id\":\"bb\",\"config_crc\":1,\"config_bytes\":2}",
		NULL);
}

static void test_another_kernel_is_named_with_the_one_that_was_asked_for(void **state)
{
	compare(ASKED, "{\"release\":\"6.1.0-2\",\"build_id\":\"aa11\"}",
		"6.1.0-2, build id aa11; asked was 6.1.0-1, build id aa11");
	compare(ASKED, "{\"release\":\"6.1.0-1\",\"build_id\":\"aa12\"}", "build id aa12; asked");
	compare(ASKED, "{\"release\":\"6.1.0-1\",\"build_id\":\"\"}", "build id none; asked");
	compare(ASKED, "{\"release\":\"6.1.0-1\"}", "build id none; asked");
	compare(ASKED, "{}", "kernel: ?, build id none");
	compare(ASKED, "{\"release\":6,\"build_id\":[]}", "kernel: ?, build id none");
	compare("{\"release\":\"6.1.0-1\"}", "{\"release\":\"6.1.0-10\"}", "build id none");
}

static void test_another_configuration_is_another_kernel(void **state)
{
	compare(ASKED,
		"{\"release\":\"6.1.0-1\",\"build_id\":\"aa11\",\"config_crc\":1,"
		"\"config_bytes\":1000}",
		"/proc/config.gz");
	compare(ASKED,
		"{\"release\":\"6.1.0-1\",\"build_id\":\"aa11\",\"config_crc\":4294967295,"
		"\"config_bytes\":1001}",
		"/proc/config.gz");
}

static void test_a_job_without_a_release_is_refused(void **state)
{
	struct proof p;
	auto_json json_t *j = json_object();
	assert_int_equal(proof_parse(j, &p, NULL), -EINVAL);
	assert_int_equal(proof_parse(NULL, &p, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_kernel_that_was_asked_for_is_proved),
		cmocka_unit_test(test_another_kernel_is_named_with_the_one_that_was_asked_for),
		cmocka_unit_test(test_another_configuration_is_another_kernel),
		cmocka_unit_test(test_a_job_without_a_release_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
