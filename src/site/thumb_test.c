/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "record/recording.h"
#include "site/thumb.h"
#include <errno.h>

static char *write_cast(const char *text)
{
	char *path = xstrdup("/tmp/fsqa-thumb-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text), NULL), 0);
	close(fd);
	return path;
}

#define HEAD "{\"version\": 2, \"width\": 40, \"height\": 10}\n"

static void test_screen_of_the_moment_is_drawn_in_its_colours(void **unused)
{
	auto_free char *path = write_cast(
		HEAD "[1.0, \"o\", \"plain \\u001b[1;31mred & <b>\\u001b[0m\\r\\n\"]\n"
		     "[2.0, \"m\", \"one\"]\n"
		     "[2.0, \"o\", \"\\u001b[44m \\u001b[0m\xe2\x82\xac caf\xc3\xa9\\r\\n\"]\n"
		     "[3.0, \"o\", \"\\u001b[2J\\u001b[Hcleared\"]\n");
	auto_buf struct buf svg = { 0 };
	auto_thumb struct thumb t = { 0 };
	assert_int_equal(thumb_render(path, 2500000, "a \"title\" <x>", &svg, &t, NULL), 0);
	unlink(path);
	assert_int_equal(t.duration_us, 3000000);
	assert_int_equal(t.marks, 1);
	assert_string_equal(t.last_line, " \xe2\x82\xac caf\xc3\xa9");
	const char *s = buf_str(&svg);
	assert_non_null(strstr(s, "<title>a &quot;title&quot; &lt;x&gt;</title>"));
	assert_non_null(strstr(s, "fill=\"#dd3c69\" font-weight=\"bold\">red &amp; &lt;b&gt;<"));
	assert_non_null(
		strstr(s, "<rect x=\"6\" y=\"18\" width=\"6\" height=\"12\" fill=\"#26b0d7\"/>"));
	assert_null(strstr(s, "cleared"));
}

static void test_two_thirds_of_the_way_is_the_default(void **unused)
{
	auto_free char *path = write_cast(HEAD "[1.0, \"o\", \"one \"]\n[6.0, \"o\", \"two \"]\n"
					       "[9.0, \"o\", \"three\"]\n");
	auto_buf struct buf svg = { 0 };
	auto_thumb struct thumb t = { 0 };
	assert_int_equal(thumb_render(path, UINT64_MAX, "t", &svg, &t, NULL), 0);
	unlink(path);
	assert_string_equal(t.last_line, "one two");
}

static void test_large_terminal_is_cropped_to_its_last_lines(void **unused)
{
	auto_buf struct buf cast = { 0 };
	buf_adds(&cast, HEAD "[0.1, \"r\", \"400x200\"]\n[0.2, \"o\", \"");
	for (int i = 0; i < 190; i++)
		buf_addf(&cast, "line %d\\r\\n", i);
	buf_adds(&cast, "\"]\n");
	auto_free char *path = write_cast(buf_str(&cast));
	auto_buf struct buf svg = { 0 };
	auto_thumb struct thumb t = { 0 };
	assert_int_equal(thumb_render(path, UINT64_MAX - 1, "t", &svg, &t, NULL), 0);
	unlink(path);
	assert_int_equal(t.width, 44 * 6 + 12);
	assert_int_equal(t.height, t.width * 9 / 16);
	assert_string_equal(t.last_line, "line 189");
	assert_non_null(strstr(buf_str(&svg), ">line 189<"));
	assert_null(strstr(buf_str(&svg), ">line 150<"));
}

static void test_what_is_no_recording_is_an_error_and_nothing_is_drawn(void **unused)
{
	auto_free char *path = write_cast(HEAD "[1.0, \"o\", \"x\"]\njunk\n[2, \"o\", \"x\"]\n");
	struct err e = { 0 };
	auto_buf struct buf svg = { 0 };
	auto_thumb struct thumb t = { 0 };
	assert_int_equal(thumb_render(path, UINT64_MAX, "t", &svg, &t, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "line 3"));
	assert_int_equal(svg.len, 0);
	unlink(path);
	assert_int_equal(thumb_render(path, UINT64_MAX, "t", &svg, &t, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_screen_of_the_moment_is_drawn_in_its_colours),
		cmocka_unit_test(test_two_thirds_of_the_way_is_the_default),
		cmocka_unit_test(test_large_terminal_is_cropped_to_its_last_lines),
		cmocka_unit_test(test_what_is_no_recording_is_an_error_and_nothing_is_drawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
