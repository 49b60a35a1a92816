/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/guest_test.h"
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void test_output_and_exit_code_come_apart_by_stream(void **state)
{
	auto_command struct command c = { 0 };
	command_sh(*state, &c, "echo out; echo err >&2; exit 3");
	assert_string_equal(buf_str(&c.out), "out\n");
	assert_string_equal(buf_str(&c.err), "err\n");
	assert_int_equal(c.x.code, 3);
	assert_int_equal(c.x.signal, 0);
	assert_string_equal(c.x.error, "");
}

static void test_a_signal_is_told_as_a_signal(void **state)
{
	auto_command struct command c = { 0 };
	command_sh(*state, &c, "kill -SEGV $$");
	assert_int_equal(c.x.signal, SIGSEGV);
	assert_int_equal(c.x.code, -1);
}

static void test_what_cannot_start_says_its_name(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "mkfs.nonexistent", "-f", NULL };
	command_start(*state, &c, (struct session_exec){ .argv = argv });
	command_wait(&c);
	assert_string_equal(c.x.error, "mkfs.nonexistent: No such file or directory");
	assert_int_equal(c.x.code, -1);
	auto_command struct command d = { 0 };
	const char *ls[] = { "ls", NULL };
	command_start(*state, &d, (struct session_exec){ .argv = ls, .cwd = "/nonexistent" });
	command_wait(&d);
	assert_string_equal(d.x.error, "/nonexistent: No such file or directory");
	auto_command struct command u = { 0 };
	command_start(*state, &u, (struct session_exec){ .argv = ls, .user = "nobody-here" });
	command_wait(&u);
	assert_non_null(strstr(u.x.error, "no user nobody-here"));
}

static void test_environment_folder_and_user_are_as_asked(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c", "echo $HOME $USER $PATH $A $LANG; pwd; id -un; umask",
		NULL };
	const char *env[] = { "A=b c", "LANG=de_DE.UTF-8", NULL };
	if (geteuid() != 0)
		skip(); /* nobody else may become another user */
	command_start(*state, &c,
		(struct session_exec){ .argv = argv, .env = env, .cwd = "/usr", .user = "daemon" });
	command_wait(&c);
	assert_string_equal(buf_str(&c.out),
		"/usr/sbin daemon /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
		"b c de_DE.UTF-8\n/usr\ndaemon\n0022\n");
}

static void test_no_descriptor_and_no_signal_setting_leaks_into_a_command(void **state)
{
	auto_command struct command c = { 0 };
	/* Signals 32 and 33 are the C library's own: its posix_spawn, which make uses, ignores
	 * them, for all below, and signal() cannot undo it. */
	command_sh(*state, &c,
		"ls /proc/self/fd | tr '\\n' ' '; grep SigBlk /proc/self/status;"
		"echo $((0x$(sed -n 's/^SigIgn:\\t//p' /proc/self/status) & ~0x180000000))");
	assert_string_equal(buf_str(&c.out), "0 1 2 3 SigBlk:\t0000000000000000\n0\n");
}

static void test_a_terminal_is_one_with_size_and_control(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c",
		"test -t 0 && test -t 2 && stty size </dev/tty; echo $TERM", NULL };
	command_start(*state, &c,
		(struct session_exec){ .argv = argv, .pty = true, .cols = 132, .rows = 43 });
	command_wait(&c);
	assert_string_equal(buf_str(&c.out), "43 132\r\nxterm-256color\r\n");
	assert_int_equal(c.x.code, 0);
}

static void wait_for_output(struct command *c, const char *what)
{
	uint64_t until = clock_mono_us() + 20000000;
	while (!strstr(buf_str(&c->out), what) && clock_mono_us() < until)
		uv_run(&c->rig->loop, UV_RUN_ONCE);
	assert_non_null(strstr(buf_str(&c->out), what));
}

static void test_a_terminal_is_typed_into_resized_and_interrupted(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c",
		"trap 'stty size; echo winch' WINCH; stty -echo; echo go; read x; echo got $x;"
		"read y || echo again; sleep 60",
		NULL };
	command_start(
		*state, &c, (struct session_exec){ .argv = argv, .pty = true, .stdin_open = true });
	wait_for_output(&c, "go");
	session_job_write(c.job, "hello\n", 6);
	wait_for_output(&c, "got hello");
	session_job_resize(c.job, 100, 30);
	/* dash runs a trap when its read is over. */
	session_job_write(c.job, "\n", 1);
	wait_for_output(&c, "30 100");
	session_job_write(c.job, "\x03", 1);
	command_wait(&c);
	assert_int_equal(c.x.signal, SIGINT);
}

static void test_standard_input_is_echoed_and_ends(void **state)
{
	auto_command struct command c = { .limit = 2 << 20 };
	const char *argv[] = { "cat", NULL };
	auto_free char *data = xmalloc(1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (char)(i * 7 + i / 251);
	command_start(*state, &c, (struct session_exec){ .argv = argv, .stdin_open = true });
	/* More than a window: the rest waits inside for credit. */
	assert_true(session_job_write(c.job, data, 1 << 20) >= (1 << 20) - (256 << 10));
	session_job_eof(c.job);
	command_wait(&c);
	assert_int_equal(c.x.code, 0);
	assert_int_equal(c.out.len, 1 << 20);
	assert_memory_equal(c.out.s, data, 1 << 20);
}

static void test_input_to_a_command_that_reads_none_is_no_trouble(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c", "exec <&-; sleep 0.2; echo done", NULL };
	auto_free char *data = xcalloc(1, 1 << 20);
	command_start(*state, &c, (struct session_exec){ .argv = argv, .stdin_open = true });
	session_job_write(c.job, data, 1 << 20);
	command_wait(&c);
	assert_string_equal(buf_str(&c.out), "done\n");
	auto_command struct command d = { 0 };
	command_sh(*state, &d, "cat; echo end"); /* /dev/null by default */
	assert_string_equal(buf_str(&d.out), "end\n");
}

static bool is_alive(const char *pid_text)
{
	pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
	assert_true(pid > 1);
	return kill(pid, 0) == 0;
}

static void test_a_deadline_kills_a_tree_that_ignores_term(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c",
		"trap '' TERM; (trap '' TERM; setsid sleep 100 & echo $!; wait; sleep 100) & "
		"echo last; while :; do sleep 1; done",
		NULL };
	uint64_t began = clock_mono_us();
	command_start(*state, &c,
		(struct session_exec){ .argv = argv, .deadline_us = 500000, .grace_us = 300000 });
	command_wait(&c);
	assert_true(c.x.timed_out);
	assert_int_equal(c.x.signal, SIGKILL);
	assert_in_range(clock_mono_us() - began, 800000, 10000000);
	assert_non_null(strstr(buf_str(&c.out), "last\n"));
	const char *pid = buf_str(&c.out);
	assert_false(is_alive(strncmp(pid, "last", 4) ? pid : pid + 5));
}

static void test_a_deadline_lets_a_command_end_itself(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c", "trap 'echo cleaned; exit 9' TERM; sleep 100 & wait",
		NULL };
	command_start(*state, &c, (struct session_exec){ .argv = argv, .deadline_us = 300000 });
	command_wait(&c);
	assert_true(c.x.timed_out);
	assert_int_equal(c.x.code, 9);
	assert_string_equal(buf_str(&c.out), "cleaned\n");
}

static void test_a_daemon_left_behind_does_not_hold_the_end(void **state)
{
	auto_command struct command c = { 0 };
	uint64_t began = clock_mono_us();
	command_sh(*state, &c,
		"export F=$(mktemp -u); setsid sh -c 'echo $$; echo daemon; : >$F; sleep 100' & "
		"until rm $F 2>/dev/null; do sleep 0.01; done; echo end");
	assert_in_range(clock_mono_us() - began, 0, 20000000); /* of a hundred */
	assert_int_equal(c.x.code, 0);
	assert_non_null(strstr(buf_str(&c.out), "daemon\n"));
	assert_non_null(strstr(buf_str(&c.out), "end\n"));
	assert_false(is_alive(buf_str(&c.out)));
}

static void test_the_last_lines_of_a_child_that_writes_late_arrive(void **state)
{
	auto_command struct command c = { 0 };
	command_sh(*state, &c, "(sleep 0.02; echo late) & echo early");
	assert_string_equal(buf_str(&c.out), "early\nlate\n");
}

static void test_a_signal_from_the_host_reaches_the_command(void **state)
{
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c",
		"trap 'echo usr; exit 4' USR1; echo go; sleep 100 & wait", NULL };
	command_start(*state, &c, (struct session_exec){ .argv = argv });
	wait_for_output(&c, "go");
	session_job_signal(c.job, SIGUSR1);
	command_wait(&c);
	assert_int_equal(c.x.code, 4);
	auto_command struct command k = { 0 };
	const char *sleeping[] = { "sleep", "100", NULL };
	command_start(*state, &k, (struct session_exec){ .argv = sleeping });
	session_job_signal(k.job, SIGKILL);
	command_wait(&k);
	assert_int_equal(k.x.signal, SIGKILL);
}

static uint64_t rss_kib(pid_t pid)
{
	char path[64];
	auto_buf struct buf b = { 0 };
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	assert_int_equal(file_read(path, 1 << 16, &b, NULL), 0);
	const char *at = strstr(buf_str(&b), "VmHWM:");
	return at ? strtoull(at + 6, NULL, 10) : 0;
}

static void test_a_hundred_megabytes_come_whole_in_bounded_memory(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { .limit = 16 };
	struct rusage before;
	struct rusage after;
	getrusage(RUSAGE_SELF, &before);
	command_sh(r, &c, "head -c 104857600 /dev/zero");
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(c.total, 104857600);
	assert_int_equal(c.x.code, 0);
	assert_in_range(rss_kib(r->guest), 1, 16 << 10);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 32 << 10);
}

static void test_a_paused_job_stops_at_its_window_and_goes_on(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { .limit = 16 };
	auto_command struct command other = { 0 };
	const char *argv[] = { "head", "-c", "4000000", "/dev/zero", NULL };
	command_start(r, &c, (struct session_exec){ .argv = argv });
	session_job_pause(c.job, true);
	for (int i = 0; i < 5; i++)
		command_sh(r, &other, "echo meanwhile; sleep 0.05"), other.done = false;
	assert_false(c.done);
	assert_int_equal(c.total, 256 << 10);
	session_job_pause(c.job, false);
	command_wait(&c);
	assert_int_equal(c.total, 4000000);
}

static void test_many_commands_at_once_and_one_too_many(void **state)
{
	struct rig *r = *state;
	struct command c[64] = { 0 };
	const char *argv[] = { "sh", "-c", "read x; echo $x", NULL };
	struct session_exec x = { .argv = argv, .stdin_open = true };
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		command_start(r, &c[i], x);
	assert_int_equal(session_exec(r->session, &x, NULL, NULL), -EAGAIN);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		char line[16];
		snprintf(line, sizeof line, "n%zu\n", i);
		session_job_write(c[i].job, line, strlen(line));
	}
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		char line[16];
		command_wait(&c[i]);
		snprintf(line, sizeof line, "n%zu\n", i);
		assert_string_equal(buf_str(&c[i].out), line);
		command_clear(&c[i]);
	}
}

static void synced(void *ctx)
{
	*(bool *)ctx = true;
}

static void test_sync_is_answered_and_ready_comes(void **state)
{
	struct rig *r = *state;
	bool done = false;
	rig_run_until(r, &r->ready);
	assert_int_equal(session_sync(r->session, synced, &done, NULL), 0);
	rig_run_until(r, &done);
}

static void test_an_agent_that_is_killed_ends_its_jobs_and_the_session(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	const char *argv[] = { "sh", "-c", "echo $$; sleep 100", NULL };
	command_start(r, &c, (struct session_exec){ .argv = argv });
	wait_for_output(&c, "\n");
	kill(r->guest, SIGKILL);
	rig_run_until(r, &r->lost);
	assert_true(c.done);
	assert_true(c.x.lost);
	assert_int_equal(r->lost_why.code, 0);
	/* Its handler saw the agent go and took the command with it. */
	for (int i = 0; i < 200 && is_alive(buf_str(&c.out)); i++)
		usleep(20000);
	assert_false(is_alive(buf_str(&c.out)));
	assert_int_equal(
		session_exec(r->session, &(struct session_exec){ .argv = argv }, NULL, NULL),
		-ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_output_and_exit_code_come_apart_by_stream),
		rig_test(test_a_signal_is_told_as_a_signal),
		rig_test(test_what_cannot_start_says_its_name),
		rig_test(test_environment_folder_and_user_are_as_asked),
		rig_test(test_no_descriptor_and_no_signal_setting_leaks_into_a_command),
		rig_test(test_a_terminal_is_one_with_size_and_control),
		rig_test(test_a_terminal_is_typed_into_resized_and_interrupted),
		rig_test(test_standard_input_is_echoed_and_ends),
		rig_test(test_input_to_a_command_that_reads_none_is_no_trouble),
		rig_test(test_a_deadline_kills_a_tree_that_ignores_term),
		rig_test(test_a_deadline_lets_a_command_end_itself),
		rig_test(test_a_daemon_left_behind_does_not_hold_the_end),
		rig_test(test_the_last_lines_of_a_child_that_writes_late_arrive),
		rig_test(test_a_signal_from_the_host_reaches_the_command),
		rig_test(test_a_hundred_megabytes_come_whole_in_bounded_memory),
		rig_test(test_a_paused_job_stops_at_its_window_and_goes_on),
		rig_test(test_many_commands_at_once_and_one_too_many),
		rig_test(test_sync_is_answered_and_ready_comes),
		rig_test(test_an_agent_that_is_killed_ends_its_jobs_and_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
