/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's agent and who attaches are both played here, frame by frame. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/attach_serve.h"
#include "run/protocol.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include "wire/session.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HELLO                                                                                      \
	"{\"protocol\":1,\"release\":\"6.1\",\"machine\":\"m\",\"pid1\":true,\"boot_id\":\"b\"}"

struct bench {
	uv_loop_t loop;
	char *folder;
	struct session *session;
	bool is_up;
	int agent, client;
	struct attach_serve *attach;
	unsigned visitors;
	char what[80];
};

static struct session *get_session(void *ctx)
{
	const struct bench *b = ctx;
	return b->is_up ? b->session : NULL;
}

static struct target *get_target(void *ctx)
{
	return NULL;
}

static void on_visitors(void *ctx, unsigned n, const char *what)
{
	struct bench *b = ctx;
	b->visitors = n;
	if (what)
		(void)snprintf(b->what, sizeof b->what, "%s", what); /* short */
}

static void send_frame(int fd, uint16_t type, uint32_t stream, const char *text, size_t n)
{
	uint8_t header[FRAME_HEADER];
	const struct frame f = { .type = type, .stream = stream, .length = (uint32_t)n };
	frame_header(&f, header);
	assert_int_equal(fd_write_all(fd, header, sizeof header, NULL), 0);
	assert_int_equal(fd_write_all(fd, text, n, NULL), 0);
}

static void say(int fd, uint16_t type, uint32_t stream, const char *text)
{
	send_frame(fd, type, stream, text, strlen(text));
}

/* Run the loop until `fd` has a frame, which must be of this type. Its payload in `text`. */
static uint32_t expect(struct bench *b, int fd, uint16_t type, char text[static 4096])
{
	struct {
		uint8_t magic, version;
		uint16_t type;
		uint32_t stream, length;
	} __attribute__((packed)) h;
	uint64_t last = clock_mono_us() + 10000000;
	while (recv(fd, &h, sizeof h, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)sizeof h) {
		assert_true(clock_mono_us() < last);
		uv_run(&b->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	assert_int_equal(read(fd, &h, sizeof h), sizeof h);
	assert_int_equal(h.type, type);
	assert_true(h.length < 4096);
	for (size_t have = 0; have < h.length;) {
		uv_run(&b->loop, UV_RUN_NOWAIT);
		ssize_t n = recv(fd, text + have, h.length - have, MSG_DONTWAIT);
		have += n > 0 ? (size_t)n : 0;
		assert_true(clock_mono_us() < last);
	}
	text[h.length] = '\0';
	return h.stream;
}

static void run_until_gone(struct bench *b, unsigned visitors)
{
	uint64_t last = clock_mono_us() + 10000000;
	while (b->visitors != visitors) {
		assert_true(clock_mono_us() < last);
		uv_run(&b->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
}

static int join(struct bench *b)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/" RUN_ATTACH, b->folder); /* short */
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	return fd;
}

static int setup(void **state)
{
	static const struct session_handler none = { 0 };
	struct bench *b = xcalloc(1, sizeof *b);
	int fd[2];
	b->folder = test_folder();
	b->is_up = true;
	uv_loop_init(&b->loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(session_open(&b->loop, fd[0], &none, b, &b->session, NULL), 0);
	b->agent = fd[1];
	say(b->agent, AGENT_HELLO, 0, HELLO);
	const struct attach_serve_spec spec = { .loop = &b->loop,
		.work_dir = b->folder,
		.session = get_session,
		.target = get_target,
		.on_visitors = on_visitors,
		.ctx = b };
	assert_int_equal(attach_serve_open(&spec, &b->attach, NULL), 0);
	b->client = join(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	session_close(b->session);
	attach_serve_close(b->attach);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	close_fd(&b->agent);
	close_fd(&b->client);
	auto_free char *path = path_join(b->folder, RUN_ATTACH);
	struct stat st;
	assert_int_equal(stat(path, &st), -1);
	(void)file_remove_tree(b->folder, NULL);
	free(b->folder);
	free(b);
	return 0;
}

static void test_a_command_runs_with_its_input_output_and_exit_code(void **state)
{
	struct bench *b = *state;
	char text[4096];
	say(b->client, RUN_ATTACH_EXEC, 0,
		"{\"argv\":[\"ls\",\"-l\"],\"pty\":true,\"cols\":111,\"rows\":-5}");
	uint32_t stream = expect(b, b->agent, AGENT_EXEC, text);
	assert_non_null(strstr(text, "[\"ls\",\"-l\"]"));
	assert_non_null(strstr(text, "\"cols\":111,\"rows\":24"));
	assert_string_equal(b->what, "ls");
	say(b->client, RUN_TTY_IN, 0, "typed");
	(void)expect(b, b->agent, AGENT_STDIN, text);
	assert_string_equal(text, "typed");
	(void)expect(b, b->client, RUN_TTY_TAKEN, text);
	assert_int_equal(text[0], 5);
	say(b->client, RUN_TTY_SIZE, 0, "{\"cols\":50,\"rows\":20}");
	(void)expect(b, b->agent, AGENT_WINSIZE, text);
	assert_non_null(strstr(text, "50"));
	say(b->agent, AGENT_STDERR, stream, "total 0");
	assert_int_equal(expect(b, b->client, RUN_TTY_OUT, text), 2);
	assert_string_equal(text, "total 0");
	say(b->agent, AGENT_EXIT, stream, "{\"code\":-1,\"signal\":9}");
	(void)expect(b, b->client, RUN_DONE, text);
	assert_string_equal(text, "{\"exit\":137}");
	run_until_gone(b, 0);
}

static void test_who_goes_away_takes_the_command_along(void **state)
{
	struct bench *b = *state;
	char text[4096];
	say(b->client, RUN_ATTACH_EXEC, 0, "{\"argv\":[\"sleep\"]}");
	uint32_t stream = expect(b, b->agent, AGENT_EXEC, text);
	close_fd(&b->client);
	assert_int_equal(expect(b, b->agent, AGENT_SIGNAL, text), stream);
	assert_string_equal(text, "{\"signal\":1}");
	assert_int_equal(b->visitors, 1); /* it is not over before the command is */
	assert_int_equal(expect(b, b->agent, AGENT_SIGNAL, text), stream);
	assert_string_equal(text, "{\"signal\":9}");
	say(b->agent, AGENT_EXIT, stream, "{\"code\":-1,\"signal\":9}");
	run_until_gone(b, 0);
}

static void test_the_machines_end_is_told_to_who_is_in_it(void **state)
{
	struct bench *b = *state;
	char text[4096];
	say(b->client, RUN_ATTACH_EXEC, 0, "{\"argv\":[\"sleep\"]}");
	(void)expect(b, b->agent, AGENT_EXEC, text);
	session_close(take(&b->session));
	attach_serve_gone(b->attach, "the machine ended");
	(void)expect(b, b->client, RUN_DONE, text);
	assert_string_equal(text, "{\"error\":\"the machine ended\"}");
	run_until_gone(b, 0);
}

static void check_refused(struct bench *b, uint16_t type, const char *request, const char *why)
{
	char text[4096];
	int fd = join(b);
	say(fd, type, 0, request);
	(void)expect(b, fd, RUN_DONE, text);
	assert_non_null(strstr(text, why));
	close_fd(&fd);
}

static void test_what_is_no_request_is_refused(void **state)
{
	struct bench *b = *state;
	check_refused(b, RUN_ATTACH_EXEC, "{\"argv\":[]}", "no command");
	check_refused(b, RUN_ATTACH_EXEC, "{\"argv\":7}", "no command");
	check_refused(b, RUN_ATTACH_EXEC, "nonsense", "no request");
	check_refused(b, RUN_TTY_IN, "too early", "no request");
	check_refused(b, 7777, "{}", "no request");
	check_refused(b, RUN_ATTACH_GDB, "", "not up");
	b->is_up = false;
	check_refused(b, RUN_ATTACH_EXEC, "{\"argv\":[\"ls\"]}", "not up");
}

static void test_what_is_no_frame_ends_the_connection_only(void **state)
{
	struct bench *b = *state;
	char byte;
	int fd = join(b);
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	uint64_t last = clock_mono_us() + 10000000;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
		assert_true(clock_mono_us() < last);
		uv_run(&b->loop, UV_RUN_NOWAIT);
	}
	close_fd(&fd);
	test_a_command_runs_with_its_input_output_and_exit_code(state);
}

/* What the guest's credit allows goes on and is told; of the rest a window waits with us. */
static void test_who_sends_more_input_than_the_window_loses_the_command(void **state)
{
	struct bench *b = *state;
	char text[4096];
	static const char bytes[2048];
	say(b->client, RUN_ATTACH_EXEC, 0, "{\"argv\":[\"sleep\"]}");
	(void)expect(b, b->agent, AGENT_EXEC, text);
	for (size_t sent = 0; sent < AGENT_WINDOW; sent += sizeof bytes) {
		uint32_t n;
		send_frame(b->client, RUN_TTY_IN, 0, bytes, sizeof bytes);
		(void)expect(b, b->agent, AGENT_STDIN, text);
		(void)expect(b, b->client, RUN_TTY_TAKEN, text);
		memcpy(&n, text, sizeof n);
		assert_int_equal(n, sizeof bytes);
	}
	for (size_t sent = 0; sent < RUN_TTY_WINDOW; sent += sizeof bytes) {
		send_frame(b->client, RUN_TTY_IN, 0, bytes, sizeof bytes);
		for (int i = 0; i < 4; i++)
			uv_run(&b->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(recv(b->agent, text, 1, MSG_DONTWAIT), -1);
	send_frame(b->client, RUN_TTY_IN, 0, bytes, sizeof bytes);
	(void)expect(b, b->agent, AGENT_SIGNAL, text);
	assert_string_equal(text, "{\"signal\":9}");
}

static void test_only_its_owner_may_come_in(void **state)
{
	struct bench *b = *state;
	auto_free char *path = path_join(b->folder, RUN_ATTACH);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(test_a_command_runs_with_its_input_output_and_exit_code),
		bench_test(test_who_goes_away_takes_the_command_along),
		bench_test(test_the_machines_end_is_told_to_who_is_in_it),
		bench_test(test_what_is_no_request_is_refused),
		bench_test(test_what_is_no_frame_ends_the_connection_only),
		bench_test(test_who_sends_more_input_than_the_window_loses_the_command),
		bench_test(test_only_its_owner_may_come_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
