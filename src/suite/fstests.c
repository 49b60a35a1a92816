/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of fstests' check with a list of tests, in a tree that lies built in the target. What it
 * prints says which test is under way and how each ended, as far as that can be believed. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_check.h"
#include "suite/task.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONFIG  TASK_HOME "/fstests.config"
#define RESULTS "/var/lib/fstests" /* RESULT_BASE, on the state disk */

struct fstests {
	const struct suite_handler *h;
	void *ctx;
	struct fstests_check *check;
	bool summary;              /* check came to the end of its list */
	bool failed;               /* and says that some did */
	struct strv causes;        /* of the test under way */
	struct strv odd, odd_text; /* tests of which something was said that does not fit, and it */
	struct strv passed;
};

static int own_file(
	const struct suite_spec *spec, char **ret_dest, unsigned *ret_mode, struct err *e)
{
	size_t n = strlen(spec->config);
	*ret_dest = xstrdup(CONFIG);
	*ret_mode = 0644;
	auto_close int fd = memfd_create("fstests.config", MFD_CLOEXEC);
	if (fd < 0 || write(fd, spec->config, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "fstests' configuration");
	return take_fd(&fd);
}

static void command(const struct suite_spec *spec, struct strv *argv)
{
	strv_addl(argv, "/bin/sh", "-c",
		"cd \"$0\" && HOST_OPTIONS=" CONFIG " exec ./check -R xunit -s \"$@\" </dev/null",
		spec->tree, spec->name, NULL);
	for (size_t i = 0; spec->tests[i]; i++)
		strv_add(argv, spec->tests[i]);
}

static void tell(struct fstests *f, const char *name, enum verdict v, const char *reason)
{
	const struct suite_test t = { .name = name, .ended = true, .verdict = v, .reason = reason };
	f->h->on_test(f->ctx, &t);
}

/* "exit status 1; output mismatch (see ...)". */
static char *causes_text(const struct strv *causes)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < causes->n; i++)
		buf_addf(&b, "%s%s", i ? "; " : "", causes->v[i]);
	return buf_take(&b);
}

static void ended(struct fstests *f, const struct fstests_event *ev)
{
	size_t odd = strv_find(&f->odd, ev->test);
	auto_free char *causes = causes_text(&f->causes);
	if (ev->outcome == FSTESTS_FAIL)
		tell(f, ev->test, VERDICT_FAIL, causes);
	else if (ev->outcome == FSTESTS_NO_RESULT)
		tell(f, ev->test, VERDICT_ERROR, "check ended, or went on, without a word on it");
	else if (odd < f->odd.n)
		tell(f, ev->test, VERDICT_MISS, f->odd_text.v[odd]);
	else if (ev->outcome == FSTESTS_PASS)
		tell(f, ev->test, VERDICT_PASS, NULL);
	else
		tell(f, ev->test, VERDICT_SKIP,
			ev->outcome == FSTESTS_NOTRUN ? ev->text : "expunged");
	if (ev->outcome == FSTESTS_PASS)
		strv_add(&f->passed, ev->test);
	strv_clear(&f->causes);
}

static void begins(struct fstests *f, const char *test)
{
	strv_clear(&f->causes);
	f->h->on_test(f->ctx, &(struct suite_test){ .name = test });
}

/* Who it was that wrote it cannot be known: the test that it is said of did not pass. */
static void does_not_fit(struct fstests *f, const struct fstests_event *ev)
{
	auto_free char *text =
		xasprintf("check: %s%s%s", ev->test, ev->test[0] ? ": " : "", ev->text);
	f->h->on_test(f->ctx, &(struct suite_test){ .reason = text });
	if (!ev->test[0] || strv_find(&f->odd, ev->test) < f->odd.n)
		return;
	strv_add(&f->odd, ev->test);
	strv_add(&f->odd_text, ev->text);
	if (strv_find(&f->passed, ev->test) < f->passed.n) {
		begins(f, ev->test);
		tell(f, ev->test, VERDICT_MISS, ev->text);
	}
}

static void on_event(void *ctx, const struct fstests_event *ev)
{
	struct fstests *f = ctx;
	switch (ev->kind) {
	case FSTESTS_BEGIN:
		begins(f, ev->test);
		break;
	case FSTESTS_CAUSE: /* "- output mismatch ..." */
		strv_add(&f->causes, ev->text + (strncmp(ev->text, "- ", 2) == 0 ? 2 : 0));
		break;
	case FSTESTS_END:
		ended(f, ev);
		break;
	case FSTESTS_UNKNOWN_TEST:
		begins(f, ev->test);
		tell(f, ev->test, VERDICT_ERROR, "check knows no such test");
		break;
	case FSTESTS_DISCREPANCY:
		does_not_fit(f, ev);
		break;
	case FSTESTS_SUMMARY:
		f->summary = !ev->interrupted;
		f->failed = ev->n_failed > 0;
		break;
	default:
		break;
	}
}

static void output(void *state, const void *data, size_t n)
{
	struct fstests *f = state;
	fstests_check_add(f->check, data, n);
}

static void ran(void *state, struct suite_result *r)
{
	struct fstests *f = state;
	if (r->started)
		fstests_check_end(f->check);
	r->completed = f->summary && (r->code == 0 || (r->code == 1 && f->failed));
	if (r->completed)
		r->code = 0; /* 1 is for tests that failed: they have verdicts of their own */
	else if (r->started && !r->error[0])
		(void)snprintf(r->error, sizeof r->error,
			"check did not come to the end of its list (exit code %d)", r->code);
}

static void end(void *state, struct suite_result *r)
{
	struct fstests *f = state;
	fstests_check_free(f->check);
	strv_clear(&f->causes);
	strv_clear(&f->odd);
	strv_clear(&f->odd_text);
	strv_clear(&f->passed);
	free(f);
}

static const struct task_kind kind = {
	.prepare = "mkdir -p " RESULTS " /mnt/test /mnt/scratch",
	.own_file = own_file,
	.command = command,
	.output = output,
	.ran = ran,
	.tidy = "rm -rf " RESULTS,
	.end = end,
};

static int run(uv_loop_t *loop, struct session *s, const struct suite_spec *spec,
	const struct suite_handler *h, void *ctx, struct suite_task **ret, struct err *e)
{
	struct fstests *f = xcalloc(1, sizeof *f);
	f->h = h;
	f->ctx = ctx;
	f->check = fstests_check_new(&(struct fstests_check_spec){
		.order = spec->tests, .loops = 1, .on_event = on_event, .ctx = f });
	return task_start(&suite_fstests, &kind, f, s, spec, h, ctx, ret);
}

/* SECTION/generic/001.out.bad */
static const char *test_of(const char *path, size_t *ret_n)
{
	const char *name = strchr(path, '/');
	const char *number = name ? strchr(name + 1, '/') : NULL;
	if (!number)
		return NULL;
	*ret_n = (size_t)(number - name) + strcspn(number, ".") - 1;
	return name + 1;
}

const struct suite suite_fstests = {
	.name = "fstests",
	.log_dir = RESULTS,
	.test_of = test_of,
	.run = run,
	.collect = task_collect,
	.stop = task_stop,
};
