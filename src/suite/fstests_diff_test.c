/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "proc/proc.h"
#include "suite/fstests_diff.h"

static char *diff(const char *a, const char *b, size_t max, bool *ret_cut)
{
	struct buf out = { 0 };
	*ret_cut = fstests_diff(a, strlen(a), b, strlen(b), max, &out);
	return out.s ? out.s : xstrdup("");
}

#define expect(a, b, text)                                                                         \
	do {                                                                                       \
		bool cut_;                                                                         \
		auto_free char *got_ = diff(a, b, 4096, &cut_);                                    \
		assert_string_equal(got_, text);                                                   \
		assert_false(cut_);                                                                \
	} while (0)

static void test_equal_texts_have_no_diff(void **unused)
{
	expect("", "", "");
	expect("a\nb\n", "a\nb\n", "");
}

static void test_hunks_are_those_of_diff(void **unused)
{
	expect("QA\nline one\nexpected 41\n", "QA\nline one\nactual 42\n",
		"@@ -1,3 +1,3 @@\n QA\n line one\n-expected 41\n+actual 42\n");
	expect("a\n", "a\nb", "@@ -1 +1,2 @@\n a\n+b\n\\ No newline at end of file\n");
	expect("", "x\n", "@@ -0,0 +1 @@\n+x\n");
	expect("x\n", "", "@@ -1 +0,0 @@\n-x\n");
	expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "1\nx\n3\n4\n5\n6\n7\n8\n9\n10\n",
		"@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n@@ -8,4 +8,3 @@\n 8\n 9\n 10\n-11\n");
}

static void test_it_is_cut_and_control_characters_are_taken_off(void **unused)
{
	bool cut;
	auto_free char *got = diff("a\n", "\x1b[31m\tb\r\n", 4096, &cut);
	assert_string_equal(got, "@@ -1 +1 @@\n-a\n+?[31m\tb?\n");
	auto_free char *little = diff("a\n", "b\n", 14, &cut);
	assert_string_equal(little, "@@ -1 +1 @@\n-a");
	assert_true(cut);
}

static void test_a_large_difference_is_one_block(void **unused)
{
	auto_buf struct buf a = { 0 };
	auto_buf struct buf b = { 0 };
	auto_buf struct buf out = { 0 };
	for (int i = 0; i < 5000; i++) {
		buf_addf(&a, "%d\n", i);
		buf_addf(&b, "%d\n", i * 2 + 1);
	}
	assert_false(fstests_diff(a.s, a.len, b.s, b.len, 1u << 20, &out));
	assert_true(strncmp(out.s, "@@ -1,5000 +1,5000 @@\n-0\n-1\n", 27) == 0);
}

/* How many lines of the hunks begin with `op`. */
static size_t count(const char *hunks, char op)
{
	size_t n = 0;
	for (const char *p = hunks; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		n += *p == op;
	return n;
}

/* What the hunks make of `a`, whose lines have two bytes each. */
static void apply(const char *a, const char *hunks, char ret[64])
{
	const char *from = a;
	size_t n = 0;
	for (const char *p = hunks; *p; p = strchr(p, '\n') + 1) {
		if (*p == '@') {
			const char *to = a + 2 * (strtoul(p + 4, NULL, 10) - 1);
			while (from < to)
				ret[n++] = *from++;
			continue;
		}
		if (*p != '+') {
			assert_memory_equal(p + 1, from, 2);
			from += 2;
		}
		if (*p != '-') {
			ret[n++] = p[1];
			ret[n++] = '\n';
		}
	}
	while (*from)
		ret[n++] = *from++;
	ret[n] = '\0';
}

/* Letters of a small alphabet make many shapes. */
static void test_hunks_make_the_one_of_the_other_with_as_few_lines_as_diff(void **unused)
{
	uint32_t seed = 1;
	auto_free char *dir = test_folder();
	auto_free char *one = path_join(dir, "a");
	auto_free char *two = path_join(dir, "b");
	for (int round = 0; round < 40; round++) {
		char a[32] = "";
		char b[32] = "";
		for (int i = 0; i < 12; i++) {
			seed = seed * 1103515245 + 12345;
			a[2 * i] = (char)('a' + (seed >> 16) % 3);
			b[2 * i] = (seed >> 20) % 4 ? a[2 * i] : 'x';
			a[2 * i + 1] = b[2 * i + 1] = '\n';
		}
		assert_int_equal(file_replace(one, a, 24, 0644, NULL), 0);
		assert_int_equal(file_replace(two, b, 24, 0644, NULL), 0);
		const char *const argv[] = { "diff", "-u", "--minimal", one, two, NULL };
		struct proc_spec spec = {
			.argv = argv, .in = PROC_NULL, .out = PROC_PIPE, .err = PROC_PIPE
		};
		struct proc_end end;
		auto_buf struct buf real = { 0 };
		assert_int_equal(proc_run(&spec, &real, 1u << 16, &end, NULL), 0);
		bool cut;
		auto_free char *got = diff(a, b, 4096, &cut);
		const char *hunks = real.s ? strstr(real.s, "@@") : NULL;
		assert_int_equal(count(got, '+'), count(hunks, '+'));
		assert_int_equal(count(got, '-'), count(hunks, '-'));
		char made[64];
		apply(a, got, made);
		assert_string_equal(made, b);
	}
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_texts_have_no_diff),
		cmocka_unit_test(test_hunks_are_those_of_diff),
		cmocka_unit_test(test_it_is_cut_and_control_characters_are_taken_off),
		cmocka_unit_test(test_a_large_difference_is_one_block),
		cmocka_unit_test(test_hunks_make_the_one_of_the_other_with_as_few_lines_as_diff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
