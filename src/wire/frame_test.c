/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/test.h"
#include "wire/frame.h"
#include <errno.h>

static struct frame_decoder dec;

/* Feed n bytes at once; they must fit. */
static void feed(const void *p, size_t n)
{
	size_t room;
	uint8_t *to = frame_decoder_space(&dec, &room);
	assert_true(n <= room);
	memcpy(to, p, n);
	frame_decoder_fed(&dec, n);
}

static void test_header_has_the_drawn_layout(void **unused)
{
	static const uint8_t want[FRAME_HEADER] = { 'f', FRAME_VERSION, 0x34, 0x12, 0x78, 0x56,
		0x34, 0x12, 0x00, 0x00, 0x01, 0x00 };
	uint8_t got[FRAME_HEADER];
	frame_header(&(struct frame){ .type = 0x1234, .stream = 0x12345678, .length = 65536 }, got);
	assert_memory_equal(got, want, sizeof want);
}

static void test_largest_and_empty_frames_pass_whole(void **unused)
{
	static uint8_t payload[FRAME_MAX_PAYLOAD];
	memset(payload, 0xa5, sizeof payload);
	uint8_t header[FRAME_HEADER];
	struct frame f = { .type = 7, .stream = 9, .length = FRAME_MAX_PAYLOAD };
	frame_decoder_init(&dec);
	frame_header(&f, header);
	feed(header, sizeof header);
	assert_int_equal(frame_next(&dec, &f), 0);
	feed(payload, sizeof payload);
	assert_int_equal(frame_next(&dec, &f), 1);
	assert_int_equal(f.length, FRAME_MAX_PAYLOAD);
	assert_memory_equal(f.payload, payload, sizeof payload);
	assert_int_equal(frame_next(&dec, &f), 0);

	f = (struct frame){ .type = 0xffff, .stream = 0xffffffff, .length = 0 };
	frame_header(&f, header);
	feed(header, sizeof header);
	f = (struct frame){ .length = 1 };
	assert_int_equal(frame_next(&dec, &f), 1);
	assert_int_equal(f.type, 0xffff);
	assert_int_equal(f.stream, 0xffffffff);
	assert_int_equal(f.length, 0);
	assert_int_equal(frame_next(&dec, &f), 0);
}

static void test_one_byte_at_a_time_gives_the_frame_with_its_last_byte(void **unused)
{
	uint8_t wire[FRAME_HEADER + 3];
	struct frame f = { .type = 1, .stream = 2, .length = 3 };
	frame_header(&f, wire);
	memcpy(wire + FRAME_HEADER, "abc", 3);
	frame_decoder_init(&dec);
	for (size_t i = 0; i < sizeof wire; i++) {
		assert_int_equal(frame_next(&dec, &f), 0);
		feed(wire + i, 1);
	}
	assert_int_equal(frame_next(&dec, &f), 1);
	assert_memory_equal(f.payload, "abc", 3);
}

static void test_many_small_frames_in_one_read_keep_their_order(void **unused)
{
	frame_decoder_init(&dec);
	size_t room;
	uint8_t *to = frame_decoder_space(&dec, &room);
	uint32_t n = (uint32_t)(room / FRAME_HEADER);
	for (uint32_t i = 0; i < n; i++)
		frame_header(&(struct frame){ .type = 1, .stream = i }, to + i * FRAME_HEADER);
	frame_decoder_fed(&dec, n * FRAME_HEADER);
	struct frame f;
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(frame_next(&dec, &f), 1);
		assert_int_equal(f.stream, i);
	}
	assert_int_equal(frame_next(&dec, &f), 0);
	(void)frame_decoder_space(&dec, &room);
	assert_int_equal(room, sizeof dec.buf);
}

static void broken(const uint8_t *p, size_t n)
{
	struct frame f;
	frame_decoder_init(&dec);
	feed(p, n);
	assert_int_equal(frame_next(&dec, &f), -EPROTO);
	uint8_t good[FRAME_HEADER];
	frame_header(&(struct frame){ .type = 1 }, good);
	feed(good, sizeof good);
	assert_int_equal(frame_next(&dec, &f), -EPROTO); /* for good */
}

static void test_what_is_no_frame_breaks_the_stream_for_good(void **unused)
{
	uint8_t h[FRAME_HEADER];
	frame_header(&(struct frame){ .type = 1, .length = FRAME_MAX_PAYLOAD }, h);
	h[8] = 1; /* 65537 */
	broken(h, sizeof h);
	memset(h + 8, 0xff, 4);
	broken(h, sizeof h);
	broken((const uint8_t *)"login: ", 1); /* told with the first wrong byte */
	broken((const uint8_t *)"f\x02", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_has_the_drawn_layout),
		cmocka_unit_test(test_largest_and_empty_frames_pass_whole),
		cmocka_unit_test(test_one_byte_at_a_time_gives_the_frame_with_its_last_byte),
		cmocka_unit_test(test_many_small_frames_in_one_read_keep_their_order),
		cmocka_unit_test(test_what_is_no_frame_breaks_the_stream_for_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
