/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/proc_test.h"
#include "base/file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct proc_spec pipes = { .in = PROC_PIPE, .out = PROC_PIPE, .err = PROC_PIPE };
static const struct proc_spec terminal = { .in = PROC_PTY, .out = PROC_PTY, .err = PROC_PTY };

static struct proc_spec with(struct proc_spec s, const char *const *argv)
{
	s.argv = argv;
	return s;
}

/* ---- the end ---- */

static void test_last_line_of_a_fast_child_is_never_lost(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 200; i++) {
		/* From nothing to more than a pipe holds. */
		auto_free char *script = xasprintf("seq 1 %d; echo the last line", i * 100);
		bench_run(b, with(pipes, SH(script)));
		const char *end = buf_str(&b->out) + (b->out.len < 14 ? 0 : b->out.len - 14);
		assert_string_equal(end, "the last line\n");
		proc_free(take(&b->proc));
		buf_reset(&b->out);
		b->ended = 0;
	}
}

static void test_last_line_on_a_terminal_is_never_lost(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 200; i++) {
		auto_free char *script = xasprintf("seq 1 %d; echo the last line", i * 10);
		bench_run(b, with(terminal, SH(script)));
		const char *end = buf_str(&b->out) + (b->out.len < 15 ? 0 : b->out.len - 15);
		assert_string_equal(end, "the last line\r\n");
		proc_free(take(&b->proc));
		buf_reset(&b->out);
		b->ended = 0;
	}
}

static void test_exit_code_and_signal_are_told_apart(void **state)
{
	struct bench *b = *state;
	bench_run(b, with(pipes, SH("exit 137")));
	assert_int_equal(b->end.how, PROC_EXITED);
	assert_int_equal(b->end.value, 137);
	proc_free(take(&b->proc));
	b->ended = 0;
	bench_run(b, with(pipes, SH("kill -9 $$")));
	assert_int_equal(b->end.how, PROC_SIGNALED);
	assert_int_equal(b->end.value, SIGKILL);
	assert_false(b->end.stopped);
}

static void test_both_outputs_are_told_apart_and_chunks_bounded(void **state)
{
	struct bench *b = *state;
	bench_run(b, with(pipes, SH("head -c 3000000 /dev/zero; head -c 500000 /dev/zero >&2")));
	assert_int_equal(b->out.len, 3000000);
	assert_int_equal(b->err.len, 500000);
	assert_true(b->largest <= 65536);
}

static void test_late_output_of_one_left_behind_still_counts(void **state)
{
	struct bench *b = *state;
	uint64_t start = clock_mono_us();
	bench_run(b, with(pipes, SH("(sleep 0.3; echo late) & echo early")));
	assert_string_equal(buf_str(&b->out), "early\nlate\n");
	assert_int_equal(b->end.value, 0);
	/* The duration is the child's own. */
	assert_true(clock_mono_us() - start >= b->end.duration_us + 200000);
}

static void test_a_daemon_that_holds_the_pipe_does_not_hold_the_end(void **state)
{
	struct bench *b = *state;
	uint64_t start = clock_mono_us();
	bench_run(b, with(pipes, SH("sleep 1000 & echo pid=$!")));
	assert_true(clock_mono_us() - start < 10000000);
	assert_false(bench_alive(bench_named_pid(b)));
	assert_int_equal(b->end.how, PROC_EXITED);
	assert_int_equal(b->end.value, 0);
	assert_false(b->end.stopped);
}

static void test_one_left_in_the_group_with_nothing_open_is_killed(void **state)
{
	struct bench *b = *state;
	bench_run(b,
		with(pipes,
			SH("trap '' TERM; sleep 1000 </dev/null >/dev/null 2>&1 & echo pid=$!")));
	assert_false(bench_alive(bench_named_pid(b)));
}

static void test_a_name_made_to_mislead_hides_nobody(void **state)
{
	struct bench *b = *state;
	auto_free char *dir = test_folder();
	auto_free char *program = path_join(dir, "a) Z 1 1 1 (b"); /* as /proc/PID/stat shows it */
	assert_int_equal(file_copy("/bin/sleep", program, 0755, NULL), 0);
	const char *const argv[] = { "/bin/sh", "-c", "\"$1\" 1000 >/dev/null 2>&1 & echo pid=$!",
		"sh", program, NULL };
	bench_run(b, with(pipes, argv));
	assert_false(bench_alive(bench_named_pid(b)));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

/* ---- stopping ---- */

static void stop(struct bench *b)
{
	proc_stop(b->proc);
}

static void stop_twice(struct bench *b)
{
	proc_stop(b->proc);
	proc_stop(b->proc);
}

static void test_stop_asks_first_and_hears_the_answer(void **state)
{
	struct bench *b = *state;
	b->at_output = stop;
	bench_run(b, with(pipes, SH("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep "
				    "0.05; done")));
	assert_string_equal(buf_str(&b->out), "ready\nbye\n");
	assert_int_equal(b->end.how, PROC_EXITED);
	assert_int_equal(b->end.value, 5);
	assert_true(b->end.stopped);
	assert_false(b->end.timed_out);
}

static void test_one_that_ignores_term_is_killed_after_the_grace_with_all_below(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(pipes, SH("trap '' TERM; setsid sleep 1000 & echo pid=$!; wait"));
	s.term_grace_us = 300000;
	b->at_output = stop;
	bench_run(b, s);
	assert_int_equal(b->end.how, PROC_SIGNALED);
	assert_int_equal(b->end.value, SIGKILL);
	assert_true(b->end.duration_us >= 300000);
	assert_false(bench_alive(bench_named_pid(b)));
}

static void test_stop_reaches_one_in_another_session(void **state)
{
	struct bench *b = *state;
	struct proc_spec s =
		with(pipes, SH("setsid sh -c 'echo pid=$$; exec sleep 1000' | cat; sleep 1000"));
	s.term_grace_us = 15000000;
	b->at_output = stop;
	bench_run(b, s);
	assert_false(bench_alive(bench_named_pid(b)));
	assert_true(b->end.duration_us < 10000000); /* TERM was enough */
}

static void test_stop_twice_kills_now(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(pipes, SH("trap '' TERM; echo ready; sleep 1000; sleep 1000"));
	s.term_grace_us = 600000000;
	b->at_output = stop_twice;
	bench_run(b, s);
	assert_int_equal(b->end.value, SIGKILL);
}

static void test_a_halted_child_can_be_stopped_politely(void **state)
{
	struct bench *b = *state;
	struct proc_spec s =
		with(pipes, SH("trap 'echo bye; exit 0' TERM; echo ready; kill -STOP $$"));
	s.term_grace_us = 10000000;
	bench_start(b, s);
	bench_until_output(b);
	bench_wait(b, 200000);
	proc_stop(b->proc);
	bench_finish(b);
	assert_string_equal(buf_str(&b->out), "ready\nbye\n");
}

static void test_deadline_stops_it_and_says_so(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(pipes, SH("echo begun; sleep 1000"));
	s.deadline_us = 1000000;
	bench_run(b, s);
	assert_true(b->end.timed_out);
	assert_false(b->end.stopped);
	assert_true(b->end.duration_us >= 1000000);
	assert_string_equal(buf_str(&b->out), "begun\n");
	auto_free char *text = proc_end_text(&b->end);
	assert_non_null(strstr(text, "timed out after "));
}

static void test_free_before_the_end_kills_without_a_callback(void **state)
{
	struct bench *b = *state;
	bench_start(b, with(pipes, SH("trap '' TERM; echo pid=$$; sleep 1000; sleep 1000")));
	bench_until_output(b);
	proc_free(take(&b->proc));
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_false(bench_alive(bench_named_pid(b)));
	assert_int_equal(b->ended, 0);
}

static void free_it(struct bench *b)
{
	proc_free(take(&b->proc));
}

static void test_free_within_each_callback_is_safe(void **state)
{
	struct bench *b = *state;
	b->at_end = free_it;
	bench_run(b, with(pipes, SH("echo x")));
	b->at_output = free_it;
	b->chunks = b->ended = 0;
	bench_start(b, with(pipes, SH("echo x; sleep 1000")));
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(b->chunks, 1);
	assert_int_equal(b->ended, 0);
}

/* ---- input, pause ---- */

static void test_input_larger_than_a_pipe_goes_through(void **state)
{
	struct bench *b = *state;
	char block[10000];
	memset(block, 'x', sizeof block);
	bench_start(b, with(pipes, SH("wc -c")));
	for (size_t i = 1; i <= 100; i++)
		assert_int_equal(proc_write(b->proc, block, sizeof block), i * sizeof block);
	proc_write_end(b->proc);
	bench_finish(b);
	assert_int_equal(strtol(buf_str(&b->out), NULL, 10), 1000000);
	assert_int_equal(proc_write(b->proc, "x", 1), 0);
}

static void test_a_child_that_reads_nothing_does_not_kill_us(void **state)
{
	struct bench *b = *state;
	static char block[1000000];
	bench_start(b, with(pipes, SH("exec 0<&-; sleep 0.2; echo done")));
	bench_wait(b, 100000);
	(void)proc_write(b->proc, block, sizeof block);
	bench_finish(b);
	assert_string_equal(buf_str(&b->out), "done\n");
}

static void pause_it(struct bench *b)
{
	proc_pause(b->proc, true);
}

static void test_pause_holds_the_child_back_and_loses_nothing(void **state)
{
	struct bench *b = *state;
	b->at_output = pause_it;
	bench_start(b, with(pipes, SH("head -c 2000000 /dev/zero; echo over >&2")));
	bench_until_output(b);
	bench_wait(b, 300000);
	assert_true(b->out.len > 0 && b->out.len <= 65536);
	assert_int_equal(b->err.len, 0);
	proc_pause(b->proc, false);
	bench_finish(b);
	assert_int_equal(b->out.len, 2000000);
	assert_string_equal(buf_str(&b->err), "over\n");
}

static void test_the_end_waits_for_a_paused_reader(void **state)
{
	struct bench *b = *state;
	bench_start(b, with(pipes, SH("head -c 60000 /dev/zero; sleep 1000 &")));
	proc_pause(b->proc, true);
	bench_wait(b, 1500000); /* longer than those left behind are given */
	assert_int_equal(b->ended, 0);
	assert_int_equal(b->out.len, 0);
	proc_pause(b->proc, false);
	bench_finish(b);
	assert_int_equal(b->out.len, 60000);
}

/* ---- terminal ---- */

static void test_a_terminal_is_one_and_has_its_size(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(terminal,
		SH("test -t 0 && test -t 1 && test -t 2 && stty size && : </dev/tty && echo yes"));
	s.cols = 132;
	s.rows = 50;
	bench_run(b, s);
	assert_string_equal(buf_str(&b->out), "50 132\r\nyes\r\n");
}

static void send_interrupt(struct bench *b)
{
	(void)proc_write(b->proc, "\3", 1);
}

static void test_control_c_on_the_terminal_interrupts(void **state)
{
	struct bench *b = *state;
	b->at_output = send_interrupt;
	bench_run(b, with(terminal, SH("echo ready; exec sleep 1000")));
	assert_int_equal(b->end.how, PROC_SIGNALED);
	assert_int_equal(b->end.value, SIGINT);
}

static void resize(struct bench *b)
{
	proc_resize(b->proc, 40, 10);
}

static void test_resize_reaches_the_child(void **state)
{
	struct bench *b = *state;
	b->at_output = resize;
	bench_run(b, with(terminal, SH("trap 'stty size; exit' WINCH; echo ready; while :; do "
				       "sleep 0.05; done")));
	assert_string_equal(buf_str(&b->out), "ready\r\n10 40\r\n");
}

static void test_end_of_input_on_a_terminal_even_within_a_line(void **state)
{
	struct bench *b = *state;
	bench_start(b, with(terminal, SH("stty -echo; echo ready; cat; echo end")));
	bench_until_output(b);
	(void)proc_write(b->proc, "no newline", 10);
	proc_write_end(b->proc);
	bench_finish(b);
	assert_string_equal(buf_str(&b->out), "ready\r\nno newlineend\r\n");
}

/* ---- what a child inherits ---- */

static void test_no_descriptor_is_inherited_but_those_given(void **state)
{
	struct bench *b = *state;
	auto_close int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	auto_close int high = fcntl(leak, F_DUPFD, 900);
	assert_true(leak >= 3 && high >= 900);
	bench_run(b, with(pipes, (const char *const[]){ "ls", "/proc/self/fd", NULL }));
	assert_string_equal(buf_str(&b->out), "0\n1\n2\n3\n"); /* 3 is ls reading the folder */
}

static void test_given_descriptors_arrive_even_if_their_numbers_cross(void **state)
{
	struct bench *b = *state;
	int one[2];
	int two[2];
	assert_int_equal(pipe2(one, O_CLOEXEC), 0);
	assert_int_equal(pipe2(two, O_CLOEXEC), 0);
	const struct proc_fd fds[] = { { one[1], two[1] }, { two[1], one[1] } };
	auto_free char *script =
		xasprintf("echo first >/proc/self/fd/%d;"
			  "echo second >/proc/self/fd/%d; ls /proc/self/fd | wc -l",
			two[1], one[1]);
	struct proc_spec s = with(pipes, SH(script));
	s.fds = fds;
	s.n_fds = 2;
	bench_run(b, s);
	assert_string_equal(
		buf_str(&b->out), "6\n"); /* 0 1 2, both, and the folder that ls reads */
	char text[16] = { 0 };
	assert_int_equal(read(one[0], text, sizeof text - 1), 6);
	assert_string_equal(text, "first\n");
	assert_int_equal(read(two[0], text, sizeof text - 1), 7);
	assert_string_equal(text, "second\n");
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
	}
}

static void test_signals_are_as_new_in_the_child(void **state)
{
	struct bench *b = *state;
	sigset_t usr;
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Signals 32 and 33 are the C library's own: its posix_spawn, which make uses, ignores
	 * them, for all below, and signal() cannot undo it. */
	bench_run(b, with(pipes, SH("grep SigBlk /proc/self/status;"
				    "echo $((0x$(sed -n 's/^SigIgn:\\t//p' /proc/self/status)"
				    " & ~0x180000000))")));
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &usr, NULL);
	assert_string_equal(buf_str(&b->out), "SigBlk:\t0000000000000000\n0\n");
}

static void test_folder_environment_and_session_are_as_told(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(pipes,
		SH("pwd; echo $COLOUR-$HOME-$FSQA_PROC; read p n st pp g sid rest </proc/$$/stat;"
		   "test $$ = $g && test $$ = $sid && echo leads"));
	s.cwd = "/usr/lib";
	s.env = (const char *const[]){ "COLOUR=blue", "FSQA_PROC=forged", NULL };
	bench_run(b, s);
	const char *lines = buf_str(&b->out);
	assert_memory_equal(lines, "/usr/lib\nblue--/", 16);
	assert_non_null(strstr(lines, "\nleads\n"));
	assert_null(strstr(lines, "forged"));
}

/* ---- what cannot start ---- */

static void refused(struct bench *b, struct proc_spec s, int code, const char *text)
{
	struct err e = { 0 };
	assert_int_equal(proc_spawn(&b->loop, &s, &b->proc, &e), code);
	assert_null(b->proc);
	assert_non_null(strstr(e.msg, text));
	assert_int_equal(uv_loop_alive(&b->loop), 0);
}

static void test_what_cannot_start_says_why_and_leaves_nothing(void **state)
{
	struct bench *b = *state;
	auto_free char *dir = test_folder();
	auto_free char *plain = path_join(dir, "plain");
	auto_free char *no_magic = path_join(dir, "no-magic");
	assert_int_equal(file_replace(plain, "x", 1, 0644, NULL), 0);
	assert_int_equal(file_replace(no_magic, "exit 0\n", 7, 0755, NULL), 0);
	const char *const missing[] = { "no-such-program", NULL };
	refused(b, with(pipes, missing), -ENOENT, "start no-such-program: no such program in PATH");
	refused(b, with(pipes, (const char *const[]){ "/no/such", NULL }), -ENOENT, "/no/such");
	refused(b, with(pipes, (const char *const[]){ plain, NULL }), -EACCES, plain);
	refused(b, with(pipes, (const char *const[]){ no_magic, NULL }), -ENOEXEC, no_magic);
	struct proc_spec s = with(pipes, SH("exit 0"));
	s.cwd = "/no/such/folder";
	refused(b, s, -ENOENT, "start /bin/sh in /no/such/folder");
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void test_a_spec_that_makes_no_sense_is_refused(void **state)
{
	struct bench *b = *state;
	struct proc_spec s = with(pipes, SH("exit 0"));
	s.out = 0;
	refused(b, s, -EINVAL, "standard stream 1 cannot be 0");
	s = with(pipes, SH("exit 0"));
	s.out = PROC_PTY;
	refused(b, s, -EINVAL, "terminal is all three");
	s = with(pipes, SH("exit 0"));
	s.in = PROC_OUT;
	refused(b, s, -EINVAL, "standard stream 0");
	s = with(pipes, SH("exit 0"));
	s.fds = &(const struct proc_fd){ .fd = 1, .as = 2 };
	s.n_fds = 1;
	refused(b, s, -EINVAL, "descriptor 1 down as 2");
	refused(b, with(pipes, (const char *const[]){ NULL }), -EINVAL, "no name");
}

static void test_children_good_and_bad_leave_no_descriptor(void **state)
{
	struct bench *b = *state;
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	for (int i = 0; i < 100; i++) {
		bench_run(b, with(i % 2 ? pipes : terminal, SH("exit 0")));
		proc_free(take(&b->proc));
		b->ended = 0;
		struct err e = { 0 };
		struct proc_spec s = with(pipes, (const char *const[]){ "/no/such", NULL });
		assert_int_equal(proc_spawn(&b->loop, &s, &b->proc, &e), -ENOENT);
	}
	uv_run(&b->loop, UV_RUN_DEFAULT);
	int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(before, after);
}

/* ---- when we die: this program runs itself, starts a child and is killed ---- */

static void test_one_that_is_disowned_lives_on_untouched(void **state)
{
	struct bench *b = *state;
	const char *const argv[] = { "sh", "-c", "echo pid=$$; exec sleep 100", NULL };
	bench_start(
		b, (struct proc_spec){
			   .argv = argv, .in = PROC_NULL, .out = PROC_PIPE, .err = PROC_INHERIT });
	bench_until_output(b);
	pid_t pid = bench_named_pid(b);
	proc_disown(take(&b->proc));
	uv_run(&b->loop, UV_RUN_DEFAULT); /* nothing of it is left in the loop */
	assert_true(bench_alive(pid));
	assert_int_equal(b->ended, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int die_with_a_child(bool outlives)
{
	uv_loop_t loop;
	struct proc *p = NULL;
	const struct proc_spec s = { .argv = (const char *const[]){ "sleep", "1000", NULL },
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_NULL,
		.outlives_us = outlives };
	if (uv_loop_init(&loop) < 0 || proc_spawn(&loop, &s, &p, NULL) < 0)
		return 1;
	printf("pid=%d\n", (int)proc_pid(p));
	fflush(stdout);
	return raise(SIGKILL);
}

static pid_t child_of_one_who_died(struct bench *b, const char *mode)
{
	auto_free char *self = realpath("/proc/self/exe", NULL);
	bench_run(b, with(pipes, (const char *const[]){ self, mode, NULL }));
	assert_int_equal(b->end.how, PROC_SIGNALED);
	assert_int_equal(b->end.value, SIGKILL);
	return bench_named_pid(b);
}

static void test_when_we_are_killed_our_child_is_killed(void **state)
{
	pid_t pid = child_of_one_who_died(*state, "die");
	for (int i = 0; i < 100 && bench_alive(pid); i++)
		bench_wait(*state, 20000);
	assert_false(bench_alive(pid));
}

static void test_when_we_are_killed_one_meant_to_outlive_us_lives(void **state)
{
	pid_t pid = child_of_one_who_died(*state, "outlive");
	bench_wait(*state, 200000);
	assert_true(bench_alive(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return die_with_a_child(strcmp(argv[1], "outlive") == 0);
	const struct CMUnitTest tests[] = {
		bench_test(test_one_that_is_disowned_lives_on_untouched),
		bench_test(test_last_line_of_a_fast_child_is_never_lost),
		bench_test(test_last_line_on_a_terminal_is_never_lost),
		bench_test(test_exit_code_and_signal_are_told_apart),
		bench_test(test_both_outputs_are_told_apart_and_chunks_bounded),
		bench_test(test_late_output_of_one_left_behind_still_counts),
		bench_test(test_a_daemon_that_holds_the_pipe_does_not_hold_the_end),
		bench_test(test_one_left_in_the_group_with_nothing_open_is_killed),
		bench_test(test_a_name_made_to_mislead_hides_nobody),
		bench_test(test_stop_asks_first_and_hears_the_answer),
		bench_test(test_one_that_ignores_term_is_killed_after_the_grace_with_all_below),
		bench_test(test_stop_reaches_one_in_another_session),
		bench_test(test_stop_twice_kills_now),
		bench_test(test_a_halted_child_can_be_stopped_politely),
		bench_test(test_deadline_stops_it_and_says_so),
		bench_test(test_free_before_the_end_kills_without_a_callback),
		bench_test(test_free_within_each_callback_is_safe),
		bench_test(test_input_larger_than_a_pipe_goes_through),
		bench_test(test_a_child_that_reads_nothing_does_not_kill_us),
		bench_test(test_pause_holds_the_child_back_and_loses_nothing),
		bench_test(test_the_end_waits_for_a_paused_reader),
		bench_test(test_a_terminal_is_one_and_has_its_size),
		bench_test(test_control_c_on_the_terminal_interrupts),
		bench_test(test_resize_reaches_the_child),
		bench_test(test_end_of_input_on_a_terminal_even_within_a_line),
		bench_test(test_no_descriptor_is_inherited_but_those_given),
		bench_test(test_given_descriptors_arrive_even_if_their_numbers_cross),
		bench_test(test_signals_are_as_new_in_the_child),
		bench_test(test_folder_environment_and_session_are_as_told),
		bench_test(test_what_cannot_start_says_why_and_leaves_nothing),
		bench_test(test_a_spec_that_makes_no_sense_is_refused),
		bench_test(test_children_good_and_bad_leave_no_descriptor),
		bench_test(test_when_we_are_killed_our_child_is_killed),
		bench_test(test_when_we_are_killed_one_meant_to_outlive_us_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
