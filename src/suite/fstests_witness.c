/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check printed and what it left, side by side (fstests_results.h), as suite.h has a second
 * witness. */
#include "suite/fstests_witness.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "suite/fstests_applied.h"
#include "suite/fstests_results.h"
#include "suite/fstests_xunit_apart.h"
#include "suite/suite.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool is_report(const char *name)
{
	static const char *const known[] = { "result.xml", "result.xml.new", "check.time",
		"check.log", FSTESTS_ENDED_FILE, FSTESTS_APPLIED_FILE };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

/* What stands in a test's other files is not read: that they are there is enough. */
uint64_t fstests_witness_wants(const char *name, const char *test)
{
	if (!test)
		return is_report(name) ? FSTESTS_XUNIT_MAX : 0;
	const char *suffix = name + strlen(test);
	bool whole = strcmp(suffix, ".out.bad") == 0 || strcmp(suffix, FSTESTS_GOLDEN) == 0;
	return whole ? FSTESTS_OUTPUT_MAX + 1 : 1;
}

static enum fstests_outcome outcome_of(const json_t *end)
{
	const char *said = json_str_or(end, "said", "");
	for (int o = FSTESTS_PASS; o < FSTESTS_NO_RESULT; o++)
		if (strcmp(said, fstests_outcome_name((enum fstests_outcome)o)) == 0)
			return (enum fstests_outcome)o;
	return FSTESTS_NO_RESULT;
}

static enum fstests_cause cause_of(const json_t *cause)
{
	const char *name = json_str_or(cause, "cause", "");
	for (int k = 0; k < FSTESTS_CAUSE_OTHER; k++)
		if (strcmp(name, fstests_cause_name((enum fstests_cause)k)) == 0)
			return (enum fstests_cause)k;
	return FSTESTS_CAUSE_OTHER;
}

static void say_again(const struct suite_call *c, size_t at, struct fstests_results *results)
{
	const json_t *end = c->tests[at].end;
	struct fstests_event ev = { .kind = FSTESTS_BEGIN,
		.section = c->stage,
		.test = c->tests[at].name,
		.attempt = 1,
		.text = "" };
	fstests_results_event(results, &ev);
	size_t i;
	json_t *cause;
	ev.kind = FSTESTS_CAUSE;
	json_array_foreach (json_object_get(end, "causes"), i, cause) {
		ev.cause = cause_of(cause);
		ev.text = json_str_or(cause, "text", "");
		fstests_results_event(results, &ev);
	}
	ev.kind = FSTESTS_END;
	ev.outcome = outcome_of(end);
	ev.text = ev.outcome == FSTESTS_NOTRUN ? json_str_or(end, "reason", "") : "";
	ev.seconds = (uint64_t)json_i64_or(end, "seconds", 0);
	fstests_results_event(results, &ev);
}

static char *reasons_text(const struct fstests_verdict *v)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < v->n_reasons; i++)
		buf_addf(&b, "%s%s", i ? "; " : "", v->reasons[i].text);
	return buf_take(&b);
}

/* Nothing is added where one of the two is not there. */
static void add_diff(const struct suite_call *c, int dirfd, const char *name, struct buf *diff,
	struct suite_seen *seen)
{
	bool cut = false;
	auto_free char *golden = xasprintf("%s/%s" FSTESTS_GOLDEN, c->dir, name);
	if (fstests_results_diff(dirfd, name, golden, c->diff_max, diff, &cut, NULL) < 0)
		return;
	seen->diff = buf_str(diff);
	seen->diff_n = diff->len;
	seen->diff_cut = cut;
}

/* Why its tests ran with something else than their section; the caller's, NULL: nothing says that
 * they did. */
static char *misapplied(const struct suite_call *c)
{
	auto_buf struct buf found = { 0 };
	auto_free char *path = path_join(c->dir, FSTESTS_APPLIED_FILE);
	if (!c->config || file_read(path, FSTESTS_APPLIED_MAX, &found, NULL) < 0)
		return NULL; /* no look was had */
	for (size_t i = 0; i < found.len; i++)
		if (!found.s[i])
			found.s[i] = '?';
	return fstests_checks_own_fault(c->config, c->stage, buf_str(&found));
}

/* Names are unique, so the results' order is ours. `wrong`: misapplied(). */
static int tell(const struct suite_call *c, const struct fstests_results *results, size_t at,
	int dirfd, const char *wrong, suite_on_seen *on_seen, void *ctx, struct err *e)
{
	struct fstests_verdict v;
	auto_buf struct buf diff = { 0 };
	fstests_results_verdict(results, at, &v);
	auto_free char *own = reasons_text(&v);
	auto_free char *reason =
		wrong ? xasprintf("%s%s%s", wrong, *own ? "; " : "", own) : xstrdup(own);
	struct suite_seen seen = {
		.test = at,
		.verdict = wrong ? verdict_worst(v.verdict, VERDICT_MISS) : v.verdict,
		.cut = v.reach == FSTESTS_CUT,
		.reason = reason,
	};
	add_diff(c, dirfd, v.test, &diff, &seen);
	return on_seen(ctx, &seen, e);
}

int fstests_witness(const struct suite_call *c, suite_on_seen *on_seen, void *ctx, char **ret_fault,
	struct err *e)
{
	auto_free struct fstests_wanted *wanted = xcalloc(c->n + 1, sizeof *wanted);
	for (size_t i = 0; i < c->n; i++)
		wanted[i].name = c->tests[i].name;
	auto_fstests_results struct fstests_results *results =
		fstests_results_new(wanted, c->n, c->stage);
	for (size_t i = 0; i < c->n; i++)
		say_again(c, i, results);
	auto_close int dirfd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(e, "%s", c->dir);
	int rc = fstests_results_read(results, dirfd, fstests_xunit_read_apart, e);
	if (rc < 0)
		return rc;
	fstests_results_judge(results);
	auto_free char *wrong = misapplied(c);
	for (size_t i = 0; rc == 0 && i < c->n; i++)
		rc = tell(c, results, i, dirfd, wrong, on_seen, ctx, e);
	const char *fault = wrong ? wrong : fstests_results_fault(results);
	if (rc == 0 && fault[0])
		*ret_fault = xstrdup(fault);
	return rc;
}
