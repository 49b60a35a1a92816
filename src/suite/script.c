/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BTRFSQA's protocol. A stage is ~/btrfsqe/NAME in the target; it passes only if it exits 0 and
 * made NAME.completed, in /tmp or in ~/btrfsqe; what lies in /tmp/logs is collected, whatever
 * the end. */
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/task.h"
#include <fcntl.h>
#include <stdio.h>

#define STAGE_DIR TASK_HOME "/btrfsqe"
#define LOG_DIR   "/tmp/logs"

static int own_file(
	const struct suite_spec *spec, char **ret_dest, unsigned *ret_mode, struct err *e)
{
	*ret_dest = xasprintf(STAGE_DIR "/%s", spec->name);
	*ret_mode = 0755;
	int fd = open(spec->script, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "%s", spec->script) : fd;
}

static void command(void *state, const struct suite_spec *spec, struct strv *argv)
{
	/* Output goes to the terminal, input comes from nowhere: a command that waits for somebody
	 * to type would wait until the stage's time is over. */
	strv_addl(argv, "/bin/sh", "-c", "exec \"$0\" </dev/null", NULL);
	strv_addf(argv, STAGE_DIR "/%s", spec->name);
}

static void end(void *state, struct suite_result *r)
{
	const struct suite_spec *spec = state;
	if (r->started && !r->completed && r->code == 0)
		(void)snprintf(r->error, sizeof r->error,
			"exited 0, but made neither /tmp/%s.completed nor ~/btrfsqe/%s.completed",
			spec->name, spec->name); /* may be cut */
}

static const struct task_kind kind = {
	/* No marker of an earlier try. */
	.prepare = "mkdir -p " STAGE_DIR " " LOG_DIR " && rm -f \"/tmp/$1.completed\" \"" STAGE_DIR
		   "/$1.completed\"",
	.own_file = own_file,
	.command = command,
	.marker = "test -e \"/tmp/$1.completed\" || test -e \"" STAGE_DIR "/$1.completed\"",
	.tidy = "rm -rf " LOG_DIR, /* the next stage's logs are its own */
	.end = end,
};

static int run(uv_loop_t *loop, struct session *s, const struct suite_spec *spec,
	const struct suite_handler *h, void *ctx, struct suite_task **ret, struct err *e)
{
	return task_start(&suite_script, &kind, (void *)spec, s, spec, h, ctx, ret);
}

const struct suite suite_script = {
	.name = "script",
	.expected_us = 60000000,
	.log_dir = LOG_DIR,
	.run = run,
	.collect = task_collect,
	.stop = task_stop,
};
