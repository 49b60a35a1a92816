/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run that is checked in under tests/fixtures/store was written by the first version of the
 * format; every later one must read it. FSQA_WRITE_FIXTURE=STATE writes such a run instead. */
#include "record/recording.h"
#include "store/store_test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define KERNEL_TEXT "WARNING: CPU: 0 PID: 812 at fs/btrfs/qgroup.c:2713"

/* ---- writing ---- */

static void put(struct run_writer *w, const char *test, const char *name, const char *kind,
	const char *text)
{
	test_artifact(w, test, name, kind, text, strlen(text));
}

/* A stage's terminal, as recording and as log. */
static void put_terminal(
	struct run_writer *w, const char *test, const char *first, const char *second)
{
	auto_free char *path = path_join(run_writer_dir(w), "tmp.cast");
	auto_recording struct recording *r = NULL;
	const struct recording_spec spec = { 80, 24, 1795255533, test, 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ok(recording_open(fd, &spec, &r, e));
	ok(recording_output(r, 100000, first, strlen(first), e));
	ok(recording_mark(r, 1000000, "mark", e));
	ok(recording_output(r, 1200000, second, strlen(second), e));
	ok(recording_close(&r, e));
	ok(run_artifact_file(w, test, 1, "terminal.cast", "cast", path, false, e));
	assert_int_equal(unlink(path), 0);
	auto_free char *both = xasprintf("%s%s", first, second);
	put(w, test, "terminal.log", "log", both);
}

static void end_sub(struct run_writer *w, const char *test, const char *status, const char *reason,
	size_t from, size_t to)
{
	json_t *j = json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "test", test,
		"attempt", 1, "status", status, "reason", reason, "duration_us", 500000,
		"marker_us", 1000000, "log_from", (int)from, "log_to", (int)to, "exit_code",
		strcmp(status, "PASS") == 0 ? 0 : 1);
	if (strcmp(status, "FAIL") == 0)
		json_object_set_new(j, "kernel_log", json_pack("[s]", KERNEL_TEXT));
	test_append(w, "attempt_end", j);
}

static void write_stages(struct run_writer *w)
{
	test_start(w, "script.001_kernel", 1, "001_kernel");
	test_start(w, "script.001_kernel.release", 1, "001_kernel");
	end_sub(w, "script.001_kernel.release", "PASS", "", 12, 20);
	put_terminal(w, "script.001_kernel", "+ uname -r\r\n", "6.1.0\r\n\033[32mok\033[0m\r\n");
	put(w, "script.001_kernel", "release.txt", "file", "6.1.0\n");
	put(w, "script.001_kernel", "out.txt", "file", "of 001\n");
	test_end(w, "script.001_kernel", 1, "PASS");
	test_start(w, "script.002_btrfsprogs", 1, "002_btrfsprogs");
	test_start(w, "script.002_btrfsprogs.quota", 1, "002_btrfsprogs");
	end_sub(w, "script.002_btrfsprogs.quota", "FAIL", "kernel warning during the test", 8, 30);
	put_terminal(w, "script.002_btrfsprogs", "stage 2\n", "quota enabled\nfailed\nend\n");
	put(w, "script.002_btrfsprogs", "out.txt", "file", "of 002\n");
	test_artifact(w, "script.002_btrfsprogs", "deep/\xc3\xa9.bin", "file", "\0\1\xff", 3);
	test_end(w, "script.002_btrfsprogs", 1, "FAIL");
	test_append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", "script.003_fsops", "attempt", 1, "stage",
			"003_fsops"));
	test_append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i}", "test", "script.003_fsops", "attempt", 1,
			"status", "SKIP", "reason", "002_btrfsprogs did not pass", "duration_us",
			0));
}

static void write_fixture(const char *state)
{
	auto_json json_t *first = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}}", "fsqa",
		"0.1.0", "host", "build-7", "kernel", "6.1.0-49-cloud-amd64", "image",
		"Debian bookworm", "accel", "tcg", "command", "fsqa run btrfs/demo", "environment",
		"accel_reason", "/dev/kvm is not there");
	struct run_writer *w = NULL;
	ok(run_create(state, "btrfs/demo", first, &w, e));
	test_append(w, "plan",
		json_pack("{s:[s, s, s, s]}", "tests", "boot", "script.001_kernel",
			"script.002_btrfsprogs", "script.003_fsops"));
	test_start(w, "boot", 1, "");
	test_end(w, "boot", 1, "MISS");
	test_start(w, "boot", 2, "");
	test_append(w, "target",
		json_pack("{s:s, s:s, s:i}", "release", "6.1.0-49-cloud-amd64", "accel", "tcg",
			"boot", 2));
	test_end(w, "boot", 2, "PASS");
	write_stages(w);
	put(w, "boot", "console.log", "console", "[    0.000000] Linux version 6.1.0\n");
	put(w, "boot", "kernel.log", "kernel", "<4>[   12.000000] " KERNEL_TEXT "\n");
	test_append(w, "note",
		json_pack("{s:s, s:s}", "level", "warning", "text",
			"stage 003_fsops has no timeout; the default, 30m, is taken"));
	free(test_finish(w, "FAIL"));
}

/* ---- reading ---- */

static const struct run_attempt *attempt(const struct run_info *r, const char *test)
{
	const struct run_attempt *a = NULL;
	for (size_t i = 0; i < r->n_attempts; i++) {
		if (strcmp(r->attempts[i].test, test) == 0)
			a = &r->attempts[i];
	}
	assert_non_null(a);
	return a;
}

static void terminal_is(const struct run_info *r, const char *test, const char *text)
{
	auto_buf struct buf b = { 0 };
	ok(run_terminal_each(r, attempt(r, test), test_sink, &b, e));
	assert_string_equal(buf_str(&b), text);
}

static char *fixture(void)
{
	const char *here = getenv("FSQA_TEST_DATA");
	return xasprintf("%s/../../tests/fixtures/store", here ? here : "src/store");
}

static void test_a_run_of_the_first_format_is_read(void **unused)
{
	auto_free char *state = fixture();
	auto_run_info struct run_info *r = test_read(state, "latest");
	assert_null(r->damage);
	assert_false(r->live);
	assert_false(r->interrupted);
	assert_int_equal(run_info_status(r), VERDICT_FAIL);
	assert_string_equal(json_str_or(r->first, "host", ""), "build-7");
	assert_int_equal(r->n_attempts, 7);
	assert_int_equal(r->n_artifacts, 10);
	assert_true(r->attempts[0].superseded);
	assert_int_equal(attempt(r, "boot")->status, VERDICT_PASS);
	const struct run_attempt *a = attempt(r, "script.002_btrfsprogs.quota");
	assert_int_equal(a->status, VERDICT_FAIL);
	assert_string_equal(a->reason, "kernel warning during the test");
	assert_int_equal(a->marker_us, 1000000);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(a->end, "kernel_log"), 0)),
		KERNEL_TEXT);
	for (size_t i = 0; i < r->n_artifacts; i++) {
		auto_buf struct buf b = { 0 };
		test_artifact_read(r, i, &b); /* each has its hash */
	}
	assert_int_equal(json_array_size(r->notes), 1);
}

static void test_what_a_test_wrote_to_the_terminal_is_its_own_part(void **unused)
{
	auto_free char *state = fixture();
	auto_run_info struct run_info *r = test_read(state, "latest");
	terminal_is(r, "script.001_kernel", "+ uname -r\r\n6.1.0\r\n\033[32mok\033[0m\r\n");
	terminal_is(r, "script.001_kernel.release", "6.1.0\r\n\033");
	terminal_is(r, "script.002_btrfsprogs.quota", "quota enabled\nfailed\ne");
	assert_int_equal(
		run_terminal_each(r, attempt(r, "script.003_fsops"), test_sink, NULL, NULL),
		-ENOENT);
}

static void test_without_a_log_the_recording_tells_the_part_by_time(void **unused)
{
	auto_free char *state = fixture();
	auto_run_info struct run_info *r = test_read(state, "latest");
	for (size_t i = 0; i < r->n_artifacts; i++) {
		if (strcmp(r->artifacts[i].name, "terminal.log") == 0)
			r->artifacts[i].kind[0] = 'x';
	}
	terminal_is(r, "script.001_kernel", "+ uname -r\r\n6.1.0\r\n\033[32mok\033[0m\r\n");
	terminal_is(r, "script.001_kernel.release", "6.1.0\r\n\033[32mok\033[0m\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_of_the_first_format_is_read),
		cmocka_unit_test(test_what_a_test_wrote_to_the_terminal_is_its_own_part),
		cmocka_unit_test(test_without_a_log_the_recording_tells_the_part_by_time),
	};
	if (getenv("FSQA_WRITE_FIXTURE")) {
		write_fixture(getenv("FSQA_WRITE_FIXTURE"));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
