/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record_pty FILE COMMAND...: run a command on a terminal of its own and record it as asciicast,
 * with the same code that a run uses (proc, record): what bench/recording measures. */
#include "base/clock.h"
#include "base/err.h"
#include "proc/proc.h"
#include "record/recording.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

struct bench {
	struct recording *recording;
	uint64_t start_us;
	int exit_code;
};

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct bench *b = ctx;
	if (recording_output(b->recording, clock_mono_us() - b->start_us, data, n, NULL) < 0)
		b->exit_code = 3;
}

static void on_end(void *ctx, const struct proc_end *end)
{
	struct bench *b = ctx;
	if (b->exit_code == 0 && end->how == PROC_EXITED)
		b->exit_code = end->value;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct bench b = { .start_us = clock_mono_us() };
	struct recording_spec spec = { .cols = 100, .rows = 30 };
	struct proc *p = NULL;
	if (argc < 3) {
		fputs("usage: record_pty FILE COMMAND...\n", stderr);
		return 2;
	}
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct proc_spec child = {
		.argv = (const char *const *)argv + 2,
		.in = PROC_PTY,
		.out = PROC_PTY,
		.err = PROC_PTY,
		.cols = spec.cols,
		.rows = spec.rows,
		.on_output = on_output,
		.on_end = on_end,
		.ctx = &b,
	};
	if (fd < 0 || recording_open(fd, &spec, &b.recording, &e) < 0 ||
		proc_spawn(uv_default_loop(), &child, &p, &e) < 0) {
		fprintf(stderr, "record_pty: %s\n", e.msg[0] ? e.msg : argv[1]);
		return 3;
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	proc_free(p);
	return recording_close(&b.recording, NULL) < 0 ? 3 : b.exit_code;
}
