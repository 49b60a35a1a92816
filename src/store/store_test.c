/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int make_dir(void **state)
{
	*state = test_folder();
	return 0;
}

static int remove_dir(void **state)
{
	int rc = file_remove_tree(*state, NULL);
	free(*state);
	return rc;
}

static struct run_writer *create(const char *state, const char *profile)
{
	auto_json json_t *first = json_pack("{s:s, s:s}", "kernel", "6.1.0", "accel", "tcg");
	struct err e = { 0 };
	struct run_writer *w = NULL;
	if (run_create(state, profile, first, &w, &e) < 0)
		fail_msg("%s", e.msg);
	return w;
}

static void append(struct run_writer *w, const char *type, json_t *fields)
{
	struct err e = { 0 };
	assert_non_null(fields);
	if (run_append(w, type, fields, true, &e) < 0)
		fail_msg("%s", e.msg);
	json_decref(fields);
}

static void start(struct run_writer *w, const char *test, int attempt, const char *stage)
{
	append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", attempt, "stage", stage));
}

static void end(struct run_writer *w, const char *test, int attempt, const char *status)
{
	append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i}", "test", test, "attempt", attempt, "status",
			status, "reason", "because", "duration_us", 1500000));
}

static void test_what_was_written_is_read_back(void **state)
{
	struct run_writer *w = create(*state, "btrfs/demo");
	assert_non_null(strstr(run_writer_id(w), "-demo"));
	auto_free char *id = xstrdup(run_writer_id(w));
	append(w, "plan", json_pack("{s:[ss]}", "tests", "boot", "script.001_kernel"));
	start(w, "script.001_kernel", 1, "001_kernel");
	auto_run_info struct run_info *live = NULL;
	assert_int_equal(run_read(*state, "latest", &live, NULL), 0);
	assert_true(live->live);
	assert_string_equal(live->attempts[0].reason, "running");
	assert_int_equal(run_artifact_begin(w, "script.001_kernel", 1, "x", "log", NULL), 0);
	assert_int_equal(run_artifact_add(w, "hello ", 6, NULL), 0);
	assert_int_equal(run_artifact_add(w, "world", 5, NULL), 0);
	assert_int_equal(run_artifact_end(w, false, NULL), 0);
	end(w, "script.001_kernel", 1, "PASS");
	append(w, "run_end", json_pack("{s:s}", "status", "PASS"));
	assert_int_equal(run_writer_close(&w, NULL), 0);

	auto_run_info struct run_info *r = NULL;
	assert_int_equal(run_read(*state, id, &r, NULL), 0);
	assert_null(r->damage);
	assert_false(r->live);
	assert_non_null(r->last);
	assert_int_equal(run_info_status(r), VERDICT_PASS);
	assert_int_equal(r->n_attempts, 1);
	assert_string_equal(r->attempts[0].stage, "001_kernel");
	assert_string_equal(r->attempts[0].reason, "because");
	assert_int_equal(r->attempts[0].duration_us, 1500000);
	assert_int_equal(r->n_artifacts, 1);
	auto_free char *path = path_join(*state, "out");
	auto_close int fd = open(path, O_RDWR | O_CREAT, 0644);
	assert_int_equal(run_artifact_write(r, &r->artifacts[0], fd, NULL), 0);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 100, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "hello world");
}

static void test_index_has_runs_newest_first_with_their_counts(void **state)
{
	struct run_writer *w = create(*state, "btrfs/demo");
	start(w, "script.001_kernel", 1, "001_kernel");
	end(w, "script.001_kernel", 1, "FAIL");
	append(w, "run_end", json_pack("{s:s}", "status", "FAIL"));
	assert_int_equal(run_writer_close(&w, NULL), 0);
	w = create(*state, "btrfs/demo");
	struct index_db *x = NULL;
	struct err e = { 0 };
	if (index_open(*state, &x, &e) < 0)
		fail_msg("%s", e.msg);
	struct run_row *rows = NULL;
	size_t n = 0;
	assert_int_equal(index_runs(x, "btrfs/demo", 0, &rows, &n, &e), 0);
	assert_true(n >= 2);
	assert_string_equal(rows[0].id, run_writer_id(w));
	assert_true(rows[0].live);
	assert_int_equal(rows[1].counts[VERDICT_FAIL], 1);
	assert_int_equal(rows[1].status, VERDICT_FAIL);
	run_rows_free(rows, n);
	index_close(x);
	assert_int_equal(run_writer_close(&w, NULL), 0);
}

static void tell(void *ctx, const char *id, const char *what)
{
	buf_addf(ctx, "%s %s\n", id, what);
}

static void test_a_killed_run_is_finished_with_its_evidence(void **state)
{
	struct run_writer *w = create(*state, "btrfs/demo");
	auto_free char *id = xstrdup(run_writer_id(w));
	append(w, "plan", json_pack("{s:[ss]}", "tests", "script.001_a", "script.002_b"));
	start(w, "script.001_a", 1, "001_a");
	start(w, "script.001_a.sub", 1, "001_a");
	auto_free char *work = path_join(run_writer_dir(w), "work/001_a/logs/deep");
	auto_free char *log = path_join(work, "x.log");
	assert_int_equal(file_mkdirs(work, 0755, NULL), 0);
	assert_int_equal(file_replace(log, "text", 4, 0644, NULL), 0);
	assert_int_equal(run_writer_close(&w, NULL), 0); /* without run_end */

	auto_buf struct buf told = { 0 };
	struct err e = { 0 };
	if (store_recover(*state, tell, &told, &e) < 0)
		fail_msg("%s", e.msg);
	if (!strstr(buf_str(&told), "was interrupted in script.001_a.sub"))
		fail_msg("%s", buf_str(&told));
	auto_run_info struct run_info *r = NULL;
	assert_int_equal(run_read(*state, id, &r, NULL), 0);
	assert_null(r->damage);
	assert_true(r->interrupted);
	assert_int_equal(run_info_status(r), VERDICT_MISS);
	assert_int_equal(r->n_attempts, 3);
	assert_string_equal(r->attempts[2].test, "script.002_b");
	assert_int_equal(r->n_artifacts, 1);
	assert_string_equal(r->artifacts[0].name, "deep/x.log");
	assert_int_equal(access(log, F_OK), -1);
	buf_reset(&told);
	assert_int_equal(store_recover(*state, tell, &told, NULL), 0);
	assert_null(strstr(buf_str(&told), id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read_back),
		cmocka_unit_test(test_index_has_runs_newest_first_with_their_counts),
		cmocka_unit_test(test_a_killed_run_is_finished_with_its_evidence),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
