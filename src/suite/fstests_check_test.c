/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "suite/fstests_check.h"
#include <inttypes.h>

#define HEADER                                                                                     \
	"FSTYP         -- btrfs\nPLATFORM      -- Linux/x86_64 guest 6.1.192\n"                    \
	"MKFS_OPTIONS  -- /dev/vdc\nMOUNT_OPTIONS -- /dev/vdc /mnt/scratch\n\n"
#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void add_end(struct buf *b, const struct fstests_event *ev)
{
	buf_addf(b, "end %s %s", ev->test, fstests_outcome_name(ev->outcome));
	if (ev->outcome == FSTESTS_PASS)
		buf_addf(b, " %" PRIu64, ev->seconds);
	if (ev->text[0])
		buf_addf(b, " '%s'", ev->text);
}

/* Events as text, one a line. */
static void on_event(void *ctx, const struct fstests_event *ev)
{
	struct buf *b = ctx;
	switch (ev->kind) {
	case FSTESTS_SECTION:
		buf_addf(b, "section %s", ev->section);
		break;
	case FSTESTS_BEGIN:
		buf_addf(b, "begin %s", ev->test);
		if (ev->attempt != 1)
			buf_addf(b, " #%u", ev->attempt);
		break;
	case FSTESTS_CAUSE:
		buf_addf(b, "cause %s %s '%s'", ev->test, fstests_cause_name(ev->cause), ev->text);
		break;
	case FSTESTS_END:
		add_end(b, ev);
		break;
	case FSTESTS_LOOPED:
		buf_addf(b, "looped %s '%s'", ev->test, ev->text);
		break;
	case FSTESTS_UNKNOWN_TEST:
		buf_addf(b, "unknown %s", ev->test);
		break;
	case FSTESTS_SUMMARY:
		buf_addf(b, "summary %" PRIu64 "/%" PRIu64 "%s", ev->n_failed, ev->n_ran,
			ev->interrupted ? " interrupted" : "");
		break;
	case FSTESTS_DISCREPANCY:
		buf_addf(b, "discrepancy %s '%s'", ev->test, ev->text);
		break;
	}
	buf_addc(b, '\n');
}

static char *parse_pieces(
	const char *text, size_t n, size_t piece, const char *const *order, unsigned loops)
{
	auto_buf struct buf events = { 0 };
	struct fstests_check_spec spec = {
		.order = order, .loops = loops, .on_event = on_event, .ctx = &events
	};
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	for (size_t at = 0; at < n; at += piece)
		fstests_check_add(c, text + at, piece < n - at ? piece : n - at);
	fstests_check_end(c);
	return xstrdup(buf_str(&events));
}

/* The same, whether it comes as a whole or byte by byte. */
static char *parse(const char *text, const char *const *order, unsigned loops)
{
	size_t n = strlen(text);
	char *whole = parse_pieces(text, n, n ? n : 1, order, loops);
	auto_free char *bytes = parse_pieces(text, n, 1, order, loops);
	assert_string_equal(whole, bytes);
	return whole;
}

#define expect(text, order, loops, events)                                                         \
	do {                                                                                       \
		auto_free char *got_ = parse(text, order, loops);                                  \
		assert_string_equal(got_, events);                                                 \
	} while (0)

static void test_every_result_has_its_event(void **unused)
{
	expect("generic/777 - unknown test, ignored\n" HEADER "generic/001         4s\n"
	       "generic/002  31s ...  26s\n"
	       "generic/012        [not run] xfs_io fcollapse  failed (old kernel/wrong fs?)\n"
	       "generic/013       [expunged]\n"
	       "generic/1014       [failed, exit status 1]- output mismatch (see /r/1014.out.bad)\n"
	       "    --- tests/generic/1014.out\n    generic/001 4s\n    ...\n"
	       "    (Run 'diff -u a b'  to see the entire diff)\n"
	       "\nHINT: You _MAY_ be missing kernel fix:\n      94628ad94408 btrfs: copy\n\n"
	       "Ran: generic/001 generic/002 generic/012 generic/1014\nNot run: generic/012\n"
	       "Failures: generic/1014\nFailed 1 of 4 tests\nXunit report: /r/result.xml\n\n",
		LIST("generic/001", "generic/002", "generic/012", "generic/013", "generic/1014"), 0,
		"unknown generic/777\nsection \n"
		"begin generic/001\nend generic/001 pass 4\n"
		"begin generic/002\nend generic/002 pass 26\n"
		"begin generic/012\n"
		"end generic/012 not run 'xfs_io fcollapse  failed (old kernel/wrong fs?)'\n"
		"begin generic/013\nend generic/013 expunged\n"
		"begin generic/1014\n"
		"cause generic/1014 exit '[failed, exit status 1]'\n"
		"cause generic/1014 output '- output mismatch (see /r/1014.out.bad)'\n"
		"end generic/1014 fail\nsummary 1/4\n");
}

static void test_all_causes_come_in_order(void **unused)
{
	expect(HEADER "xfs/001        [dumped core][failed, exit status 139]"
		      "_check_xfs_filesystem: filesystem on /dev/vdc is inconsistent (r)\n"
		      "(see /r/xfs/001.full for details)\n"
		      "Trying to repair broken TEST_DEV file system\n"
		      "_check_dmesg: something found in dmesg (see /r/xfs/001.dmesg)\n"
		      "_check_kmemleak: something found in kmemleak (see /r/xfs/001.kmemleak)\n"
		      "\n"
		      "xfs/002        - no qualified output\n"
		      "xfs/003        _check_dmesg: something found in dmesg (see x)\n",
		LIST("xfs/001", "xfs/002", "xfs/003"), 0,
		"section \nbegin xfs/001\ncause xfs/001 core '[dumped core]'\n"
		"cause xfs/001 exit '[failed, exit status 139]'\n"
		"cause xfs/001 fsck '_check_xfs_filesystem: filesystem on /dev/vdc is inconsistent "
		"(r)'\n"
		"cause xfs/001 dmesg '_check_dmesg: something found in dmesg (see "
		"/r/xfs/001.dmesg)'\n"
		"cause xfs/001 kmemleak '_check_kmemleak: something found in kmemleak (see "
		"/r/xfs/001.kmemleak)'\n"
		"end xfs/001 fail\n"
		"begin xfs/002\ncause xfs/002 golden '- no qualified output'\nend xfs/002 fail\n"
		"begin xfs/003\n"
		"cause xfs/003 dmesg '_check_dmesg: something found in dmesg (see x)'\n"
		"end xfs/003 fail\n");
}

static void test_old_check_and_clocks_are_read(void **unused)
{
	expect(HEADER
		"btrfs/001 5s ... 4s\r\nbtrfs/002\t 7s\nbtrfs/003\t [not run] why\n"
		"btrfs/004\t[expunged]\nbtrfs/005 9s ... [failed, exit status 1]"
		" - output mismatch (see a)\n"
		"btrfs/006        [12:00:00] [12:00:05] 5s\n"
		"btrfs/007  5s ...  [12:00:00] [12:00:05] [not run]\n\tbtrfs/007 -- no quota\n",
		LIST("btrfs/001", "btrfs/002", "btrfs/003", "btrfs/004", "btrfs/005", "btrfs/006",
			"btrfs/007"),
		0,
		"section \nbegin btrfs/001\nend btrfs/001 pass 4\nbegin btrfs/002\n"
		"end btrfs/002 pass 7\nbegin btrfs/003\nend btrfs/003 not run 'why'\n"
		"begin btrfs/004\nend btrfs/004 expunged\nbegin btrfs/005\n"
		"cause btrfs/005 exit '[failed, exit status 1]'\n"
		"cause btrfs/005 output '- output mismatch (see a)'\nend btrfs/005 fail\n"
		"begin btrfs/006\nend btrfs/006 pass 5\n"
		"begin btrfs/007\nend btrfs/007 not run 'no quota'\n");
}

static void test_kernel_messages_and_terminal_sequences_do_not_disturb(void **unused)
{
	expect(HEADER "btrfs/298          [   15.383964] BTRFS error (device vdd): failed\r\n"
		      "[   15.387211] BTRFS error (device vdd): open_ctree failed: -22\r\n 2s\r\n"
		      "\x1b[1mbtrfs/299\x1b[0m   \x1b]0;title\x07      umount: busy\n 3s\n",
		LIST("btrfs/298", "btrfs/299"), 0,
		"section \nbegin btrfs/298\nend btrfs/298 pass 2\nbegin btrfs/299\n"
		"end btrfs/299 pass 3\n");
}

static void test_output_cut_short_is_no_pass(void **unused)
{
	expect(HEADER "generic/001         1", LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 no result\n");
	expect(HEADER "generic/001         12s", LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 no result\n");
	expect(HEADER "generic/00", LIST("generic/001"), 0, "section \n");
	expect(HEADER "generic/001     odd words\ngeneric/002      2s\n",
		LIST("generic/001", "generic/002"), 0,
		"section \nbegin generic/001\nend generic/001 no result 'odd words'\n"
		"begin generic/002\nend generic/002 pass 2\n");
	expect(HEADER "generic/001     _check_dmesg: something", LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 no result\n");
	expect("", LIST("generic/001"), 0, "");
}

static void test_forged_lines_are_discrepancies_and_no_pass(void **unused)
{
	/* Another test's result, and one that is not of this run. */
	expect(HEADER "generic/001    generic/003  1s\ngeneric/003  1s\nxfs/001  1s\n   2s\n",
		LIST("generic/001", "generic/002", "generic/003"), 0,
		"section \nbegin generic/001\ndiscrepancy generic/003 'begins out of turn'\n"
		"discrepancy xfs/001 'is not a test of this run'\nend generic/001 pass 2\n");
	/* The next test's: then its own comes again. */
	expect(HEADER
		"generic/001    \ngeneric/002  1s\n  2s\ngeneric/002  [failed, exit status 1]\n",
		LIST("generic/001", "generic/002"), 0,
		"section \nbegin generic/001\nend generic/001 no result\nbegin generic/002\n"
		"end generic/002 pass 1\ndiscrepancy generic/002 'begins again'\n");
	/* Its own pass. */
	expect(HEADER "generic/001    \n 1s\n[failed, exit status 1]- output mismatch (see x)\n",
		LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 pass 1\n"
		"discrepancy generic/001 'failed after it passed: [failed, exit status 1]'\n"
		"cause generic/001 exit '[failed, exit status 1]'\n"
		"discrepancy generic/001 'failed after it passed: - output mismatch (see x)'\n"
		"cause generic/001 output '- output mismatch (see x)'\n");
	/* Seconds behind a failure are none. */
	expect(HEADER "generic/001    [failed, exit status 1]\n 1s\n", LIST("generic/001"), 0,
		"section \nbegin generic/001\ncause generic/001 exit '[failed, exit status 1]'\n"
		"end generic/001 fail\n");
	/* A summary that does not count as we do. */
	expect(HEADER "generic/001    1s\ngeneric/002   [failed, exit status 1]\n"
		      "Failures: generic/001\nFailed 1 of 3 tests\ngeneric/003  1s\n",
		LIST("generic/001", "generic/002", "generic/003"), 0,
		"section \nbegin generic/001\nend generic/001 pass 1\nbegin generic/002\n"
		"cause generic/002 exit '[failed, exit status 1]'\nend generic/002 fail\n"
		"discrepancy generic/001 'is in the list of failures, but did not fail before'\n"
		"discrepancy generic/002 'failed, but is not in the list of failures'\n"
		"discrepancy  'the summary counts 1 failures of 3 tests, the output had 1 of 2'\n"
		"summary 1/3\ndiscrepancy generic/003 'begins outside of a section'\n");
	expect(HEADER "generic/001    " HEADER "   1s\n", LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 pass 1\n");
	expect(HEADER "generic/001    \n" HEADER "   1s\n", LIST("generic/001"), 0,
		"section \nbegin generic/001\n"
		"discrepancy generic/001 'a section begins before the summary of the one before'\n"
		"end generic/001 pass 1\n");
}

static void test_loops_on_failure_are_attempts(void **unused)
{
	expect(HEADER
		"generic/001    [failed, exit status 1]\n\ngeneric/001     2s\n"
		"generic/001    - output mismatch (see x)\n"
		"generic/001 aggregate results across 3 runs: fail=2 (66.7%), pass=1 (33.3%)\n"
		"generic/002     1s\nRan: generic/001 generic/002\nFailures: generic/001\n"
		"Failed 1 of 2 tests\n",
		LIST("generic/001", "generic/002"), 2,
		"section \nbegin generic/001\ncause generic/001 exit '[failed, exit status 1]'\n"
		"end generic/001 fail\nbegin generic/001 #2\nend generic/001 pass 2\n"
		"begin generic/001 #3\ncause generic/001 output '- output mismatch (see x)'\n"
		"end generic/001 fail\nlooped generic/001 'fail=2 (66.7%), pass=1 (33.3%)'\n"
		"begin generic/002\nend generic/002 pass 1\nsummary 1/2\n");
}

static void test_iterations_begin_again_after_the_summary(void **unused)
{
	expect(HEADER
		"generic/001   1s\nRan: generic/001\nPassed all 1 tests\n\n" HEADER
		"generic/001  1s ...  2s\nRan: generic/001\nInterrupted!\nPassed all 1 tests\n",
		LIST("generic/001"), 0,
		"section \nbegin generic/001\nend generic/001 pass 1\nsummary 0/1\n"
		"section \nbegin generic/001\nend generic/001 pass 2\nsummary 0/1 interrupted\n");
}

static void test_a_flood_of_forged_names_is_told_in_a_bounded_number(void **unused)
{
	auto_buf struct buf text = { 0 };
	buf_adds(&text, HEADER "generic/001   ");
	for (unsigned i = 0; i < 3000; i++)
		buf_adds(&text, "\ngeneric/009  1s");
	buf_adds(&text, "\n  2s\n");
	auto_free char *got = parse(text.s, LIST("generic/001", "generic/002", "generic/009"), 0);
	size_t n = 0;
	for (const char *p = got; (p = strstr(p, "discrepancy")); p++)
		n++;
	assert_int_equal(n, FSTESTS_DISCREPANCY_MAX);
	assert_non_null(strstr(got, "end generic/001 pass 2"));
}

static char *sample(const char *name)
{
	struct buf text = { 0 };
	auto_free char *path = xasprintf("%s/testdata/%s", getenv("FSQA_TEST_DATA"), name);
	assert_int_equal(file_read(path, 1u << 20, &text, NULL), 0);
	return buf_take(&text);
}

static void test_real_sections_are_read(void **unused)
{
	auto_free char *text = sample("xfstests-sections-stdout.log");
#define SECTION(name)                                                                              \
	"section " name "\nbegin generic/901\n"                                                    \
	"cause generic/901 output '- output mismatch (see /results/" name                          \
	"/generic/901.out.bad)'\n"                                                                 \
	"end generic/901 fail\nbegin generic/903\n"                                                \
	"cause generic/903 dmesg '_check_dmesg: something found in dmesg (see /results/" name      \
	"/generic/903.dmesg)'\nend generic/903 fail\nbegin generic/904\n"                          \
	"end generic/904 not run 'synthetic: requires <nothing> & \"quotes\"'\n"                   \
	"begin generic/005\nend generic/005 pass 2\nsummary 2/4\n"
	expect(text, LIST("generic/901", "generic/903", "generic/904", "generic/005"), 0,
		SECTION("default") SECTION("compress"));
	auto_free char *free_order = parse(text, NULL, 0);
	assert_string_equal(free_order, SECTION("default") SECTION("compress"));
}

static void test_a_real_crash_leaves_its_test_without_a_result(void **unused)
{
	auto_free char *text = sample("xfstests-crash-stdout.log");
	auto_free char *got = parse(text, NULL, 0);
	assert_null(strstr(got, "discrepancy"));
	assert_non_null(strstr(got, "end generic/905 pass 2\nbegin generic/906\n"
				    "end generic/906 no result\n"));
	assert_non_null(strstr(got, "cause generic/902 exit '[failed, exit status 1]'\n"
				    "cause generic/902 output "));
}

static void test_a_real_console_with_kernel_messages_is_read(void **unused)
{
	auto_free char *text = sample("xfstests-mini-console.log");
	auto_free char *got = parse(text, NULL, 0);
	assert_null(strstr(got, "discrepancy"));
	assert_null(strstr(got, "no result"));
	assert_non_null(strstr(got, "end btrfs/298 pass 2\n"));
	assert_non_null(strstr(got, "end btrfs/301 expunged\n"));
	assert_non_null(strstr(got, "unknown generic/905\n"));
	assert_non_null(strstr(got, "summary 1/27\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_result_has_its_event),
		cmocka_unit_test(test_all_causes_come_in_order),
		cmocka_unit_test(test_old_check_and_clocks_are_read),
		cmocka_unit_test(test_kernel_messages_and_terminal_sequences_do_not_disturb),
		cmocka_unit_test(test_output_cut_short_is_no_pass),
		cmocka_unit_test(test_forged_lines_are_discrepancies_and_no_pass),
		cmocka_unit_test(test_loops_on_failure_are_attempts),
		cmocka_unit_test(test_iterations_begin_again_after_the_summary),
		cmocka_unit_test(test_a_flood_of_forged_names_is_told_in_a_bounded_number),
		cmocka_unit_test(test_real_sections_are_read),
		cmocka_unit_test(test_a_real_crash_leaves_its_test_without_a_result),
		cmocka_unit_test(test_a_real_console_with_kernel_messages_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
