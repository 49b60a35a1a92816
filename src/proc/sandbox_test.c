/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "proc/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int port, image, other;

static void read_image(void)
{
	char c;
	_exit(pread(image, &c, 1, 0) == 1 && write(port, &c, 1) == 1 ? 0 : 1);
}

static void allocate(void)
{
	void *p = malloc(1 << 20);
	void *too_much = malloc(1u << 30);
	_exit(p && !too_much ? 0 : 1);
}

static void open_file(void)
{
	_exit(open("/etc/hostname", O_RDONLY | O_CLOEXEC) < 0 ? 1 : 2);
}

static void write_image(void)
{
	_exit(pwrite(image, "x", 1, 0) < 0 ? 1 : 2);
}

static void write_other(void)
{
	_exit(write(other, "x", 1) < 0 ? 1 : 2);
}

static void read_other(void)
{
	char c;
	_exit(pread(other, &c, 1, 0) < 0 ? 1 : 2);
}

static void make_socket(void)
{
	_exit(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? 1 : 2);
}

static void start_process(void)
{
	pid_t pid = fork();
	_exit(pid < 0 ? 1 : 2);
}

static void run_program(void)
{
	char *const argv[] = { NULL };
	execve("/bin/true", argv, argv);
	_exit(1);
}

static void make_code(void)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_exit(p == MAP_FAILED ? 1 : 2);
}

/* How a child ends that does `what` in the sandbox: its signal, or minus its exit code. */
static int end_of(void (*what)(void))
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(port, port, image, NULL) < 0)
			_exit(99);
		what();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static int set_up(void **unused)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	port = pair[0];
	image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	other = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return image < 0 || other < 0 || write(other, "y", 1) != 1;
}

static void test_the_image_is_read_and_the_port_answered(void **unused)
{
	assert_int_equal(end_of(read_image), 0);
	assert_int_equal(end_of(allocate), 0);
}

static void test_all_else_kills(void **unused)
{
	static void (*const all[])(void) = { open_file, write_image, write_other, read_other,
		make_socket, start_process, run_program, make_code };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (end_of(all[i]) != SIGSYS)
			fail_msg("number %zu was not killed", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_image_is_read_and_the_port_answered),
		cmocka_unit_test(test_all_else_kills),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
