/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/test.h"
#include "record/recording.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const struct recording_spec SPEC = { .cols = 80, .rows = 24 };

/* A recording that goes to an unlinked file; *ret_fd reads it from the start. */
static struct recording *open_tmp(const struct recording_spec *spec, int *ret_fd)
{
	char path[] = "/tmp/fsqa-recording-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(*ret_fd >= 0);
	unlink(path);
	struct recording *r = NULL;
	assert_int_equal(recording_open(fd, spec, &r, NULL), 0);
	return r;
}

static void read_all(int fd, struct buf *out)
{
	char piece[65536];
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_add(out, piece, (size_t)n);
	assert_int_equal(n, 0);
}

/* A reader of this text. */
static int open_text(const char *text, size_t len, struct recording_reader **ret, struct err *e)
{
	char path[] = "/tmp/fsqa-recording-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(fd_write_all(fd, text, len, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	unsigned cols;
	unsigned rows;
	int rc = recording_reader_open(fd, &cols, &rows, ret, e);
	if (rc < 0)
		close(fd); /* would fail in a sanitizer build were it not still ours */
	return rc;
}

static void test_output_marks_and_sizes_are_lines_in_order(void **unused)
{
	int fd;
	struct recording_spec spec = SPEC;
	spec.timestamp = 1700000000;
	spec.title = "a \"b\"";
	auto_recording struct recording *r = open_tmp(&spec, &fd);
	assert_int_equal(recording_output(r, 248848, "\x1b[1mHi\xe2\x82", 8, NULL), 0);
	assert_int_equal(recording_mark(r, 500000, "mkfs\n", NULL), 0);
	assert_int_equal(recording_output(r, 1000000, "\xac\xff", 2, NULL), 0);
	assert_int_equal(recording_output(r, 999999, "late", 4, NULL), 0);
	assert_int_equal(recording_resize(r, 2000001, 132, 43, NULL), 0);
	assert_int_equal(recording_output(r, 2000002, "\xf0\x9f", 2, NULL), 0);
	assert_int_equal(recording_bytes(r), 16);
	assert_false(recording_cut(r));
	assert_int_equal(recording_close(&r, NULL), 0);
	auto_buf struct buf text = { 0 };
	read_all(fd, &text);
	assert_string_equal(buf_str(&text),
		"{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 1700000000, "
		"\"title\": \"a \\\"b\\\"\"}\n"
		"[0.248848, \"o\", \"\\u001b[1mHi\"]\n"
		"[0.500000, \"m\", \"mkfs\\n\"]\n"
		"[1.000000, \"o\", \"\xe2\x82\xac\\ufffd\"]\n"
		"[1.000000, \"o\", \"late\"]\n"
		"[2.000001, \"r\", \"132x43\"]\n"
		"[2.000002, \"o\", \"\\ufffd\"]\n");
	close(fd);
}

static void test_long_label_is_cut_between_characters(void **unused)
{
	int fd;
	auto_recording struct recording *r = open_tmp(&SPEC, &fd);
	char label[300];
	memset(label, 'x', sizeof label);
	/* Byte 200 is in the middle of a character. */
	for (size_t i = 1; i + 1 < sizeof label; i += 2) {
		label[i] = '\xc3';
		label[i + 1] = '\xa9';
	}
	label[299] = '\0';
	assert_int_equal(recording_mark(r, 0, label, NULL), 0);
	assert_int_equal(recording_close(&r, NULL), 0);
	unsigned cols;
	unsigned rows;
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(recording_reader_open(fd, &cols, &rows, &in, NULL), 0);
	struct recording_event ev;
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_int_equal(ev.code, 'm');
	assert_int_equal(ev.len, 199);
	assert_memory_equal(ev.text, label, 199);
}

static void test_terminal_without_size_is_refused_and_fd_stays_ours(void **unused)
{
	struct err e = { 0 };
	struct recording *r = NULL;
	struct recording_spec spec = { .cols = 80 };
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(recording_open(fd, &spec, &r, &e), -EINVAL);
	assert_string_equal(e.msg, "recording of a 80x0 terminal: each side is 1 to 1000");
	assert_int_equal(close(fd), 0);
	auto_recording struct recording *s = open_tmp(&SPEC, &fd);
	assert_int_equal(recording_resize(s, 1, 0, 5, NULL), -EINVAL);
	assert_int_equal(recording_resize(s, 1, 5, 1001, NULL), -EINVAL);
	assert_int_equal(recording_mark(s, 1, "goes on", NULL), 0);
	close(fd);
}

static void test_full_disk_is_reported_and_fd_stays_ours(void **unused)
{
	struct err e = { 0 };
	struct recording *r = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(recording_open(fd, &SPEC, &r, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "write recording"));
	assert_non_null(strstr(e.msg, "No space left on device"));
	assert_null(r);
	assert_int_equal(close(fd), 0);
}

/* A limit on the file's size stands for a disk that fills up in the middle of a line. */
static void test_disk_full_later_leaves_whole_events_and_every_call_says_so(void **unused)
{
	int fd;
	struct err e = { 0 };
	struct recording *r = open_tmp(&SPEC, &fd);
	assert_int_equal(recording_output(r, 1, "whole", 5, NULL), 0);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit small = { .rlim_cur = 80, .rlim_max = before.rlim_max };
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = recording_output(r, 2, "0123456789012345678901234567890123456789", 40, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, handler);
	assert_int_equal(rc, -EFBIG);
	assert_non_null(strstr(e.msg, "write recording"));
	assert_int_equal(recording_output(r, 3, "x", 1, NULL), -EFBIG);
	assert_int_equal(recording_mark(r, 3, "x", NULL), -EFBIG);
	assert_int_equal(recording_close(&r, NULL), -EFBIG);
	assert_null(r);
	auto_buf struct buf text = { 0 };
	read_all(fd, &text);
	assert_string_equal(buf_str(&text), "{\"version\": 2, \"width\": 80, \"height\": 24}\n"
					    "[0.000001, \"o\", \"whole\"]\n");
	close(fd);
}

static void test_past_the_limit_the_tail_is_kept_and_marks_stay(void **unused)
{
	int fd;
	struct recording_spec spec = SPEC;
	spec.limit_bytes = 300000;
	struct recording *r = open_tmp(&spec, &fd);
	auto_buf struct buf line = { 0 };
	for (unsigned i = 0; i < 40000; i++) {
		buf_reset(&line);
		buf_addf(&line, "line %u \x1b[31m\xe2\x82\xac\r\n", i);
		assert_int_equal(recording_output(r, i * 10, line.s, line.len, NULL), 0);
	}
	assert_true(recording_cut(r));
	assert_int_equal(recording_mark(r, 500000, "late mark", NULL), 0);
	uint64_t raw = recording_bytes(r);
	assert_int_equal(recording_close(&r, NULL), 0);
	assert_true(lseek(fd, 0, SEEK_END) < 300000 + 300 + 6 * (off_t)RECORDING_TAIL);
	lseek(fd, 0, SEEK_SET);
	unsigned cols;
	unsigned rows;
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(recording_reader_open(fd, &cols, &rows, &in, NULL), 0);
	struct recording_event ev;
	unsigned n = 0;
	for (; recording_reader_next(in, &ev, NULL) == 1 && ev.code == 'o'; n++)
		assert_memory_equal(ev.text, "line ", 5);
	assert_true(n > 1000 && n < 40000);
	assert_int_equal(ev.code, 'm');
	assert_string_equal(ev.text, "late mark");
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_non_null(strstr(ev.text, "of output not recorded: the limit is reached]\r\nline "));
	assert_memory_equal(ev.text + ev.len - 21, "line 39999 ", 11);
	assert_true(ev.len <= RECORDING_TAIL + 200 && ev.len > RECORDING_TAIL - 100);
	assert_null(memmem(ev.text, ev.len, "\xef\xbf\xbd", 3));
	assert_int_equal(recording_reader_next(in, &ev, NULL), 0);
	assert_true(raw > 800000);
}

static void test_character_cut_by_the_limit_is_joined_in_the_tail(void **unused)
{
	int fd;
	struct recording_spec spec = SPEC;
	spec.limit_bytes = 100;
	struct recording *r = open_tmp(&spec, &fd);
	assert_int_equal(recording_output(r, 1, "ab\xe2\x82", 4, NULL), 0);
	char more[81] = "\xac";
	memset(more + 1, '-', 80);
	assert_int_equal(recording_output(r, 2, more, sizeof more, NULL), 0);
	assert_true(recording_cut(r));
	assert_int_equal(recording_close(&r, NULL), 0);
	auto_buf struct buf text = { 0 };
	read_all(fd, &text);
	/* Nothing is missing, so nothing says so. */
	assert_non_null(strstr(buf_str(&text), "[0.000002, \"o\", \"\xe2\x82\xac-----"));
	assert_null(strstr(buf_str(&text), "not recorded"));
	close(fd);
}

static void test_binary_junk_in_one_large_piece_stays_readable(void **unused)
{
	int fd;
	struct recording *r = open_tmp(&SPEC, &fd);
	size_t n = 3u << 20;
	auto_free unsigned char *junk = xmalloc(n);
	uint32_t x = 1;
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		junk[i] = (unsigned char)(x >> 24);
	}
	assert_int_equal(recording_output(r, 5, junk, n, NULL), 0);
	assert_int_equal(recording_close(&r, NULL), 0);
	unsigned cols;
	unsigned rows;
	auto_buf struct buf got = { 0 };
	auto_buf struct buf want = { 0 };
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(recording_reader_open(fd, &cols, &rows, &in, NULL), 0);
	struct recording_event ev;
	int rc;
	while ((rc = recording_reader_next(in, &ev, NULL)) == 1)
		buf_add(&got, ev.text, ev.len);
	assert_int_equal(rc, 0);
	utf8_clean(&want, junk, n);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.s, want.s, want.len);
}

static void test_file_of_a_killed_writer_is_readable_to_its_last_event(void **unused)
{
	char path[] = "/tmp/fsqa-recording-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	int tell[2];
	assert_int_equal(pipe(tell), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct recording *r = NULL;
		if (recording_open(fd, &SPEC, &r, NULL) < 0)
			_exit(1);
		for (uint64_t i = 0;; i++) {
			if (recording_output(r, i, "0123456789 \x1b[0m \xc3\xa9\r\n", 19, NULL) < 0)
				_exit(1);
			if (i == 100 && write(tell[1], "x", 1) != 1)
				_exit(1);
		}
	}
	char c;
	assert_int_equal(read(tell[0], &c, 1), 1);
	kill(pid, SIGKILL);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	unsigned cols;
	unsigned rows;
	lseek(fd, 0, SEEK_SET);
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(recording_reader_open(fd, &cols, &rows, &in, NULL), 0);
	unlink(path);
	struct recording_event ev;
	size_t n = 0;
	int rc;
	while ((rc = recording_reader_next(in, &ev, NULL)) == 1)
		n++;
	assert_int_equal(rc, 0);
	assert_true(n > 100);
	close(tell[0]);
	close(tell[1]);
}

#define HEAD "{\"version\": 2, \"width\": 80, \"height\": 24}\n"

static void test_reader_takes_what_other_recorders_write(void **unused)
{
	static const char text[] = "{\"env\": {\"TERM\": \"xterm\"}, \"height\": 24, \"width\": "
				   "80, \"version\": 2, \"duration\": 1.5}\r\n\n"
				   "[1, \"o\", \"a\\u0000b\\ud83d\\ude00\"]\n"
				   "[0.5, \"i\", \"key\"]\n"
				   "[2.0, \"zoom\", {}]\n"
				   "[2.5e0, \"r\", \"100x30\"]\n"
				   "[3, \"m\", \"no newline at the end\"]";
	struct recording_event ev;
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(open_text(text, sizeof text - 1, &in, NULL), 0);
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_int_equal(ev.len, 7);
	assert_memory_equal(ev.text, "a\0b\xf0\x9f\x98\x80", 8);
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_int_equal(ev.code, 'i');
	assert_true(ev.at_s >= 1.0); /* never back */
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_int_equal(ev.code, 'r');
	assert_int_equal(ev.cols, 100);
	assert_int_equal(ev.rows, 30);
	assert_int_equal(recording_reader_next(in, &ev, NULL), 1);
	assert_string_equal(ev.text, "no newline at the end");
	assert_int_equal(recording_reader_next(in, &ev, NULL), 0);
	assert_int_equal(recording_reader_next(in, &ev, NULL), 0);
}

static void expect_next_fails(const char *text, int code, const char *msg)
{
	struct err e = { 0 };
	struct recording_event ev;
	auto_recording_reader struct recording_reader *in = NULL;
	assert_int_equal(open_text(text, strlen(text), &in, NULL), 0);
	assert_int_equal(recording_reader_next(in, &ev, &e), code);
	if (!strstr(e.msg, msg))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, msg);
}

static void test_what_is_no_event_is_an_error_with_its_line(void **unused)
{
	expect_next_fails(HEAD "[1, \"o\", \"cut\n[2, \"o\", \"x\"]\n", -EINVAL, "line 2: ");
	expect_next_fails(HEAD "\n{\"a\": 1}\n", -EINVAL, "line 3: not an event");
	expect_next_fails(HEAD "[-1, \"o\", \"x\"]\n", -EINVAL, "line 2: not an event: its time");
	expect_next_fails(HEAD "[1, \"o\", 5]\n", -EINVAL, "line 2: not an event: its text");
	expect_next_fails(HEAD "[1, \"r\", \"80x\"]\n", -EINVAL, "line 2: not an event: its size");
	expect_next_fails(HEAD "[1, \"r\", \"80x1001\"]\n", -EINVAL, "its size");
	expect_next_fails(HEAD "[1, \"o\", \"a last line cut sh", 0, "");
	auto_buf struct buf b = { 0 };
	buf_adds(&b, HEAD "[1, \"o\", \"");
	while (b.len < RECORDING_LINE_MAX + 100)
		buf_adds(&b, "0123456789012345678901234567890123456789");
	expect_next_fails(buf_str(&b), -EFBIG, "line 2: longer than 1048576 bytes");
	buf_adds(&b, "\"]\n");
	expect_next_fails(buf_str(&b), -EFBIG, "line 2: longer than 1048576 bytes");
}

static void test_what_is_no_asciicast_v2_is_refused_with_the_reason(void **unused)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "line 1: empty" },
		{ "hello\n", "line 1: not the header" },
		{ "[1, \"o\", \"x\"]\n", "line 1: not the header of an asciicast: no object" },
		{ "{\"version\": 3}\n", "asciicast version 3; 2 is what is read" },
		{ "{\"version\": 2, \"width\": 80}\n", "line 1: \"height\" is not 1 to 1000" },
		{ "{\"version\": 2, \"width\": 9999, \"height\": 1}\n", "\"width\" is not" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = { 0 };
		struct recording_reader *in = NULL;
		assert_int_equal(open_text(cases[i].text, strlen(cases[i].text), &in, &e), -EINVAL);
		assert_null(in);
		if (!strstr(e.msg, cases[i].msg))
			fail_msg("\"%s\" does not say \"%s\"", e.msg, cases[i].msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_marks_and_sizes_are_lines_in_order),
		cmocka_unit_test(test_long_label_is_cut_between_characters),
		cmocka_unit_test(test_terminal_without_size_is_refused_and_fd_stays_ours),
		cmocka_unit_test(test_full_disk_is_reported_and_fd_stays_ours),
		cmocka_unit_test(test_disk_full_later_leaves_whole_events_and_every_call_says_so),
		cmocka_unit_test(test_past_the_limit_the_tail_is_kept_and_marks_stay),
		cmocka_unit_test(test_character_cut_by_the_limit_is_joined_in_the_tail),
		cmocka_unit_test(test_binary_junk_in_one_large_piece_stays_readable),
		cmocka_unit_test(test_file_of_a_killed_writer_is_readable_to_its_last_event),
		cmocka_unit_test(test_reader_takes_what_other_recorders_write),
		cmocka_unit_test(test_what_is_no_event_is_an_error_with_its_line),
		cmocka_unit_test(test_what_is_no_asciicast_v2_is_refused_with_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
