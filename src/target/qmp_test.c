/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "target/qmp.h"
#include <errno.h>
#include <sys/socket.h>

#define GREETING                                                                                   \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}}}\r\n"
#define RESET                                                                                      \
	"{\"timestamp\": {\"seconds\": 1}, \"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, "  \
	"\"reason\": \"guest-reset\"}}\r\n"

/* A connection whose peer is this test; what is told is written down as text. */
struct fixture {
	uv_loop_t loop;
	struct qmp *qmp;
	int peer;
	struct buf told;
	bool close_in_event, command_when_ready;
};

static void on_reply(void *ctx, const json_t *ret, const struct err *why)
{
	struct fixture *f = ctx;
	auto_free char *text = ret ? json_line(ret) : xstrdup(why->msg);
	buf_addf(&f->told, "reply %s %d;", text, why->code);
}

static void on_ready(void *ctx, const char *version)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "ready %s;", version);
	if (f->command_when_ready)
		assert_int_equal(qmp_command(f->qmp, "query-status", NULL, on_reply, f, NULL), 0);
}

static void on_event(void *ctx, const char *name, const json_t *data)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "event %s %s;", name, json_str_or(data, "reason", "-"));
	if (f->close_in_event) {
		qmp_close(f->qmp);
		f->qmp = NULL;
	}
}

static void on_closed(void *ctx, const struct err *why)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "closed %d;", why->code);
}

static const struct qmp_handler handler = { on_ready, on_event, on_closed };

static void setup(struct fixture *f)
{
	int pair[2];
	*f = (struct fixture){ .command_when_ready = false };
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->peer = pair[1];
	assert_int_equal(qmp_open(&f->loop, pair[0], &handler, f, &f->qmp, NULL), 0);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn(f);
}

/* The next command that QEMU would see. */
static void expect(struct fixture *f, const char *text)
{
	char got[512] = "";
	assert_true(recv(f->peer, got, sizeof got - 1, MSG_DONTWAIT) >= 0);
	assert_string_equal(got, text);
}

static void told(struct fixture *f, const char *text)
{
	assert_string_equal(buf_str(&f->told), text);
	buf_reset(&f->told);
}

static void greet(struct fixture *f)
{
	say(f, GREETING);
	expect(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
	say(f, "{\"return\": {}, \"id\": 1}\r\n");
	told(f, "ready 7.2.22;");
}

static void teardown(struct fixture *f)
{
	qmp_close(f->qmp);
	close_fd(&f->peer);
	turn(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_clear(&f->told);
}

static void test_greeting_is_answered_and_events_are_told(void **unused)
{
	struct fixture f;
	setup(&f);
	assert_int_equal(qmp_command(f.qmp, "cont", NULL, NULL, NULL, NULL), -ENOTCONN);
	greet(&f);
	say(&f, RESET RESET "{\"event\": \"STOP\"}\r\n");
	told(&f, "event SHUTDOWN guest-reset;event SHUTDOWN guest-reset;event STOP -;");
	close_fd(&f.peer);
	turn(&f);
	told(&f, "closed 0;");
	teardown(&f);
}

static void test_lines_in_single_bytes_are_the_same(void **unused)
{
	struct fixture f;
	const char *all = GREETING "{\"return\": {}, \"id\": 1}\r\n\r\n" RESET;
	setup(&f);
	for (const char *s = all; *s; s++) {
		char one[2] = { *s, '\0' };
		say(&f, one);
	}
	told(&f, "ready 7.2.22;event SHUTDOWN guest-reset;");
	teardown(&f);
}

static void test_replies_find_their_commands_in_any_order(void **unused)
{
	struct fixture f;
	setup(&f);
	f.command_when_ready = true;
	say(&f, GREETING);
	say(&f, "{\"return\": {}, \"id\": 1}\r\n");
	assert_int_equal(qmp_command(f.qmp, "cont", NULL, on_reply, &f, NULL), 0);
	assert_int_equal(qmp_command(f.qmp, "stop", NULL, NULL, NULL, NULL), 0);
	turn(&f);
	buf_reset(&f.told);
	say(&f, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 3}\r\n");
	told(&f, "reply no -5;");
	say(&f, "{\"return\": {}, \"id\": 4}\r\n");
	told(&f, "");
	say(&f, "{\"return\": {\"status\": \"running\"}, \"id\": 2}\r\n");
	told(&f, "reply {\"status\":\"running\"} 0;");
	teardown(&f);
}

static void test_commands_under_way_are_bounded_and_answered_when_the_peer_goes(void **unused)
{
	struct fixture f;
	setup(&f);
	greet(&f);
	for (int i = 0; i < QMP_COMMANDS; i++)
		assert_int_equal(
			qmp_command(f.qmp, "cont", NULL, i ? NULL : on_reply, &f, NULL), 0);
	assert_int_equal(qmp_command(f.qmp, "cont", NULL, on_reply, &f, NULL), -EAGAIN);
	close_fd(&f.peer);
	turn(&f);
	told(&f, "reply QMP connection is closed -107;closed 0;");
	assert_int_equal(qmp_command(f.qmp, "cont", NULL, on_reply, &f, NULL), -ENOTCONN);
	teardown(&f);
}

static void test_what_is_no_qmp_ends_the_connection(void **unused)
{
	static const char *const lies[] = {
		"hello\r\n",
		"{\"event\": \"SHUTDOWN\"}\r\n", /* before the greeting */
		GREETING GREETING,
		GREETING "[]\r\n",
		GREETING "{}\r\n",
		GREETING "{\"event\": 7}\r\n",
		GREETING "{\"event\": \"X\", \"data\": []}\r\n",
		GREETING "{\"return\": {}, \"id\": 9}\r\n",
		GREETING "{\"return\": {}}\r\n",
		GREETING "{\"error\": {\"desc\": \"bad\"}}\r\n",
		GREETING "\xff\xfe\r\n",
	};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct fixture f;
		setup(&f);
		say(&f, lies[i]);
		told(&f, "closed -71;");
		say(&f, RESET);
		told(&f, "");
		teardown(&f);
	}
}

static void test_refused_capabilities_are_told(void **unused)
{
	struct fixture f;
	setup(&f);
	say(&f, GREETING);
	say(&f, "{\"error\": {\"class\": \"X\", \"desc\": \"not today\"}, \"id\": 1}\r\n");
	told(&f, "closed -5;");
	teardown(&f);
}

static void test_endless_line_ends_the_connection_and_takes_no_memory(void **unused)
{
	struct fixture f;
	char junk[1024];
	size_t sent = 0;
	memset(junk, ' ', sizeof junk);
	setup(&f);
	greet(&f);
	while (f.told.len == 0 && sent < 4 * QMP_LINE_MAX) {
		ssize_t n = send(f.peer, junk, sizeof junk, MSG_NOSIGNAL);
		assert_int_equal(n, sizeof junk);
		sent += (size_t)n;
		turn(&f);
	}
	told(&f, "closed -71;");
	assert_true(sent > QMP_LINE_MAX && sent < QMP_LINE_MAX + 16384);
	teardown(&f);
}

static void test_close_within_a_callback_is_the_last_word(void **unused)
{
	struct fixture f;
	setup(&f);
	greet(&f);
	f.close_in_event = true;
	say(&f, RESET RESET RESET);
	told(&f, "event SHUTDOWN guest-reset;");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting_is_answered_and_events_are_told),
		cmocka_unit_test(test_lines_in_single_bytes_are_the_same),
		cmocka_unit_test(test_replies_find_their_commands_in_any_order),
		cmocka_unit_test(
			test_commands_under_way_are_bounded_and_answered_when_the_peer_goes),
		cmocka_unit_test(test_what_is_no_qmp_ends_the_connection),
		cmocka_unit_test(test_refused_capabilities_are_told),
		cmocka_unit_test(test_endless_line_ends_the_connection_and_takes_no_memory),
		cmocka_unit_test(test_close_within_a_callback_is_the_last_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
