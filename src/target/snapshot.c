/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/snapshot.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "target/command.h"
#include "target/qmp.h"
#include "target/target.h"
#include "wire/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* QEMU's default, 128 MiB/s, is for a network. */
#define BANDWIDTH (INT64_C(1) << 40)
#define FD_NAME   "device"

static json_t *capabilities(void)
{
	/* The memory is a file that is there already; and we wait for the event of the end. */
	return json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability",
		"x-ignore-shared", "state", 1, "capability", "events", "state", 1);
}

static json_t *bandwidth(void)
{
	return json_pack("{s:I}", "max-bandwidth", (json_int_t)BANDWIDTH);
}

static json_t *device_uri(void)
{
	return json_pack("{s:s}", "uri", "fd:" FD_NAME);
}

static json_t *fd_name(void)
{
	return json_pack("{s:s}", "fdname", FD_NAME);
}

static const struct step {
	const char *command;
	json_t *(*arguments)(void);
	bool with_fd;
} save_steps[] = {
	{ "getfd", fd_name, true },
	{ "stop", NULL },
	{ "migrate-set-capabilities", capabilities },
	{ "migrate-set-parameters", bandwidth },
	{ "migrate", device_uri },
	{ NULL, NULL },
}, load_steps[] = {
	{ "getfd", fd_name, true },
	{ "migrate-set-capabilities", capabilities },
	{ "migrate-incoming", device_uri },
	{ NULL, NULL },
};

static void done(struct snapshot *s, const struct err *why)
{
	if (s->over)
		return;
	s->over = true;
	s->on_done(s->ctx, why);
}

static void go_on(struct snapshot *s);

static void on_reply(void *ctx, const json_t *ret, const struct err *why)
{
	struct snapshot *s = ctx;
	if (!ret)
		done(s, why);
	else
		go_on(s);
}

/* Behind the last command the event says the end. */
static void go_on(struct snapshot *s)
{
	struct err e = { 0 };
	const struct step *step = &(s->loading ? load_steps : save_steps)[s->next];
	if (!step->command || s->over)
		return;
	s->next++;
	json_t *arguments = step->arguments ? step->arguments() : NULL;
	if (step->with_fd)
		qmp_pass(s->qmp, s->fd);
	if (qmp_command(s->qmp, step->command, arguments, on_reply, s, &e) < 0)
		done(s, &e);
}

void snapshot_save(struct snapshot *s)
{
	s->loading = false;
	go_on(s);
}

void snapshot_load(struct snapshot *s)
{
	s->loading = true;
	go_on(s);
}

/* The disk has its size already; QEMU and the guest are told. */
static void resize_next(struct snapshot *s);

static void on_resized(void *ctx, const json_t *ret, const struct err *why)
{
	if (ret)
		resize_next(ctx);
	else
		done(ctx, why);
}

static void resize_next(struct snapshot *s)
{
	struct err e = { 0 };
	json_t *resize = json_array_get(s->resizes, s->resized++);
	if (!s->loading || !resize)
		done(s, &e);
	else if (qmp_command(s->qmp, "block_resize", json_incref(resize), on_resized, s, &e) < 0)
		done(s, &e);
}

static void on_why(void *ctx, const json_t *ret, const struct err *why)
{
	struct snapshot *s = ctx;
	struct err e = { 0 };
	(void)err_set(&e, EIO, "QEMU cannot %s the machine: %s", s->loading ? "load" : "save",
		json_str_or(ret, "error-desc", "it does not say why"));
	done(s, &e);
}

bool snapshot_event(struct snapshot *s, const char *name, const json_t *data)
{
	struct err e = { 0 };
	if (!s->qmp || s->over)
		return false;
	if (strcmp(name, "STOP") == 0)
		return true;
	if (strcmp(name, "MIGRATION") != 0)
		return false;
	const char *status = json_str_or(data, "status", "");
	if (strcmp(status, "completed") == 0) {
		resize_next(s);
	} else if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0) {
		if (qmp_command(s->qmp, "query-migrate", NULL, on_why, s, &e) < 0)
			done(s, &e);
	}
	return true;
}

int snapshot_device(const struct target_spec *spec, struct err *e)
{
	const char *dir = spec->save_to ? spec->save_to : spec->clone_of;
	auto_free char *path = path_join(dir, SNAPSHOT_DEVICE);
	int fd = spec->save_to ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
			       : open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

json_t *snapshot_resizes(const struct target_spec *spec)
{
	json_t *all = json_array();
	for (size_t i = 0; spec->clone_of && i < spec->n_disks; i++) {
		const struct target_disk *d = &spec->disks[i];
		auto_free char *node = xasprintf(COMMAND_NODE_PREFIX "%s", d->serial);
		if (d->saved_bytes && d->saved_bytes != d->size_bytes)
			json_array_append_new(all, json_pack("{s:s, s:I}", "node-name", node,
							   "size", (json_int_t)d->size_bytes));
	}
	return all;
}

int snapshot_state_disk(const struct target_spec *spec, struct err *e)
{
	auto_free char *from = path_join(spec->clone_of, COMMAND_STATE_SERIAL ".img");
	auto_free char *to = command_disk_path(spec, COMMAND_STATE_SERIAL);
	return file_copy(from, to, 0600, e);
}

static void hex(char *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

int snapshot_identity(const char *hostname, struct agent_wake *ret, struct err *e)
{
	uint8_t random[sizeof ret->seed + 32];
	struct agent_wake w = { .wall_us = clock_wall_us() };
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(e, "getrandom");
	memcpy(w.seed, random, sizeof w.seed);
	hex(w.machine_id, random + sizeof w.seed, 16);
	/* A version 4 UUID, as the kernel makes it. */
	uint8_t *u = random + sizeof w.seed + 16;
	char id[33];
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	hex(id, u, 16);
	(void)snprintf(w.boot_id, sizeof w.boot_id, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8,
		id + 12, id + 16, id + 20); /* fits */
	(void)snprintf(
		w.hostname, sizeof w.hostname, "%s", hostname); /* 63 at most, see command.c */
	*ret = w;
	return 0;
}
