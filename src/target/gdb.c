/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/gdb.h"
#include "base/err.h"
#include "target/qmp.h"
#include <errno.h>
#include <string.h>

#define ID "gdb"

static json_t *chardev(void)
{
	return json_pack("{s:s, s:{s:s, s:{s:{s:s, s:{s:s}}, s:b, s:b}}}", "id", ID, "backend",
		"type", "socket", "data", "addr", "type", "fd", "data", "str", ID, "server", 1,
		"wait", 0);
}

static json_t *monitor_line(const char *line)
{
	return json_pack("{s:s}", "command-line", line);
}

static json_t *serve(void)
{
	return monitor_line("gdbserver chardev:" ID);
}

static const struct step {
	const char *command;
	json_t *(*arguments)(void);
} steps[] = {
	{ "chardev-add", chardev },
	{ "human-monitor-command", serve },
	{ NULL, NULL },
};

static void done(struct gdb *g, const struct err *why)
{
	g->under_way = false;
	g->on_done(g->ctx, why);
}

/* The monitor for people says in words that it failed. */
static bool complains(const json_t *ret)
{
	const char *text = json_string_value(ret);
	return text && strstr(text, "Could not");
}

static void on_reply(void *ctx, const json_t *ret, const struct err *why)
{
	struct gdb *g = ctx;
	struct err e = { 0 };
	if (!g->under_way)
		return;
	if (!ret || complains(ret)) {
		(void)err_set(&e, EIO, "QEMU serves no debugger: %s",
			ret ? json_string_value(ret) : why->msg);
		done(g, &e);
		return;
	}
	const struct step *step = &steps[g->next++];
	if (!step->command)
		done(g, &e);
	else if (qmp_command(g->qmp, step->command, step->arguments(), on_reply, g, &e) < 0)
		done(g, &e);
}

int gdb_start(struct gdb *g, int fd, struct err *e)
{
	g->next = 0;
	qmp_pass(g->qmp, fd);
	int rc = qmp_command(g->qmp, "getfd", json_pack("{s:s}", "fdname", ID), on_reply, g, e);
	g->under_way = rc == 0;
	return rc;
}

void gdb_end(struct gdb *g, bool goes_on)
{
	g->under_way = false;
	/* Whatever of it there is; the last does nothing to a guest that runs. */
	(void)qmp_command(
		g->qmp, "human-monitor-command", monitor_line("gdbserver none"), NULL, NULL, NULL);
	(void)qmp_command(g->qmp, "chardev-remove", json_pack("{s:s}", "id", ID), NULL, NULL, NULL);
	(void)qmp_command(g->qmp, goes_on ? "cont" : "stop", NULL, NULL, NULL, NULL);
}
