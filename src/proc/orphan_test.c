/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orphans, with us as the one who adopts them. */
#include "proc/proc_test.h"
#include <sys/wait.h>

static const struct proc_spec pipes = { .in = PROC_NULL, .out = PROC_PIPE, .err = PROC_INHERIT };

static struct proc_spec sh(const char *const *argv)
{
	struct proc_spec s = pipes;
	s.argv = argv;
	return s;
}

/* A process that left its session and lost its parent, as daemons do; it is waited for. */
#define DAEMON(what)                                                                               \
	"export t=$(mktemp); sh -c 'setsid sh -c \"echo pid=\\$\\$; echo >\\$t; exec " what        \
	"\" &'; while [ ! -s $t ]; do sleep 0.02; done; rm $t;"

static void no_child_is_left(void)
{
	siginfo_t si;
	assert_int_equal(waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_a_daemon_that_holds_nothing_is_found_and_killed(void **state)
{
	struct bench *b = *state;
	bench_run(b, sh(SH(DAEMON("sleep 1000 >/dev/null 2>&1"))));
	assert_false(bench_alive(bench_named_pid(b)));
	no_child_is_left();
}

static void test_a_daemon_without_our_environment_is_found_too(void **state)
{
	struct bench *b = *state;
	bench_run(b, sh(SH(DAEMON("env -i sleep 1000 >/dev/null 2>&1"))));
	assert_false(bench_alive(bench_named_pid(b)));
	no_child_is_left();
}

static void test_stop_terminates_a_daemon_politely(void **state)
{
	struct bench *b = *state;
	bench_start(
		b, sh(SH("sh -c \"setsid sh -c 'trap \\\"echo bye; exit\\\" TERM; echo pid=\\$\\$;"
			 "while :; do sleep 0.02; done' &\"; sleep 1000")));
	bench_until_output(b);
	proc_stop(b->proc);
	bench_finish(b);
	assert_false(bench_alive(bench_named_pid(b)));
	assert_non_null(strstr(buf_str(&b->out), "\nbye\n"));
	no_child_is_left();
}

static void test_a_daemon_of_another_child_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct bench other = { 0 };
	assert_int_equal(uv_loop_init(&other.loop), 0);
	bench_start(&other, sh(SH(DAEMON("sleep 1000 >/dev/null 2>&1") "sleep 1000")));
	bench_until_output(&other);
	bench_run(b, sh(SH(DAEMON("sleep 1000 >/dev/null 2>&1"))));
	assert_false(bench_alive(bench_named_pid(b)));
	assert_true(bench_alive(bench_named_pid(&other)));
	proc_stop(other.proc);
	bench_finish(&other);
	assert_false(bench_alive(bench_named_pid(&other)));
	no_child_is_left();
	proc_free(other.proc);
	uv_run(&other.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&other.loop), 0);
	buf_clear(&other.out);
}

static void test_an_orphan_that_ends_meanwhile_is_no_zombie(void **state)
{
	struct bench *b = *state;
	bench_start(b, sh(SH("sh -c 'setsid sh -c \"echo pid=\\$\\$\" &'; sleep 1000")));
	bench_until_output(b);
	bench_wait(b, 500000);
	assert_int_equal(kill(bench_named_pid(b), 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_a_hundred_orphans_at_once_are_all_reaped(void **state)
{
	struct bench *b = *state;
	bench_run(b, sh(SH("for i in $(seq 100); do sh -c 'setsid sleep 1000 & '; done; exit 4")));
	assert_int_equal(b->end.value, 4);
	no_child_is_left();
}

int main(void)
{
	proc_adopt_orphans();
	const struct CMUnitTest tests[] = {
		bench_test(test_a_daemon_that_holds_nothing_is_found_and_killed),
		bench_test(test_a_daemon_without_our_environment_is_found_too),
		bench_test(test_stop_terminates_a_daemon_politely),
		bench_test(test_a_daemon_of_another_child_is_left_alone),
		bench_test(test_an_orphan_that_ends_meanwhile_is_no_zombie),
		bench_test(test_a_hundred_orphans_at_once_are_all_reaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
