/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fsqa_disk.h"
#include "guest/guest_test.h"

/* fsqa-disk is fsqa-guest by another name. */
static void run(struct rig *r, struct command *c, const char *script)
{
	auto_free char *all = xasprintf("ln -sf %s/src/guest/fsqa-guest %s/fsqa-disk; "
					"PATH=%s:$PATH; %s",
		FSQA_BUILD_DIR, r->folder, r->folder, script);
	command_sh(r, c, all);
}

static void test_what_is_asked_for_reaches_the_host(void **state)
{
	static const struct {
		const char *script, *event;
	} all[] = {
		{ "fsqa-disk unplug /dev/xvdb --surprise --expect 'BTRFS (error|info)'",
			"{\"event\":\"disk\",\"surprise\":true,\"action\":\"unplug\","
			"\"disk\":\"xvdb\",\"expect\":[\"BTRFS (error|info)\"]}" },
		{ "FSQA_TEST=a.b fsqa-disk error --read xvdb --sector 8-15 --count 2",
			"{\"event\":\"disk\",\"read\":true,\"sector\":8,\"sectors\":8,\"count\":2,"
			"\"action\":\"error\",\"disk\":\"xvdb\",\"test\":\"a.b\",\"expect\":[]}" },
		{ "fsqa-disk error xvdb --flush",
			"{\"event\":\"disk\",\"flush\":true,\"action\":\"error\","
			"\"disk\":\"xvdb\",\"expect\":[]}" },
		{ "fsqa-disk slow xvdb --bytes 1M --requests=20",
			"{\"event\":\"disk\",\"bytes\":1048576,\"requests\":20,\"action\":\"slow\","
			"\"disk\":\"xvdb\",\"expect\":[]}" },
	};
	struct rig *r = *state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		auto_command struct command c = { 0 };
		buf_reset(&r->events);
		run(r, &c, all[i].script);
		assert_int_equal(c.x.code, 0);
		assert_string_equal(buf_str(&c.err), "");
		if (!strstr(buf_str(&r->events), all[i].event))
			fail_msg("%s: %s", all[i].script, buf_str(&r->events));
	}
}

static void test_the_hosts_refusal_is_told_and_the_exit_code(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	r->disk_answer = "xvdb is not plugged in";
	run(r, &c, "fsqa-disk unplug xvdb");
	assert_int_equal(c.x.code, 1);
	assert_string_equal(buf_str(&c.err), "fsqa-disk: xvdb is not plugged in\n");
}

static void test_wrong_usage_asks_the_host_nothing(void **state)
{
	static const char *const all[] = { "", "format xvdb", "unplug", "unplug a b",
		"unplug a --count 1", "error a --sector 9-8", "error a --sector x",
		"error a --count -1", "slow a --bytes many", "slow a --unknown", "wait a=b" };
	struct rig *r = *state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		auto_command struct command c = { 0 };
		auto_free char *script = xasprintf("fsqa-disk %s", all[i]);
		run(r, &c, script);
		if (c.x.code != 2 || !c.err.len)
			fail_msg("%s: %d", script, c.x.code);
	}
	assert_string_equal(buf_str(&r->events), "");
}

static void test_without_an_agent_nothing_is_done_aloud(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	run(r, &c, "FSQA_AGENT_SOCKET=/nonexistent fsqa-disk unplug xvdb");
	assert_int_equal(c.x.code, 125);
	assert_non_null(strstr(buf_str(&c.err), "no agent at /nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_what_is_asked_for_reaches_the_host),
		rig_test(test_the_hosts_refusal_is_told_and_the_exit_code),
		rig_test(test_wrong_usage_asks_the_host_nothing),
		rig_test(test_without_an_agent_nothing_is_done_aloud),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
