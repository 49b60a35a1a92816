/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fsqa_test.h"
#include "guest/guest_test.h"
#include <sys/un.h>

/* fsqa-test is fsqa-guest by another name. */
static void run(struct rig *r, struct command *c, const char *script)
{
	auto_free char *all = xasprintf("ln -sf %s/src/guest/fsqa-guest %s/fsqa-test; "
					"PATH=%s:$PATH; export TMPDIR=%s; %s",
		FSQA_BUILD_DIR, r->folder, r->folder, r->folder, script);
	command_sh(r, c, all);
}

static void test_names_are_words_joined_by_dots(void **unused)
{
	const char *good[] = { "a", "compression.zstd", "A-1_b.c.0" };
	const char *bad[] = { "", ".", "a.", ".a", "a..b", "a b", "a/b", "a\n", "ü" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(fsqa_test_name_is_good(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(fsqa_test_name_is_good(bad[i]));
	char longest[202];
	memset(longest, 'a', sizeof longest);
	longest[201] = '\0';
	assert_false(fsqa_test_name_is_good(longest));
	longest[200] = '\0';
	assert_true(fsqa_test_name_is_good(longest));
}

static void test_a_pass_is_started_acknowledged_and_ended(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	run(r, &c, "fsqa-test a.b --expect 'csum (failed|errors)' -- echo hello $FSQA_TEST");
	assert_int_equal(c.x.code, 0);
	assert_string_equal(buf_str(&c.out), "hello\n");
	assert_string_equal(buf_str(&c.err), "");
	const char *start =
		"1 {\"event\":\"start\",\"test\":\"a.b\",\"expect\":[\"csum (failed|errors)\"]}\n"
		"1 {\"event\":\"end\",\"status\":\"PASS\",\"code\":0,\"duration_us\":";
	assert_memory_equal(buf_str(&r->events), start, strlen(start));
	assert_int_equal(r->n_acks, 1);
}

/* The handler that reads its output cannot run for a while. */
static void test_the_last_words_of_a_test_come_before_its_end(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	r->output = &c.out;
	run(r, &c,
		"fsqa-test a -- sh -c \"kill -STOP $PPID; { sleep 0.3; kill -CONT $PPID; } & "
		"echo last words\"");
	assert_int_equal(c.x.code, 0);
	assert_string_equal(buf_str(&c.out), "last words\n");
	assert_string_equal(buf_str(&r->output_at_end), "last words\n");
}

static void test_an_event_waits_no_longer_than_the_handler_reads(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	uint64_t began = clock_mono_us();
	run(r, &c, "i=0; while [ $i -lt 20 ]; do fsqa-test a true; i=$((i + 1)); done");
	assert_int_equal(c.x.code, 0);
	assert_true(clock_mono_us() - began < 10000000); /* a second each would be 40 */
}

/* Of two commands one floods; the other's test ends all the same. */
static void test_an_end_does_not_wait_for_a_flood_of_another(void **state)
{
	struct rig *r = *state;
	auto_command struct command flood = { .rig = r, .limit = 1 };
	auto_command struct command c = { 0 };
	const char *argv[] = { "yes", NULL };
	uint64_t began = clock_mono_us();
	command_start(r, &flood, (struct session_exec){ .argv = argv });
	run(r, &c, "for i in 1 2 3 4 5; do fsqa-test a true; done");
	assert_int_equal(c.x.code, 0);
	assert_false(flood.done);
	session_job_signal(flood.job, SIGKILL);
	command_wait(&flood);
	/* DRAIN_US each, were they held up. */
	assert_true(clock_mono_us() - began < 5000000);
}

struct expectation {
	const char *script;
	int code;
	const char *end; /* found in the events */
};

static void test_the_exit_code_is_the_verdict(void **state)
{
	static const struct expectation all[] = {
		{ "fsqa-test t false", 1,
			"\"status\":\"FAIL\",\"code\":1,\"reason\":\"exit code 1\"" },
		{ "fsqa-test t -- sh -c 'exit 77'", 0,
			"\"status\":\"SKIP\",\"code\":77,\"reason\":\"exit code 77\"" },
		{ "fsqa-test t -- sh -c 'echo no zoned device >$FSQA_REASON; exit 77'", 0,
			"\"status\":\"SKIP\",\"code\":77,\"reason\":\"no zoned device\"" },
		{ "fsqa-test t -- sh -c 'echo two copies differ >$FSQA_REASON; exit 4'", 4,
			"\"status\":\"FAIL\",\"code\":4,\"reason\":\"two copies differ\"" },
		{ "fsqa-test t nonexistent-program", 127, "\"status\":\"ERROR\",\"code\":127" },
		{ "fsqa-test t /etc", 126, "\"status\":\"ERROR\",\"code\":126" },
		{ "fsqa-test t -- sh -c 'kill -9 $$'", 137,
			"\"status\":\"FAIL\",\"code\":137,\"reason\":\"killed by signal 9 "
			"(Killed)\"" },
		{ "fsqa-test t --timeout 300ms -- sh -c 'sleep 50 & sleep 50'", 124,
			"\"status\":\"FAIL\",\"code\":143,\"reason\":\"timed out after 0.30s\"" },
	};
	struct rig *r = *state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		auto_command struct command c = { 0 };
		buf_reset(&r->events);
		run(r, &c, all[i].script);
		assert_int_equal(c.x.code, all[i].code);
		if (!strstr(buf_str(&r->events), all[i].end))
			fail_msg("%s: %s", all[i].script, buf_str(&r->events));
	}
	auto_command struct command left = { 0 };
	run(r, &left, "ls $TMPDIR | grep -c reason");
	assert_string_equal(buf_str(&left.out), "0\n");
}

static void test_wrong_usage_says_why_and_tells_the_host_nothing(void **state)
{
	static const struct expectation all[] = {
		{ "fsqa-test", 2, "usage: fsqa-test NAME" },
		{ "fsqa-test 'a b' true", 2, "test name \"a b\"" },
		{ "fsqa-test a --expect '(' true", 2, "--expect (: " },
		{ "fsqa-test a --timeout soon true", 2, "--timeout: " },
		{ "fsqa-test a --collect /x true", 2, "usage: fsqa-test NAME" },
		{ "fsqa-test a --unknown true", 2, "unrecognized option" },
	};
	struct rig *r = *state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		auto_command struct command c = { 0 };
		run(r, &c, all[i].script);
		assert_int_equal(c.x.code, all[i].code);
		if (!strstr(buf_str(&c.err), all[i].end))
			fail_msg("%s: %s", all[i].script, buf_str(&c.err));
	}
	assert_string_equal(buf_str(&r->events), "");
}

static void test_a_log_is_declared_by_its_absolute_path(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	run(r, &c,
		"cd /usr; fsqa-test --collect /var/log/later; fsqa-test --collect ../etc/passwd");
	assert_int_equal(c.x.code, 0);
	assert_string_equal(buf_str(&r->events),
		"1 {\"event\":\"collect\",\"path\":\"/var/log/later\"}\n"
		"3 {\"event\":\"collect\",\"path\":\"/etc/passwd\"}\n");
}

static void test_a_test_that_dies_is_an_error_before_its_stage_ends(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	run(r, &c, "fsqa-test t -- sleep 100 & sleep 0.3; kill -9 $!; exit 5");
	assert_int_equal(c.x.code, 5);
	assert_non_null(
		strstr(buf_str(&r->events), "1 "
					    "{\"event\":\"end\",\"status\":\"ERROR\",\"code\":-1,"
					    "\"died\":true,\"reason\":\"fsqa-test "
					    "died\""));
}

static void test_a_test_does_not_begin_before_the_host_has_its_start(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	auto_free char *marker = path_join(r->folder, "began");
	auto_free char *script = xasprintf("fsqa-test t touch %s", marker);
	auto_free char *all = xasprintf("ln -sf %s/src/guest/fsqa-guest %s/fsqa-test; %s/%s",
		FSQA_BUILD_DIR, r->folder, r->folder, script);
	const char *argv[] = { "sh", "-c", all, NULL };
	r->ack_starts = false;
	command_start(r, &c, (struct session_exec){ .argv = argv });
	while (!r->events.len)
		uv_run(&r->loop, UV_RUN_ONCE);
	usleep(200000);
	assert_int_equal(access(marker, F_OK), -1);
	session_event_ack(r->session, 1, NULL);
	command_wait(&c);
	assert_int_equal(access(marker, F_OK), 0);
}

static void test_without_an_agent_the_command_runs_all_the_same(void **state)
{
	auto_command struct command c = { 0 };
	run(*state, &c, "unset FSQA_AGENT_SOCKET; fsqa-test t -- sh -c 'echo ran; exit 77'");
	assert_int_equal(c.x.code, 77);
	assert_string_equal(buf_str(&c.out), "ran\n");
	assert_non_null(strstr(buf_str(&c.err), "no agent at /run/fsqa/agent.sock"));
	assert_non_null(strstr(buf_str(&c.err), "t is not recorded"));
}

static void test_many_tests_at_once_keep_their_streams_apart(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	run(r, &c,
		"for i in 1 2 3 4 5 6 7 8; do fsqa-test n$i -- sh -c \"sleep 0.1; exit $i\" & "
		"done; wait");
	for (unsigned i = 1; i <= 8; i++) {
		char start[64];
		char end[96];
		unsigned stream = 0;
		snprintf(start, sizeof start, " {\"event\":\"start\",\"test\":\"n%u\"", i);
		const char *at = strstr(buf_str(&r->events), start);
		assert_non_null(at);
		while (at > r->events.s && at[-1] != '\n')
			at--;
		assert_int_equal(sscanf(at, "%u", &stream), 1);
		snprintf(end, sizeof end, "%u {\"event\":\"end\",\"status\":\"FAIL\",\"code\":%u,",
			stream, i);
		assert_non_null(strstr(buf_str(&r->events), end));
	}
}

/* Whoever can open the socket can write to it: the session lives on. */
static void test_garbage_on_the_socket_harms_nobody(void **state)
{
	struct rig *r = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "%s", r->socket);
	static const char *const packets[] = { "x", "f\1\x10\0\1\0\0\0\5\0\0\0no!",
		"f\1\x10\0\1\0\0\0\2\0\0\0{}", "f\1\x10\0\2\0\0\0\2\0\0\0{}" };
	static const size_t sizes[] = { 1, 15, 14, 14 };
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
		assert_int_equal(send(fd, packets[i], sizes[i], MSG_NOSIGNAL), sizes[i]);
	}
	auto_command struct command c = { 0 };
	run(r, &c, "fsqa-test good true");
	assert_int_equal(c.x.code, 0);
	assert_false(r->lost);
	assert_non_null(strstr(buf_str(&r->events), "\"test\":\"good\""));
	assert_null(strstr(buf_str(&r->events), "died"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_words_joined_by_dots),
		rig_test(test_a_pass_is_started_acknowledged_and_ended),
		rig_test(test_the_last_words_of_a_test_come_before_its_end),
		rig_test(test_an_event_waits_no_longer_than_the_handler_reads),
		rig_test(test_an_end_does_not_wait_for_a_flood_of_another),
		rig_test(test_the_exit_code_is_the_verdict),
		rig_test(test_wrong_usage_says_why_and_tells_the_host_nothing),
		rig_test(test_a_log_is_declared_by_its_absolute_path),
		rig_test(test_a_test_that_dies_is_an_error_before_its_stage_ends),
		rig_test(test_a_test_does_not_begin_before_the_host_has_its_start),
		rig_test(test_without_an_agent_the_command_runs_all_the_same),
		rig_test(test_many_tests_at_once_keep_their_streams_apart),
		rig_test(test_garbage_on_the_socket_harms_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
