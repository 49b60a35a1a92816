/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The miniature of fstests (tests/fixtures/fstests), run on this host: what its check prints and
 * leaves, read with all of suite/fstests_*. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "proc/proc.h"
#include "suite/fstests_config.h"
#include "suite/fstests_results.h"
#include "suite/fstests_tree.h"
#include "suite/fstests_xunit_apart.h"
#include <fcntl.h>

struct fixture {
	char *tree;
	char *results;
	struct fstests_tree *t;
	bool no_report;
};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->tree = xasprintf("%s/../../tests/fixtures/fstests", getenv("FSQA_TEST_DATA"));
	f->results = test_folder();
	assert_int_equal(fstests_tree_open(f->tree, &f->t, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	fstests_tree_free(f->t);
	assert_int_equal(file_remove_tree(f->results, NULL), 0);
	free(f->results);
	free(f->tree);
	free(f);
	return 0;
}

/* What `./check WORDS...` prints. */
static void run_check(struct fixture *f, const char *const *words, struct buf *out)
{
	auto_strv struct strv argv = { 0 };
	auto_strv struct strv env = { 0 };
	/* A pipe is what the lying tests can open again; proc's own is a socket. */
	strv_addl(&argv, "/bin/sh", "-c", "\"$0\" \"$@\" 2>&1 | cat", "./check", NULL);
	if (!f->no_report)
		strv_addl(&argv, "-R", "xunit", NULL);
	for (; *words; words++)
		strv_add(&argv, *words);
	strv_addf(&env, "PATH=%s", getenv("PATH"));
	strv_addf(&env, "RESULT_BASE=%s", f->results);
	strv_addf(&env, "TMPDIR=%s", f->results);
	strv_addf(&env, "HOST_OPTIONS=%s", getenv("HOST_OPTIONS") ? getenv("HOST_OPTIONS") : "");
	struct proc_spec spec = {
		.argv = strv_get(&argv),
		.env = strv_get(&env),
		.cwd = f->tree,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.deadline_us = 100u * 1000000,
	};
	struct proc_end end;
	struct err e = { 0 };
	if (proc_run(&spec, out, 64u << 20, &end, &e) < 0)
		fail_msg("%s", e.msg);
	assert_false(end.timed_out);
}

static void on_event(void *ctx, const struct fstests_event *ev)
{
	fstests_results_event(ctx, ev);
}

/* "NNN VERDICT" of each test chosen, one a line. */
static char *verdicts(struct fixture *f, const struct fstests_choice *choice, const char *printed,
	unsigned loops, const char *section)
{
	auto_fstests_picks struct fstests_picks p = { 0 };
	auto_strv struct strv order = { 0 };
	assert_int_equal(fstests_tree_choose(f->t, choice, &p, NULL), 0);
	auto_free struct fstests_wanted *wanted = xcalloc(p.n, sizeof *wanted);
	for (size_t i = 0; i < p.n; i++) {
		wanted[i] = (struct fstests_wanted){ p.v[i].test->name, p.v[i].expunged };
		strv_add(&order, p.v[i].test->name);
	}
	auto_fstests_results struct fstests_results *r = fstests_results_new(wanted, p.n, section);
	struct fstests_check_spec spec = {
		.order = strv_get(&order), .loops = loops, .on_event = on_event, .ctx = r
	};
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	fstests_check_add(c, printed, strlen(printed));
	fstests_check_end(c);
	auto_free char *dir = path_join(f->results, section);
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fstests_results_read(r, fd, fstests_xunit_read_apart, NULL), 0);
	assert_string_equal(fstests_results_fault(r), "");
	fstests_results_judge(r);
	struct buf out = { 0 };
	for (size_t i = 0; i < fstests_results_count(r); i++) {
		struct fstests_verdict v;
		fstests_results_verdict(r, i, &v);
		buf_addf(&out, "%s %s", path_base(v.test), verdict_name(v.verdict));
		for (size_t k = 0; k < v.n_reasons && k < 2; k++)
			buf_addf(&out, " %s", fstests_cause_name(v.reasons[k].cause));
		if (v.n_runs > 1)
			buf_addf(&out, " %u/%u", v.n_failed, v.n_runs);
		buf_addc(&out, '\n');
	}
	return buf_take(&out);
}

static void test_the_list_is_the_one_of_check(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf printed = { 0 };
	auto_buf struct buf chosen = { 0 };
	auto_fstests_picks struct fstests_picks p = { 0 };
	struct fstests_choice c = {
		.fstyp = "btrfs", .groups = LIST("auto"), .not_groups = LIST("quick")
	};
	run_check(f, LIST("-n", "-g", "auto", "-x", "quick"), &printed);
	assert_int_equal(fstests_tree_choose(f->t, &c, &p, NULL), 0);
	for (size_t i = 0; i < p.n; i++)
		buf_addf(&chosen, "%-12s\n", p.v[i].test->name);
	const char *list = strstr(printed.s, "\n\n");
	assert_non_null(list);
	assert_int_equal(strncmp(list + 2, chosen.s, chosen.len), 0);
	assert_string_equal(list + 2 + chosen.len, "\n");
}

static void test_groups_are_those_of_the_tests(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct fstests_test *tests = fstests_tree_tests(f->t, &n);
	assert_true(n > 30);
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf text = { 0 };
		auto_free char *path = xasprintf("%s/tests/%s", f->tree, tests[i].name);
		struct fstests_script s = { 0 };
		assert_int_equal(file_read(path, 1u << 20, &text, NULL), 0);
		fstests_script_parse(text.s, text.len, &s);
		assert_int_equal(s.groups.n, tests[i].groups.n);
		for (size_t k = 0; k < s.groups.n; k++)
			assert_string_equal(s.groups.v[k], tests[i].groups.v[k]);
		fstests_script_clear(&s);
	}
}

static void run_all_ways(struct fixture *f)
{
	auto_buf struct buf printed = { 0 };
	run_check(f, LIST("-g", "quick", "-e", "generic/011"), &printed);
	struct fstests_choice c = {
		.fstyp = "btrfs", .groups = LIST("quick"), .excludes = LIST("generic/011")
	};
	auto_free char *got = verdicts(f, &c, printed.s, 0, "");
	assert_string_equal(got,
		"001 PASS\n002 FAIL output\n003 FAIL exit output\n004 SKIP other\n005 FAIL dmesg\n"
		"006 FAIL golden\n007 FAIL exit\n008 FAIL exit\n009 PASS\n010 FAIL exit\n"
		"011 SKIP other\n");
}

static void test_every_way_to_end_has_its_verdict(void **state)
{
	struct fixture *f = *state;
	run_all_ways(f);
	/* What it left of a wrong output. */
	auto_close int fd = open(f->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *golden = fstests_tree_golden(f->t, "generic/002");
	auto_buf struct buf diff = { 0 };
	bool cut;
	assert_int_equal(
		fstests_results_diff(fd, "generic/002", golden, 4096, &diff, &cut, NULL), 0);
	assert_non_null(strstr(diff.s, "-expected 41\n+actual 42\n"));
}

static void test_verdicts_are_the_same_without_a_report(void **state)
{
	struct fixture *f = *state;
	f->no_report = true;
	run_all_ways(f);
	auto_free char *path = path_join(f->results, "result.xml");
	assert_int_equal(access(path, F_OK), -1);
}

static void test_tests_that_lie_do_not_pass_by_it(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf printed = { 0 };
	run_check(f, LIST("-g", "lies"), &printed);
	struct fstests_choice c = { .fstyp = "btrfs", .groups = LIST("lies") };
	auto_free char *got = verdicts(f, &c, printed.s, 0, "");
	assert_string_equal(got, "020 FAIL other exit\n" /* failed after it passed */
				 "021 PASS\n"
				 "022 FAIL other\n" /* went on with another test */
				 "023 FAIL other other\n"
				 "024 PASS\n"
				 "025 FAIL exit other\n" /* 027 says that it did not */
				 "026 FAIL output other\n"
				 "027 FAIL other\n" /* a summary in its place */);
}

static void test_check_that_is_killed_leaves_the_rest_unreached(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf printed = { 0 };
	run_check(f, LIST("generic/001", "generic/030", "generic/031"), &printed);
	struct fstests_choice c = { .fstyp = "btrfs",
		.tests = LIST("generic/001", "generic/030", "generic/031") };
	auto_free char *got = verdicts(f, &c, printed.s, 0, "");
	assert_string_equal(got, "001 PASS\n030 FAIL other\n031 MISS other\n");
}

static void test_a_flood_is_a_failure_like_others(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf printed = { 0 };
	run_check(f, LIST("-g", "flood"), &printed);
	struct fstests_choice c = { .fstyp = "btrfs", .groups = LIST("flood") };
	auto_free char *got = verdicts(f, &c, printed.s, 0, "");
	assert_string_equal(got, "028 FAIL output\n029 FAIL exit\n");
}

static void test_loops_on_failure_have_a_rate(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf printed = { 0 };
	run_check(f, LIST("-L", "3", "generic/001", "generic/012"), &printed);
	struct fstests_choice c = { .fstyp = "btrfs", .tests = LIST("generic/001", "generic/012") };
	auto_free char *got = verdicts(f, &c, printed.s, 3, "");
	assert_string_equal(got, "001 PASS\n012 FAIL exit exit 2/4\n");
}

static void test_a_rendered_section_is_run_as_it_says(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf config = { 0 };
	auto_buf struct buf printed = { 0 };
	const struct fstests_places p = { .fstyp = "btrfs",
		.result_base = f->results,
		.scratch = LIST("/dev/xvdc", "/dev/xvdd"),
		.scratch_mnt = "/mnt/scratch" };
	const struct fstests_section s = { .name = "zstd", .mount = "compress=zstd" };
	assert_int_equal(fstests_config_render(&p, &s, &config, NULL), 0);
	auto_free char *path = path_join(f->results, "local.config");
	assert_int_equal(file_replace(path, config.s, config.len, 0644, NULL), 0);
	assert_int_equal(setenv("HOST_OPTIONS", path, 1), 0);
	run_check(f, LIST("-s", "zstd", "generic/001", "generic/004"), &printed);
	assert_int_equal(unsetenv("HOST_OPTIONS"), 0);
	assert_non_null(
		strstr(printed.s, "MOUNT_OPTIONS -- -o compress=zstd /dev/xvdc /mnt/scratch\n"));
	struct fstests_choice c = { .fstyp = "btrfs", .tests = LIST("generic/001", "generic/004") };
	auto_free char *got = verdicts(f, &c, printed.s, 0, "zstd");
	assert_string_equal(got, "001 PASS\n004 SKIP other\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_list_is_the_one_of_check),
		TEST(test_groups_are_those_of_the_tests),
		TEST(test_every_way_to_end_has_its_verdict),
		TEST(test_verdicts_are_the_same_without_a_report),
		TEST(test_tests_that_lie_do_not_pass_by_it),
		TEST(test_check_that_is_killed_leaves_the_rest_unreached),
		TEST(test_a_flood_is_a_failure_like_others),
		TEST(test_loops_on_failure_have_a_rate),
		TEST(test_a_rendered_section_is_run_as_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
