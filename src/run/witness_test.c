/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/config.h"
#include "run/controller.h"
#include "run/witness.h"
#include "store/store_test.h"
#include <stdlib.h>
#include <string.h>

#define CASE(name, inside)                                                                         \
	"<testcase classname=\"xfstests.s\" name=\"" name "\" time=\"4\">" inside "</testcase>"
#define XML(cases) "<testsuite name=\"xfstests\" tests=\"1\" time=\"\">" cases "</testsuite>"
#define FAILED     "<failure message=\"- output mismatch\" type=\"TestFail\"/>"
#define SKIPPED    "<skipped message=\"no quota\"/>"
#define STAGE      "fstests.s"
#define TEST(n)    STAGE ".generic." n
#define FILE_OF(n) "s/generic/" n

struct fixture {
	char *dir;
	struct run_writer *w;
	struct controller_result result;
	struct config *config;
	char *tree;
	struct buf told; /* what on_record was */
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	f->w = test_create(f->dir, "p");
	f->result.status = VERDICT_PASS;
	test_start(f->w, STAGE, 1, "s");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	buf_clear(&f->told);
	config_free(f->config);
	free(f->tree);
	free(f->dir);
	free(f);
	return 0;
}

/* A test that ended in the stage's first attempt, as check said; NULL: it did not end. */
static void ended(struct fixture *f, const char *test, const char *status, const char *said)
{
	test_start(f->w, test, 1, "s");
	json_t *end = json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:s*}", "test", test,
		"attempt", 1, "status", status, "reason", "", "duration_us", 1, "stage_attempt", 1,
		"seconds", 4, "said", said);
	test_append(f->w, "attempt_end", end);
	f->result.counts[verdict_from_name(status)]++;
}

static void left(struct fixture *f, const char *test, const char *name, const char *text)
{
	test_artifact(f->w, test, name, "file", text, strlen(text));
}

static void on_record(void *ctx, const char *type, const json_t *record)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "%s %s: %s\n", json_str_or(record, "status", ""),
		json_str_or(record, "test", ""), json_str_or(record, "reason", ""));
}

/* The run as it is read behind it. */
static struct run_info *judged(struct fixture *f, const char *stage)
{
	test_end(f->w, STAGE, 1, stage);
	f->result.counts[verdict_from_name(stage)]++;
	const struct witness_request q = {
		.writer = f->w,
		.state_dir = f->dir,
		.config = f->config,
		.tree = f->tree,
		.on_record = on_record,
		.ctx = f,
	};
	ok(witness_add(&q, &f->result, e));
	auto_free char *work = xasprintf("%s/work", run_writer_dir(f->w));
	assert_int_equal(access(work, F_OK), -1);
	auto_free char *id = test_finish(f->w, verdict_name(f->result.status));
	return test_read(f->dir, id);
}

static const struct run_attempt *find(const struct run_info *r, const char *test)
{
	for (size_t i = 0; i < r->n_attempts; i++)
		if (strcmp(r->attempts[i].test, test) == 0)
			return &r->attempts[i];
	fail_msg("no %s", test);
	return NULL;
}

static void test_what_both_say_stands(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "PASS", "pass");
	ended(f, TEST("002"), "SKIP", "not run");
	ended(f, TEST("003"), "FAIL", NULL);         /* it took the machine down */
	ended(f, TEST("004"), "ERROR", "no result"); /* it killed check */
	left(f, STAGE, "s/result.xml", XML(CASE("generic/001", "") CASE("generic/002", SKIPPED)));
	left(f, TEST("002"), FILE_OF("002.notrun"), "no quota\n");
	auto_run_info struct run_info *r = judged(f, "PASS");
	assert_string_equal(buf_str(&f->told), "");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_PASS);
	assert_int_equal(find(r, TEST("002"))->status, VERDICT_SKIP);
	assert_null(find(r, TEST("003"))->witness);
	assert_null(find(r, TEST("004"))->witness);
	assert_int_equal(f->result.status, VERDICT_PASS);
}

static void test_a_contradiction_makes_it_worse_and_says_both(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "PASS", "pass");
	ended(f, TEST("002"), "PASS", "pass");
	ended(f, TEST("003"), "PASS", "pass");
	ended(f, TEST("004"), "SKIP", "not run");
	left(f, STAGE, "s/result.xml",
		XML(CASE("generic/001", FAILED) CASE("generic/003", "") CASE("generic/004", "")));
	left(f, TEST("003"), FILE_OF("003.out.bad"), "x\n");
	auto_run_info struct run_info *r = judged(f, "PASS");
	assert_string_equal(buf_str(&f->told),
		"FAIL " TEST(
			"001") ": result.xml: - output mismatch; check printed that it passed\n"
			       "MISS " TEST(
				       "002") ": check printed a pass, but result.xml does not "
					      "have it\n"
					      "FAIL " TEST(
						      "003") ": it left an .out.bad; check printed "
							     "that it passed\n"
							     "MISS " TEST(
								     "004") ": check printed that "
									    "it was not run, "
									    "result.xml says a "
									    "pass\n"
									    "FAIL " STAGE
									    ": 4 of its tests did "
									    "not pass by the files "
									    "they left: "
									    "generic/001, "
									    "generic/002, "
									    "generic/003, "
									    "generic/004\n");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_FAIL);
	assert_int_equal(find(r, STAGE)->status, VERDICT_FAIL);
	assert_int_equal(f->result.status, VERDICT_FAIL);
	assert_int_equal(f->result.counts[VERDICT_FAIL], 3);
	assert_int_equal(f->result.counts[VERDICT_MISS], 2);
	assert_int_equal(f->result.counts[VERDICT_PASS], 0);
}

static void test_without_its_files_nothing_passed(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "PASS", "pass");
	left(f, STAGE, "other/result.xml", XML(CASE("generic/001", "")));
	auto_run_info struct run_info *r = judged(f, "PASS");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_MISS);
	assert_non_null(strstr(find(r, TEST("001"))->reason, "its files have no such pass"));
}

static void test_a_report_that_is_half_or_a_bomb_proves_nothing(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "PASS", "pass");
	left(f, STAGE, "s/result.xml",
		"<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b "
		"\"&a;&a;\">]><testsuite>&b;</testsuite>");
	auto_run_info struct run_info *r = judged(f, "PASS");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_MISS);
	assert_string_equal(find(r, TEST("001"))->reason,
		"check printed a pass, but result.xml:1: it has a document type, which check never "
		"writes");
	assert_int_equal(json_array_size(r->notes), 1);
}

static void test_a_failure_has_its_difference(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "FAIL", "fail");
	left(f, STAGE, "s/result.xml", XML(CASE("generic/001", FAILED)));
	left(f, TEST("001"), FILE_OF("001.out.bad"), "QA output\n42\n");
	left(f, TEST("001"), FILE_OF("001.golden"), "QA output\n41\n");
	auto_run_info struct run_info *r = judged(f, "FAIL");
	const struct run_attempt *a = find(r, TEST("001"));
	assert_string_equal(buf_str(&f->told), ""); /* no news */
	assert_int_equal(a->status, VERDICT_FAIL);
	assert_non_null(strstr(json_str_or(a->witness, "diff", ""), "-41\n+42\n"));
	assert_false(json_bool_or(a->witness, "diff_cut", true));
}

/* Of check's own words, and of fsqa's, in the journal's plan. */
static void test_tests_of_a_section_that_check_did_not_apply_did_not_pass(void **state)
{
	static const char config[] = "[s]\nFSTYP=btrfs\nTEST_DIR=/mnt/test\nMKFS_OPTIONS=-n 4k\n";
	static const char found[] = "/dev/b /mnt/test btrfs rw 0 0\n"
				    "---- superblock\nnodesize\t\t16384\n";
	static const char wrong[] = "section 's' is not what check ran with: asked mkfs -n 4k: "
				    "nodesize is 16384";
	struct fixture *f = *state;
	test_append(f->w, "plan",
		json_pack("{s:[s], s:{s:s}}", "tests", STAGE, "sections", "s", config));
	ended(f, TEST("001"), "PASS", "pass");
	ended(f, TEST("002"), "SKIP", "not run");
	ended(f, TEST("003"), "FAIL", "fail");
	ended(f, TEST("004"), "FAIL", NULL); /* it took the machine down */
	left(f, STAGE, "s/check.time", "generic/001 4\n");
	left(f, STAGE, "s/applied", found);
	left(f, TEST("002"), FILE_OF("002.notrun"), "no quota\n");
	auto_run_info struct run_info *r = judged(f, "FAIL");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_MISS);
	assert_string_equal(find(r, TEST("001"))->reason, wrong);
	assert_int_equal(find(r, TEST("002"))->status, VERDICT_MISS);
	auto_free char *both = xasprintf("%s; not run, without a reason", wrong);
	assert_string_equal(find(r, TEST("002"))->reason, both);
	assert_int_equal(find(r, TEST("003"))->status, VERDICT_FAIL);
	assert_int_equal(find(r, TEST("004"))->status, VERDICT_FAIL);
	auto_free char *note = xasprintf(STAGE ": %s", wrong);
	assert_string_equal(json_str_or(json_array_get(r->notes, 0), "text", ""), note);
}

static void test_tests_of_a_section_that_check_did_apply_did(void **state)
{
	static const char config[] = "[s]\nFSTYP=btrfs\nTEST_DIR=/mnt/test\nMKFS_OPTIONS=-n 4k\n";
	struct fixture *f = *state;
	test_append(f->w, "plan",
		json_pack("{s:[s], s:{s:s}}", "tests", STAGE, "sections", "s", config));
	ended(f, TEST("001"), "PASS", "pass");
	left(f, STAGE, "s/check.time", "generic/001 4\n");
	left(f, STAGE, "s/applied",
		"/dev/b /mnt/test btrfs rw 0 0\n---- superblock\nnodesize 4096\n");
	auto_run_info struct run_info *r = judged(f, "PASS");
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_PASS);
	assert_int_equal(json_array_size(r->notes), 0);
}

static void end_in_batch(
	struct fixture *f, const char *test, int attempt, int stage_attempt, int batch)
{
	test_start(f->w, test, attempt, "s");
	test_append(f->w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:s, s:i}", "test", test, "attempt",
			attempt, "status", "PASS", "duration_us", 1, "stage_attempt", stage_attempt,
			"seconds", 4, "said", "pass", "batch", batch));
}

static void test_files_of_another_machine_say_nothing_here(void **state)
{
	struct fixture *f = *state;
	ended(f, TEST("001"), "PASS", "pass");
	left(f, STAGE, "s/result.xml", XML(CASE("generic/001", "")));
	test_end(f->w, STAGE, 1, "FAIL");
	test_start(f->w, STAGE, 2, "s");
	end_in_batch(f, TEST("002"), 1, 2, 0);
	test_append(f->w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:i}", "test", STAGE, "attempt", 2, "status", "PASS",
			"duration_us", 1));
	const struct witness_request q = { .writer = f->w, .state_dir = f->dir };
	ok(witness_add(&q, &f->result, e));
	auto_free char *id = test_finish(f->w, "FAIL");
	auto_run_info struct run_info *r = test_read(f->dir, id);
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_PASS);
	assert_int_equal(find(r, TEST("002"))->status, VERDICT_MISS);
}

/* Two workers at once, whose own first attempts of the stage are 1 and 2 in the journal; 3 is on
 * both. */
static void test_each_batch_has_files_of_its_own(void **state)
{
	struct fixture *f = *state;
	test_start(f->w, STAGE, 2, "s");
	end_in_batch(f, TEST("001"), 1, 1, 1);
	end_in_batch(f, TEST("002"), 1, 1, 2);
	left(f, STAGE, "s/result.xml", XML(CASE("generic/001", "")));
	for (int i = 1; i <= 3; i++) {
		if (i == 3)
			test_start(f->w, STAGE, 3, "s");
		test_append(f->w, "attempt_end",
			json_pack("{s:s, s:i, s:s, s:i, s:i}", "test", STAGE, "attempt", i,
				"status", "PASS", "duration_us", 1, "batch", i % 3));
	}
	const struct witness_request q = { .writer = f->w, .state_dir = f->dir };
	f->result.counts[VERDICT_PASS] = 5;
	ok(witness_add(&q, &f->result, e));
	auto_free char *id = test_finish(f->w, "FAIL");
	auto_run_info struct run_info *r = test_read(f->dir, id);
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_PASS);
	assert_int_equal(find(r, TEST("002"))->status, VERDICT_MISS);
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	assert_int_equal(counts[VERDICT_MISS], 2); /* the test and its stage */
	assert_int_equal(f->result.counts[VERDICT_MISS], 3);
}

static void test_what_was_cut_off_before_the_run_went_on_is_left_alone(void **state)
{
	struct fixture *f = *state;
	auto_free char *id = xstrdup(run_writer_id(f->w));
	auto_json json_t *how = json_object();
	ended(f, TEST("001"), "PASS", "pass"); /* its files went with its machine */
	test_end(f->w, STAGE, 1, "MISS");
	test_append(f->w, "run_end", json_pack("{s:s, s:b}", "status", "MISS", "interrupted", 1));
	ok(run_writer_close(&f->w, e));
	ok(run_resume(f->dir, id, how, &f->w, e));
	test_append(f->w, "attempt_start",
		json_pack("{s:s, s:i, s:s, s:i}", "test", STAGE, "attempt", 2, "stage", "s",
			"batch", 1));
	end_in_batch(f, TEST("002"), 1, 1, 1);
	test_end(f->w, STAGE, 2, "PASS");
	const struct witness_request q = { .writer = f->w, .state_dir = f->dir };
	ok(witness_add(&q, &f->result, e));
	free(test_finish(f->w, "FAIL"));
	auto_run_info struct run_info *r = test_read(f->dir, id);
	assert_int_equal(find(r, TEST("001"))->status, VERDICT_PASS);
	assert_int_equal(find(r, TEST("002"))->status, VERDICT_MISS);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	test_write_file(f->dir, name, text, strlen(text));
}

static void test_a_failure_says_what_is_known_of_it(void **state)
{
	struct fixture *f = *state;
	put(f, "tree/check", "SRC_GROUPS=generic\n");
	put(f, "tree/tests/generic/group.list", "001 auto\n");
	static const char script[] = "_begin_fstest auto\n"
				     "_fixed_by_kernel_commit 1234567890ab \"btrfs: a fix\"\n"
				     "[ $FSTYP = xfs ] && _fixed_in_kernel_version v9.0\n"
				     "_fixed_in_kernel_version v5.10\n";
	put(f, "tree/tests/generic/001", script);
	put(f, "fsqa.conf", "[fstests]\n\tfstyp = btrfs\n");
	auto_free char *conf = path_join(f->dir, "fsqa.conf");
	ok(config_load(conf, NULL, &f->config, e));
	f->tree = path_join(f->dir, "tree");
	ended(f, TEST("001"), "FAIL", NULL);
	auto_run_info struct run_info *r = judged(f, "FAIL");
	const struct run_attempt *a = find(r, TEST("001"));
	auto_free char *hints = json_dumps(json_object_get(a->witness, "hints"), JSON_COMPACT);
	assert_string_equal(hints,
		"[{\"text\":\"known fixed by 1234567890ab (btrfs: a fix); whether this kernel has "
		"it "
		"is not known\"},{\"text\":\"known fixed in v5.10, which this kernel has\","
		"\"has\":true}]");
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH(test_what_both_say_stands),
		WITH(test_a_contradiction_makes_it_worse_and_says_both),
		WITH(test_without_its_files_nothing_passed),
		WITH(test_a_report_that_is_half_or_a_bomb_proves_nothing),
		WITH(test_a_failure_has_its_difference),
		WITH(test_tests_of_a_section_that_check_did_not_apply_did_not_pass),
		WITH(test_tests_of_a_section_that_check_did_apply_did),
		WITH(test_files_of_another_machine_say_nothing_here),
		WITH(test_each_batch_has_files_of_its_own),
		WITH(test_what_was_cut_off_before_the_run_went_on_is_left_alone),
		WITH(test_a_failure_says_what_is_known_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
