/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/witness.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "kernel/history.h"
#include "run/controller.h"
#include "run/hints.h"
#include "store/store.h"
#include "suite/fstests_tree.h"
#include "suite/suite.h"
#include "suite/testpath.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_SHOWN 5 /* of tests that make a stage worse */

/* One call of a suite: a stage's attempt, the tests that ended in it, and its folder of results. */
struct call {
	const struct witness_request *q;
	const struct fstests_tree *tree; /* for hints; NULL: none */
	struct run_info *r;              /* its attempts follow the records that are appended */
	const struct suite *suite;
	struct run_attempt *stage;
	struct run_attempt **tests; /* the last of each name */
	char **names;               /* "generic/001" */
	size_t n;
	const char *dir;
	struct controller_result *ret;
	enum verdict worst; /* of those that became worse; VERDICT_COUNT: none did */
	struct buf worse;   /* their names */
	size_t n_worse;
};

/* ---- its tests ---- */

/* Several workers may write to a journal, in batches, where attempts are numbered anew: which of
 * its worker's own attempts of the stage this one is, from 1. */
static int64_t own_number(const struct run_info *r, const struct run_attempt *stage)
{
	int64_t n = 0;
	for (const struct run_attempt *a = r->attempts; a <= stage; a++)
		n += strcmp(a->test, stage->test) == 0 && a->batch == stage->batch;
	return n;
}

static bool ran_in(const struct run_attempt *a, const struct run_attempt *stage, int64_t number)
{
	return a->ended && testpath_is_below(a->test, stage->test) &&
	       json_i64_or(a->end, "stage_attempt", 0) == number && a->batch == stage->batch;
}

static void gather(struct call *c)
{
	int64_t number = own_number(c->r, c->stage);
	c->tests = xcalloc(c->r->n_attempts, sizeof *c->tests);
	c->names = xcalloc(c->r->n_attempts, sizeof *c->names);
	for (size_t i = 0; i < c->r->n_attempts; i++) {
		struct run_attempt *a = &c->r->attempts[i];
		if (!ran_in(a, c->stage, number))
			continue;
		size_t at = 0;
		while (at < c->n && strcmp(c->tests[at]->test, a->test) != 0)
			at++;
		if (at == c->n)
			c->names[c->n++] = testpath_name(a->test);
		c->tests[at] = a;
	}
}

/* ---- its folder ---- */

struct copy {
	int fd;
	uint64_t left;
};

static int copy_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	struct copy *c = ctx;
	size_t some = n < c->left ? n : (size_t)c->left;
	c->left -= some;
	int rc = fd_write_all(c->fd, p, some, e);
	return rc < 0 || c->left ? rc : -ECANCELED;
}

/* At most `max` bytes of it. One that is damaged is there as far as it could be read: it proves
 * less, which is judged. */
static int lay_out(const struct call *c, const struct run_artifact *a, const char *name,
	uint64_t max, struct err *e)
{
	auto_free char *path = path_join(c->dir, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	int rc = file_mkdirs(parent, 0700, e);
	if (rc < 0)
		return rc;
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "%s", path);
	struct copy copy = { fd, max };
	rc = run_artifact_each(c->r, a, copy_piece, &copy, e);
	return rc == -ECANCELED || rc == -EBADMSG ? 0 : rc;
}

/* Which of its tests the file belongs to; c->n: none. */
static size_t owner(const struct call *c, const struct run_artifact *a, const char *path)
{
	size_t n = 0;
	const char *name = c->suite->test_of(path, &n);
	for (size_t i = 0; name && i < c->n; i++)
		if (strlen(c->names[i]) == n && strncmp(name, c->names[i], n) == 0 &&
			strcmp(a->test, c->tests[i]->test) == 0 &&
			a->attempt == c->tests[i]->attempt)
			return i;
	return c->n;
}

static int lay_out_all(const struct call *c, struct err *e)
{
	size_t n = strlen(c->stage->stage);
	int rc = file_mkdirs(c->dir, 0700, e);
	for (size_t i = 0; rc == 0 && i < c->r->n_artifacts; i++) {
		const struct run_artifact *a = &c->r->artifacts[i];
		const char *path = run_artifact_collected(a);
		if (!path || strncmp(path, c->stage->stage, n) != 0 || path[n] != '/')
			continue;
		const char *name = path + n + 1;
		size_t at = owner(c, a, path);
		bool ours = strcmp(a->test, c->stage->test) == 0 && a->attempt == c->stage->attempt;
		uint64_t max = ours || at < c->n ? c->suite->witness_wants(
							   name, at < c->n ? c->names[at] : NULL)
						 : 0;
		if (max)
			rc = lay_out(c, a, name, max, e);
	}
	return rc;
}

/* ---- verdicts ---- */

static int append(
	struct call *c, struct run_attempt *a, enum verdict v, json_t *fields, struct err *e)
{
	auto_json json_t *j = fields;
	json_object_set_new(j, "test", json_string(a->test));
	json_object_set_new(j, "attempt", json_integer(a->attempt));
	json_object_set_new(j, "status", json_string(verdict_name(v)));
	int rc = run_append(c->q->writer, "witness", j, false, e);
	if (rc < 0 || v >= a->status)
		return rc;
	c->ret->counts[a->status]--;
	c->ret->counts[v]++;
	c->ret->status = verdict_worst(c->ret->status, v);
	a->status = v;
	if (c->q->on_record)
		c->q->on_record(c->q->ctx, "witness", j);
	return 0;
}

/* The filesystem that the section is of. */
static const char *fstyp_of(const struct call *c)
{
	auto_free char *own = xasprintf("section.%s.fstyp", c->stage->stage);
	const char *fstyp = config_str(c->q->config, own);
	return fstyp ? fstyp : config_str(c->q->config, "fstests.fstyp");
}

static void add_hints(const struct call *c, const char *name, json_t *fields)
{
	const json_t *origin = json_object_get(c->r->first, "kernel_origin");
	const struct history history = {
		.origin = json_str_or(origin, "origin", NULL),
		.commit = json_str_or(origin, "commit", NULL),
		.release = json_str_or(
			c->r->target, "release", json_str_or(c->r->first, "kernel", NULL)),
	};
	const struct fstests_test *test =
		c->tree && c->q->config ? fstests_tree_find(c->tree, name) : NULL;
	json_t *hints = test ? hints_of(test, fstyp_of(c), &history) : NULL;
	if (hints)
		json_object_set_new(fields, "hints", hints);
}

static int on_seen(void *ctx, const struct suite_seen *s, struct err *e)
{
	struct call *c = ctx;
	struct run_attempt *a = c->tests[s->test];
	enum verdict worst = verdict_worst(s->verdict, a->status);
	bool worse = worst < a->status && !s->cut;
	json_t *fields = json_pack("{s:o}", "reason", json_bytes(s->reason, strlen(s->reason)));
	if (s->diff_n) {
		json_object_set_new(fields, "diff", json_bytes(s->diff, s->diff_n));
		json_object_set_new(fields, "diff_cut", json_boolean(s->diff_cut));
	}
	if (a->status == VERDICT_FAIL || (worse && worst == VERDICT_FAIL))
		add_hints(c, c->names[s->test], fields);
	if (!worse && json_object_size(fields) == 1) {
		json_decref(fields);
		return 0;
	}
	if (worse) {
		c->worst = verdict_worst(c->worst, worst);
		if (c->n_worse++ < NAMES_SHOWN)
			buf_addf(&c->worse, "%s%s", c->worse.len ? ", " : "", c->names[s->test]);
	}
	return append(c, a, s->cut ? a->status : worst, fields, e);
}

/* The call's own, and the one that counts, which may be on several calls. */
static int judge_stage(struct call *c, struct err *e)
{
	int rc = 0;
	auto_free char *reason =
		xasprintf("%zu of its tests did not pass by the files they left: %s%s", c->n_worse,
			buf_str(&c->worse), c->n_worse > NAMES_SHOWN ? " ..." : "");
	for (size_t i = 0; rc == 0 && i < c->r->n_attempts; i++) {
		struct run_attempt *a = &c->r->attempts[i];
		bool counts = !a->superseded && strcmp(a->test, c->stage->test) == 0;
		if ((a == c->stage || counts) && c->worst < a->status)
			rc = append(c, a, c->worst, json_pack("{s:s}", "reason", reason), e);
	}
	return rc;
}

static int tell_fault(struct call *c, const char *fault, struct err *e)
{
	if (!fault)
		return 0;
	auto_free char *text = xasprintf("%s: %s", c->stage->test, fault);
	return run_note(c->q->writer, "warning", text, false, e);
}

static int judge(struct call *c, struct err *e)
{
	auto_free char *fault = NULL;
	auto_free struct suite_told *told = xcalloc(c->n + 1, sizeof *told);
	for (size_t i = 0; i < c->n; i++)
		told[i] = (struct suite_told){ c->names[i], c->tests[i]->end };
	const struct suite_call call = {
		.stage = c->stage->stage,
		.config =
			json_str_or(json_object_get(c->r->plan, "sections"), c->stage->stage, NULL),
		.dir = c->dir,
		.tests = told,
		.n = c->n,
		.diff_max = WITNESS_DIFF_MAX,
	};
	int rc = c->suite->witness(&call, on_seen, c, &fault, e);
	if (rc == 0)
		rc = judge_stage(c, e);
	return rc < 0 ? rc : tell_fault(c, fault, e);
}

static int witness_of(struct call *c, struct err *e)
{
	gather(c);
	int rc = c->n ? lay_out_all(c, e) : 0;
	if (rc == 0 && c->n)
		rc = judge(c, e);
	(void)file_remove_tree(c->dir, NULL); /* goes with the run's folder of work, else */
	for (size_t i = 0; i < c->n; i++)
		free(c->names[i]);
	free(c->names);
	free(c->tests);
	buf_clear(&c->worse);
	return rc;
}

/* The tree may have gone meanwhile: then there are no hints. */
static struct fstests_tree *open_tree(const char *dir)
{
	struct fstests_tree *tree = NULL;
	return dir && fstests_tree_open(dir, &tree, NULL) == 0 ? tree : NULL;
}

/* What ran before a resume was judged then; or its files went with its machine, which is no test's
 * fault. */
static bool is_call(const struct run_info *r, const struct run_attempt *a)
{
	int64_t since_us = json_i64_or(r->resumed, "at_us", 0);
	const struct suite *s = suite_of(a->test);
	return run_attempt_is_stage(a) && s && s->witness && (int64_t)a->start_at_us >= since_us;
}

int witness_add(const struct witness_request *q, struct controller_result *ret, struct err *e)
{
	auto_run_info struct run_info *r = NULL;
	auto_fstests_tree struct fstests_tree *tree = NULL;
	int rc = run_sync(q->writer, e);
	if (rc == 0)
		rc = run_read(q->state_dir, run_writer_id(q->writer), &r, e);
	if (rc < 0)
		return rc;
	auto_free char *work = path_join(run_writer_dir(q->writer), "work");
	auto_free char *dir = path_join(work, "witness");
	for (size_t i = 0; rc == 0 && i < r->n_attempts; i++) {
		if (!is_call(r, &r->attempts[i]))
			continue;
		if (!tree)
			tree = open_tree(q->tree);
		struct call c = { .q = q,
			.tree = tree,
			.r = r,
			.suite = suite_of(r->attempts[i].test),
			.stage = &r->attempts[i],
			.dir = dir,
			.ret = ret,
			.worst = VERDICT_COUNT };
		rc = witness_of(&c, e);
	}
	(void)rmdir(work); /* but where a machine is kept, or fsqa was told to keep it */
	return rc;
}
