/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/test.h"
#include "site/html.h"

static void test_markup_in_text_is_shown_not_obeyed(void **unused)
{
	auto_buf struct buf b = { 0 };
	html_add(&b, "<td>", TEXT("<script>alert(\"1\" & '2')</script>"), "</td>", NULL);
	assert_string_equal(buf_str(&b),
		"<td>&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</td>");
}

static void test_attribute_cannot_be_left(void **unused)
{
	auto_buf struct buf b = { 0 };
	html_add(&b, "<a title=\"", ATTR("\" onclick=\"x\n\t"), "\">", NULL);
	assert_string_equal(buf_str(&b), "<a title=\"&quot; onclick=&quot;x&#10;&#9;\">");
}

static void test_url_stays_one_component(void **unused)
{
	auto_buf struct buf b = { 0 };
	html_url(&b, "javascript:../a b?#%\"\xc3\xa9");
	assert_string_equal(buf_str(&b), "javascript%3A..%2Fa%20b%3F%23%25%22%C3%A9");
}

static void test_what_html_forbids_is_replaced(void **unused)
{
	auto_buf struct buf b = { 0 };
	html_text(&b, "a\x1b[1m\xff\x7f\r\n");
	assert_string_equal(buf_str(&b), "a\xef\xbf\xbd[1m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n");
	buf_reset(&b);
	const char *none = NULL;
	html_add(&b, "<", TEXT(none), ATTR(none), URL(none), ">", NULL);
	assert_string_equal(buf_str(&b), "<>");
}

static void test_times_and_numbers_are_plain(void **unused)
{
	auto_buf struct buf b = { 0 };
	html_time(&b, 1763719533000000);
	html_add(&b, " ", NULL);
	html_seconds(&b, 12345678);
	assert_string_equal(buf_str(&b), "<time datetime=\"2025-11-21T10:05:33Z\">2025-11-21 "
					 "10:05:33 UTC</time> 12.345");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markup_in_text_is_shown_not_obeyed),
		cmocka_unit_test(test_attribute_cannot_be_left),
		cmocka_unit_test(test_url_stays_one_component),
		cmocka_unit_test(test_what_html_forbids_is_replaced),
		cmocka_unit_test(test_times_and_numbers_are_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
