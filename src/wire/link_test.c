/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "wire/link.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

/* One end of a socketpair is a link, the other a plain descriptor that the test plays. */
struct bench {
	uv_loop_t loop;
	struct link *link;
	int peer;
	unsigned frames;
	size_t bytes;
	uint32_t last_stream;
	unsigned drained;
	unsigned closed;
	struct err why;
	bool close_in_frame, close_in_closed, close_in_drained, pause_in_frame;
};

static void on_frame(void *ctx, const struct frame *f)
{
	struct bench *b = ctx;
	assert_int_equal(b->closed, 0);
	b->frames++;
	b->bytes += f->length;
	b->last_stream = f->stream;
	if (b->pause_in_frame)
		link_pause(b->link, 1);
	if (b->close_in_frame)
		link_close(take(&b->link), 0);
}

static void on_closed(void *ctx, const struct err *why)
{
	struct bench *b = ctx;
	b->closed++;
	b->why = *why;
	link_send(b->link, 1, 1, "dropped", 7);
	assert_int_equal(link_queued(b->link), 0);
	if (b->close_in_closed)
		link_close(take(&b->link), 1000);
}

static void on_drained(void *ctx)
{
	struct bench *b = ctx;
	b->drained++;
	if (b->close_in_drained)
		link_close(take(&b->link), 0);
}

static const struct link_handler handler = { on_frame, on_closed, on_drained };

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);
	int fd[2];
	assert_int_equal(uv_loop_init(&b->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(link_open(&b->loop, fd[0], &handler, b, &b->link, NULL), 0);
	b->peer = fd[1];
	*state = b;
	return 0;
}

/* Whatever a test did, nothing is left in the loop once the link is closed. */
static int teardown(void **state)
{
	struct bench *b = *state;
	link_close(take(&b->link), 0);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&b->loop);
	close_fd(&b->peer);
	free(b);
	return rc;
}

static void turn(struct bench *b, int times)
{
	for (int i = 0; i < times; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
}

static void peer_sends(struct bench *b, uint32_t stream, const char *text)
{
	uint8_t wire[FRAME_HEADER + 100];
	size_t n = strlen(text);
	frame_header(&(struct frame){ .type = 5, .stream = stream, .length = (uint32_t)n }, wire);
	memcpy(wire + FRAME_HEADER, text, n);
	assert_int_equal(write(b->peer, wire, FRAME_HEADER + n), FRAME_HEADER + n);
}

static void test_frames_arrive_in_order_and_eof_is_told_once_after_them(void **state)
{
	struct bench *b = *state;
	for (uint32_t i = 0; i < 100; i++)
		peer_sends(b, i, "hello");
	close_fd(&b->peer);
	turn(b, 20);
	assert_int_equal(b->frames, 100);
	assert_int_equal(b->bytes, 500);
	assert_int_equal(b->last_stream, 99);
	assert_int_equal(b->closed, 1);
	assert_int_equal(b->why.code, 0);
	assert_string_equal(b->why.msg, "the other end closed");
}

static void test_eof_within_a_frame_says_so(void **state)
{
	struct bench *b = *state;
	assert_int_equal(write(b->peer, "f\x01\x01", 3), 3);
	close_fd(&b->peer);
	turn(b, 5);
	assert_int_equal(b->closed, 1);
	assert_int_equal(b->why.code, 0);
	assert_non_null(strstr(b->why.msg, "middle of a frame"));
}

static void test_garbage_is_eproto_once_and_good_frames_before_it_count(void **state)
{
	struct bench *b = *state;
	peer_sends(b, 1, "good");
	assert_int_equal(write(b->peer, "Debian GNU/Linux 12\r\nlogin: ", 28), 28);
	turn(b, 5);
	peer_sends(b, 2, "too late");
	turn(b, 5);
	assert_int_equal(b->frames, 1);
	assert_int_equal(b->closed, 1);
	assert_int_equal(b->why.code, -EPROTO);
}

static void test_peer_gone_while_writing_is_told_after_its_last_frame(void **state)
{
	struct bench *b = *state;
	char big[60000] = { 0 };
	peer_sends(b, 42, "last words");
	for (int i = 0; i < 20; i++)
		link_send(b->link, 1, 1, big, sizeof big);
	close_fd(&b->peer);
	turn(b, 20);
	assert_int_equal(b->frames, 1);
	assert_int_equal(b->last_stream, 42);
	assert_int_equal(b->closed, 1);
	assert_int_equal(b->why.code, 0);
	assert_non_null(strstr(b->why.msg, "unsent"));
	assert_int_equal(link_queued(b->link), 0);
}

static void test_pause_holds_frames_back_even_those_already_read(void **state)
{
	struct bench *b = *state;
	b->pause_in_frame = true;
	static uint8_t wire[6000 * FRAME_HEADER]; /* more than the decoder holds */
	for (uint32_t i = 0; i < 6000; i++)
		frame_header(&(struct frame){ .type = 1, .stream = i }, wire + i * FRAME_HEADER);
	assert_int_equal(write(b->peer, wire, sizeof wire), sizeof wire);
	turn(b, 5);
	assert_int_equal(b->frames, 1);
	link_pause(b->link, 0);
	assert_int_equal(b->frames, 1); /* not from within link_pause */
	turn(b, 5);
	assert_int_equal(b->frames, 2);
	b->pause_in_frame = false;
	link_pause(b->link, 0);
	turn(b, 10);
	assert_int_equal(b->frames, 6000);
	assert_int_equal(b->last_stream, 5999);
	assert_int_equal(b->closed, 0);
}

/* Read what the link sends until there is nothing more; returns the bytes. */
static size_t peer_reads(struct bench *b)
{
	static char data[65536];
	size_t sum = 0;
	for (int idle = 0; idle < 3;) {
		ssize_t n = recv(b->peer, data, sizeof data, MSG_DONTWAIT);
		if (n == 0)
			break;
		idle = n > 0 ? 0 : idle + 1;
		sum += n > 0 ? (size_t)n : 0;
		turn(b, 1);
	}
	return sum;
}

static void test_queue_grows_against_a_slow_peer_and_drained_comes_once(void **state)
{
	struct bench *b = *state;
	char big[FRAME_MAX_PAYLOAD] = { 0 };
	size_t sent = 0;
	while (link_queued(b->link) < LINK_HIGH) {
		link_send(b->link, 1, 1, big, sizeof big);
		sent += FRAME_HEADER + sizeof big;
	}
	turn(b, 10);
	assert_true(link_queued(b->link) > LINK_HIGH / 4);
	assert_int_equal(b->drained, 0);
	assert_int_equal(peer_reads(b), sent);
	assert_int_equal(link_queued(b->link), 0);
	assert_int_equal(b->drained, 1);
}

static void test_close_flushes_what_is_queued(void **state)
{
	struct bench *b = *state;
	char big[FRAME_MAX_PAYLOAD] = { 0 };
	for (int i = 0; i < 10; i++)
		link_send(b->link, 1, 1, big, sizeof big);
	link_close(take(&b->link), 10 * 1000 * 1000);
	assert_int_equal(peer_reads(b), 10 * (FRAME_HEADER + sizeof big));
	char c;
	assert_int_equal(read(b->peer, &c, 1), 0);
	assert_int_equal(b->closed, 0);
	assert_int_equal(b->drained, 0);
}

static void test_close_gives_up_flushing_after_its_time(void **state)
{
	struct bench *b = *state;
	char big[FRAME_MAX_PAYLOAD] = { 0 };
	for (int i = 0; i < 20; i++)
		link_send(b->link, 1, 1, big, sizeof big);
	link_close(take(&b->link), 20000);
	uv_run(&b->loop, UV_RUN_DEFAULT); /* returns, though nobody reads */
	assert_int_equal(b->closed, 0);
}

static void test_close_within_each_callback_is_safe(void **state)
{
	struct bench *b = *state;
	b->close_in_frame = true;
	peer_sends(b, 1, "one");
	peer_sends(b, 2, "never seen");
	turn(b, 5);
	assert_int_equal(b->frames, 1);
	assert_null(b->link);
	assert_int_equal(b->closed, 0);
}

static void test_close_within_closed_is_safe(void **state)
{
	struct bench *b = *state;
	b->close_in_closed = true;
	assert_int_equal(write(b->peer, "junk", 4), 4);
	turn(b, 5);
	assert_int_equal(b->closed, 1);
	assert_null(b->link);
}

static void test_close_within_drained_is_safe(void **state)
{
	struct bench *b = *state;
	char big[FRAME_MAX_PAYLOAD] = { 0 };
	b->close_in_drained = true;
	for (int i = 0; i < 8; i++)
		link_send(b->link, 1, 1, big, sizeof big);
	(void)peer_reads(b); /* how much: until it closed in the middle */
	assert_int_equal(b->drained, 1);
	assert_null(b->link);
}

static void test_open_refuses_a_file_and_leaves_it_open(void **unused)
{
	uv_loop_t loop;
	struct link *l = NULL;
	struct err e = { 0 };
	assert_int_equal(uv_loop_init(&loop), 0);
	auto_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(link_open(&loop, fd, &handler, NULL, &l, &e), -EPERM);
	assert_null(l);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(test_frames_arrive_in_order_and_eof_is_told_once_after_them),
		bench_test(test_eof_within_a_frame_says_so),
		bench_test(test_garbage_is_eproto_once_and_good_frames_before_it_count),
		bench_test(test_peer_gone_while_writing_is_told_after_its_last_frame),
		bench_test(test_pause_holds_frames_back_even_those_already_read),
		bench_test(test_queue_grows_against_a_slow_peer_and_drained_comes_once),
		bench_test(test_close_flushes_what_is_queued),
		bench_test(test_close_gives_up_flushing_after_its_time),
		bench_test(test_close_within_each_callback_is_safe),
		bench_test(test_close_within_closed_is_safe),
		bench_test(test_close_within_drained_is_safe),
		cmocka_unit_test(test_open_refuses_a_file_and_leaves_it_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
