/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "record/screen.h"

/* All rows, blanks at their ends left out, joined by '|'; what is not ASCII as <hex>. */
static char *text_of(const struct screen *s)
{
	struct buf b = { 0 };
	for (unsigned row = 0; row < screen_rows(s); row++) {
		size_t used = b.len;
		for (unsigned col = 0; col < screen_cols(s); col++) {
			const struct screen_cell *c = screen_cell(s, row, col);
			if (c->ch == 0 && col && screen_cell(s, row, col - 1)->wide)
				continue;
			if (c->ch < 0x80)
				buf_addc(&b, c->ch ? (char)c->ch : ' ');
			else
				buf_addf(&b, "<%x>", c->ch);
			if (c->ch > ' ')
				used = b.len;
		}
		if (b.s)
			b.s[b.len = used] = '\0';
		buf_addc(&b, '|');
	}
	return buf_take(&b);
}

static void add(struct screen *s, const char *text)
{
	screen_add(s, text, strlen(text));
}

/* On 8x4. */
static void expect(const char *in, const char *out)
{
	auto_screen struct screen *s = screen_new(8, 4);
	add(s, in);
	auto_free char *text = text_of(s);
	assert_string_equal(text, out);
}

static void test_text_wraps_scrolls_and_is_overwritten(void **unused)
{
	expect("one\r\ntwo\nx", "one|two|   x||");
	expect("12345678", "12345678||||"); /* the line is full, but not left yet */
	expect("123456789", "12345678|9|||");
	expect("12345678\r\nx", "12345678|x|||");
	expect("1\r\n2\r\n3\r\n4\r\n5\r\n", "3|4|5||");
	expect("10%\r99%\b\b8", "98%||||");
	expect("a\tb", "a      b||||"); /* no stop behind the last column */
}

static void test_a_wide_character_goes_as_a_whole(void **unused)
{
	expect("123456\u4e2d\r\033[@", " 123456||||"); /* half of it would be behind the side */
	expect("\u4e2d\rx", "x||||");
	expect("\u4e2d\b\bx\u4e2d\033[2GA", "xA||||");
	expect("a\u4e2db\033[3G\033[K", "a||||");
	expect("a\u4e2db\033[1G\033[2P", " b||||");
	expect("\xe0\x80\x97x", "x||||"); /* three bytes for what is a control character */
}

static void test_cursor_moves_and_stays_within(void **unused)
{
	expect("\033[2;3Hx\033[Ay\033[9999;9999Hz", "   y|  x||       z|");
	expect("abc\033[99Dx\033[99Ay\033[99Cz", "xyc    z||||");
	expect("\033[3dx\033[5Gy\033[0;0Hz", "z||x   y||");
	expect("\033[2Bx\033[Ey\033[Fz", "||z|y|");
	expect("ab\0337\033[4;4Hx\0338c", "abc|||   x|");
}

static void test_erasing_inserting_and_deleting(void **unused)
{
	expect("abcdef\033[3D\033[K", "abc||||");
	expect("abcdef\033[3D\033[1K", "    ef||||");
	expect("1\r\n2\r\n3\033[2J\033[Hx", "x||||");
	expect("1\r\n2\r\n3\033[A\r\033[J", "1||||");
	expect("abcdef\r\033[2Px", "xdef||||");
	expect("abcdef\r\033[2@x", "x abcdef||||");
	expect("abcdef\r\033[3X", "   def||||");
	expect("1\r\n2\r\n3\r\n4\033[2;1H\033[L", "1||2|3|");
	expect("1\r\n2\r\n3\r\n4\033[2;1H\033[2M", "1|4|||");
	expect("1\r\n2\r\n3\r\n4\033[99S", "||||");
	expect("1\r\n2\r\n3\r\n4\033[T", "|1|2|3|");
}

static void test_a_region_scrolls_alone(void **unused)
{
	expect("1\r\n2\r\n3\r\n4\033[2;3r\033[3;1H\n", "1|3||4|");
	expect("1\r\n2\r\n3\r\n4\033[2;3r\033[2;1H\033M", "1||2|4|");
	expect("1\r\n2\r\n3\r\n4\033[31r\033[99;1H\n", "2|3|4||"); /* beyond the screen: none */
	expect("1\r\n2\r\n3\r\n4\033[3;2r\033[4;1H\n", "2|3|4||");
}

static void test_the_other_screen_hides_the_main_one(void **unused)
{
	expect("main\033[?1049h\033[Hother", "other||||");
	expect("main\033[?1049h\033[Hother\033[?1049lx", "mainx||||");
	expect("\033[?1049l\033[?1049h\033[?1049ha\033[?1049l\033[?1049lb", "b||||");
	expect("\033[?7l123456789", "12345679||||");
}

static void test_characters_of_any_width(void **unused)
{
	expect("a\xe2\x82\xac\xcc\x81z", "a<20ac>z||||");
	expect("\xe4\xb8\xad\xe6\x96\x87x", "<4e2d><6587>x||||");
	expect("1234567\xe4\xb8\xad", "1234567|<4e2d>|||");
	expect("\033(0lqk\033(Blqk", "<250c><2500><2510>lqk||||");
	expect("\xff\x80x\xe2\x82y", "xy||||");
}

static void test_colours_of_each_way_to_write_them(void **unused)
{
	static const struct {
		const char *in;
		uint32_t fg, bg;
	} cases[] = {
		{ "x", SCREEN_DEFAULT, SCREEN_DEFAULT },
		{ "\033[31;42mx", 0xdd3c69, 0x4ebf22 },
		{ "\033[97;100mx", 0xffffff, 0x4d4d4d },
		{ "\033[38;5;196;48;5;255mx", 0xff0000, 0xeeeeee },
		{ "\033[38;2;1;2;3;48;2;4;5;6mx", 0x010203, 0x040506 },
		{ "\033[38:2::1:2:3mx", 0x010203, SCREEN_DEFAULT },
		{ "\033[38:2:1:2:3mx", 0x010203, SCREEN_DEFAULT },
		{ "\033[31;38;5mx", SCREEN_DEFAULT, SCREEN_DEFAULT },
		{ "\033[31;4:3;42mx", 0xdd3c69, 0x4ebf22 },
		{ "\033[31m\033[mx", SCREEN_DEFAULT, SCREEN_DEFAULT },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_screen struct screen *s = screen_new(8, 4);
		add(s, cases[i].in);
		assert_int_equal(screen_cell(s, 0, 0)->fg, cases[i].fg);
		assert_int_equal(screen_cell(s, 0, 0)->bg, cases[i].bg);
	}
	auto_screen struct screen *s = screen_new(8, 4);
	add(s, "\033[1;3;4;7mx\033[22;23;24;27my");
	assert_true(screen_cell(s, 0, 0)->bold && screen_cell(s, 0, 0)->italic);
	assert_true(screen_cell(s, 0, 0)->underline && screen_cell(s, 0, 0)->reverse);
	assert_false(screen_cell(s, 0, 1)->bold || screen_cell(s, 0, 1)->reverse);
}

static void test_another_size_keeps_the_rows_around_the_cursor(void **unused)
{
	auto_screen struct screen *s = screen_new(8, 4);
	add(s, "1\r\n2\r\n3\r\n4444444\xe4\xb8\xad");
	screen_resize(s, 3, 2);
	auto_free char *small = text_of(s);
	assert_string_equal(small, "444|<4e2d>|");
	screen_resize(s, 10, 3);
	add(s, "\r\n5");
	auto_free char *large = text_of(s);
	assert_string_equal(large, "444|<4e2d>|5|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_wraps_scrolls_and_is_overwritten),
		cmocka_unit_test(test_a_wide_character_goes_as_a_whole),
		cmocka_unit_test(test_cursor_moves_and_stays_within),
		cmocka_unit_test(test_erasing_inserting_and_deleting),
		cmocka_unit_test(test_a_region_scrolls_alone),
		cmocka_unit_test(test_the_other_screen_hides_the_main_one),
		cmocka_unit_test(test_characters_of_any_width),
		cmocka_unit_test(test_colours_of_each_way_to_write_them),
		cmocka_unit_test(test_another_size_keeps_the_rows_around_the_cursor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
