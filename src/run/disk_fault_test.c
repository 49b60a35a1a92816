/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/disk_fault.h"
#include "target/target.h"
#include <errno.h>

static int parse(const char *event, struct target_fault *f, json_t **j)
{
	struct err e = { 0 };
	assert_int_equal(json_parse_object(event, strlen(event), j, NULL), 0);
	return disk_fault_parse(*j, f, &e);
}

static void test_an_event_is_a_fault_and_a_line_for_people(void **unused)
{
	static const struct {
		const char *event, *text;
	} all[] = {
		{ "{\"action\":\"unplug\",\"disk\":\"xvdb\"}", "xvdb: unplugged" },
		{ "{\"action\":\"unplug\",\"disk\":\"xvdb\",\"surprise\":true}",
			"xvdb: unplugged by surprise" },
		{ "{\"action\":\"plug\",\"disk\":\"xvdb\"}", "xvdb: plugged in" },
		{ "{\"action\":\"heal\",\"disk\":\"xvdb\"}", "xvdb: healed" },
		{ "{\"action\":\"error\",\"disk\":\"b\"}", "b: reads and writes fail" },
		{ "{\"action\":\"error\",\"disk\":\"b\",\"read\":true,\"sector\":8,\"sectors\":1,"
		  "\"count\":2}",
			"b: reads fail at sector 8, 2 times" },
		{ "{\"action\":\"error\",\"disk\":\"b\",\"write\":true,\"sector\":8,\"sectors\":8}",
			"b: writes fail at sectors 8-15" },
		{ "{\"action\":\"error\",\"disk\":\"b\",\"flush\":true}", "b: flushes fail" },
		{ "{\"action\":\"error\",\"disk\":\"b\",\"flush\":true,\"read\":true,"
		  "\"write\":true}",
			"b: reads, writes and flushes fail" },
		{ "{\"action\":\"error\",\"disk\":\"b\",\"every\":3}",
			"b: one of 3 reads and writes fails" },
		{ "{\"action\":\"slow\",\"disk\":\"b\",\"bytes\":1048576,\"requests\":9}",
			"b: at most 1.0 MiB and 9 requests a second" },
		{ "{\"action\":\"slow\",\"disk\":\"b\",\"requests\":9}",
			"b: at most 9 requests a second" },
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct target_fault f;
		auto_json json_t *j = NULL;
		auto_buf struct buf text = { 0 };
		assert_int_equal(parse(all[i].event, &f, &j), 0);
		disk_fault_text(&f, &text);
		assert_string_equal(buf_str(&text), all[i].text);
	}
}

static void test_what_a_guest_makes_up_is_refused(void **unused)
{
	static const char *const all[] = {
		"{}",
		"{\"action\":\"format\",\"disk\":\"b\"}",
		"{\"action\":\"slow\",\"disk\":\"b\"}",
		"{\"action\":\"slow\",\"disk\":\"b\",\"bytes\":-1}",
		"{\"action\":\"slow\",\"disk\":\"b\",\"bytes\":9007199254740992}",
		"{\"action\":\"error\",\"disk\":\"b\",\"sectors\":65}",
		"{\"action\":\"error\",\"disk\":\"b\",\"sector\":-8,\"sectors\":1}",
		"{\"action\":\"error\",\"disk\":\"b\",\"count\":4294967297}",
		"{\"action\":\"error\",\"disk\":\"b\",\"every\":65}",
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct target_fault f;
		auto_json json_t *j = NULL;
		assert_int_equal(parse(all[i], &f, &j), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_a_fault_and_a_line_for_people),
		cmocka_unit_test(test_what_a_guest_makes_up_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
