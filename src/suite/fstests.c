/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of fstests' check with a list of tests, in a tree that lies built in the target. What it
 * prints says which test is under way and how each ended, as far as that can be believed. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_applied.h"
#include "suite/fstests_check.h"
#include "suite/fstests_hook.h"
#include "suite/fstests_priv.h"
#include "suite/fstests_results.h"
#include "suite/fstests_stages.h"
#include "suite/fstests_witness.h"
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
	struct strv causes, kinds; /* of the test under way, and when it failed first */
	unsigned loops;            /* check -L */
	char *failing;             /* a test that failed; its end is told behind its loops */
	unsigned n_runs, n_failed; /* of the test under way */
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

/* $1 to $3: fstests_test_dev, then the section, the program that check takes for logger, 1 for
 * images of metadata, 1 for check's own report. The tree lies there to be read only, and tests
 * choose their golden output by links in it. A disk may have its name by a link (vm.disk), which
 * check takes for another disk than the one in /proc/mounts. Behind check, what is to be had of its
 * failures while the tree is there: the golden output, which may be one of several that the test
 * chose. Of a filesystem that is found inconsistent it leaves its metadata. A report without each
 * .full in it is as good. */
static const char script[] =
	"over=/run/fstests\n"
	"if ! [ -w \"$0/tests\" ]; then\n"
	"	mkdir -p $over/upper $over/work && mount -t overlay -o lowerdir=\"$0\" \\\n"
	"		-o upperdir=$over/upper,workdir=$over/work overlay \"$0\" || exit 9\n"
	"fi\n"
	"cd \"$0\" || exit\n"
	"for name in $(grep -o '/dev/[[:alnum:]/_.-]*' " CONFIG " | sort -u); do\n"
	"	real=$(readlink -f \"$name\")\n"
	"	case $real in \"$name\" | /dev/dm-*) continue ;; esac\n"
	"	sed -i \"s;$name\\>;$real;g\" " CONFIG "\n"
	"done\n"
	"fstyp=$1 mkfs=$2 dev=$3\n"
	"shift 3\n" FSTESTS_MKFS_FORCE "if [ -n \"$dev\" ]; then\n"
	"	dev=$(readlink -f \"$dev\")\n"
	"	umount \"$dev\" 2>/dev/null\n"
	"	said=$(mkfs.$fstyp $force $mkfs \"$dev\" 2>&1) ||\n"
	"		{ echo \"mkfs.$fstyp $mkfs $dev: $said\"; exit 9; }\n"
	"fi\n"
	"hook=" TASK_HOME "/fstests.hook\n"
	"rm -rf $hook && mkdir $hook && printf %s \"$2\" >$hook/logger && chmod 755 $hook/logger\n"
	"[ \"$3\" = 0 ] || export DUMP_CORRUPT_FS=1 DUMP_COMPRESSOR=gzip\n"
	"section=$1 report=\n"
	"[ \"$4\" = 0 ] || report='-R xunit'\n"
	"[ -z \"$report\" ] || ! grep -qs xunit-quiet common/report || report='-R xunit-quiet'\n"
	"shift 4\n"
	"if [ \"$1\" = -L ] && ! grep -q '^[[:space:]]*-L)' check; then\n"
	"	echo \"check of this fstests has no -L (fstests.loops)\"\n"
	"	exit 9\n"
	"fi\n"
	"PATH=$hook:$PATH HOST_OPTIONS=" CONFIG
	" ./check $report -s \"$section\" \"$@\" </dev/null\n"
	"code=$?\n"
	"$hook/logger --over\n"
	"cd " RESULTS "/\"$section\" && for bad in */*.out.bad; do\n"
	"	test=${bad%.out.bad}\n"
	"	[ -f \"$0/tests/$test.out\" ] &&\n"
	"		head -c 1048576 \"$0/tests/$test.out\" >\"$test" FSTESTS_GOLDEN "\"\n"
	"done\n"
	"exit $code\n";

static bool is_sorted(const char *const *tests)
{
	for (size_t i = 1; tests[0] && tests[i]; i++)
		if (strcmp(tests[i - 1], tests[i]) > 0)
			return false;
	return true;
}

static void command(void *state, const struct suite_spec *spec, struct strv *argv)
{
	auto_buf struct buf hook = { 0 };
	fstests_hook_text(spec, &hook);
	strv_addl(argv, "/bin/sh", "-c", script, spec->tree, NULL);
	fstests_test_dev(spec->config, spec->name, argv);
	strv_addl(argv, spec->name, buf_str(&hook), spec->image_max_bytes ? "1" : "0",
		spec->own_report ? "1" : "0", NULL);
	if (spec->loops) {
		strv_add(argv, "-L");
		strv_addf(argv, "%u", spec->loops);
	}
	if (!is_sorted(spec->tests)) /* check sorts them else; old ones can do no other */
		strv_add(argv, "--exact-order");
	for (size_t i = 0; spec->tests[i]; i++)
		strv_add(argv, spec->tests[i]);
}

/* Once for all machines that the list goes on in. */
static bool probe(const struct suite_spec *spec, struct strv *argv)
{
	return !spec->resumed && fstests_applied_argv(spec->config, spec->name, argv);
}

static char *probed(void *state, const struct suite_spec *spec, const char *out, size_t n, int code)
{
	return fstests_applied_fault(spec->config, spec->name, out, n, code);
}

static void tell(struct fstests *f, const char *name, enum verdict v, const char *reason)
{
	const struct suite_test t = { .name = name, .ended = true, .verdict = v, .reason = reason };
	f->h->on_test(f->ctx, &t);
}

static void clear_causes(struct fstests *f)
{
	strv_clear(&f->causes);
	strv_clear(&f->kinds);
}

static void end_test(struct fstests *f, struct suite_test *t)
{
	auto_free struct suite_cause *causes = xcalloc(f->causes.n + 1, sizeof *causes);
	for (size_t i = 0; i < f->causes.n; i++)
		causes[i] = (struct suite_cause){ f->kinds.v[i], f->causes.v[i] };
	t->ended = true;
	t->causes = causes;
	t->n_causes = f->causes.n;
	f->h->on_test(f->ctx, t);
	clear_causes(f);
	f->n_runs = f->n_failed = 0;
}

static void end_failed(struct fstests *f)
{
	if (!f->failing)
		return;
	auto_free char *all = strv_join(&f->causes, "; ");
	auto_free char *rate = f->n_runs > 1 ? xasprintf("%s%sfailed %u of %u times", all,
						       *all ? "; " : "", f->n_failed, f->n_runs)
					     : NULL;
	end_test(f, &(struct suite_test){ .name = f->failing,
			    .verdict = VERDICT_FAIL,
			    .reason = rate ? rate : all,
			    .said = fstests_outcome_name(FSTESTS_FAIL),
			    .n_runs = f->n_runs,
			    .n_failed = f->n_failed });
	free(f->failing);
	f->failing = NULL;
}

static void ended(struct fstests *f, const struct fstests_event *ev)
{
	size_t odd = strv_find(&f->odd, ev->test);
	struct suite_test t = {
		.name = ev->test, .said = fstests_outcome_name(ev->outcome), .seconds = ev->seconds
	};
	f->n_runs++;
	f->n_failed += ev->outcome == FSTESTS_FAIL || ev->outcome == FSTESTS_NO_RESULT;
	if (f->failing)
		return;
	if (ev->outcome == FSTESTS_FAIL) {
		f->failing = xstrdup(ev->test);
		if (!f->loops)
			end_failed(f);
		return;
	}
	if (ev->outcome == FSTESTS_NO_RESULT) {
		t.verdict = VERDICT_ERROR;
		t.unsaid = true;
		t.reason = "check ended, or went on, without a word on it";
	} else if (odd < f->odd.n) {
		t.verdict = VERDICT_MISS;
		t.reason = f->odd_text.v[odd];
	} else if (ev->outcome == FSTESTS_PASS) {
		t.verdict = VERDICT_PASS;
		strv_add(&f->passed, ev->test);
	} else {
		t.verdict = VERDICT_SKIP;
		t.reason = ev->outcome == FSTESTS_NOTRUN ? ev->text : "expunged";
	}
	end_test(f, &t);
}

static void begins(struct fstests *f, const char *test)
{
	end_failed(f);
	clear_causes(f);
	f->h->on_test(f->ctx, &(struct suite_test){ .name = test });
}

static void begins_again(struct fstests *f, const char *test)
{
	f->h->on_test(f->ctx,
		&(struct suite_test){ .name = test, .again = true, .verdict = VERDICT_FAIL });
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
		if (ev->attempt == 1)
			begins(f, ev->test);
		else
			begins_again(f, ev->test);
		break;
	case FSTESTS_LOOPED:
		end_failed(f);
		break;
	case FSTESTS_CAUSE: /* "- output mismatch ..." */
		if (f->failing)
			break;
		strv_add(&f->causes, ev->text + (strncmp(ev->text, "- ", 2) == 0 ? 2 : 0));
		strv_add(&f->kinds, fstests_cause_name(ev->cause));
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
		end_failed(f);
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
	if (r->started) {
		fstests_check_end(f->check);
		end_failed(f);
	}
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
	clear_causes(f);
	strv_clear(&f->odd);
	strv_clear(&f->odd_text);
	strv_clear(&f->passed);
	free(f->failing);
	free(f);
}

static const struct task_kind kind = {
	.prepare = "mkdir -p " RESULTS " /mnt/test /mnt/scratch",
	.own_file = own_file,
	.probe = probe,
	.probed = probed,
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
	f->loops = spec->loops;
	f->check = fstests_check_new(&(struct fstests_check_spec){
		.order = spec->tests, .loops = spec->loops, .on_event = on_event, .ctx = f });
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
	.stages = fstests_stages,
	.fragments = fstests_fragments,
	.groups = fstests_groups,
	.expected_us = 15000000,
	.durations = fstests_durations_of,
	.soak_us = fstests_soak_us,
	.log_dir = RESULTS,
	.test_of = test_of,
	.run = run,
	.collect = task_collect,
	.stop = task_stop,
	.witness_wants = fstests_witness_wants,
	.witness = fstests_witness,
};
