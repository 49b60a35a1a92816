/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "cli/play.h"
#include "record/tame.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

static int cast(const char *text)
{
	char path[] = "/tmp/fsqa-play-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	static const char head[] = "{\"version\": 2, \"width\": 80, \"height\": 24}\n";
	assert_int_equal(fd_write_all(fd, head, strlen(head), NULL), 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text), NULL), 0);
	return fd;
}

static const char MARKED[] = "[0.1, \"o\", \"one \"]\n"
			     "[1.0, \"m\", \"mkfs.single\"]\n[1.1, \"o\", \"two \"]\n"
			     "[60.0, \"m\", \"mkfs.raid1\"]\n[60.1, \"o\", \"three \"]\n"
			     "[61.0, \"m\", \"12\"]\n[90.0, \"o\", \"four\"]\n";

static void test_markers_are_found_by_label_start_and_time(void **unused)
{
	auto_close int fd = cast(MARKED);
	auto_play_marks struct play_marks m = { 0 };
	assert_int_equal(play_read_marks(fd, &m, NULL), 0);
	assert_int_equal(m.n, 3);
	assert_true(m.duration_s == 90.0 && m.cols == 80 && m.rows == 24);
	double at = 0;
	assert_int_equal(play_find(&m, "mkfs.raid1", &at, NULL), 0);
	assert_true(at == 60.0);
	assert_int_equal(play_find(&m, "mkfs.r", &at, NULL), 0);
	assert_true(at == 60.0);
	assert_int_equal(play_find(&m, "12", &at, NULL), 0);
	assert_true(at == 61.0); /* a label comes before a number */
	assert_int_equal(play_find(&m, "1:02.5", &at, NULL), 0);
	assert_true(at == 62.5);
	struct err e = { 0 };
	assert_int_equal(play_find(&m, "mkfs.radi1", &at, &e), -EINVAL);
	assert_string_equal(e.msg, "no marker \"mkfs.radi1\" (did you mean mkfs.raid1?)");
	assert_int_equal(play_find(&m, "mkfs", &at, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "several begin so"));
	assert_int_equal(play_find(&m, "", &at, &e), -EINVAL);
	assert_false(
		play_seconds("1e9", &at) || play_seconds("-1", &at) || play_seconds("1:", &at));
}

static void read_all(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_add(out, piece, (size_t)n);
}

static void test_to_a_pipe_all_is_printed_as_recorded(void **unused)
{
	auto_close int fd = cast("[0, \"o\", \"a\\u001b]0;t\\u0007\"]\n[3600, \"o\", \"b\"]\n");
	int out[2];
	assert_int_equal(pipe(out), 0);
	struct play_spec spec = { .in = -1, .out = out[1] };
	assert_int_equal(play_show(fd, &spec, NULL), 0);
	close(out[1]);
	auto_buf struct buf got = { 0 };
	read_all(out[0], &got);
	close(out[0]);
	assert_string_equal(buf_str(&got), "a\033]0;t\ab");
}

static void test_full_disk_is_an_error(void **unused)
{
	auto_close int fd = cast("[0, \"o\", \"a\"]\n");
	auto_close int out = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct play_spec spec = { .in = -1, .out = out };
	struct err e = { 0 };
	assert_int_equal(play_show(fd, &spec, &e), -ENOSPC);
}

/* A player in a child, on a terminal of its own. */
struct stage {
	pid_t pid;
	int master, slave;
	struct termios before;
	struct buf seen;
};

static void start(struct stage *s, const char *text, struct play_spec spec)
{
	*s = (struct stage){ 0 };
	assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(s->slave, &s->before), 0);
	auto_close int fd = cast(text);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		spec.in = spec.out = s->slave;
		int rc = play_show(fd, &spec, NULL);
		_exit(rc < 0 ? 100 : rc);
	}
}

/* Read the terminal until it showed `text`; how long that took. */
static uint64_t await(struct stage *s, const char *text)
{
	uint64_t from = clock_mono_us();
	while (!strstr(buf_str(&s->seen), text)) {
		struct pollfd p = { .fd = s->master, .events = POLLIN };
		if (poll(&p, 1, 20000) != 1)
			fail_msg("\"%s\" was not shown, but \"%s\"", text, buf_str(&s->seen));
		char piece[4096];
		ssize_t n = read(s->master, piece, sizeof piece);
		assert_true(n > 0);
		buf_add(&s->seen, piece, (size_t)n);
	}
	return clock_mono_us() - from;
}

/* How it ended; the terminal is as it was. */
static int finish(struct stage *s)
{
	int status;
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	struct termios after;
	assert_int_equal(tcgetattr(s->slave, &after), 0);
	assert_int_equal(after.c_lflag, s->before.c_lflag);
	await(s, TAME_RESET);
	close(s->master);
	close(s->slave);
	buf_clear(&s->seen);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_on_a_terminal_time_is_kept_and_divided_by_speed(void **unused)
{
	struct stage s;
	start(&s, "[0.0, \"o\", \"one\"]\n[2.0, \"o\", \"two\"]\n",
		(struct play_spec){ .speed = 4 });
	await(&s, "one");
	uint64_t took = await(&s, "two");
	assert_true(took > 300000 && took < 1900000);
	assert_int_equal(finish(&s), 0);
}

static void test_idle_limit_cuts_a_long_wait(void **unused)
{
	struct stage s;
	start(&s, "[0.0, \"o\", \"one\"]\n[3600, \"o\", \"two\"]\n",
		(struct play_spec){ .speed = 1, .idle_limit_s = 0.1 });
	await(&s, "two");
	assert_int_equal(finish(&s), 0);
}

static void test_what_came_before_the_mark_is_shown_at_once(void **unused)
{
	struct stage s;
	start(&s, MARKED, (struct play_spec){ .speed = 100, .from_s = 60 });
	assert_true(await(&s, "one two three ") < 10000000);
	await(&s, "four");
	assert_int_equal(finish(&s), 0);
}

static void press(struct stage *s, const char *key)
{
	assert_int_equal(write(s->master, key, 1), 1);
}

static void test_keys_go_to_the_next_mark_step_pause_and_end(void **unused)
{
	struct stage s;
	start(&s,
		"[0.0, \"o\", \"one\"]\n[3600, \"m\", \"x\"]\n[3600.1, \"o\", \"two\"]\n"
		"[7200, \"o\", \"three\"]\n[7300, \"o\", \"four\"]\n",
		(struct play_spec){ .speed = 1 });
	await(&s, "one");
	press(&s, "n");
	await(&s, "two");
	press(&s, "."); /* stops, and shows one more */
	await(&s, "three");
	usleep(200000);
	assert_null(strstr(buf_str(&s.seen), "four"));
	press(&s, ".");
	await(&s, "four");
	assert_int_equal(finish(&s), 0);
	start(&s, "[0.0, \"o\", \"one\"]\n[3600, \"o\", \"two\"]\n",
		(struct play_spec){ .speed = 1 });
	await(&s, "one");
	press(&s, " ");
	press(&s, "q");
	assert_int_equal(finish(&s), 0);
}

static void test_a_signal_ends_it_with_the_terminal_restored(void **unused)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct stage s;
		start(&s, "[0.0, \"o\", \"\\u001b[?1049h\\u001b[31mone\"]\n[3600, \"o\", \"x\"]\n",
			(struct play_spec){ .speed = 1 });
		await(&s, "one");
		kill(s.pid, signals[i]);
		assert_int_equal(finish(&s), signals[i]);
	}
}

static void test_what_steers_a_terminal_is_left_out(void **unused)
{
	struct stage s;
	start(&s, "[0.0, \"o\", \"a\\u001b]52;c;eA==\\u0007\\u001b[6nb\\u001b[2Jc\"]\n",
		(struct play_spec){ .speed = 1 });
	await(&s, "ab\033[2Jc");
	assert_int_equal(finish(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markers_are_found_by_label_start_and_time),
		cmocka_unit_test(test_to_a_pipe_all_is_printed_as_recorded),
		cmocka_unit_test(test_full_disk_is_an_error),
		cmocka_unit_test(test_on_a_terminal_time_is_kept_and_divided_by_speed),
		cmocka_unit_test(test_idle_limit_cuts_a_long_wait),
		cmocka_unit_test(test_what_came_before_the_mark_is_shown_at_once),
		cmocka_unit_test(test_keys_go_to_the_next_mark_step_pause_and_end),
		cmocka_unit_test(test_a_signal_ends_it_with_the_terminal_restored),
		cmocka_unit_test(test_what_steers_a_terminal_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
