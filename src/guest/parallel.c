/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/parallel.h"
#include "base/err.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

void parallel_start(
	struct parallel *p, int (*step)(const void *arg, struct err *e), const void *arg)
{
	int fds[2] = { -1, -1 };
	struct err e = { 0 };
	*p = (struct parallel){ .fd = -1 };
	if (pipe2(fds, O_CLOEXEC) == 0)
		p->pid = fork();
	if (p->pid == 0 && fds[1] >= 0) {
		if (step(arg, &e) < 0)
			(void)!write(fds[1], &e, sizeof e); /* short: a pipe takes it whole */
		_exit(0);
	}
	close_fd(&fds[1]);
	p->fd = fds[0];
	if (p->pid > 0)
		return;
	p->pid = 0;
	close_fd(&p->fd);
	p->rc = step(arg, NULL);
}

int parallel_join(struct parallel *p, struct err *e)
{
	struct err got;
	if (p->pid == 0)
		return p->rc < 0 ? err_code(e, p->rc, "boot") : 0;
	ssize_t n = read(p->fd, &got, sizeof got);
	close_fd(&p->fd);
	int status = 0;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof got)
		return err_set(e, got.code, "%s", got.msg);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, EIO, "a step of the boot died (status %#x)", (unsigned)status);
	return 0;
}
