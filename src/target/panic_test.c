/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/test.h"
#include "target/panic.h"

static const char console[] =
	"[    1.970290] sysrq: Trigger a crash\r\n"
	"Kernel KKernel panic - not Kernel\n"
	"[    1.970301] Kernel panic - not syncing: sysrq triggered \x1b[m crash\r\n"
	"[    1.970310] CPU: 0 PID: 1 Comm: sh Not tainted\r\n"
	"[    1.990310] Kernel panic - not syncing: second\r\n";
static const char line[] = "Kernel panic - not syncing: sysrq triggered ?[m crash";

static void test_panic_is_found_wherever_the_bytes_are_cut(void **unused)
{
	for (size_t cut = 0; cut < sizeof console; cut++) {
		for (size_t second = cut; second < sizeof console; second += 7) {
			struct panic p = { 0 };
			int found = panic_scan(&p, console, cut);
			found += panic_scan(&p, console + cut, second - cut);
			found += panic_scan(&p, console + second, sizeof console - 1 - second);
			assert_int_equal(found, 1);
			assert_true(p.seen && p.ended);
			assert_string_equal(p.text, line);
		}
	}
}

static void test_one_byte_at_a_time_is_the_same(void **unused)
{
	struct panic p = { 0 };
	for (size_t i = 0; i < sizeof console - 1; i++)
		(void)panic_scan(&p, console + i, 1); /* told by p.seen */
	assert_true(p.seen);
	assert_string_equal(p.text, line);
}

static void test_nearly_a_panic_is_none(void **unused)
{
	static const char *const texts[] = { "kernel panic - not syncing",
		"Kernel panic - not syncin", "Kernel panic\n - not syncing",
		"Kernel  panic - not syncing", "" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct panic p = { 0 };
		assert_false(panic_scan(&p, texts[i], strlen(texts[i])));
		assert_false(p.seen);
		assert_string_equal(p.text, "");
	}
}

static void test_endless_line_stays_within_bounds(void **unused)
{
	struct panic p = { 0 };
	char junk[4096];
	memset(junk, 'x', sizeof junk);
	for (int i = 0; i < 100; i++)
		assert_false(panic_scan(&p, junk, sizeof junk));
	assert_true(panic_scan(&p, line, sizeof line - 1));
	assert_false(p.ended);
	assert_string_equal(p.text, line);
	for (int i = 0; i < 100; i++)
		assert_false(panic_scan(&p, junk, sizeof junk));
	assert_true(p.ended);
	assert_int_equal(strlen(p.text), PANIC_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panic_is_found_wherever_the_bytes_are_cut),
		cmocka_unit_test(test_one_byte_at_a_time_is_the_same),
		cmocka_unit_test(test_nearly_a_panic_is_none),
		cmocka_unit_test(test_endless_line_stays_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
