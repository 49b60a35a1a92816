/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void tell(void *ctx, const char *id, const char *what)
{
	buf_addf(ctx, "%s %s\n", id, what);
}

static const struct store_recovery quietly;

/* What store_recover told. */
static void recover(const char *state, struct buf *told)
{
	buf_reset(told);
	ok(store_recover(state, &(struct store_recovery){ .each = tell, .ctx = told }, e));
}

static void told_has(const struct buf *told, const char *what)
{
	if (!strstr(buf_str(told), what))
		fail_msg("\"%s\" is not in: %s", what, buf_str(told));
}

/* A run whose fsqa was killed in a subtest; its id is the caller's. */
static char *make_killed(const char *state)
{
	struct run_writer *w = test_create(state, "btrfs/demo");
	char *id = xstrdup(run_writer_id(w));
	const char *dir = run_writer_dir(w);
	test_append(w, "plan",
		json_pack("{s:[s, s, s]}", "tests", "boot", "script.001_a", "script.002_b"));
	test_start(w, "boot", 1, "");
	test_end(w, "boot", 1, "PASS");
	test_start(w, "script.001_a", 1, "001_a");
	test_start(w, "script.001_a.good", 1, "001_a");
	test_end(w, "script.001_a.good", 1, "PASS");
	test_start(w, "script.001_a.sub", 1, "001_a");
	/* This one was saved before, and its file not yet removed. */
	test_artifact(w, "script.001_a", "saved", "file", "once", 4);
	test_write_file(dir, "work/001_a/logs/saved", "once", 4);
	test_write_file(dir, "work/001_a/logs/deep/x.log", "text", 4);
	test_write_file(dir, "work/001_a/logs/new\nline", "odd", 3);
	test_write_file(dir, "work/001_a/terminal.cast", "{\"version\": 2}\n", 15);
	test_write_file(dir, "work/001_a/terminal.log", "raw", 3);
	test_write_file(dir, "work/console.cast", "c", 1);
	test_write_file(dir, "work/console.log", "boots", 5);
	test_write_file(dir, "work/kernel.log", "k", 1);
	test_write_file(dir, "work/vm/disk0.raw", "never packed", 12);
	auto_free char *link = path_join(dir, "work/001_a/logs/link");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	ok(run_writer_close(&w, e)); /* without a run_end */
	return id;
}

static const struct run_attempt *attempt(const struct run_info *r, const char *test)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		if (strcmp(r->attempts[i].test, test) == 0)
			return &r->attempts[i];
	}
	fail_msg("no attempt of %s", test);
	return NULL;
}

static void test_a_killed_run_is_finished_and_nothing_is_lost(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	auto_free char *want = xasprintf(
		"%s was interrupted in script.001_a.sub; 7 recordings and logs saved\n", id);
	assert_string_equal(buf_str(&told), want);
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_true(r->interrupted);
	assert_false(r->live);
	assert_non_null(r->last);
	assert_int_equal(run_info_status(r), VERDICT_MISS);
	assert_int_equal(attempt(r, "boot")->status, VERDICT_PASS);
	assert_int_equal(attempt(r, "script.001_a.good")->status, VERDICT_PASS);
	static const char *const missed[] = { "script.001_a", "script.001_a.sub" };
	for (size_t i = 0; i < ARRAY_LEN(missed); i++) {
		const struct run_attempt *a = attempt(r, missed[i]);
		assert_true(a->ended);
		assert_int_equal(a->status, VERDICT_MISS);
		assert_string_equal(a->reason, "fsqa was killed while it ran");
	}
	assert_string_equal(
		attempt(r, "script.002_b")->reason, "never reached: fsqa was killed before");
	assert_string_equal(attempt(r, "script.002_b")->stage, "002_b");
	const json_t *counts = json_object_get(r->last, "counts");
	assert_int_equal(json_i64_or(counts, "PASS", -1), 2);
	assert_int_equal(json_i64_or(counts, "MISS", -1), 3);
	auto_free char *work = path_join(r->dir, "work");
	assert_int_equal(access(work, F_OK), -1);
	recover(*state, &told);
	assert_string_equal(buf_str(&told), "");
}

struct packed {
	const char *test, *kind, *name, *text;
};

/* All of the run's artifacts, in order. */
static void assert_packed(const char *state, const char *id, const struct packed *want, size_t n)
{
	auto_run_info struct run_info *r = test_read(state, id);
	assert_int_equal(r->n_artifacts, n);
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf b = { 0 };
		assert_string_equal(r->artifacts[i].test, want[i].test);
		assert_string_equal(r->artifacts[i].kind, want[i].kind);
		assert_string_equal(r->artifacts[i].name, want[i].name);
		test_artifact_read(r, i, &b);
		assert_string_equal(buf_str(&b), want[i].text);
	}
}

static void test_its_recordings_and_logs_are_packed_and_no_disk_of_a_vm(void **state)
{
	static const struct packed want[] = {
		{ "script.001_a", "file", "saved", "once" },
		{ "boot", "cast", "console.cast", "c" },
		{ "boot", "console", "console.log", "boots" },
		{ "boot", "kernel", "kernel.log", "k" },
		{ "script.001_a", "cast", "terminal.cast", "{\"version\": 2}\n" },
		{ "script.001_a", "log", "terminal.log", "raw" },
		{ "script.001_a", "file", "deep/x.log", "text" },
		{ "script.001_a", "file", "new\nline", "odd" },
	};
	auto_free char *id = make_killed(*state);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	assert_packed(*state, id, want, ARRAY_LEN(want));
}

/* Takes `fields`. */
static void append_of(struct run_writer *w, int batch, const char *type, json_t *fields)
{
	json_object_set_new(fields, "batch", json_integer(batch));
	test_append(w, type, fields);
}

static void start_of(struct run_writer *w, int batch, const char *test, int attempt)
{
	append_of(w, batch, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", attempt, "stage",
			strcmp(test, "boot") == 0 ? "" : "s"));
}

/* Two workers, whose records came mixed. */
static char *make_killed_with_batches(const char *state)
{
	struct run_writer *w = test_create(state, "btrfs/demo");
	char *id = xstrdup(run_writer_id(w));
	const char *dir = run_writer_dir(w);
	start_of(w, 1, "boot", 1);
	start_of(w, 2, "boot", 2);
	start_of(w, 2, "fstests.s", 1);
	start_of(w, 1, "fstests.s", 2);
	start_of(w, 2, "fstests.s.generic.002", 1);
	append_of(w, 2, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:i}", "test", "fstests.s.generic.002",
			"attempt", 1, "stage", "s", "status", "PASS", "duration_us", 1, "log_from",
			3, "log_to", 6));
	for (int i = 1; i <= 2; i++) {
		auto_free char *console = xasprintf("work/%d/console.log", i);
		auto_free char *log = xasprintf("work/%d/fstests.s/terminal.log", i);
		auto_free char *disk = xasprintf("work/%d/vm/disk0.raw", i);
		auto_free char *text = xasprintf("of %d: worker", i);
		test_write_file(dir, console, text, strlen(text));
		test_write_file(dir, disk, "x", 1);
		if (i == 1)
			test_write_file(dir, log, text, strlen(text));
		else /* it was saved before */
			test_artifact(w, "fstests.s", "terminal.log", "log", text, strlen(text));
	}
	test_write_file(dir, "work/3/console.log", "not begun", 9);
	ok(run_writer_close(&w, e));
	return id;
}

static void test_what_each_of_several_workers_left_is_told_apart(void **state)
{
	static const struct {
		const char *test, *text;
		int64_t attempt;
	} want[] = {
		{ "fstests.s", "of 2: worker", 1 },
		{ "boot", "of 1: worker", 1 },
		{ "fstests.s", "of 1: worker", 2 },
		{ "boot", "of 2: worker", 2 },
	};
	auto_free char *id = make_killed_with_batches(*state);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	told_has(&told, "3 recordings and logs saved");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_int_equal(r->n_artifacts, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		auto_buf struct buf b = { 0 };
		assert_string_equal(r->artifacts[i].test, want[i].test);
		assert_int_equal(r->artifacts[i].attempt, want[i].attempt);
		test_artifact_read(r, i, &b);
		assert_string_equal(buf_str(&b), want[i].text);
	}
	/* A test's words are those of the stage that it ran in, not of the one begun last. */
	auto_buf struct buf words = { 0 };
	ok(run_terminal_each(r, attempt(r, "fstests.s.generic.002"), test_sink, &words, e));
	assert_string_equal(buf_str(&words), "2: ");
}

static void test_a_collected_file_is_its_tests_and_one_from_the_disk_no_second_one(void **state)
{
	static const struct packed want[] = {
		{ "fstests.s", "file", "s/result.xml", "collected" },
		{ "fstests.s.generic.001", "file", "s/generic/001.notrun", "salvaged" },
		{ "fstests.s", "file", "s/generic/002.notrun", "salvaged" }, /* it never began */
	};
	struct run_writer *w = test_create(*state, "btrfs/demo");
	auto_free char *id = xstrdup(run_writer_id(w));
	const char *dir = run_writer_dir(w);
	test_start(w, "fstests.s", 1, "s");
	test_start(w, "fstests.s.generic.001", 1, "s");
	test_end(w, "fstests.s.generic.001", 1, "SKIP");
	test_write_file(dir, "work/fstests.s/logs/s/result.xml", "collected", 9);
	test_write_file(dir, "work/fstests.s/salvaged/s/result.xml", "salvaged", 8);
	test_write_file(dir, "work/fstests.s/salvaged/s/generic/001.notrun", "salvaged", 8);
	test_write_file(dir, "work/fstests.s/salvaged/s/generic/002.notrun", "salvaged", 8);
	ok(run_writer_close(&w, e));
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	assert_packed(*state, id, want, ARRAY_LEN(want));
}

/* As who knows the suite does, with the run's disks still there and with its files packed. */
static void look(void *ctx, const struct run_info *r, struct run_writer *w)
{
	auto_free char *disk = path_join(r->dir, "work/vm/disk0.raw");
	assert_int_equal(access(disk, F_OK), 0);
	assert_int_equal(r->n_artifacts, 1);
	test_write_file(r->dir, "work/001_a/salvaged/more.log", "more", 4);
}

static int make_worse(void *ctx, struct run_writer *w, struct err *e)
{
	auto_run_info struct run_info *r = test_read(ctx, run_writer_id(w));
	assert_int_equal(r->n_artifacts, 9);
	assert_true(attempt(r, "script.002_b")->ended);
	test_append(w, "witness",
		json_pack("{s:s, s:i, s:s, s:s}", "test", "script.001_a.good", "attempt", 1,
			"status", "FAIL", "reason", "its files say so"));
	return 0;
}

static void test_its_end_has_the_verdicts_that_became_worse(void **state)
{
	auto_free char *id = make_killed(*state);
	const struct store_recovery how = { .salvage = look, .judge = make_worse, .ctx = *state };
	ok(store_recover(*state, &how, e));
	auto_run_info struct run_info *r = test_read(*state, id);
	const json_t *counts = json_object_get(r->last, "counts");
	assert_int_equal(json_i64_or(counts, "PASS", -1), 1);
	assert_int_equal(json_i64_or(counts, "FAIL", -1), 1);
	assert_int_equal(json_i64_or(counts, "MISS", -1), 3);
	assert_string_equal(json_str_or(r->last, "status", ""), "FAIL");
	assert_int_equal(run_info_status(r), VERDICT_FAIL);
}

static int cannot(void *ctx, struct run_writer *w, struct err *e)
{
	return err_set(e, ENOSPC, "no room to judge");
}

static void test_one_that_cannot_be_judged_is_not_finished_yet(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_buf struct buf told = { 0 };
	const struct store_recovery how = { .each = tell, .judge = cannot, .ctx = &told };
	ok(store_recover(*state, &how, e));
	told_has(&told, "cannot be finished: no room to judge");
	recover(*state, &told);
	told_has(&told, "was interrupted");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_int_equal(r->n_artifacts, 8);
	assert_int_equal(r->n_attempts, 5);
}

static void test_a_run_that_was_interrupted_goes_on_and_ends_as_if_it_had_not_been(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_buf struct buf told = { 0 };
	struct err why = { 0 };
	auto_json json_t *how = json_pack("{s:s}", "command", "again");
	struct run_writer *w = NULL;
	assert_int_equal(run_resume(*state, id, how, &w, &why), -EINVAL); /* not finished yet */
	recover(*state, &told);
	ok(run_resume(*state, id, how, &w, e));
	assert_int_equal(run_resume(*state, id, how, &w, &why), -EWOULDBLOCK);
	auto_run_info struct run_info *live = test_read(*state, id);
	assert_true(live->live);
	assert_false(live->interrupted);
	assert_string_equal(json_str_or(live->resumed, "command", ""), "again");
	assert_null(live->damage);
	recover(*state, &told); /* it lives */
	assert_string_equal(buf_str(&told), "");
	static const char *const left[] = { "script.001_a", "script.001_a.sub", "script.002_b" };
	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		test_start(w, left[i], 2, i < 2 ? "001_a" : "002_b");
		test_end(w, left[i], 2, "PASS");
	}
	test_artifact(w, "script.002_b", "late", "file", "text", 4);
	free(test_finish(w, "PASS"));
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_false(r->interrupted);
	assert_int_equal(run_info_status(r), VERDICT_PASS);
	unsigned counts[VERDICT_COUNT];
	run_info_counts(r, counts);
	assert_int_equal(counts[VERDICT_PASS], 5);
	assert_int_equal(counts[VERDICT_MISS], 0);
	auto_buf struct buf b = { 0 };
	test_artifact_read(r, r->n_artifacts - 1, &b);
	assert_string_equal(buf_str(&b), "text");
	recover(*state, &told);
	assert_string_equal(buf_str(&told), "");
	assert_int_equal(run_resume(*state, id, how, &w, &why), -EINVAL);
	assert_non_null(strstr(why.msg, "was not interrupted"));
}

static void test_one_that_goes_on_and_is_killed_again_is_finished_again(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_buf struct buf told = { 0 };
	auto_json json_t *how = json_object();
	struct run_writer *w = NULL;
	recover(*state, &told);
	ok(run_resume(*state, id, how, &w, e));
	test_start(w, "script.001_a", 2, "001_a");
	ok(run_writer_close(&w, e));
	recover(*state, &told);
	told_has(&told, "was interrupted in script.001_a;");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_true(r->interrupted);
	assert_int_equal(run_info_status(r), VERDICT_MISS);
	assert_int_equal(r->attempts[r->n_attempts - 1].attempt, 2);
	assert_true(r->attempts[r->n_attempts - 1].ended);
}

static void test_the_index_knows_of_it(void **state)
{
	free(make_killed(*state));
	struct index_db *x = NULL;
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_open(*state, &x, e)); /* sees it before it is finished */
	index_close(x);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	ok(index_open(*state, &x, e));
	ok(index_runs(x, NULL, 0, &rows, &n, e));
	assert_int_equal(n, 1);
	assert_true(rows[0].interrupted);
	assert_int_equal(rows[0].counts[VERDICT_MISS], 3);
	run_rows_free(rows, n);
	index_close(x);
}

static void test_a_run_that_lives_or_has_ended_is_left_alone(void **state)
{
	auto_free char *done = test_run(*state, "x", "PASS");
	struct run_writer *w = test_create(*state, "x");
	test_write_file(run_writer_dir(w), "work/001_a/terminal.log", "raw", 3);
	/* Kept on purpose, by --keep. */
	auto_free char *kept = xasprintf("%s/runs/%s", (char *)*state, done);
	test_write_file(kept, "work/vm/disk0.raw", "kept", 4);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	assert_string_equal(buf_str(&told), "");
	test_start(w, "t", 1, "");
	auto_free char *file = path_join(run_writer_dir(w), "work/001_a/terminal.log");
	auto_free char *disk = path_join(kept, "work/vm/disk0.raw");
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(access(disk, F_OK), 0);
	free(test_finish(w, "PASS"));
}

static void test_one_who_only_looks_does_not_keep_it_from_being_finished(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_free char *path = xasprintf("%s/runs/%s/journal", (char *)*state, id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* holds the same lock for a moment longer */
		(void)usleep(100000);
		_exit(0);
	}
	close(fd);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	told_has(&told, "was interrupted");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void damage(const char *state, const char *id, const char *needle)
{
	auto_free char *path = xasprintf("%s/runs/%s/journal", state, id);
	auto_buf struct buf b = { 0 };
	ok(file_read(path, 1 << 20, &b, e));
	char *at = strstr(b.s, needle);
	assert_non_null(at);
	*at ^= 1;
	ok(file_replace(path, b.s, b.len, 0644, e));
}

static void test_a_damaged_journal_is_kept_and_the_run_finished_from_what_is_trusted(void **state)
{
	auto_free char *id = make_killed(*state);
	auto_free char *copy = xasprintf("%s/runs/%s/journal.damaged", (char *)*state, id);
	damage(*state, id, "script.001_a.good");
	auto_free char *path = xasprintf("%s/runs/%s/journal", (char *)*state, id);
	auto_buf struct buf before = { 0 };
	auto_buf struct buf kept = { 0 };
	ok(file_read(path, 1 << 20, &before, e));
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	told_has(&told, "its journal was damaged at line 6: checksum");
	ok(file_read(copy, 1 << 20, &kept, e));
	assert_string_equal(buf_str(&before), buf_str(&kept));
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_int_equal(attempt(r, "boot")->status, VERDICT_PASS);
	assert_int_equal(attempt(r, "script.001_a")->status, VERDICT_MISS);
	const char *note = json_str_or(json_array_get(r->notes, 0), "text", "");
	assert_string_equal(
		note, "journal damaged at line 6: checksum; all of it is kept in journal.damaged");
	recover(*state, &told);
	assert_string_equal(buf_str(&told), "");
}

static void test_a_journal_damaged_from_the_start_is_told_and_not_touched(void **state)
{
	auto_free char *bad = make_killed(*state);
	free(make_killed(*state));
	damage(*state, bad, "btrfs");
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	told_has(&told, "cannot be finished: its journal is damaged from the start");
	told_has(&told, "was interrupted in script.001_a.sub"); /* the others are */
	auto_free char *file = xasprintf("%s/runs/%s/work/kernel.log", (char *)*state, bad);
	assert_int_equal(access(file, F_OK), 0);
}

static void test_folders_of_runs_that_were_never_born_are_removed(void **state)
{
	free(test_run(*state, "x", "PASS"));
	test_write_file(*state, "runs/20260101-000000-x/journal.new", "", 0);
	test_write_file(*state, "runs/20260101-000000-x/pack", "", 0);
	test_write_file(*state, "runs/somebody/elses", "file", 4);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	auto_free char *gone = path_join(*state, "runs/20260101-000000-x");
	auto_free char *kept = path_join(*state, "runs/somebody/elses");
	assert_int_equal(access(gone, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
}

static void test_without_any_state_there_is_nothing_to_do(void **state)
{
	auto_free char *none = path_join(*state, "none");
	ok(store_recover(none, &quietly, e));
	assert_int_equal(access(none, F_OK), -1);
}

static void test_two_who_recover_at_once_finish_each_run_once(void **state)
{
	enum {
		RUNS = 6
	};
	for (int i = 0; i < RUNS; i++)
		free(make_killed(*state));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(store_recover(*state, &quietly, NULL) < 0);
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	int status = 1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct index_db *x = NULL;
	struct run_row *rows = NULL;
	size_t n = 0;
	ok(index_open(*state, &x, e));
	ok(index_runs(x, NULL, 0, &rows, &n, e));
	assert_int_equal(n, RUNS);
	for (size_t i = 0; i < n; i++) {
		assert_true(rows[i].interrupted);
		assert_null(rows[i].damage);
		assert_int_equal(rows[i].counts[VERDICT_MISS], 3);
	}
	run_rows_free(rows, n);
	index_close(x);
}

/* Killed again and again while it recovers, it gets there. */
static void test_recovery_that_is_killed_is_taken_up_again(void **state)
{
	auto_free char *id = make_killed(*state);
	uint32_t seed = 77;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(store_recover(*state, &quietly, NULL) < 0);
		(void)usleep(test_random(&seed) % 4000);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	auto_buf struct buf told = { 0 };
	recover(*state, &told);
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_true(r->interrupted);
	assert_int_equal(r->n_attempts, 5);
	assert_int_equal(r->n_artifacts, 8);
	for (size_t i = 0; i < r->n_artifacts; i++) {
		auto_buf struct buf b = { 0 };
		test_artifact_read(r, i, &b);
	}
}

/* No room for what it wants to save: nothing is thrown away, and with room it is finished. */
static void test_a_full_disk_puts_recovery_off(void **state)
{
	auto_free char *dir = path_join(*state, "tmpfs");
	assert_int_equal(mkdir(dir, 0755), 0);
	if (mount("none", dir, "tmpfs", 0, "size=512k") < 0) {
		print_message("# SKIP cannot mount a tmpfs: %s\n", strerror(errno));
		skip();
	}
	auto_free char *id = make_killed(dir);
	auto_free char *log = xasprintf("runs/%s/work/001_a/logs/noise", id);
	uint32_t noise[50000];
	uint32_t seed = 11;
	for (size_t i = 0; i < ARRAY_LEN(noise); i++)
		noise[i] = test_random(&seed);
	test_write_file(dir, log, noise, sizeof noise);
	test_write_file(dir, "filler", noise, sizeof noise - 4096);
	auto_buf struct buf told = { 0 };
	recover(dir, &told);
	told_has(&told, "cannot be finished: save recordings and logs of");
	told_has(&told, "No space left on device");
	auto_free char *filler = path_join(dir, "filler");
	assert_int_equal(unlink(filler), 0);
	recover(dir, &told);
	told_has(&told, "was interrupted in script.001_a.sub");
	auto_run_info struct run_info *r = test_read(dir, id);
	assert_null(r->damage);
	assert_non_null(r->last);
	assert_int_equal(r->n_attempts, 5);
	assert_int_equal(r->n_artifacts, 9);
	assert_int_equal(umount(dir), 0);
}

#define each(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(test_a_killed_run_is_finished_and_nothing_is_lost),
		each(test_its_recordings_and_logs_are_packed_and_no_disk_of_a_vm),
		each(test_what_each_of_several_workers_left_is_told_apart),
		each(test_a_collected_file_is_its_tests_and_one_from_the_disk_no_second_one),
		each(test_its_end_has_the_verdicts_that_became_worse),
		each(test_one_that_cannot_be_judged_is_not_finished_yet),
		each(test_a_run_that_was_interrupted_goes_on_and_ends_as_if_it_had_not_been),
		each(test_one_that_goes_on_and_is_killed_again_is_finished_again),
		each(test_the_index_knows_of_it),
		each(test_a_run_that_lives_or_has_ended_is_left_alone),
		each(test_one_who_only_looks_does_not_keep_it_from_being_finished),
		each(test_a_damaged_journal_is_kept_and_the_run_finished_from_what_is_trusted),
		each(test_a_journal_damaged_from_the_start_is_told_and_not_touched),
		each(test_folders_of_runs_that_were_never_born_are_removed),
		each(test_without_any_state_there_is_nothing_to_do),
		each(test_two_who_recover_at_once_finish_each_run_once),
		each(test_recovery_that_is_killed_is_taken_up_again),
		each(test_a_full_disk_puts_recovery_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
