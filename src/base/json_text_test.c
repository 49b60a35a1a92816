/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/json_text.h"
#include "base/test.h"

static void test_cut_sequence_joins_over_calls(void **unused)
{
	auto_buf struct buf b = { 0 };
	struct json_text t = { 0 };
	json_text_add(&t, &b, "\x1b[1m\"\xe2\x82", 7);
	json_text_add(&t, &b, "\xac\\\n", 3);
	json_text_end(&t, &b);
	assert_string_equal(buf_str(&b), "\\u001b[1m\\\"\xe2\x82\xac\\\\\\n");
}

static void test_what_is_no_utf8_is_replaced(void **unused)
{
	auto_buf struct buf b = { 0 };
	struct json_text t = { 0 };
	/* a lone continuation, an overlong slash, a surrogate, a cut end */
	json_text_add(&t, &b, "\x80 \xc0\xaf \xed\xa0\x80 \xf0\x9f", 11);
	json_text_end(&t, &b);
	assert_string_equal(buf_str(&b), "\\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \\ufffd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_sequence_joins_over_calls),
		cmocka_unit_test(test_what_is_no_utf8_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
