/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent is played by the test: what a real one never sends is sent here. The honest one is
 * in src/guest's tests. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include "wire/session.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct bench {
	uv_loop_t loop;
	struct session *session;
	int peer;
	char *folder, *inside; /* the get's folder lies in `folder`, where nothing else may come */
	int dirfd;
	unsigned hellos, readies, lost;
	struct err why;
	struct buf kmsg, events, files, skipped;
	unsigned exits;
	struct session_exit x;
	uint64_t output;
	bool close_in_output, close_in_exit, done;
};

static void on_hello(void *ctx, const json_t *hello)
{
	((struct bench *)ctx)->hellos++;
}

static void on_ready(void *ctx)
{
	((struct bench *)ctx)->readies++;
}

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	struct bench *b = ctx;
	buf_addf(&b->kmsg, "%u.%u %llu %llu [%s]\n", k->facility, k->level,
		(unsigned long long)k->seq, (unsigned long long)k->us, k->text);
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	struct bench *b = ctx;
	auto_free char *line = json_line(event);
	buf_addf(&b->events, "%u %s\n", stream, line);
}

static void on_lost(void *ctx, const struct err *why)
{
	struct bench *b = ctx;
	b->lost++;
	b->why = *why;
}

static const struct session_handler handler = { on_hello, on_ready, on_kmsg, on_event, on_lost };

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct bench *b = ctx;
	b->output += n;
	if (b->close_in_output)
		session_close(take(&b->session));
}

static void on_exit_job(void *ctx, const struct session_exit *x)
{
	struct bench *b = ctx;
	b->exits++;
	b->x = *x;
	if (b->close_in_exit)
		session_close(take(&b->session));
}

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct bench *b = ctx;
	buf_addf(&b->files, "%s %llu%s\n", path, (unsigned long long)size, cut ? " cut" : "");
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct bench *b = ctx;
	buf_addf(&b->skipped, "%s: %s\n", name, why);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);
	int fd[2];
	int room = 4 << 20;
	b->folder = test_folder();
	b->inside = path_join(b->folder, "inside");
	assert_int_equal(mkdir(b->inside, 0755), 0);
	b->dirfd = open(b->inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(uv_loop_init(&b->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	(void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	assert_int_equal(session_open(&b->loop, fd[0], &handler, b, &b->session, NULL), 0);
	b->peer = fd[1];
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	session_close(b->session);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&b->loop);
	close_fd(&b->peer);
	close_fd(&b->dirfd);
	file_remove_tree(b->folder, NULL);
	free(b->folder);
	free(b->inside);
	struct buf *all[] = { &b->kmsg, &b->events, &b->files, &b->skipped };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		buf_clear(all[i]);
	free(b);
	return rc; /* nothing of a session is left in the loop */
}

static void run(struct bench *b)
{
	for (int i = 0; i < 200; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
}

static void say(struct bench *b, uint16_t type, uint32_t stream, const void *p, size_t n)
{
	uint8_t head[FRAME_HEADER];
	frame_header(
		&(struct frame){ .type = type, .stream = stream, .length = (uint32_t)n }, head);
	assert_int_equal(fd_write_all(b->peer, head, sizeof head, NULL), 0);
	assert_int_equal(fd_write_all(b->peer, p, n, NULL), 0);
	run(b);
}

static void say_text(struct bench *b, uint16_t type, uint32_t stream, const char *s)
{
	say(b, type, stream, s, strlen(s));
}

static void hello(struct bench *b)
{
	say_text(b, AGENT_HELLO, 0, "{\"protocol\":1,\"release\":\"6.1\"}");
	assert_int_equal(b->hellos, 1);
}

static struct session_job *start_exec(struct bench *b)
{
	static const char *const argv[] = { "true", NULL };
	struct session_job *j = NULL;
	struct session_exec x = { .argv = argv,
		.stdin_open = true,
		.on_output = on_output,
		.on_exit = on_exit_job,
		.ctx = b };
	assert_int_equal(session_exec(b->session, &x, &j, NULL), 0);
	run(b);
	return j;
}

static void start_get(struct bench *b, uint64_t max_bytes, uint32_t max_entries)
{
	struct session_get g = { .path = "/logs",
		.dirfd = b->dirfd,
		.max_bytes = max_bytes,
		.max_entries = max_entries,
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_exit = on_exit_job,
		.ctx = b };
	assert_int_equal(session_get(b->session, &g, NULL), 0);
	run(b);
}

/* An entry of the get, whose stream is 2; `n` is the path's length. */
static void entry(
	struct bench *b, char kind, const char *path, size_t n, uint64_t size, const char *target)
{
	struct agent_entry h = { .kind = (uint8_t)kind,
		.mode = 0644,
		.size = size,
		.path_len = (uint32_t)n,
		.target_len = target ? (uint32_t)strlen(target) : 0 };
	auto_buf struct buf f = { 0 };
	buf_add(&f, &h, sizeof h);
	buf_add(&f, path, n);
	if (target)
		buf_adds(&f, target);
	say(b, AGENT_ENTRY, 2, f.s, f.len);
}

static void file(struct bench *b, const char *path, const char *content)
{
	entry(b, 'f', path, strlen(path), strlen(content), NULL);
	say_text(b, AGENT_DATA, 2, content);
}

/* The session ended as one whose peer lied, with `why` in the message. */
static void assert_lied(struct bench *b, const char *why)
{
	run(b);
	assert_int_equal(b->lost, 1);
	assert_int_equal(b->why.code, -EPROTO);
	if (!strstr(b->why.msg, why))
		fail_msg("%s", b->why.msg);
}

static void test_hello_comes_first_and_once(void **state)
{
	struct bench *b = *state;
	hello(b);
	say_text(b, AGENT_READY, 0, "{}");
	assert_int_equal(b->readies, 1);
	say_text(b, AGENT_HELLO, 0, "{\"protocol\":1}");
	assert_lied(b, "HELLO too many");
	assert_int_equal(b->hellos, 1);
}

static void test_another_before_hello_is_a_lie(void **state)
{
	say_text(*state, AGENT_KMSG, 0, "6,1,2,-;x\n");
	assert_lied(*state, "before HELLO");
}

static void test_another_version_is_told_with_both_numbers(void **state)
{
	say_text(*state, AGENT_HELLO, 0, "{\"protocol\":7}");
	assert_lied(*state, "version 7, this fsqa version 1");
}

static void test_bytes_that_are_no_frame_end_the_session(void **state)
{
	struct bench *b = *state;
	start_exec(b);
	assert_int_equal(fd_write_all(b->peer, "login: ", 7, NULL), 0);
	run(b);
	assert_int_equal(b->lost, 1);
	assert_int_equal(b->why.code, -EPROTO);
	assert_int_equal(b->exits, 1);
	assert_true(b->x.lost);
}

static void test_a_frame_of_an_unknown_type_or_stream_is_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	say(b, AGENT_STDOUT, 4, "x", 1);
	assert_lied(b, "stream 4, which is not open");
	assert_true(b->x.lost);
}

static void test_an_unknown_type_is_a_lie(void **state)
{
	hello(*state);
	say(*state, 999, 0, NULL, 0);
	assert_lied(*state, "type 999");
}

static void test_what_only_the_host_sends_is_a_lie(void **state)
{
	hello(*state);
	say_text(*state, AGENT_EXEC, 3, "{\"argv\":[\"sh\"]}");
	assert_lied(*state, "type 3");
}

static void test_output_of_another_kind_of_job_is_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	say(b, AGENT_DATA, 2, "x", 1);
	assert_lied(b, "type 13 on stream 2");
}

static void test_output_over_the_credit_is_a_lie(void **state)
{
	struct bench *b = *state;
	static char chunk[FRAME_MAX_PAYLOAD];
	hello(b);
	session_job_pause(start_exec(b), true);
	for (int i = 0; i < 4; i++)
		say(b, AGENT_STDOUT, 2, chunk, sizeof chunk);
	assert_int_equal(b->lost, 0);
	assert_int_equal(b->output, AGENT_WINDOW);
	say(b, AGENT_STDERR, 2, chunk, 1);
	assert_lied(b, "1 bytes where 0 were allowed");
	assert_int_equal(b->output, AGENT_WINDOW);
}

static void test_credit_that_overflows_is_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	session_job_write(start_exec(b), "0123456789", 10);
	say(b, AGENT_CREDIT, 2, "\x0a\0\0\0", 4);
	assert_int_equal(b->lost, 0);
	say(b, AGENT_CREDIT, 2, "\1\0\0\0", 4);
	assert_lied(b, "credit of 1 bytes");
}

static void test_json_that_is_none_or_too_large_is_a_lie(void **state)
{
	struct bench *b = *state;
	auto_free char *large = xmalloc(FRAME_MAX_PAYLOAD);
	memset(large, ' ', FRAME_MAX_PAYLOAD);
	memcpy(large, "{}", 2);
	hello(b);
	start_exec(b);
	say(b, AGENT_EXIT, 2, large, FRAME_MAX_PAYLOAD);
	assert_lied(b, "EXIT of stream 2");
}

static void test_an_exit_twice_is_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	say_text(b, AGENT_EXIT, 2, "{\"code\":3}");
	assert_int_equal(b->exits, 1);
	assert_int_equal(b->x.code, 3);
	say_text(b, AGENT_EXIT, 2, "{\"code\":3}");
	assert_lied(b, "not open");
	assert_int_equal(b->exits, 1);
}

static void test_an_exit_of_strange_numbers_and_words_is_made_harmless(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	auto_buf struct buf json = { 0 };
	buf_adds(&json, "{\"code\":99999,\"signal\":-5,\"timed_out\":1,\"error\":\"\\u001b[31m");
	for (int i = 0; i < 300; i++)
		buf_addc(&json, 'x');
	buf_adds(&json, "\"}");
	say(b, AGENT_EXIT, 2, json.s, json.len);
	assert_int_equal(b->x.code, -1);
	assert_int_equal(b->x.signal, 0);
	assert_false(b->x.timed_out);
	assert_memory_equal(b->x.error, "\\x1b[31mxxx", 11);
	assert_int_equal(strlen(b->x.error), 159);
}

static void test_kernel_messages_are_parsed_and_cleaned(void **state)
{
	struct bench *b = *state;
	hello(b);
	say_text(b, AGENT_KMSG, 0,
		"6,1,100,-;EXT4-fs \\xc3\\xa4\\x0asecond\n SUBSYSTEM=block\n"
		"12,2,200,c,caller=T1;a\\x1bb\\xff\nrubbish\n;\n3,3,300,-;unfinished");
	assert_string_equal(buf_str(&b->kmsg),
		"0.6 1 100 [EXT4-fs \xc3\xa4\nsecond]\n"
		"1.4 2 200 [a\\x1bb\xef\xbf\xbd]\n0.3 3 300 [unfinished]\n");
	assert_int_equal(b->lost, 0);
}

static void test_a_malformed_event_ends_its_test_and_nothing_else(void **state)
{
	struct bench *b = *state;
	hello(b);
	say_text(b, AGENT_EVENT, 1, "no json");
	say_text(b, AGENT_EVENT, 1, "{\"event\":\"end\",\"status\":\"PASS\"}"); /* not started */
	say_text(b, AGENT_EVENT, 3, "{\"event\":\"start\",\"test\":\"\"}");
	say_text(b, AGENT_EVENT, 3, "{\"event\":\"start\",\"test\":\"a\",\"expect\":[1]}");
	say_text(b, AGENT_EVENT, 3, "{\"event\":\"collect\",\"path\":\"relative\"}");
	assert_string_equal(buf_str(&b->events), "");
	say_text(b, AGENT_EVENT, 5, "{\"event\":\"start\",\"test\":\"a\"}");
	say_text(b, AGENT_EVENT, 5, "{\"event\":\"end\",\"status\":\"EXCELLENT\"}");
	say_text(b, AGENT_EVENT, 5, "{\"event\":\"end\",\"status\":\"PASS\"}");
	say_text(b, AGENT_EVENT, 7, "{\"event\":\"collect\",\"path\":\"/x\"}");
	assert_string_equal(buf_str(&b->events),
		"5 {\"event\":\"start\",\"test\":\"a\"}\n"
		"5 {\"event\":\"end\",\"status\":\"ERROR\",\"code\":-1,"
		"\"reason\":\"a malformed event came from the guest\",\"duration_us\":0}\n"
		"7 {\"event\":\"collect\",\"path\":\"/x\"}\n");
	assert_int_equal(b->lost, 0);
}

static void test_an_event_on_the_hosts_own_stream_is_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	say_text(b, AGENT_EVENT, 2, "{\"event\":\"start\",\"test\":\"a\"}");
	assert_lied(b, "on stream 2");
}

static void test_more_tests_at_once_than_there_can_be_are_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	for (uint32_t i = 0; i < AGENT_STREAMS; i++)
		say_text(b, AGENT_EVENT, 2 * i + 1, "{\"event\":\"start\",\"test\":\"a\"}");
	assert_int_equal(b->lost, 0);
	say_text(b, AGENT_EVENT, 999, "{\"event\":\"start\",\"test\":\"a\"}");
	assert_lied(b, "tests at once");
}

/* `folder` has only what the test put there: the get's own folder. */
static void assert_nothing_outside(struct bench *b)
{
	auto_free char *etc = path_join(b->folder, "escaped");
	assert_int_equal(access(etc, F_OK), -1);
	assert_int_equal(access("/fsqa-escaped", F_OK), -1);
	struct stat st;
	assert_int_equal(stat(b->folder, &st), 0);
	assert_int_equal(st.st_nlink, 3); /* ".", its name, "inside/.." */
}

static void test_names_that_lead_outside_are_skipped(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_get(b, 1 << 20, 100);
	file(b, "../escaped", "x");
	file(b, "/fsqa-escaped", "x");
	file(b, "a/../../escaped", "x");
	file(b, "..", "x");
	file(b, "./x", "x");
	file(b, "a//b", "x");
	file(b, "a/", "x");
	entry(b, 'd', "..", 2, 0, NULL);
	entry(b, 'f', "a\0b", 3, 1, NULL);
	file(b, "good", "content");
	say_text(b, AGENT_EXIT, 2, "{\"code\":0}");
	assert_int_equal(b->exits, 1);
	assert_string_equal(b->x.error, "");
	assert_string_equal(buf_str(&b->files), "good 7\n");
	assert_string_equal(buf_str(&b->skipped), "../escaped: a name that is not safe here\n"
						  "/fsqa-escaped: a name that is not safe here\n"
						  "a/../../escaped: a name that is not safe here\n"
						  "..: a name that is not safe here\n"
						  "./x: a name that is not safe here\n"
						  "a//b: a name that is not safe here\n"
						  "a/: a name that is not safe here\n"
						  "..: a name that is not safe here\n"
						  "a\\x00b: a name that is not safe here\n");
	assert_nothing_outside(b);
}

static void test_a_link_that_somebody_laid_is_not_followed(void **state)
{
	struct bench *b = *state;
	assert_int_equal(symlinkat("..", b->dirfd, "up"), 0);
	assert_int_equal(symlinkat("../escaped", b->dirfd, "file"), 0);
	hello(b);
	start_get(b, 1 << 20, 100);
	file(b, "up/escaped", "x");
	file(b, "file", "x");
	entry(b, 'd', "up", 2, 0, NULL);
	say_text(b, AGENT_EXIT, 2, "{\"code\":0}");
	assert_string_equal(buf_str(&b->files), "");
	assert_nothing_outside(b);
}

static void test_links_and_devices_are_told_and_not_made(void **state)
{
	struct bench *b = *state;
	struct stat st;
	hello(b);
	start_get(b, 1 << 20, 100);
	entry(b, 'l', "link", 4, 0, "/etc/pass\nwd");
	entry(b, 'o', "fifo", 4, 0, NULL);
	entry(b, 'e', "bad", 3, 0, "Input/output error");
	say_text(b, AGENT_EXIT, 2, "{\"code\":0,\"skipped\":12}");
	assert_string_equal(buf_str(&b->skipped),
		"link: a link to /etc/pass\\x0awd\n"
		"fifo: a device, socket, FIFO or mount point\nbad: not readable: Input/output "
		"error\n"
		"12 more: over the limit of entries, too deep, or gone\n");
	assert_int_equal(fstatat(b->dirfd, "link", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(b->dirfd, "fifo", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_more_bytes_than_asked_for_are_a_lie(void **state)
{
	struct bench *b = *state;
	struct stat st;
	hello(b);
	start_get(b, 10, 100);
	entry(b, 'f', "a", 1, 100, NULL);
	say(b, AGENT_DATA, 2, "01234", 5);
	say(b, AGENT_DATA, 2, "0123456789", 10);
	assert_lied(b, "more than 10 bytes");
	assert_int_equal(fstatat(b->dirfd, "a", &st, 0), 0);
	assert_int_equal(st.st_size, 5);
}

static void test_more_entries_than_asked_for_are_a_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_get(b, 10, 2);
	file(b, "a", "");
	file(b, "b", "");
	entry(b, 'f', "c", 1, 0, NULL);
	assert_lied(b, "more than 2 entries");
	assert_int_equal(faccessat(b->dirfd, "c", F_OK, 0), -1);
}

static void test_entries_of_wrong_lengths_are_lies(void **state)
{
	struct bench *b = *state;
	struct agent_entry h = { .kind = 'f', .path_len = 0xffffffff };
	hello(b);
	start_get(b, 10, 2);
	say(b, AGENT_ENTRY, 2, &h, sizeof h);
	assert_lied(b, "an ENTRY of 48 bytes that is none");
}

static void test_a_hole_is_a_lie_where_none_was_asked_for(void **state)
{
	struct bench *b = *state;
	uint64_t n = 1 << 20;
	hello(b);
	start_get(b, 10, 2);
	entry(b, 'f', "a", 1, n, NULL);
	say(b, AGENT_HOLE, 2, &n, sizeof n);
	assert_lied(b, "type 23 on stream 2");
}

static void test_a_file_without_content_and_a_cut_one_are_told_apart(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_get(b, 100, 10);
	file(b, "d/e/empty", "");
	entry(b, 'f', "cut", 3, 50, NULL);
	say(b, AGENT_DATA, 2, "01234", 5);
	entry(b, 'd', "folder", 6, 0, NULL);
	entry(b, 'f', "cut", 3, 2, NULL); /* twice: the first stays */
	say(b, AGENT_DATA, 2, "zz", 2);
	say_text(b, AGENT_EXIT, 2, "{\"code\":0}");
	assert_string_equal(buf_str(&b->files), "d/e/empty 0\ncut 5 cut\n");
	assert_string_equal(buf_str(&b->skipped), "cut: another entry has its name\n");
}

static void test_the_other_end_going_is_no_lie(void **state)
{
	struct bench *b = *state;
	hello(b);
	start_exec(b);
	close_fd(&b->peer);
	run(b);
	assert_int_equal(b->lost, 1);
	assert_int_equal(b->why.code, 0);
	assert_true(b->x.lost);
	static const char *const argv[] = { "true", NULL };
	struct session_exec x = { .argv = argv };
	assert_int_equal(session_exec(b->session, &x, NULL, NULL), -ENOTCONN);
	session_shutdown(b->session, false);
}

static void test_a_callback_may_close_the_session(void **state)
{
	struct bench *b = *state;
	hello(b);
	b->close_in_output = true;
	start_exec(b);
	start_exec(b);
	say(b, AGENT_STDOUT, 2, "x", 1);
	assert_null(b->session);
	run(b);
	assert_int_equal(b->exits, 0);
	assert_int_equal(b->lost, 0);
}

static void test_the_last_words_of_a_job_may_close_the_session(void **state)
{
	struct bench *b = *state;
	hello(b);
	b->close_in_exit = true;
	start_exec(b);
	start_exec(b);
	close_fd(&b->peer);
	run(b);
	assert_null(b->session);
	assert_int_equal(b->exits, 1);
	assert_int_equal(b->lost, 0);
}

static void test_arguments_that_no_frame_carries_are_refused_at_once(void **state)
{
	struct bench *b = *state;
	struct err e = { 0 };
	auto_free char *large = xmalloc(FRAME_MAX_PAYLOAD + 1);
	memset(large, 'x', FRAME_MAX_PAYLOAD);
	large[FRAME_MAX_PAYLOAD] = '\0';
	const char *argv[] = { "echo", large, NULL };
	struct session_exec x = { .argv = argv };
	assert_int_equal(session_exec(b->session, &x, NULL, &e), -E2BIG);
	argv[1] = "\xff";
	assert_int_equal(session_exec(b->session, &x, NULL, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "not UTF-8"));
}

static void on_done(void *ctx)
{
	((struct bench *)ctx)->done = true;
}

static void test_sync_is_over_by_its_answer(void **state)
{
	struct bench *b = *state;
	hello(b);
	assert_int_equal(session_sync(b->session, on_done, b, NULL), 0);
	run(b);
	assert_false(b->done);
	say(b, AGENT_SYNC, 2, NULL, 0);
	assert_true(b->done);
	say(b, AGENT_SYNC, 2, NULL, 0);
	assert_lied(b, "not open");
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(test_hello_comes_first_and_once),
		bench_test(test_another_before_hello_is_a_lie),
		bench_test(test_another_version_is_told_with_both_numbers),
		bench_test(test_bytes_that_are_no_frame_end_the_session),
		bench_test(test_a_frame_of_an_unknown_type_or_stream_is_a_lie),
		bench_test(test_an_unknown_type_is_a_lie),
		bench_test(test_what_only_the_host_sends_is_a_lie),
		bench_test(test_output_of_another_kind_of_job_is_a_lie),
		bench_test(test_output_over_the_credit_is_a_lie),
		bench_test(test_credit_that_overflows_is_a_lie),
		bench_test(test_json_that_is_none_or_too_large_is_a_lie),
		bench_test(test_an_exit_twice_is_a_lie),
		bench_test(test_an_exit_of_strange_numbers_and_words_is_made_harmless),
		bench_test(test_kernel_messages_are_parsed_and_cleaned),
		bench_test(test_a_malformed_event_ends_its_test_and_nothing_else),
		bench_test(test_an_event_on_the_hosts_own_stream_is_a_lie),
		bench_test(test_more_tests_at_once_than_there_can_be_are_a_lie),
		bench_test(test_names_that_lead_outside_are_skipped),
		bench_test(test_a_link_that_somebody_laid_is_not_followed),
		bench_test(test_links_and_devices_are_told_and_not_made),
		bench_test(test_more_bytes_than_asked_for_are_a_lie),
		bench_test(test_more_entries_than_asked_for_are_a_lie),
		bench_test(test_entries_of_wrong_lengths_are_lies),
		bench_test(test_a_hole_is_a_lie_where_none_was_asked_for),
		bench_test(test_a_file_without_content_and_a_cut_one_are_told_apart),
		bench_test(test_the_other_end_going_is_no_lie),
		bench_test(test_a_callback_may_close_the_session),
		bench_test(test_the_last_words_of_a_job_may_close_the_session),
		bench_test(test_arguments_that_no_frame_carries_are_refused_at_once),
		bench_test(test_sync_is_over_by_its_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
