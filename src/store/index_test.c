/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_test.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct index_db *open_index(const char *state)
{
	struct index_db *x = NULL;
	ok(index_open(state, &x, e));
	return x;
}

/* All that the index says, as text. */
static void dump(const char *state, struct buf *out)
{
	struct index_db *x = open_index(state);
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_runs(x, NULL, 0, &rows, &n, e));
	for (size_t i = 0; i < n; i++) {
		const struct run_row *r = &rows[i];
		buf_addf(out, "%s %s %s %s %lld %llu %d %d %d %s", r->id, r->profile, r->kernel,
			r->accel, (long long)r->start_wall_us, (unsigned long long)r->duration_us,
			(int)r->status, r->live, r->interrupted, r->damage ? r->damage : "-");
		for (int v = 0; v < VERDICT_COUNT; v++)
			buf_addf(out, " %u", r->counts[v]);
		buf_addc(out, '\n');
		struct stage_row *h = NULL;
		size_t n_h = 0;
		ok(index_history(x, r->profile, "script.001_a", 0, &h, &n_h, e));
		for (size_t k = 0; k < n_h; k++)
			buf_addf(out, "  %s %s %d %llu\n", h[k].run, h[k].test, (int)h[k].status,
				(unsigned long long)h[k].duration_us);
		stage_rows_free(h, n_h);
	}
	run_rows_free(rows, n);
	index_close(x);
}

static size_t count_runs(const char *state, const char *profile, size_t limit)
{
	struct index_db *x = open_index(state);
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_runs(x, profile, limit, &rows, &n, e));
	run_rows_free(rows, n);
	index_close(x);
	return n;
}

/* Ended, failed, under way, damaged, with several attempts; two profiles. */
static struct run_writer *make_runs(const char *state)
{
	free(test_run(state, "btrfs/demo", "PASS"));
	free(test_run(state, "btrfs/demo", "FAIL"));
	free(test_run(state, "xfs", "SKIP"));
	struct run_writer *w = test_create(state, "btrfs/demo");
	test_start(w, "script.001_a", 1, "001_a");
	test_end(w, "script.001_a", 1, "MISS");
	test_start(w, "script.001_a", 2, "001_a");
	test_end(w, "script.001_a", 2, "PASS");
	free(test_finish(w, "PASS"));
	auto_free char *bad = test_run(state, "xfs", "PASS");
	auto_free char *path = xasprintf("%s/runs/%s/journal", state, bad);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "!", 1, 300), 1);
	w = test_create(state, "btrfs/demo");
	test_start(w, "script.001_a", 1, "001_a");
	return w;
}

static void test_made_again_it_says_the_same_as_grown(void **state)
{
	auto_buf struct buf grown = { 0 };
	auto_buf struct buf again = { 0 };
	auto_buf struct buf fresh = { 0 };
	index_close(open_index(*state)); /* so that each run is added to what is there */
	struct run_writer *w = make_runs(*state);
	dump(*state, &grown);
	size_t n = 0;
	ok(index_rebuild(*state, &n, e));
	assert_int_equal(n, 6);
	dump(*state, &again);
	assert_string_equal(buf_str(&grown), buf_str(&again));
	auto_free char *path = path_join(*state, "index.db");
	assert_int_equal(unlink(path), 0);
	dump(*state, &fresh);
	assert_string_equal(buf_str(&grown), buf_str(&fresh));
	assert_non_null(strstr(buf_str(&grown), "line "));
	ok(run_writer_close(&w, e));
}

static void test_runs_are_newest_first_and_filtered(void **state)
{
	struct run_writer *w = make_runs(*state);
	struct index_db *x = open_index(*state);
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_runs(x, "btrfs/demo", 0, &rows, &n, e));
	assert_int_equal(n, 4);
	assert_string_equal(rows[0].id, run_writer_id(w));
	assert_true(rows[0].live);
	assert_false(rows[0].interrupted);
	assert_int_equal(rows[1].counts[VERDICT_PASS], 1);
	assert_int_equal(rows[1].counts[VERDICT_MISS], 0);
	assert_int_equal(rows[2].status, VERDICT_FAIL);
	assert_string_equal(rows[3].kernel, "6.1.0");
	assert_string_equal(rows[3].accel, "tcg");
	run_rows_free(rows, n);
	struct stage_row *h = NULL;
	ok(index_history(x, "btrfs/demo", "script.001_a", 2, &h, &n, e));
	assert_int_equal(n, 2); /* the one under way has no verdict yet */
	assert_int_equal(h[0].status, VERDICT_PASS);
	assert_int_equal(h[1].status, VERDICT_FAIL);
	assert_int_equal(h[1].duration_us, 1500000);
	stage_rows_free(h, n);
	index_close(x);
	assert_int_equal(count_runs(*state, NULL, 0), 6);
	assert_int_equal(count_runs(*state, NULL, 3), 3);
	assert_int_equal(count_runs(*state, "xfs", 0), 2);
	assert_int_equal(count_runs(*state, "' OR 1=1 --", 0), 0);
	ok(run_writer_close(&w, e));
	/* Its writer is gone without a run_end: nobody told the index. */
	x = open_index(*state);
	ok(index_runs(x, NULL, 1, &rows, &n, e));
	assert_false(rows[0].live);
	assert_true(rows[0].interrupted);
	run_rows_free(rows, n);
	index_close(x);
}

static void test_a_run_that_is_gone_is_dropped(void **state)
{
	auto_free char *a = test_run(*state, "x", "PASS");
	free(test_run(*state, "x", "PASS"));
	assert_int_equal(count_runs(*state, NULL, 0), 2);
	auto_free char *dir = xasprintf("%s/runs/%s", (char *)*state, a);
	ok(file_remove_tree(dir, e));
	assert_int_equal(count_runs(*state, NULL, 0), 1);
}

static void test_a_journal_that_cannot_be_read_is_a_row_that_says_so(void **state)
{
	test_write_file(*state, "runs/20260101-000000-x/journal", "", 0);
	struct index_db *x = open_index(*state);
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_runs(x, NULL, 0, &rows, &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].status, VERDICT_MISS);
	assert_string_equal(rows[0].damage, "no records");
	run_rows_free(rows, n);
	index_close(x);
}

static void write_at(const char *path, off_t at, const void *p, size_t n)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
}

static void test_a_damaged_database_is_made_again(void **state)
{
	free(test_run(*state, "x", "PASS"));
	auto_buf struct buf good = { 0 };
	dump(*state, &good);
	auto_free char *path = path_join(*state, "index.db");
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	/* Not a database at all; empty; a page of it overwritten, one after the other. */
	test_write_file(*state, "index.db", "this is no database, but long enough to be read", 48);
	auto_buf struct buf b = { 0 };
	dump(*state, &b);
	assert_string_equal(buf_str(&b), buf_str(&good));
	assert_int_equal(truncate(path, 0), 0);
	buf_reset(&b);
	dump(*state, &b);
	assert_string_equal(buf_str(&b), buf_str(&good));
	char junk[4096];
	memset(junk, 0xa5, sizeof junk);
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof junk) {
		write_at(path, at, junk, sizeof junk);
		buf_reset(&b);
		dump(*state, &b);
		assert_string_equal(buf_str(&b), buf_str(&good));
	}
}

static void test_another_version_of_the_schema_is_made_again(void **state)
{
	free(test_run(*state, "x", "PASS"));
	auto_buf struct buf good = { 0 };
	dump(*state, &good);
	auto_free char *path = path_join(*state, "index.db");
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "PRAGMA foreign_keys = OFF; DROP TABLE run;"
				 "CREATE TABLE run(something); PRAGMA user_version = 999",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	auto_buf struct buf b = { 0 };
	dump(*state, &b);
	assert_string_equal(buf_str(&b), buf_str(&good));
}

static void add_runs(const char *state)
{
	for (int i = 0; i < 8; i++) {
		auto_free char *id = test_run(state, "many", i % 2 ? "PASS" : "FAIL");
		auto_run_info struct run_info *r = test_read(state, id);
		struct index_db *x = open_index(state);
		ok(index_add_run(x, r, e));
		ok(index_add_run(x, r, e)); /* replaces, adds nothing */
		index_close(x);
		if (i == 4)
			ok(index_rebuild(state, NULL, e));
	}
}

static void test_processes_that_write_at_once_wait_for_each_other(void **state)
{
	pid_t pids[4];
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			add_runs(*state);
			_exit(0);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status = 1;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_runs(*state, "many", 0), 32);
	struct index_db *x = open_index(*state);
	struct stage_row *h = NULL;
	size_t n = 0;
	ok(index_history(x, "many", "script.001_a", 0, &h, &n, e));
	assert_int_equal(n, 32);
	stage_rows_free(h, n);
	index_close(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_made_again_it_says_the_same_as_grown, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_runs_are_newest_first_and_filtered, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_run_that_is_gone_is_dropped, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_journal_that_cannot_be_read_is_a_row_that_says_so, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_database_is_made_again, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_another_version_of_the_schema_is_made_again, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_processes_that_write_at_once_wait_for_each_other, make_dir,
			remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
