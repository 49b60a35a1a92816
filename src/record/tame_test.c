/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "record/tame.h"

static void test_colours_stay_and_what_steers_the_terminal_goes(void **unused)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain\r\n\ttext\n", "plain\r\n\ttext\n" },
		{ "\033[1;31mred\033[0m \033[38:5:9mx\033[m",
			"\033[1;31mred\033[0m \033[38:5:9mx\033[m" },
		{ "a\033[2J\033[Hb\033[?1049hc\033[6nd", "abcd" },    /* screen, cursor, answers */
		{ "a\033]0;title\007b\033]52;c;Zm9v\033\\c", "abc" }, /* title, clipboard */
		{ "a\033Pq#0\033\\b\033_app\033\\c\033^pm\033\\d", "abcd" }, /* DCS, APC, PM */
		{ "a\033(Bb\033=c\033cd\0337e", "abcde" },
		{ "a\a\x0e\x7f\x01z", "az" },
		{ "\xc2\x9b"
		  "31mC1\xc2\xa0 caf\xc3\xa9",
			"31mC1\xc2\xa0 caf\xc3\xa9" },
		{ "a\033]no end", "a" },
		{ "a\033\033[31mb", "a\033[31mb" },
		{ "a\033[>4;2mb\033[<0mc", "abc" }, /* private: not colours */
		{ "\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15mlong", "long" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tame t = { 0 };
		auto_buf struct buf b = { 0 };
		tame_add(&t, &b, cases[i].in, strlen(cases[i].in));
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

static void test_a_replay_keeps_cursor_and_screen_alone(void **unused)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "\033[2J\033[3;4Hx\033[K\033[?25l\033[?1049h\0337\0338",
			"\033[2J\033[3;4Hx\033[K\033[?25l\033[?1049h\0337\0338" },
		{ "\033[6n\033[c\033[>c\033[?1000h\033[?2004h\033[21t\033[!p\033[3Jx", "x" },
		{ "\033[4;2 q\033[?4m\033[5i\033c\033(0q\033(B", "\033(0q\033(B" },
		{ "\033[;;;;;;;;;;;;;;;mx\033[123456By", "xy" }, /* no program writes such */
		{ "\033]0;t\ax\033]52;c;eA==\033\\y", "xy" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tame t = { .screen = true };
		auto_buf struct buf b = { 0 };
		tame_add(&t, &b, cases[i].in, strlen(cases[i].in));
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

static void test_a_sequence_cut_between_pieces_is_one(void **unused)
{
	static const char in[] = "a\033[1;3\033[31mb\033]0;x\033\\c\xc2\xa9\033(0";
	auto_buf struct buf whole = { 0 };
	struct tame one = { .screen = true };
	tame_add(&one, &whole, in, sizeof in - 1);
	for (size_t cut = 1; cut < sizeof in - 1; cut++) {
		auto_buf struct buf b = { 0 };
		struct tame t = { .screen = true };
		tame_add(&t, &b, in, cut);
		tame_add(&t, &b, in + cut, sizeof in - 1 - cut);
		assert_string_equal(buf_str(&b), buf_str(&whole));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_colours_stay_and_what_steers_the_terminal_goes),
		cmocka_unit_test(test_a_replay_keeps_cursor_and_screen_alone),
		cmocka_unit_test(test_a_sequence_cut_between_pieces_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
