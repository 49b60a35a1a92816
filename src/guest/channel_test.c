/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "base/test.h"
#include "guest/channel.h"
#include <errno.h>
#include <sys/socket.h>

static uint8_t packet[CHANNEL_PACKET];

static void send_type(int fd, uint16_t type)
{
	struct frame f = { .type = type, .stream = 2 };
	assert_int_equal(channel_packet_send(fd, MSG_DONTWAIT, &f), 0);
}

/* The kernel tells the other end of such a close by an error before the packets. */
static void test_what_was_said_before_a_close_with_packets_unread_is_read(void **unused)
{
	enum {
		NO_LOOK,
		LOOK_BEFORE,
		LOOK_AFTER
	};
	for (int look = NO_LOOK; look <= LOOK_AFTER; look++) {
		int fd[2];
		struct frame f;
		assert_int_equal(channel_pair(fd), 0);
		send_type(fd[1], AGENT_EXIT);
		send_type(fd[0], AGENT_CREDIT);
		if (look == LOOK_BEFORE)
			assert_int_equal(channel_packet_peek(fd[0]), AGENT_EXIT);
		close(fd[1]);
		if (look == LOOK_AFTER)
			assert_int_equal(channel_packet_peek(fd[0]), AGENT_EXIT);
		assert_int_equal(channel_packet_recv(fd[0], MSG_DONTWAIT, packet, &f), 1);
		assert_int_equal(f.type, AGENT_EXIT);
		assert_int_equal(channel_packet_recv(fd[0], MSG_DONTWAIT, packet, &f), 0);
		assert_int_equal(channel_packet_peek(fd[0]), 0);
		close(fd[0]);
	}
}

static void test_a_look_leaves_the_packet(void **unused)
{
	int fd[2];
	struct frame f;
	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(channel_packet_peek(fd[0]), -EAGAIN);
	send_type(fd[1], AGENT_WINSIZE);
	assert_int_equal(channel_packet_peek(fd[0]), AGENT_WINSIZE);
	assert_int_equal(channel_packet_peek(fd[0]), AGENT_WINSIZE);
	assert_int_equal(channel_packet_recv(fd[0], MSG_DONTWAIT, packet, &f), 1);
	assert_int_equal(channel_packet_recv(fd[0], MSG_DONTWAIT, packet, &f), -EAGAIN);
	assert_int_equal(send(fd[1], "no frame", 8, 0), 8);
	assert_int_equal(channel_packet_peek(fd[0]), 0);
	assert_int_equal(channel_packet_recv(fd[0], MSG_DONTWAIT, packet, &f), -EPROTO);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_said_before_a_close_with_packets_unread_is_read),
		cmocka_unit_test(test_a_look_leaves_the_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
