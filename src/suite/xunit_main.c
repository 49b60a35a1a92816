/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsqa-xunit: on standard input a result.xml that a guest wrote, on standard output what stands in
 * it, as suite/fstests_xunit_apart.h has it. libxml2 is large, and its input hostile: so it runs
 * here, where it can do nothing but answer. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "proc/sandbox.h"
#include "suite/fstests_xunit.h"
#include <inttypes.h>
#include <libxml/parser.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#define PIECE (64u << 10)

static noreturn void die(const char *text)
{
	static const char name[] = "fsqa-xunit: ";
	(void)!write(STDERR_FILENO, name, strlen(name)); /* where else? */
	(void)!write(STDERR_FILENO, text, strlen(text));
	(void)!write(STDERR_FILENO, "\n", 1);
	_exit(2);
}

static void flush(struct buf *out)
{
	if (fd_write_all(STDOUT_FILENO, buf_str(out), out->len, NULL) < 0)
		_exit(2); /* nobody listens */
	buf_reset(out);
}

static void on_case(void *ctx, const struct fstests_case *c)
{
	struct buf *out = ctx;
	buf_addf(out, "case %d %" PRIu64 "\t%s\t%s\t%s\n", (int)c->status, c->seconds, c->section,
		c->name, c->message);
	if (out->len > PIECE)
		flush(out);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct buf out = { 0 };
	struct fstests_xunit x;
	xmlInitParser();
	if (sandbox_enter(STDIN_FILENO, STDOUT_FILENO, -1, &e) < 0)
		die(e.msg);
	int rc = fstests_xunit_read(STDIN_FILENO, on_case, &out, &x, &e);
	buf_addf(&out, "end %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\t%s\n",
		x.complete, x.n_tests, x.n_failures, x.n_skipped, x.n_cases, -rc,
		rc < 0 ? e.msg : "");
	flush(&out);
	_exit(0); /* no handler of a library's runs in here */
}
