/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostile.c: fsqa-guest's place taken by an agent that lies. It boots as the real one does, and
 * then serves the port to the host by the lie that "hostile=NAME" on the kernel's command line
 * says. Any file it tries to plant is named fsqa-evil: none may ever lie outside a run's folder. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "guest/boot.h"
#include "guest/kernel_id.h"
#include "guest/say.h"
#include "guest/shutdown.h"
#include "wire/agent.h"
#include "wire/frame.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define EVIL  "fsqa-evil"
#define JUNK  65536u
#define FLOOD (128u << 20) /* bytes, of anything that has no end of its own */

static int port;
static uint8_t junk[JUNK];

struct lie {
	const char *name;
	void (*at_start)(void);           /* instead of HELLO */
	void (*on_exec)(uint32_t stream); /* instead of a command's output; its EXIT follows */
	void (*on_get)(uint32_t stream);  /* instead of the files; EXIT follows */
	void (*on_first_exec)(void);      /* once */
	bool silent;                      /* answers nothing that it is asked */
};

/* ---- what goes out ---- */

/* The port is not blocking: wait. The host gone: nothing more to lie about. */
static void out(const void *p, size_t n)
{
	for (const char *at = p; n;) {
		ssize_t done = write(port, at, n);
		if (done > 0) {
			at += done;
			n -= (size_t)done;
			continue;
		}
		struct pollfd ready = { .fd = port, .events = POLLOUT };
		(void)poll(&ready, 1, 1000);
		if (ready.revents & POLLHUP)
			shutdown_machine(false);
	}
}

static void header(uint16_t type, uint32_t stream, uint32_t length)
{
	uint8_t h[FRAME_HEADER];
	frame_header(&(struct frame){ .type = type, .stream = stream, .length = length }, h);
	out(h, sizeof h);
}

static void send_frame(uint16_t type, uint32_t stream, const void *p, uint32_t n)
{
	header(type, stream, n);
	out(p, n);
}

static void send_text(uint16_t type, uint32_t stream, const char *text)
{
	send_frame(type, stream, text, (uint32_t)strlen(text));
}

static void entry(uint32_t stream, char kind, const char *path, size_t path_len, const char *target,
	uint64_t size)
{
	struct agent_entry h = { .kind = (uint8_t)kind,
		.mode = 06777,
		.size = size,
		.path_len = (uint32_t)path_len,
		.target_len = (uint32_t)strlen(target) };
	auto_buf struct buf b = { 0 };
	buf_add(&b, &h, sizeof h);
	buf_add(&b, path, path_len);
	buf_adds(&b, target);
	send_frame(AGENT_ENTRY, stream, b.s, (uint32_t)b.len);
}

static void plant(uint32_t stream, const char *path)
{
	entry(stream, 'f', path, strlen(path), "", 4);
	send_text(AGENT_DATA, stream, "evil");
}

/* ---- lies ---- */

static void no_frame(void)
{
	memset(junk, 'x', sizeof junk);
	out(junk, sizeof junk);
}

static void huge_frame(void)
{
	header(AGENT_HELLO, 0, UINT32_MAX);
	out(junk, sizeof junk);
}

static void deep_hello(void)
{
	memset(junk, '[', sizeof junk);
	memcpy(junk, "{\"a\":", 5);
	send_frame(AGENT_HELLO, 0, junk, AGENT_JSON_MAX);
}

static void other_version(void)
{
	send_text(AGENT_HELLO, 0, "{\"protocol\":99,\"release\":\"1\",\"machine\":\"x86_64\"}");
}

static void exit_before_hello(void)
{
	send_text(AGENT_EXIT, 2, "{\"code\":0}");
}

static void half_a_frame(void)
{
	header(AGENT_HELLO, 0, 1000);
	shutdown_machine(false);
}

static void other_stream(uint32_t stream)
{
	send_frame(AGENT_STDOUT, stream + 1000, junk, 100);
}

static void output_without_end(uint32_t stream)
{
	for (unsigned i = 0; i < FLOOD / JUNK; i++)
		send_frame(AGENT_STDOUT, stream, junk, JUNK);
}

static void credit_without_end(uint32_t stream)
{
	static const uint8_t all[4] = { 0xff, 0xff, 0xff, 0xff };
	for (int i = 0; i < 1000; i++)
		send_frame(AGENT_CREDIT, stream, all, 4);
}

static void ends_twice(uint32_t stream)
{
	send_text(AGENT_EXIT, stream, "{\"code\":0}");
}

static void wrong_exit(uint32_t stream)
{
	send_text(AGENT_EXIT, stream, "{\"code\":\"0\",\"signal\":[[]],\"error\":17");
}

static void tests_without_end(void)
{
	for (uint32_t i = 0; i < FLOOD / 64; i++)
		send_text(AGENT_EVENT, 2 * i + 1,
			"{\"event\":\"start\",\"test\":\"../../" EVIL "\"}");
}

static void log_without_end(void)
{
	memset(junk, 'a', sizeof junk);
	memcpy(junk, "4,1,1,-;", 8);
	for (unsigned i = 0; i < FLOOD / JUNK; i++)
		send_frame(AGENT_KMSG, 0, junk, JUNK);
}

static void names_that_lead_out(uint32_t stream)
{
	static const char *const paths[] = { EVIL, "/tmp/" EVIL, "../" EVIL, "a/../../../" EVIL,
		"./" EVIL, "a//" EVIL, "a/" EVIL "/", "..", ".", "a/b/..", "door/" EVIL,
		"dev/" EVIL, "\n\033]0;" EVIL "\a", "-rf" };
	entry(stream, 'l', "door", 4, "/tmp", 0);
	entry(stream, 'l', EVIL "-link", strlen(EVIL "-link"), "/etc/passwd", 0);
	entry(stream, 'o', "dev", 3, "", 0);
	entry(stream, 'd', "a", 1, "", 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		plant(stream, paths[i]);
	entry(stream, 'f', "a\0/../../" EVIL, 19, "", 0);
	entry(stream, 'd', "..", 2, "", 0);
	entry(stream, 'f', "a", 1, "", 0); /* a folder has that name */
	char deep[4000];
	for (size_t i = 0; i < sizeof deep; i++)
		deep[i] = i % 2 ? '/' : 'd';
	entry(stream, 'f', deep, sizeof deep - 1, "", 0);
}

static void file_without_end(uint32_t stream)
{
	entry(stream, 'f', EVIL, strlen(EVIL), "", 10);
	for (unsigned i = 0; i < FLOOD / JUNK; i++)
		send_frame(AGENT_DATA, stream, junk, JUNK);
}

static void files_without_end(uint32_t stream)
{
	char name[32];
	for (unsigned i = 0; i < FLOOD / 64; i++) {
		(void)snprintf(name, sizeof name, EVIL "-%u", i); /* fits */
		entry(stream, i % 2 ? 'f' : 'd', name, strlen(name), "", UINT64_MAX);
	}
}

static void wrong_lengths(uint32_t stream)
{
	struct agent_entry h = { .kind = 'f', .path_len = UINT32_MAX, .target_len = UINT32_MAX };
	send_frame(AGENT_ENTRY, stream, &h, sizeof h);
}

static const struct lie lies[] = {
	{ .name = "no-frame", .at_start = no_frame },
	{ .name = "huge-frame", .at_start = huge_frame },
	{ .name = "deep-hello", .at_start = deep_hello },
	{ .name = "other-version", .at_start = other_version },
	{ .name = "exit-before-hello", .at_start = exit_before_hello },
	{ .name = "half-a-frame", .at_start = half_a_frame },
	{ .name = "other-stream", .on_exec = other_stream },
	{ .name = "output-without-end", .on_exec = output_without_end },
	{ .name = "credit-without-end", .on_exec = credit_without_end },
	{ .name = "ends-twice", .on_exec = ends_twice },
	{ .name = "wrong-exit", .on_exec = wrong_exit },
	{ .name = "tests-without-end", .on_first_exec = tests_without_end },
	{ .name = "log-without-end", .on_first_exec = log_without_end },
	{ .name = "names-that-lead-out", .on_get = names_that_lead_out },
	{ .name = "file-without-end", .on_get = file_without_end },
	{ .name = "files-without-end", .on_get = files_without_end },
	{ .name = "wrong-lengths", .on_get = wrong_lengths },
	{ .name = "silence", .silent = true },
};

/* ---- the agent ---- */

static void answer(const struct lie *lie, const struct frame *f)
{
	static bool told;
	switch (f->type) {
	case AGENT_EXEC:
		if (lie->on_first_exec && !told)
			lie->on_first_exec();
		told = true;
		if (lie->on_exec)
			lie->on_exec(f->stream);
		send_text(AGENT_EXIT, f->stream, "{\"code\":0}");
		break;
	case AGENT_GET:
		if (lie->on_get)
			lie->on_get(f->stream);
		send_text(AGENT_EXIT, f->stream, "{\"code\":0}");
		break;
	case AGENT_EOF:
		send_text(AGENT_EXIT, f->stream, "{\"code\":0}");
		break;
	case AGENT_SYNC:
		send_frame(AGENT_SYNC, f->stream, NULL, 0);
		break;
	case AGENT_SHUTDOWN:
		shutdown_machine(false);
		break;
	default:
		break;
	}
}

static void serve(const struct lie *lie)
{
	static struct frame_decoder decoder;
	frame_decoder_init(&decoder);
	for (;;) {
		struct frame f;
		size_t room;
		while (frame_next(&decoder, &f) == 1)
			if (!lie->silent)
				answer(lie, &f);
		uint8_t *at = frame_decoder_space(&decoder, &room);
		ssize_t n = read(port, at, room);
		if (n > 0)
			frame_decoder_fed(&decoder, (size_t)n);
		else
			(void)poll(&(struct pollfd){ .fd = port, .events = POLLIN }, 1, 1000);
	}
}

static const struct lie *find_lie(void)
{
	auto_buf struct buf line = { 0 };
	if (file_read("/proc/cmdline", 65536, &line, NULL) < 0)
		return NULL;
	const char *word = strstr(buf_str(&line), "hostile=");
	for (size_t i = 0; word && i < ARRAY_LEN(lies); i++) {
		size_t n = strlen(lies[i].name);
		if (strncmp(word + 8, lies[i].name, n) == 0 && strspn(word + 8 + n, " \n") > 0)
			return &lies[i];
	}
	return NULL;
}

/* True, or nothing would be asked of it. */
static void hello(void)
{
	char json[512];
	struct utsname u;
	struct kernel_id kernel;
	(void)uname(&u); /* fails only for a bad pointer */
	kernel_id_read(&kernel);
	int n = snprintf(json, sizeof json,
		"{\"protocol\":1,\"release\":\"%s\",\"build_id\":\"%s\",\"machine\":\"x86_64\","
		"\"pid1\":true,\"boot_id\":\"0\"}",
		u.release, kernel.build_id);
	send_frame(AGENT_HELLO, 0, json, (uint32_t)n);
}

int main(void)
{
	static struct agent_setup setup;
	struct err e = { 0 };
	const struct lie *lie = NULL;
	if (getpid() != 1)
		return 2;
	if (boot(&setup, &e) < 0 || !(lie = find_lie())) {
		say("%s", lie ? e.msg : "no such lie");
		shutdown_machine(false);
	}
	port = setup.port;
	if (lie->at_start) {
		lie->at_start();
	} else {
		hello();
		send_text(AGENT_READY, 0, "{\"udev_us\":1}");
	}
	serve(lie);
}
