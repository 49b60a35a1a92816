/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_test.h"
#include "base/clock.h"
#include "store/id.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_what_was_written_is_read_back(void **state)
{
	struct run_writer *w = test_create(*state, "btrfs/demo");
	assert_non_null(strstr(run_writer_id(w), "-demo"));
	test_append(w, "plan", json_pack("{s:[s, s]}", "tests", "boot", "script.001_kernel"));
	test_append(w, "target", json_pack("{s:s}", "release", "6.1.0"));
	test_start(w, "script.001_kernel", 1, "001_kernel");
	test_start(w, "script.001_kernel.sub", 1, "001_kernel");
	auto_run_info struct run_info *live = test_read(*state, "latest");
	assert_true(live->live);
	assert_false(live->interrupted);
	assert_false(live->attempts[0].ended);
	assert_string_equal(live->attempts[0].reason, "running");
	test_append(w, "fault",
		json_pack("{s:s, s:i, s:s, s:s, s:s}", "test", "script.001_kernel.sub", "attempt",
			1, "disk", "xvdb", "action", "unplug", "text", "xvdb: unplugged"));
	test_end(w, "script.001_kernel.sub", 1, "SKIP");
	test_artifact(w, "script.001_kernel", "x", "log", "hello world", 11);
	test_end(w, "script.001_kernel", 1, "PASS");
	auto_free char *id = test_finish(w, "PASS");

	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_false(r->live);
	assert_false(r->interrupted);
	assert_non_null(r->last);
	assert_string_equal(json_str_or(r->first, "profile", ""), "btrfs/demo");
	assert_string_equal(json_str_or(r->first, "id", ""), id);
	assert_string_equal(json_str_or(r->target, "release", ""), "6.1.0");
	assert_int_equal(json_array_size(json_object_get(r->plan, "tests")), 2);
	assert_int_equal(run_info_status(r), VERDICT_PASS);
	assert_int_equal(r->n_attempts, 2);
	assert_string_equal(r->attempts[0].stage, "001_kernel");
	assert_string_equal(r->attempts[0].reason, "because");
	assert_int_equal(r->attempts[0].duration_us, 1500000);
	assert_true(run_attempt_is_stage(&r->attempts[0]));
	assert_false(run_attempt_is_stage(&r->attempts[1]));
	assert_int_equal(r->attempts[1].status, VERDICT_SKIP);
	assert_null(r->attempts[0].faults);
	assert_int_equal(json_array_size(r->attempts[1].faults), 1);
	assert_string_equal(json_str_or(json_array_get(r->attempts[1].faults, 0), "text", ""),
		"xvdb: unplugged");
	assert_int_equal(r->n_artifacts, 1);
	auto_buf struct buf b = { 0 };
	test_artifact_read(r, 0, &b);
	assert_string_equal(buf_str(&b), "hello world");
}

static void test_the_last_attempt_of_a_test_counts_and_none_is_lost(void **state)
{
	struct run_writer *w = test_create(*state, "again");
	for (int i = 1; i <= 3; i++) {
		test_start(w, "boot", i, "");
		test_end(w, "boot", i, i < 3 ? "MISS" : "PASS");
	}
	test_end(w, "never-started", 1, "DONE");
	test_end(w, "boot", 3, "FAIL"); /* a second end of the same attempt changes nothing */
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	assert_int_equal(r->n_attempts, 4);
	assert_int_equal(counts[VERDICT_PASS], 1);
	assert_int_equal(counts[VERDICT_DONE], 1);
	assert_int_equal(counts[VERDICT_MISS], 0);
	assert_true(r->attempts[0].superseded);
	assert_true(r->attempts[1].superseded);
	assert_false(r->attempts[2].superseded);
	assert_int_equal(run_info_status(r), VERDICT_PASS);
}

static void test_thousands_of_tests_are_found_by_their_names(void **state)
{
	struct run_writer *w = test_create(*state, "many");
	for (int i = 0; i < 5000; i++) {
		auto_free char *test = xasprintf("t.%d", i);
		test_start(w, test, 1, "");
	}
	for (int i = 4999; i >= 0; i--) {
		auto_free char *test = xasprintf("t.%d", i);
		test_end(w, test, 1, i % 2 ? "PASS" : "SKIP");
	}
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_int_equal(r->n_attempts, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(r->attempts[i].status, i % 2 ? VERDICT_PASS : VERDICT_SKIP);
}

static void test_a_run_without_end_or_tests_is_never_a_pass(void **state)
{
	struct run_writer *w = test_create(*state, "none");
	auto_free char *empty = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, empty);
	assert_int_equal(run_info_status(r), VERDICT_MISS);
	w = test_create(*state, "none");
	auto_free char *id = xstrdup(run_writer_id(w));
	test_start(w, "t", 1, "");
	test_end(w, "t", 1, "PASS");
	ok(run_writer_close(&w, e));
	auto_run_info struct run_info *cut = test_read(*state, id);
	assert_true(cut->interrupted);
	assert_int_equal(run_info_status(cut), VERDICT_MISS);
}

static void test_a_failed_create_leaves_nothing(void **state)
{
	auto_free char *state_dir = path_join(*state, "bare");
	auto_json json_t *array = json_array();
	struct run_writer *w = NULL;
	assert_int_equal(run_create(state_dir, "x", array, &w, NULL), -EINVAL);
	assert_null(w);
	auto_free char *runs = path_join(state_dir, "runs");
	DIR *d = opendir(runs);
	for (struct dirent *ent; (ent = readdir(d));)
		assert_int_equal(ent->d_name[0], '.');
	closedir(d);
}

/* ---- ids ---- */

static void test_ids_come_from_date_and_profile(void **state)
{
	static const struct {
		const char *profile;
		unsigned n;
		const char *id;
	} cases[] = {
		{ "btrfs/demo", 1, "20261121-100533-demo" },
		{ "btrfs/demo/", 2, "20261121-100533-demo-2" },
		{ "xfs", 1, "20261121-100533-xfs" },
		{ "", 1, "20261121-100533-run" },
		{ "/", 1, "20261121-100533-run" },
		{ "..", 1, "20261121-100533-run" },
		{ "a b\n\"<\xc3\xa9", 1, "20261121-100533-a-b-----" },
		{ "0123456789012345678901234567890123456789012345", 1,
			"20261121-100533-0123456789012345678901234567890123456789" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *id = run_id_make(cases[i].profile, 1795255533000000, cases[i].n);
		assert_string_equal(id, cases[i].id);
	}
}

static void find_is(const char *state, const char *text, int rc, const char *what)
{
	struct err why = { 0 };
	auto_free char *id = NULL;
	assert_int_equal(run_id_find(state, text, &id, &why), rc);
	if (rc == 0)
		assert_string_equal(id, what);
	else if (!strstr(why.msg, what))
		fail_msg("%s", why.msg);
}

static void test_a_run_is_found_by_prefix_and_latest_and_a_typo_gets_the_nearest(void **state)
{
	find_is(*state, "latest", -ENOENT, "no runs yet in");
	static const char *const ids[] = { "20260101-000000-demo", "20260101-000000-demo-2",
		"20260202-000000-xfs" };
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		auto_free char *name = xasprintf("runs/%s/journal", ids[i]);
		test_write_file(*state, name, "", 0);
	}
	test_write_file(*state, "runs/20270101-000000-no-journal/pack", "", 0);
	test_write_file(*state, "runs/file", "", 0);
	find_is(*state, "20260101-000000-demo", 0, ids[0]);
	find_is(*state, "20260101-000000-demo-2", 0, ids[1]);
	find_is(*state, "202602", 0, ids[2]);
	find_is(*state, "202601", -ENOTUNIQ,
		"2 runs start with \"202601\": 20260101-000000-demo, ");
	find_is(*state, "20260202-000000-xsf", -ENOENT, "did you mean 20260202-000000-xfs?");
	find_is(*state, "", -ENOENT, "no run \"\"");
	find_is(*state, "../runs/x", -ENOENT, "no run");
	find_is(*state, "20270101", -ENOENT, "no run");
}

static void test_ids_are_unique_among_processes(void **state)
{
	pid_t pids[4];
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			for (int k = 0; k < 10; k++) {
				struct run_writer *w = NULL;
				if (run_create(*state, "same", NULL, &w, NULL) < 0 ||
					run_writer_close(&w, NULL) < 0)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status = 1;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	auto_strv struct strv ids = { 0 };
	ok(run_ids(*state, &ids, e));
	assert_int_equal(ids.n, 40);
}

static void test_a_clock_that_was_set_back_does_not_change_what_is_latest(void **state)
{
	auto_free char *a = test_run(*state, "p", "PASS");
	/* As if that run had been made while the clock was ten years ahead. */
	int64_t ahead = clock_wall_us() + 10 * 365 * INT64_C(86400000000);
	ok(run_id_set_newest(*state, a, ahead, e));
	auto_free char *b = test_run(*state, "p", "PASS");
	auto_run_info struct run_info *r = test_read(*state, "latest");
	assert_string_equal(r->id, b);
	assert_true(json_i64_or(r->first, "order_us", 0) > ahead);
	auto_free char *newest = path_join(*state, "runs/.newest");
	assert_int_equal(unlink(newest), 0);
	auto_run_info struct run_info *again = test_read(*state, "latest");
	assert_string_equal(again->id, b);
	/* And when what it names was removed. */
	auto_free char *c = test_run(*state, "p", "PASS");
	auto_free char *dir = xasprintf("%s/runs/%s", (char *)*state, c);
	ok(file_remove_tree(dir, e));
	auto_run_info struct run_info *last = test_read(*state, "latest");
	assert_string_equal(last->id, b);
}

/* ---- artifacts ---- */

static void test_an_artifact_is_only_made_of_a_regular_file(void **state)
{
	struct run_writer *w = test_create(*state, "files");
	auto_free char *file = path_join(*state, "file");
	auto_free char *link = path_join(*state, "link");
	auto_free char *fifo = path_join(*state, "fifo");
	auto_free char *none = path_join(*state, "none");
	test_write_file(*state, "file", "text", 4);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	ok(run_artifact_file(w, "t", 1, "good", "file", file, false, e));
	assert_int_equal(run_artifact_file(w, "t", 1, "n", "file", link, false, NULL), -ELOOP);
	assert_int_equal(run_artifact_file(w, "t", 1, "n", "file", fifo, false, NULL), -EINVAL);
	assert_int_equal(run_artifact_file(w, "t", 1, "n", "file", none, false, NULL), -ENOENT);
	assert_int_equal(run_artifact_file(w, "t", 1, "n", "file", *state, false, NULL), -EINVAL);
	/* Records may come between the pieces of one. */
	ok(run_artifact_begin(w, "t", 1, "\xff<name>", "log", e));
	ok(run_artifact_add(w, "a", 1, e));
	test_start(w, "t", 1, "");
	assert_int_equal(run_artifact_begin(w, "t", 1, "second", "log", NULL), -EBUSY);
	ok(run_artifact_add(w, "b", 1, e));
	ok(run_artifact_end(w, true, e));
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_int_equal(r->n_artifacts, 2);
	assert_string_equal(r->artifacts[1].name, "\xef\xbf\xbd<name>");
	assert_true(r->artifacts[1].cut);
	auto_buf struct buf b = { 0 };
	test_artifact_read(r, 1, &b);
	assert_string_equal(buf_str(&b), "ab");
}

static void test_saved_artifacts_stay_below_their_folder(void **state)
{
	struct run_writer *w = test_create(*state, "save");
	test_artifact(w, "script.001_a", "terminal.log", "log", "one", 3);
	test_artifact(w, "script.001_a", "terminal.log", "file", "two", 3);
	test_artifact(w, "script.001_a", "logs/deep/x", "log", "three", 5);
	test_artifact(w, "../../up", "../../evil", "file", "four", 4);
	test_artifact(w, "/abs", "/etc/evil", "file", "five", 4);
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	const struct run_artifact *all[5];
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		all[i] = &r->artifacts[i];
	auto_free char *dir = path_join(*state, "out/here");
	ok(store_save_artifacts(r, all, ARRAY_LEN(all), dir, e));
	static const char *const want[] = { "script.001_a/terminal.log",
		"script.001_a/logs/terminal.log", "script.001_a/logs/deep/x",
		".._.._up/logs/unnamed-3", "_abs/logs/unnamed-4" };
	static const char *const text[] = { "one", "two", "three", "four", "five" };
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		auto_free char *path = path_join(dir, want[i]);
		auto_buf struct buf b = { 0 };
		ok(file_read(path, 100, &b, e));
		assert_string_equal(buf_str(&b), text[i]);
	}
	assert_int_equal(store_save_artifacts(r, all, 1, dir, NULL), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_written_is_read_back, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_the_last_attempt_of_a_test_counts_and_none_is_lost, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			test_thousands_of_tests_are_found_by_their_names, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_run_without_end_or_tests_is_never_a_pass, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_failed_create_leaves_nothing, make_dir, remove_dir),
		cmocka_unit_test(test_ids_come_from_date_and_profile),
		cmocka_unit_test_setup_teardown(
			test_a_run_is_found_by_prefix_and_latest_and_a_typo_gets_the_nearest,
			make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_ids_are_unique_among_processes, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_clock_that_was_set_back_does_not_change_what_is_latest, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			test_an_artifact_is_only_made_of_a_regular_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_saved_artifacts_stay_below_their_folder, make_dir, remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
