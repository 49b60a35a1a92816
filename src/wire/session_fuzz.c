/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is what an agent sends while an exec, a get, a put and a sync are under way.
 * Properties: nothing crashes; every job ends exactly once; on_lost comes at most once; and
 * outside the get's folder nothing is made, whatever names come. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include "wire/session.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define JOBS 4

static unsigned exits;
static unsigned lost;
static char outer[] = "/tmp/fsqa-fuzz-XXXXXX";
static bool made;

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	if (k->level > 7 || strlen(k->text) > 4 * FRAME_MAX_PAYLOAD)
		abort();
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	if (stream % 2 == 0 || !json_is_object(event))
		abort();
}

static void on_lost(void *ctx, const struct err *why)
{
	if (lost++)
		abort();
}

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	if (n == 0 || n > AGENT_WINDOW)
		abort();
}

static void on_exit_job(void *ctx, const struct session_exit *x)
{
	exits++;
	if (x->code > 255 || x->signal > 127 || memchr(x->error, '\0', sizeof x->error) == NULL)
		abort();
}

static void on_done(void *ctx)
{
	exits++;
}

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct stat st;
	if (fstatat(*(int *)ctx, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		abort();
}

/* Besides ".", ".." and "in" the outer folder is empty. */
static void check_outside(void)
{
	DIR *d = opendir(outer);
	const struct dirent *de;
	while (d && (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, "..") && strcmp(de->d_name, "in"))
			abort();
	if (!d)
		abort();
	closedir(d);
}

static void start_jobs(struct session *s, int dirfd, int zero, int *ctx)
{
	static const char *const argv[] = { "x", NULL };
	struct session_exec x = { .argv = argv, .on_output = on_output, .on_exit = on_exit_job };
	struct session_get g = { .path = "/x",
		.dirfd = dirfd,
		.max_bytes = 4096,
		.max_entries = 16,
		.whole = true,
		.on_file = on_file,
		.on_exit = on_exit_job,
		.ctx = ctx };
	const struct session_put p = {
		.fd = zero, .path = "/y", .mode = 0644, .on_exit = on_exit_job
	};
	if (session_exec(s, &x, NULL, NULL) < 0 || session_get(s, &g, NULL) < 0 ||
		session_put(s, &p, NULL) < 0 || session_sync(s, on_done, NULL, NULL) < 0)
		abort();
}

static void send_frame(int fd, uint16_t type, uint32_t stream, const void *p, size_t n)
{
	uint8_t head[FRAME_HEADER];
	frame_header(
		&(struct frame){ .type = type, .stream = stream, .length = (uint32_t)n }, head);
	/* A session that is lost has closed its end. */
	if (send(fd, head, sizeof head, MSG_NOSIGNAL) > 0 && n)
		(void)send(fd, p, n, MSG_NOSIGNAL);
}

/* The input as frames: type, stream, length (one byte each), payload. */
static void send_frames(uv_loop_t *loop, int fd, const uint8_t *p, size_t n)
{
	while (n >= 3) {
		size_t len = p[2] < n - 3 ? p[2] : n - 3;
		send_frame(fd, p[0] % 24, p[1] % 16, p + 3, len);
		p += 3 + len;
		n -= 3 + len;
		(void)uv_run(loop, UV_RUN_NOWAIT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct session_handler handler = {
		.on_kmsg = on_kmsg, .on_event = on_event, .on_lost = on_lost
	};
	static const char hello[] = "{\"protocol\":1}";
	uv_loop_t loop;
	struct session *s;
	int fd[2];
	char in[64];
	if (size == 0)
		return 0;
	if (!made && !mkdtemp(outer))
		abort();
	made = true;
	exits = lost = 0;
	snprintf(in, sizeof in, "%s/in", outer);
	if (mkdir(in, 0755) < 0)
		abort();
	auto_close int dirfd = open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (uv_loop_init(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0 ||
		session_open(&loop, fd[0], &handler, NULL, &s, NULL) < 0)
		abort();
	start_jobs(s, dirfd, null, &dirfd);
	if (data[0] & 1)
		send_frame(fd[1], AGENT_HELLO, 0, hello, sizeof hello - 1);
	if (data[0] & 2)
		send_frames(&loop, fd[1], data + 1, size - 1);
	else
		(void)send(fd[1], data + 1, size - 1, MSG_NOSIGNAL); /* raw: mostly no frames */
	(void)shutdown(fd[1], SHUT_WR);
	for (int i = 0; i < 64 && !lost; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	if (lost != 1 || exits != JOBS)
		abort();
	session_close(s);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	close(fd[1]);
	if (uv_loop_close(&loop) < 0)
		abort();
	check_outside();
	(void)file_remove_tree(in, NULL);
	return 0;
}
