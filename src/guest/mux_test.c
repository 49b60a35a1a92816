/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "guest/mux.h"
#include "wire/agent.h"
#include <fcntl.h>
#include <sys/socket.h>

/* The port's other end, and a kernel log: a packet socket gives one record a read, as
 * /dev/kmsg does. */
struct bench {
	struct mux m;
	int host, kernel;
	struct frame_decoder in;
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);
	int port[2];
	int log[2];
	int small = 4096;
	int large = 8 << 20;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, port), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, log), 0);
	setsockopt(port[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	setsockopt(log[1], SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large);
	mux_init(&b->m, port[0], log[0]);
	frame_decoder_init(&b->in);
	b->host = port[1];
	b->kernel = log[1];
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	close_fd(&b->m.port);
	close_fd(&b->m.kmsg);
	close_fd(&b->host);
	close_fd(&b->kernel);
	free(b);
	return 0;
}

/* The next frame as the host gets it, whatever the port takes at once; false: none waits. */
static bool next(struct bench *b, struct frame *f)
{
	for (;;) {
		int rc = frame_next(&b->in, f);
		assert_true(rc >= 0);
		if (rc == 1)
			return true;
		mux_write(&b->m);
		size_t room;
		uint8_t *p = frame_decoder_space(&b->in, &room);
		ssize_t n = recv(b->host, p, room < 1000 ? room : 1000, MSG_DONTWAIT);
		if (n <= 0)
			return false;
		frame_decoder_fed(&b->in, (size_t)n);
	}
}

static void record(struct bench *b, unsigned seq, const char *text)
{
	char line[256];
	int n = snprintf(line, sizeof line, "6,%u,%u,-;%s\n", seq, 1000 * seq, text);
	assert_int_equal(send(b->kernel, line, (size_t)n, 0), n);
}

static void test_records_go_out_in_one_frame_in_order(void **state)
{
	struct bench *b = *state;
	struct frame f;
	record(b, 1, "one");
	record(b, 2, "two");
	assert_true(mux_pump_kmsg(&b->m));
	mux_send(&b->m, AGENT_EVENT, 1, "end", 3);
	assert_true(next(b, &f));
	assert_int_equal(f.type, AGENT_KMSG);
	assert_int_equal(f.length, strlen("6,1,1000,-;one\n6,2,2000,-;two\n"));
	assert_memory_equal(f.payload, "6,1,1000,-;one\n6,2,2000,-;two\n", f.length);
	assert_true(next(b, &f));
	assert_int_equal(f.type, AGENT_EVENT);
	assert_false(next(b, &f));
}

static void test_lost_records_are_counted_in_one_of_their_own(void **state)
{
	struct bench *b = *state;
	struct frame f;
	record(b, 7, "before");
	assert_true(mux_pump_kmsg(&b->m));
	b->m.overrun = true; /* as read(2) says by EPIPE, which a socket does not */
	record(b, 12, "after");
	assert_true(mux_pump_kmsg(&b->m));
	assert_true(next(b, &f));
	assert_true(next(b, &f));
	auto_free char *text = xstrndup((const char *)f.payload, f.length);
	assert_string_equal(text, "4,11,12000,-;fsqa: 4 kernel log records were lost (overrun)\n"
				  "6,12,12000,-;after\n");
}

static void test_a_full_buffer_keeps_the_log_waiting_and_loses_nothing(void **state)
{
	struct bench *b = *state;
	struct frame f;
	static const uint8_t payload[60000];
	unsigned sent = 0;
	unsigned got = 0;
	while (mux_room(&b->m)) {
		mux_send(&b->m, AGENT_STDOUT, 2, payload, sizeof payload);
		sent++;
	}
	record(b, 1, "late");
	assert_false(mux_pump_kmsg(&b->m));
	while (next(b, &f) && f.type == AGENT_STDOUT)
		got++;
	assert_int_equal(got, sent);
	assert_true(mux_pump_kmsg(&b->m));
	assert_true(next(b, &f));
	assert_int_equal(f.type, AGENT_KMSG);
}

static void test_a_log_without_end_lets_others_have_their_turn(void **state)
{
	struct bench *b = *state;
	struct frame f;
	char text[200];
	unsigned seq = 0;
	unsigned rounds = 0;
	bool drained = false;
	if (geteuid() != 0)
		skip(); /* no socket holds that much */
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	while (!drained && rounds++ < 100) {
		for (int i = 0; i < 2500; i++) /* never empty when it is looked at */
			record(b, ++seq, text);
		drained = mux_pump_kmsg(&b->m);
		assert_true(drained || !mux_room(&b->m));
		while (next(b, &f))
			assert_int_equal(f.type, AGENT_KMSG);
		if (rounds == 1)
			assert_false(drained);
	}
	assert_true(drained);
	assert_in_range(rounds, 2, 100);
}

/* Frames of all sizes through a port that takes a little at a time: the buffer's ends meet
 * hundreds of times. */
static void test_what_goes_in_comes_out_whole_and_in_order(void **state)
{
	struct bench *b = *state;
	static uint8_t payload[FRAME_MAX_PAYLOAD];
	uint32_t sent = 0;
	uint32_t got = 0;
	uint32_t seed = 12345;
	while (got < 3000) {
		struct frame f;
		while (sent < 3000 && mux_room(&b->m)) {
			seed = seed * 1103515245 + 12345;
			size_t n = seed % 7 == 0 ? FRAME_MAX_PAYLOAD : seed % 5000;
			memset(payload, (int)(sent & 0xff), n);
			mux_send(&b->m, AGENT_STDOUT, sent++, payload, n);
		}
		for (uint32_t k = seed % 9 + 1; k && next(b, &f); k--) {
			assert_int_equal(f.stream, got);
			for (uint32_t i = 0; i < f.length; i++)
				if (f.payload[i] != (got & 0xff))
					fail_msg("frame %u differs at %u", got, i);
			got++;
		}
	}
	assert_false(mux_waiting(&b->m));
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(test_records_go_out_in_one_frame_in_order),
		bench_test(test_lost_records_are_counted_in_one_of_their_own),
		bench_test(test_a_full_buffer_keeps_the_log_waiting_and_loses_nothing),
		bench_test(test_a_log_without_end_lets_others_have_their_turn),
		bench_test(test_what_goes_in_comes_out_whole_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
