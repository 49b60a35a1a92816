/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "suite/fstests_results.h"
#include "suite/fstests_xunit.h"
#include <errno.h>
#include <fcntl.h>

#define HEADER     "FSTYP         -- btrfs\n\n"
#define XML(cases) "<testsuite name=\"xfstests\" tests=\"1\" time=\"\">" cases "</testsuite>"
#define CASE(name, inside)                                                                         \
	"<testcase classname=\"xfstests.global\" name=\"" name "\" time=\"4\">" inside "</"        \
	"testcase>"
#define FAILED  "<failure message=\"- output mismatch\" type=\"TestFail\"/>"
#define SKIPPED "<skipped message=\"no quota\"/>"

static int make_folder(void **state)
{
	*state = test_folder();
	return 0;
}

static int remove_folder(void **state)
{
	assert_int_equal(file_remove_tree(*state, NULL), 0);
	free(*state);
	return 0;
}

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void on_event(void *ctx, const struct fstests_event *ev)
{
	fstests_results_event(ctx, ev);
}

/* The verdicts of what was printed and of the folder (NULL: not collected), one a line. */
static char *judge(const char *printed, const char *dir, const struct fstests_wanted *wanted,
	size_t n, const char *section)
{
	auto_fstests_results struct fstests_results *r = fstests_results_new(wanted, n, section);
	auto_strv struct strv order = { 0 };
	for (size_t i = 0; i < n; i++)
		strv_add(&order, wanted[i].name);
	struct fstests_check_spec spec = {
		.order = strv_get(&order), .loops = 1, .on_event = on_event, .ctx = r
	};
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	fstests_check_add(c, printed, strlen(printed));
	fstests_check_end(c);
	if (dir) {
		auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(fstests_results_read(r, fd, fstests_xunit_read, NULL), 0);
	}
	fstests_results_judge(r);
	struct buf out = { 0 };
	for (size_t i = 0; i < fstests_results_count(r); i++) {
		struct fstests_verdict v;
		fstests_results_verdict(r, i, &v);
		buf_addf(&out, "%s %s", v.test, verdict_name(v.verdict));
		for (size_t k = 0; k < v.n_reasons; k++)
			buf_addf(&out, "%s%s", k ? "; " : ": ", v.reasons[k].text);
		buf_addc(&out, '\n');
	}
	if (fstests_results_fault(r)[0])
		buf_addf(&out, "fault: %s\n", fstests_results_fault(r));
	return out.s ? out.s : xstrdup("");
}

/* Of the one test generic/001. */
static char *judge_one(const char *line, const char *dir)
{
	const struct fstests_wanted wanted = { "generic/001", false };
	auto_free char *printed = xasprintf(HEADER "%s", line);
	char *all = judge(printed, dir, &wanted, 1, "");
	assert_true(strncmp(all, "generic/001 ", 12) == 0);
	memmove(all, all + 12, strlen(all) - 11);
	return all;
}

#define expect(line, dir, text)                                                                    \
	do {                                                                                       \
		auto_free char *got_ = judge_one(line, dir);                                       \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_a_pass_needs_two_witnesses(void **state)
{
	const char *dir = *state;
	expect("generic/001  4s\n", NULL,
		"MISS: check printed a pass, but its results were not collected\n");
	expect("generic/001  4s\n", dir,
		"MISS: check printed a pass, but its files have no such pass\n");
	put(dir, "check.time", "generic/001 5\n");
	expect("generic/001  4s\n", dir,
		"MISS: check printed a pass, but its files have no such pass\n");
	put(dir, "check.time", "generic/001 4\n");
	expect("generic/001  4s\n", dir, "PASS\n");
	put(dir, "check.time", "");
	put(dir, "ended", "generic/001 -\n");
	expect("generic/001  4s\n", dir,
		"MISS: check printed a pass, but its files have no such pass\n");
	put(dir, "ended", "generic/001 4\ngeneric/002 -\n");
	expect("generic/001  4s\n", dir, "PASS\n");
	put(dir, "result.xml", XML(""));
	expect("generic/001  4s\n", dir,
		"MISS: check printed a pass, but result.xml does not have it\n");
	put(dir, "result.xml", XML(CASE("generic/001", "")));
	expect("generic/001  4s\n", dir, "PASS\n");
	expect("", dir, "MISS: it is in result.xml, but check never printed it\n");
	put(dir, "result.xml", XML(CASE("generic/001", "") CASE("generic/001", "")));
	expect("generic/001  4s\n", dir,
		"MISS: result.xml has it more often than check printed it\n");
}

static void test_one_witness_is_enough_to_fail(void **state)
{
	const char *dir = *state;
	put(dir, "result.xml", XML(CASE("generic/001", "")));
	expect("generic/001  - output mismatch (see x)\n", dir,
		"FAIL: - output mismatch (see x); result.xml does not say that it failed\n");
	put(dir, "result.xml", XML(CASE("generic/001", FAILED)));
	expect("generic/001  4s\n", dir,
		"FAIL: result.xml: - output mismatch; check printed that it passed\n");
	expect("", dir, "FAIL: result.xml: - output mismatch\n");
	put(dir, "result.xml", XML(CASE("generic/001", "")));
	put(dir, "check.log", "\nRan: generic/001\nFailures: generic/001\nFailed 1 of 1 tests\n");
	expect("generic/001  4s\n", dir,
		"FAIL: check.log has it among the failures; check printed that it passed\n");
	put(dir, "check.log",
		"Ran: generic/001\nFailures: generic/001\nRan: generic/001\nPassed\n");
	expect("generic/001  4s\n", dir, "PASS\n");
	put(dir, "generic/001.out.bad", "");
	expect("generic/001  4s\n", dir,
		"FAIL: it left an .out.bad; check printed that it passed\n");
}

static void test_causes_keep_their_order(void **state)
{
	const char *dir = *state;
	put(dir, "result.xml", XML(CASE("generic/001", FAILED)));
	expect("generic/001  [failed, exit status 1]_check_dmesg: found\n- output mismatch (see "
	       "x)\n",
		dir,
		"FAIL: [failed, exit status 1]; _check_dmesg: found; - output mismatch (see x)\n");
}

static void test_what_was_not_run_has_its_reason(void **state)
{
	const char *dir = *state;
	expect("generic/001  [not run] no quota\n", NULL, "SKIP: no quota\n");
	expect("generic/001  [not run] no quota\n", dir,
		"MISS: check printed that it was not run, but it left no .notrun\n");
	put(dir, "generic/001.notrun", "no quota\n");
	expect("generic/001  [not run] no quota\n", dir, "SKIP: no quota\n");
	expect("generic/001  4s\n", dir, "MISS: check printed a pass, but it left a .notrun\n");
	put(dir, "result.xml", XML(CASE("generic/001", SKIPPED)));
	expect("generic/001  [not run] no quota\n", dir, "SKIP: no quota\n");
	put(dir, "result.xml", XML(CASE("generic/001", "")));
	expect("generic/001  [not run] no quota\n", dir,
		"MISS: check printed that it was not run, result.xml says a pass\n");
	put(dir, "result.xml", XML(""));
	expect("generic/001  [not run] no quota\n", dir,
		"MISS: check printed that it was not run, but result.xml does not have it\n");
}

static void test_a_test_that_was_under_way_fails_and_the_rest_was_never_reached(void **state)
{
	const char *dir = *state;
	const struct fstests_wanted wanted[] = {
		{ "generic/003", false },
		{ "generic/001", false },
		{ "generic/777", false },
		{ "generic/002", false },
		{ "generic/004", true },
		{ "generic/001", false },
	};
	put(dir, "result.xml", XML(CASE("generic/003", "") CASE("xfs/001", "")));
	auto_free char *got = judge("generic/777 - unknown test, ignored\n" HEADER
				    "generic/003  3s\ngeneric/001   ",
		dir, wanted, 6, "");
	assert_string_equal(got, "generic/003 PASS\n"
				 "generic/001 FAIL: no result: the output ended, or went on, while "
				 "it was under way\n"
				 "generic/777 MISS: check knows no such test\n"
				 "generic/002 MISS: it was never reached\n"
				 "generic/004 SKIP: excluded\n"
				 "fault: result.xml: 1 cases of tests that nobody wanted\n");
}

static void test_forged_output_is_never_a_pass(void **state)
{
	const char *dir = *state;
	const struct fstests_wanted wanted[] = { { "generic/001", false }, { "generic/002", false },
		{ "generic/003", false } };
	put(dir, "result.xml",
		XML(CASE("generic/001", "") CASE("generic/002", "") CASE("generic/003", "")));
	auto_free char *got = judge(HEADER "generic/001   \ngeneric/003  1s\n  4s\n"
					   "generic/002  4s\ngeneric/002  4s\n",
		dir, wanted, 3, "");
	assert_string_equal(got, "generic/001 PASS\n"
				 "generic/002 MISS: check's output: begins again\n"
				 "generic/003 MISS: check's output: begins out of turn; "
				 "it is in result.xml, but check never printed it\n");
}

static void test_excluded_tests_are_skipped_and_must_not_run(void **state)
{
	const char *dir = *state;
	const struct fstests_wanted wanted[] = { { "generic/001", true }, { "generic/002", true },
		{ "generic/003", false } };
	put(dir, "result.xml", XML(CASE("generic/002", "")));
	auto_free char *got = judge(HEADER "generic/001   [expunged]\ngeneric/002  4s\n"
					   "generic/003   [expunged]\n",
		dir, wanted, 3, "");
	assert_string_equal(got, "generic/001 SKIP: excluded\n"
				 "generic/002 MISS: it ran although it is excluded\n"
				 "generic/003 MISS: check excluded it unasked\n");
}

static void test_sections_do_not_mix(void **state)
{
	const char *dir = *state;
	const struct fstests_wanted wanted = { "generic/001", false };
	put(dir, "result.xml",
		"<testsuite><testcase classname='xfstests.b' name='generic/001' time='1'/>"
		"</testsuite>");
	static const char printed[] =
		"SECTION       -- a\n" HEADER "generic/001  [failed, exit status 1]\n"
		"Failures: generic/001\nFailed 1 of 1 tests\nSECTION       -- b\n" HEADER
		"generic/001  1s\nPassed all 1 tests\n";
	auto_free char *a = judge(printed, NULL, &wanted, 1, "a");
	auto_free char *b = judge(printed, dir, &wanted, 1, "b");
	assert_string_equal(a, "generic/001 FAIL: [failed, exit status 1]\n");
	assert_string_equal(b, "generic/001 PASS\n");
}

static void test_broken_files_prove_nothing(void **state)
{
	const char *dir = *state;
	put(dir, "check.time", "generic/001 4\n");
	put(dir, "result.xml", "<testsuite><testcase classname='xfstests.global' name='generic/");
	auto_free char *got = judge_one("generic/001  4s\n", dir);
	static const char miss[] = "MISS: check printed a pass, but result.xml:1: ";
	assert_memory_equal(got, miss, strlen(miss));
	assert_non_null(strstr(got, "\nfault: result.xml:1: "));
	/* A link leads nowhere. */
	auto_free char *xml = path_join(dir, "result.xml");
	auto_free char *other = path_join(dir, "other.xml");
	assert_int_equal(unlink(xml), 0);
	put(dir, "other.xml", XML(CASE("generic/001", FAILED)));
	assert_int_equal(symlink(other, xml), 0);
	expect("generic/001  4s\n", dir, "PASS\n");
}

static void test_the_bad_output_is_shown_as_a_diff(void **state)
{
	const char *dir = *state;
	put(dir, "golden", "QA\nexpected 41\n");
	put(dir, "r/generic/001.out.bad", "QA\nactual 42\n");
	auto_free char *golden = path_join(dir, "golden");
	auto_free char *results = path_join(dir, "r");
	auto_close int fd = open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_buf struct buf out = { 0 };
	bool cut;
	assert_int_equal(
		fstests_results_diff(fd, "generic/001", golden, 4096, &out, &cut, NULL), 0);
	assert_string_equal(out.s, "@@ -1,2 +1,2 @@\n QA\n-expected 41\n+actual 42\n");
	assert_false(cut);
	assert_int_equal(
		fstests_results_diff(fd, "generic/002", golden, 4096, &out, &cut, NULL), -ENOENT);
	assert_int_equal(
		fstests_results_diff(fd, "../x/001", golden, 4096, &out, &cut, NULL), -EINVAL);
}

static void test_a_real_run_has_a_verdict_for_each_test(void **state)
{
	const char *dir = *state;
	auto_buf struct buf xml = { 0 };
	auto_buf struct buf printed = { 0 };
	const char *data = getenv("FSQA_TEST_DATA");
	auto_free char *xml_path = xasprintf("%s/testdata/xfstests-crash.result.xml", data);
	auto_free char *text_path = xasprintf("%s/testdata/xfstests-crash-stdout.log", data);
	assert_int_equal(file_read(xml_path, 1u << 20, &xml, NULL), 0);
	assert_int_equal(file_read(text_path, 1u << 20, &printed, NULL), 0);
	put(dir, "result.xml", xml.s);
	put(dir, "generic/904.notrun", "why\n");
	const struct fstests_wanted wanted[] = { { "generic/901", false }, { "generic/902", false },
		{ "generic/903", false }, { "generic/904", false }, { "btrfs/325", false },
		{ "generic/005", false }, { "generic/905", false }, { "generic/906", false },
		{ "generic/006", false } };
	auto_free char *got = judge(printed.s, dir, wanted, ARRAY_LEN(wanted), "default");
	assert_string_equal(got,
		"generic/901 FAIL: - output mismatch (see /results/default/generic/901.out.bad)\n"
		"generic/902 FAIL: [failed, exit status 1]; "
		"- output mismatch (see /results/default/generic/902.out.bad)\n"
		"generic/903 FAIL: _check_dmesg: something found in dmesg (see "
		"/results/default/generic/903.dmesg)\n"
		"generic/904 SKIP: synthetic: requires <nothing> & \"quotes\"\n"
		"btrfs/325 FAIL: - output mismatch (see /results/default/btrfs/325.out.bad)\n"
		"generic/005 PASS\ngeneric/905 PASS\n"
		"generic/906 FAIL: no result: the output ended, or went on, while it was under "
		"way\n"
		"generic/006 MISS: it was never reached\n");
}

static void test_the_new_report_counts_where_the_machine_went_down_before_it_had_its_name(
	void **state)
{
	const char *dir = *state;
	put(dir, "result.xml", XML(""));
	put(dir, "result.xml.new", XML(CASE("generic/001", "")));
	expect("generic/001  4s\n", dir, "PASS\n");
	/* One that is not whole is none. */
	put(dir, "result.xml.new", "<testsuite><testcase");
	expect("generic/001  4s\n", dir,
		"MISS: check printed a pass, but result.xml does not have it\n");
	put(dir, "result.xml", XML(CASE("generic/001", "")));
	expect("generic/001  4s\n", dir, "PASS\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(test_a_pass_needs_two_witnesses),
		TEST(test_one_witness_is_enough_to_fail),
		TEST(test_causes_keep_their_order),
		TEST(test_what_was_not_run_has_its_reason),
		TEST(test_a_test_that_was_under_way_fails_and_the_rest_was_never_reached),
		TEST(test_forged_output_is_never_a_pass),
		TEST(test_excluded_tests_are_skipped_and_must_not_run),
		TEST(test_sections_do_not_mix),
		TEST(test_broken_files_prove_nothing),
		TEST(test_the_new_report_counts_where_the_machine_went_down_before_it_had_its_name),
		TEST(test_the_bad_output_is_shown_as_a_diff),
		TEST(test_a_real_run_has_a_verdict_for_each_test),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
