/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_xunit_apart.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/place.h"
#include "proc/proc.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  (256u << 20)
#define DEADLINE_US (90u * 1000000)

/* Cuts the text at *s at the next tab; "" where there is none any more. */
static const char *field(char **s)
{
	const char *text = strsep(s, "\t");
	return text ? text : "";
}

static bool read_case(
	char *line, void (*on_case)(void *ctx, const struct fstests_case *c), void *ctx)
{
	const char *numbers = field(&line);
	unsigned status;
	struct fstests_case c = { 0 };
	if (sscanf(numbers, "case %u %" SCNu64, &status, &c.seconds) != 2 ||
		status > FSTESTS_CASE_FAILED || !line)
		return false;
	c.status = (enum fstests_case_status)status;
	c.section = field(&line);
	c.name = field(&line);
	c.message = field(&line);
	on_case(ctx, &c);
	return true;
}

static bool read_end(char *line, struct fstests_xunit *ret, int *ret_code, const char **ret_why)
{
	unsigned complete;
	const char *numbers = field(&line);
	*ret_why = field(&line);
	int n = sscanf(numbers, "end %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %d",
		&complete, &ret->n_tests, &ret->n_failures, &ret->n_skipped, &ret->n_cases,
		ret_code);
	ret->complete = complete != 0;
	return n == 6;
}

static int read_answer(char *answer, void (*on_case)(void *ctx, const struct fstests_case *c),
	void *ctx, struct fstests_xunit *ret, struct err *e)
{
	int code = 0;
	const char *why = "";
	for (char *line; (line = strsep(&answer, "\n"));) {
		if (strncmp(line, "end ", 4) == 0 && read_end(line, ret, &code, &why))
			return code ? err_set(e, code, "%s", why) : 0;
		if (*line && !read_case(line, on_case, ctx))
			break;
	}
	return err_set(e, EBADMSG, "result.xml: fsqa-xunit answered what makes no sense");
}

int fstests_xunit_read_apart(int fd, void (*on_case)(void *ctx, const struct fstests_case *c),
	void *ctx, struct fstests_xunit *ret, struct err *e)
{
	struct err why = { 0 };
	auto_free char *program = NULL;
	auto_buf struct buf answer = { 0 };
	*ret = (struct fstests_xunit){ 0 };
	int rc = place_program("fsqa-xunit", &program, e);
	if (rc < 0)
		return rc;
	const char *const argv[] = { program, NULL };
	const char *const env[] = { NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.env = env,
		.cwd = "/",
		.in = fd,
		.out = PROC_PIPE,
		.deadline_us = DEADLINE_US,
	};
	rc = proc_check(&spec, &answer, ANSWER_MAX, &why);
	if (rc < 0)
		return err_set(
			e, rc == -EIO || rc == -EFBIG ? EBADMSG : rc, "result.xml: %s", why.msg);
	return read_answer(answer.s ? answer.s : (char[]){ "" }, on_case, ctx, ret, e);
}
