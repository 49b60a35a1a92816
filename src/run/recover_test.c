/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run whose fsqa was killed amid a section: what check had printed is in the journal, what it
 * left lies in the spool and on the disk of its machine. */
#include "base/test.h"
#include "build_config.h"
#include "run/recover.h"
#include "run/resume.h"
#include "salvage/fixture.h"
#include "store/store_test.h"
#include <errno.h>

#define SALVAGE FSQA_BUILD_DIR "/src/salvage/fsqa-salvage"
#define STAGE   "fstests.s"
#define TEST(n) STAGE ".generic." n
#define RESULTS "tree/upper/var/lib/fstests/s/"
#define TIMES   "generic/001 4\ngeneric/002 -\ngeneric/004 4\n"

/* It ended in its stage's first attempt, as check said. */
static void ended(
	struct run_writer *w, int batch, const char *test, const char *status, const char *said)
{
	test_start(w, test, 1, "s");
	json_t *end = json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:s}", "test", test, "attempt", 1,
		"status", status, "duration_us", 1, "stage_attempt", 1, "seconds", 4, "said", said);
	if (batch)
		json_object_set_new(end, "batch", json_integer(batch));
	test_append(w, "attempt_end", end);
}

/* One that passed, one that was not run, one whose pass is forged, one that left what belies it,
 * and one under way. batch 0: the only one. */
static char *make_killed(const char *state, int batch)
{
	struct run_writer *w = test_create(state, "btrfs/demo");
	char *id = xstrdup(run_writer_id(w));
	auto_json json_t *job =
		json_pack("{s:s, s:i, s:i, s:[{s:s, s:s}]}", "salvage", SALVAGE, "logs_max_bytes",
			1 << 20, "logs_max_files", 100, "stages", "suite", "fstests", "name", "s");
	ok(resume_freeze(run_writer_dir(w), "/profile", 1, job, e));
	json_t *start = json_pack("{s:s, s:i, s:s}", "test", STAGE, "attempt", 1, "stage", "s");
	if (batch)
		json_object_set_new(start, "batch", json_integer(batch));
	test_append(w, "attempt_start", start);
	ended(w, batch, TEST("001"), "PASS", "pass");
	ended(w, batch, TEST("002"), "SKIP", "not run");
	ended(w, batch, TEST("003"), "PASS", "pass");
	ended(w, batch, TEST("004"), "PASS", "pass");
	test_start(w, TEST("005"), 1, "s");
	ok(run_writer_close(&w, e));
	return id;
}

/* The disk of its machine, with what check left there; false: there is no mke2fs. */
static bool make_disk(const char *state, const char *id, const char *spool)
{
	auto_free char *dir = path_join(state, "made");
	auto_free char *vm = xasprintf("%s/runs/%s/work%s/vm", state, id, spool);
	auto_free char *from = path_join(dir, "image");
	auto_free char *to = path_join(vm, "fsqa-state.img");
	test_write_file(dir, RESULTS "ended", TIMES, strlen(TIMES));
	test_write_file(dir, RESULTS "generic/002.notrun", "no quota\n", 9);
	test_write_file(dir, RESULTS "generic/004.out.bad", "other\n", 6);
	ok(file_mkdirs(vm, 0755, e));
	return fixture_mkfs(dir) && rename(from, to) == 0;
}

static void tell(void *ctx, const char *id, const char *what)
{
	buf_addf(ctx, "%s\n", what);
}

/* The run as it is read behind its recovery. */
static struct run_info *recovered(const char *state, const char *id)
{
	auto_buf struct buf told = { 0 };
	ok(recover_runs(state, tell, &told, e));
	if (!strstr(buf_str(&told), "was interrupted in " TEST("005")))
		fail_msg("%s", buf_str(&told));
	struct run_info *r = test_read(state, id);
	auto_free char *work = path_join(r->dir, "work");
	assert_int_equal(access(work, F_OK), -1);
	return r;
}

static void assert_verdict(
	const struct run_info *r, const char *test, enum verdict v, const char *reason)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		if (strcmp(a->test, test) != 0)
			continue;
		if (a->status != v || !strstr(a->reason, reason))
			fail_msg("%s: %s: %s", test, verdict_name(a->status), a->reason);
		return;
	}
	fail_msg("no %s", test);
}

static void assert_judged(const struct run_info *r)
{
	assert_verdict(r, TEST("001"), VERDICT_PASS, "");
	assert_verdict(r, TEST("002"), VERDICT_SKIP, "");
	assert_verdict(r, TEST("003"), VERDICT_MISS, "its files have no such pass");
	assert_verdict(r, TEST("004"), VERDICT_FAIL, "it left an .out.bad");
	assert_verdict(r, TEST("005"), VERDICT_MISS, "fsqa was killed while it ran");
	assert_verdict(r, STAGE, VERDICT_FAIL, "generic/003, generic/004");
	const json_t *counts = json_object_get(r->last, "counts");
	assert_int_equal(json_i64_or(counts, "PASS", -1), 1);
	assert_int_equal(json_i64_or(counts, "FAIL", -1), 2);
	assert_int_equal(json_i64_or(counts, "MISS", -1), 2);
}

static const char *note_of(const struct run_info *r, size_t i)
{
	return json_str_or(json_array_get(r->notes, i), "text", "");
}

static void test_it_is_judged_by_the_files_on_the_disk_of_its_machine(void **state)
{
	auto_free char *id = make_killed(*state, 0);
	if (!make_disk(*state, id, ""))
		skip();
	auto_run_info struct run_info *r = recovered(*state, id);
	assert_judged(r);
	assert_string_equal(
		note_of(r, 0), STAGE ": 3 files of its logs are from the disk of its machine");
}

static void test_the_same_where_its_batch_is_one_of_several(void **state)
{
	auto_free char *id = make_killed(*state, 2);
	if (!make_disk(*state, id, "/2"))
		skip();
	auto_run_info struct run_info *r = recovered(*state, id);
	assert_judged(r);
}

static void test_it_is_judged_by_the_files_that_were_in_the_spool(void **state)
{
	auto_free char *id = make_killed(*state, 0);
	auto_free char *logs = xasprintf("runs/%s/work/" STAGE "/logs/s", id);
	auto_free char *times = path_join(logs, "ended");
	auto_free char *notrun = path_join(logs, "generic/002.notrun");
	auto_free char *bad = path_join(logs, "generic/004.out.bad");
	test_write_file(*state, times, TIMES, strlen(TIMES));
	test_write_file(*state, notrun, "no quota\n", 9);
	test_write_file(*state, bad, "other\n", 6);
	auto_run_info struct run_info *r = recovered(*state, id);
	assert_judged(r);
}

/* Then nothing proves a pass, and who goes on with the run has those tests again. */
static void test_without_any_of_its_files_nothing_passed(void **state)
{
	auto_free char *id = make_killed(*state, 0);
	auto_run_info struct run_info *r = recovered(*state, id);
	assert_verdict(r, TEST("001"), VERDICT_MISS, "its files have no such pass");
	assert_verdict(r, TEST("003"), VERDICT_MISS, "its files have no such pass");
	assert_verdict(r, STAGE, VERDICT_MISS, "");
	auto_json json_t *frozen = NULL;
	auto_json json_t *stages = json_pack("[{s:s, s:s, s:[s, s]}]", "suite", "fstests", "name",
		"s", "tests", "generic/001", "generic/005");
	size_t n = 0;
	ok(resume_frozen(r->dir, &frozen, e));
	json_decref(resume_stages(r, stages, &n));
	assert_int_equal(n, 2);
}

static void test_a_disk_that_cannot_be_read_is_told_and_keeps_nobody(void **state)
{
	auto_free char *id = make_killed(*state, 0);
	auto_free char *disk = xasprintf("runs/%s/work/vm/fsqa-state.img", id);
	test_write_file(*state, disk, "no filesystem", 13);
	auto_run_info struct run_info *r = recovered(*state, id);
	assert_non_null(
		strstr(note_of(r, 0), STAGE ": the disk of its machine could not be read: "));
	assert_verdict(r, TEST("001"), VERDICT_MISS, "its files have no such pass");
}

#define each(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(test_it_is_judged_by_the_files_on_the_disk_of_its_machine),
		each(test_the_same_where_its_batch_is_one_of_several),
		each(test_it_is_judged_by_the_files_that_were_in_the_spool),
		each(test_without_any_of_its_files_nothing_passed),
		each(test_a_disk_that_cannot_be_read_is_told_and_keeps_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
