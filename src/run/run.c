/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/run.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/attempts.h"
#include "run/build_record.h"
#include "run/capacity.h"
#include "run/kept.h"
#include "run/oops.h"
#include "run/order.h"
#include "run/plan.h"
#include "run/recover.h"
#include "run/resume.h"
#include "run/snapshot.h"
#include "run/suite_tree.h"
#include "run/test_timeouts.h"
#include "run/witness.h"
#include "store/store.h"
#include "suite/testpath.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_test(json_t *tests, const char *path)
{
	json_array_append_new(tests, json_string(path));
}

/* A suite's tests that are known before it runs. */
static void add_listed(json_t *tests, const json_t *stage)
{
	size_t i;
	json_t *name;
	auto_free char *path = plan_stage_path(stage);
	add_test(tests, path);
	json_array_foreach (json_object_get(stage, "tests"), i, name) {
		auto_free char *test = testpath_make(path, json_string_value(name));
		add_test(tests, test);
	}
}

static json_t *plan_tests(const struct profile *p, const struct prepared *prepared)
{
	size_t i;
	json_t *stage;
	json_t *tests = json_array();
	if (prepared->made.judged)
		add_test(tests, BUILD_TEST);
	if (prepared->tree && prepared->tree->judged)
		add_test(tests, SUITE_BUILD_TEST);
	add_test(tests, "boot");
	for (i = 0; i < p->n_stages; i++) {
		auto_free char *path = xasprintf("script.%s", p->stages[i].name);
		add_test(tests, path);
	}
	json_array_foreach (prepared->listed, i, stage)
		add_listed(tests, stage);
	return tests;
}

/* The configuration that each section of a suite is run with. */
static json_t *sections(const struct prepared *p)
{
	size_t i;
	json_t *stage;
	json_t *all = json_object();
	json_array_foreach (p->listed, i, stage)
		json_object_set(
			all, json_str_or(stage, "name", ""), json_object_get(stage, "config"));
	return all;
}

/* What the workers do: each batch its own. */
struct batches {
	json_t **jobs;
	size_t n; /* at least one, where there is something to run */
	unsigned slots;
	size_t before;             /* batches that the journal has already */
	struct attempts *attempts; /* NULL: there is one batch, and it counts for itself */
};

static void batches_clear(struct batches *b)
{
	for (size_t i = 0; i < b->n; i++)
		json_decref(b->jobs[i]);
	free(b->jobs);
	attempts_free(b->attempts);
	*b = (struct batches){ 0 };
}

#define auto_batches __attribute__((cleanup(batches_clear)))

/* `r`: the run as it was, where it goes on. */
static int share_out(const struct run_request *q, struct prepared *p, const struct run_info *r,
	struct batches *ret, struct err *e)
{
	auto_plan struct plan plan = { 0 };
	const struct plan_query query = {
		.state_dir = q->prepare.state_dir,
		.profile = q->prepare.profile,
		.stages = json_object_get(p->job, "stages"),
		.cpus = capacity_cpus(q->prepare.profile->config, p->accel.name),
		.alone = q->prepare.keep,
	};
	int rc = plan_make(&query, &plan, e);
	if (rc < 0)
		return rc;
	ret->n = plan.n_batches ? plan.n_batches : 1;
	ret->slots = plan.slots;
	ret->jobs = xcalloc(ret->n, sizeof *ret->jobs);
	for (size_t i = 0; i < ret->n; i++)
		ret->jobs[i] = plan_job(&plan, p->job, i);
	ret->before = r ? resume_batches(r) : 0;
	if (ret->n > 1 || r)
		ret->attempts = attempts_new(ret->n, ret->before);
	return 0;
}

/* Where the workers write: one folder for each, of a run that has several. */
static void place(const struct run_request *q, struct batches *b, const struct run_writer *w)
{
	auto_free char *work = path_join(run_writer_dir(w), "work");
	for (size_t i = 0; i < b->n; i++) {
		auto_free char *own = xasprintf("%s/%zu", work, b->before + i + 1);
		prepare_place_job(b->jobs[i], b->attempts ? own : work);
	}
	json_t *hold = json_object_get(b->jobs[0], "hold");
	auto_free char *kept = kept_path(q->prepare.state_dir, run_writer_id(w));
	auto_free char *console = path_join(run_writer_dir(w), "kept-console.log");
	if (hold) {
		json_object_set_new(hold, "file", json_string(kept));
		json_object_set_new(hold, "console", json_string(console));
	}
}

static int begin(const struct run_request *q, struct prepared *p, const json_t *tests,
	struct batches *b, struct run_writer **w, struct run_result *ret, struct err *e)
{
	const struct profile *profile = q->prepare.profile;
	auto_free char *cwd = getcwd(NULL, 0);
	json_object_set_new(p->run, "command", json_string(q->command));
	if (cwd)
		json_object_set_new(p->run, "cwd", json_bytes(cwd, strlen(cwd)));
	if (q->baseline)
		json_object_set_new(p->run, "baseline", json_string(q->baseline));
	if (q->group)
		json_object_set_new(p->run, "group", json_string(q->group));
	if (q->variant)
		json_object_set_new(p->run, "variant", json_string(q->variant));
	json_object_set_new(p->run, "pid", json_integer(getpid()));
	int rc = run_create(q->prepare.state_dir, profile->name, p->run, w, e);
	if (rc < 0)
		return rc;
	(void)snprintf(ret->id, sizeof ret->id, "%s", run_writer_id(*w));    /* ids are short */
	(void)snprintf(ret->dir, sizeof ret->dir, "%s", run_writer_dir(*w)); /* may be cut */
	auto_json json_t *plan = json_pack("{s:O, s:I, s:i, s:o}", "tests", tests, "batches",
		(json_int_t)b->n, "slots", (int)b->slots, "sections", sections(p));
	rc = run_append(*w, "plan", plan, true, e);
	for (size_t i = 0; i < profile->warnings.n && rc == 0; i++)
		rc = run_note(*w, "warning", profile->warnings.v[i], false, e);
	if (p->job && rc == 0)
		rc = resume_freeze(run_writer_dir(*w), profile->dir, b->slots, p->job, e);
	if (p->job)
		place(q, b, *w);
	return rc;
}

static json_t *end_record(const struct controller_result *r)
{
	json_t *counts = json_object();
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_object_set_new(
			counts, verdict_name((enum verdict)v), json_integer(r->counts[v]));
	json_t *j = json_pack("{s:s, s:o, s:b}", "status", verdict_name(r->status), "counts",
		counts, "interrupted", r->interrupted);
	if (r->error[0])
		json_object_set_new(j, "error", json_bytes(r->error, strlen(r->error)));
	return j;
}

static int exit_code(const struct controller_result *r)
{
	if (r->interrupted)
		return 130;
	if (r->error[0] || r->status == VERDICT_MISS)
		return 3;
	return r->status <= VERDICT_ERROR ? 1 : 0;
}

static int update_index(const char *state_dir, const char *id, struct err *e)
{
	struct index_db *x = NULL;
	struct run_info *info = NULL;
	int rc = index_open(state_dir, &x, e);
	if (rc == 0)
		rc = run_read(state_dir, id, &info, e);
	if (rc == 0)
		rc = index_add_run(x, info, e);
	run_info_free(info);
	index_close(x);
	return rc;
}

/* A worker that died left attempts open and evidence in its spool: finish as if we had been
 * killed ourselves, for there is one way to recover, and it is tested. */
static int finish_dead(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct run_writer **w, const struct run_result *r, struct err *e)
{
	/* Neither needs to succeed (a full disk): the recovery makes room first. */
	(void)run_note(*w, "error", r->ended.error, true, NULL);
	(void)run_writer_close(w, NULL);
	return recover_runs(q->prepare.state_dir, o->on_recovered, ctx, e);
}

static int finish(const struct run_request *q, struct run_writer **w, const struct run_result *r,
	struct err *e)
{
	struct err why = { 0 };
	auto_json json_t *end = end_record(&r->ended);
	if (!r->ended.interrupted &&
		oops_add(*w, q->prepare.state_dir, q->prepare.profile->config, &why) < 0)
		(void)run_note(*w, "warning", why.msg, false, NULL); /* the next one tells */
	int rc = run_append(*w, "run_end", end, true, e);
	int closed = run_writer_close(w, rc < 0 ? NULL : e);
	if (rc < 0 || closed < 0)
		return rc < 0 ? rc : closed;
	return update_index(q->prepare.state_dir, r->id, e);
}

/* The verdict is on all of the run, not on what was left; what was tried again, or in several
 * machines, counts once. */
static int count_all(const struct run_request *q, struct run_result *ret, struct err *e)
{
	auto_run_info struct run_info *r = NULL;
	int rc = run_read(q->prepare.state_dir, ret->id, &r, e);
	if (rc < 0)
		return rc;
	run_info_counts(r, ret->ended.counts);
	ret->ended.status = run_info_status(r);
	return 0;
}

/* The tests of the plan: that of the build first, then all that the workers do. `tests` NULL: the
 * build was told of before. */
static int run_tests(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct prepared *p, const json_t *tests, const struct batches *b, struct run_writer *w,
	struct run_result *ret, struct err *e)
{
	struct controller_result build = { .status = VERDICT_SKIP };
	const struct build_teller t = { w, &o->controller, ctx, &build };
	int rc = tests ? made_kernel_record(&p->made, tests, &t, e) : 0;
	if (rc == 0 && p->kernel && p->tree)
		rc = suite_tree_record(p->tree, tests, &t, e);
	ret->ended = build;
	if (rc < 0 || !p->job)
		return rc;
	const struct controller_spec spec = {
		.prepared = p,
		.jobs = b->jobs,
		.n_jobs = b->n,
		.slots = b->slots,
		.attempts = b->attempts,
		.writer = w,
		.state_dir = q->prepare.state_dir,
		.min_free_bytes = config_num(q->prepare.profile->config, "store.minFree") / 4,
	};
	rc = controller_run(&spec, &o->controller, ctx, &ret->ended, e);
	for (int v = 0; v < VERDICT_COUNT; v++)
		ret->ended.counts[v] += build.counts[v];
	ret->ended.status = verdict_worst(ret->ended.status, build.status);
	/* Of a worker that died the evidence is still in its spool. */
	if (rc < 0 || ret->ended.worker_died)
		return rc;
	const struct config *c = q->prepare.profile->config;
	const struct witness_request witness = {
		.writer = w,
		.state_dir = q->prepare.state_dir,
		.config = c,
		.tree = p->tree ? p->tree->dir : NULL,
		.on_record = o->controller.on_record,
		.ctx = ctx,
	};
	rc = witness_add(&witness, &ret->ended, e);
	return rc == 0 ? count_all(q, ret, e) : rc;
}

/* Each batch's own folder in it is removed by its worker; what one that died left stays. */
static void remove_work(const struct run_writer *w)
{
	if (!w)
		return;
	auto_free char *work = path_join(run_writer_dir(w), "work");
	(void)rmdir(work);
}

/* `rc`: how it went. Takes the writer. */
static int end_of_run(const struct run_request *q, const struct run_observer *o, void *ctx,
	const struct batches *b, struct run_writer *w, int rc, struct run_result *ret,
	struct err *e)
{
	if (b->attempts)
		remove_work(w);
	if (rc < 0) {
		/* There is nothing to write it to, or no worker: the next start finishes it. */
		(void)run_writer_close(&w, NULL);
		return rc;
	}
	ret->exit_code = exit_code(&ret->ended);
	if (ret->ended.worker_died)
		rc = finish_dead(q, o, ctx, &w, ret, e);
	else
		rc = finish(q, &w, ret, e);
	controller_let_go(&ret->ended, rc == 0);
	if (rc < 0 && !ret->ended.interrupted)
		ret->exit_code = 3;
	return rc;
}

static int run_prepared(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct prepared *p, struct run_result *ret, struct err *e)
{
	struct run_writer *w = NULL;
	auto_batches struct batches b = { 0 };
	auto_json json_t *tests = plan_tests(q->prepare.profile, p);
	int rc = p->job ? share_out(q, p, NULL, &b, e) : 0;
	if (rc == 0)
		rc = begin(q, p, tests, &b, &w, ret, e);
	if (rc == 0) {
		o->on_begin(ctx, ret->id, p->run);
		rc = run_tests(q, o, ctx, p, tests, &b, w, ret, e);
	}
	return end_of_run(q, o, ctx, &b, w, rc, ret, e);
}

/* ---- a run that was interrupted ---- */

/* Nobody removes them meanwhile. What is not there any more its file's absence tells. */
static void hold(const char *state_dir, const char *folder, const char *key, struct prepared *p)
{
	int fd = -1;
	auto_free char *dir = path_join(state_dir, folder);
	if (key && depot_hold(dir, key, &fd, NULL) == 0 && fd >= 0)
		p->held[p->n_held++] = fd;
}

/* What was frozen, with the stages that are left. */
static int thaw(
	const struct run_request *q, const struct run_info *r, struct prepared *p, struct err *e)
{
	auto_json json_t *frozen = NULL;
	size_t n = 0;
	int rc = resume_read(r, &frozen, e);
	if (rc < 0)
		return rc;
	json_t *job = json_object_get(frozen, "job");
	const char *accel = json_str_or(json_object_get(job, "target"), "accel", "tcg");
	auto_json json_t *left = resume_stages(r, json_object_get(job, "stages"), &n);
	if (!r->interrupted)
		return err_set(e, EINVAL, "run %s was not interrupted", r->id);
	if (n == 0)
		return err_set(e, EINVAL, "run %s: each of its tests has a verdict", r->id);
	(void)snprintf(p->accel.name, sizeof p->accel.name, "%s", accel); /* "kvm" or "tcg" */
	p->listed = json_incref(json_object_get(job, "stages")); /* with those that are not left */
	p->job = json_copy(job);
	p->run = json_incref(r->first);
	hold(q->prepare.state_dir, "kernels", json_str_or(r->first, "kernel_key", NULL), p);
	hold(q->prepare.state_dir, "images", json_str_or(r->first, "image_key", NULL), p);
	hold(q->prepare.state_dir, "suites",
		json_str_or(json_object_get(r->first, "fstests"), "key", NULL), p);
	json_object_set(p->job, "stages", left);
	auto_free char *text = xasprintf("goes on with %zu tests that have no verdict", n);
	p->note = take(&text);
	return 0;
}

static int begin_again(const struct run_request *q, const struct prepared *p,
	const struct run_info *r, struct batches *b, struct run_writer **w, struct run_result *ret,
	struct err *e)
{
	auto_json json_t *how = json_pack("{s:s, s:i}", "command", q->command, "pid", getpid());
	int rc = run_resume(q->prepare.state_dir, r->id, how, w, e);
	if (rc < 0)
		return rc;
	(void)snprintf(ret->id, sizeof ret->id, "%s", r->id);    /* ids are short */
	(void)snprintf(ret->dir, sizeof ret->dir, "%s", r->dir); /* may be cut */
	auto_json json_t *plan = json_pack("{s:O*, s:I, s:i, s:O*}", "tests",
		json_object_get(r->plan, "tests"), "batches", (json_int_t)(b->before + b->n),
		"slots", (int)b->slots, "sections", json_object_get(r->plan, "sections"));
	rc = run_append(*w, "plan", plan, false, e);
	if (rc == 0)
		rc = run_note(*w, "info", p->note, true, e);
	if (rc == 0)
		rc = update_index(q->prepare.state_dir, r->id, e); /* it is under way again */
	place(q, b, *w);
	return rc;
}

static int run_rest(const struct run_request *q, const struct run_observer *o, void *ctx,
	const struct run_info *r, struct prepared *p, struct run_result *ret, struct err *e)
{
	struct run_writer *w = NULL;
	auto_batches struct batches b = { 0 };
	int rc = thaw(q, r, p, e);
	if (rc == 0)
		rc = share_out(q, p, r, &b, e);
	if (rc < 0)
		return rc;
	ret->exit_code = 3;
	resume_attempts(r, p->listed, b.attempts);
	rc = begin_again(q, p, r, &b, &w, ret, e);
	if (rc == 0) {
		o->on_progress(ctx, p->note);
		o->on_begin(ctx, ret->id, p->run);
		rc = run_tests(q, o, ctx, p, NULL, &b, w, ret, e);
	}
	return end_of_run(q, o, ctx, &b, w, rc, ret, e);
}

int run_resumable(const char *state_dir, const char *id, char **ret_profile, unsigned *ret_slots,
	struct err *e)
{
	auto_run_info struct run_info *r = NULL;
	auto_json json_t *frozen = NULL;
	int rc = run_read(state_dir, id, &r, e);
	if (rc == 0)
		rc = resume_read(r, &frozen, e);
	if (rc < 0)
		return rc;
	*ret_profile = xstrdup(json_str_or(frozen, "profile", ""));
	*ret_slots = (unsigned)json_i64_or(frozen, "slots", 1);
	return 0;
}

/* The job has the same stages. */
static void put_in_order(const struct order *o, struct prepared *p)
{
	(void)order_apply(o, p->listed); /* who asked was told how many come first */
	if (o->shuffle)
		json_object_set_new(p->run, "shuffle", json_integer((json_int_t)o->seed));
}

/* A machine that cannot be saved boots each time: slower, and as good. */
static void clone_where_asked(
	const struct run_request *q, const struct run_observer *o, void *ctx, struct prepared *p)
{
	struct err e = { 0 };
	const struct config *c = q->prepare.profile->config;
	const struct snapshot_request s = {
		.state_dir = q->prepare.state_dir,
		.max_bytes = config_num(c, "snapshot.maxSize"),
		.progress = o->on_progress,
		.ctx = ctx,
	};
	if (strcmp(config_str(c, "vm.isolate"), "run") == 0 || snapshot_use(&s, p, &e) == 0)
		return;
	auto_free char *text = xasprintf("no snapshot, each target boots: %s", e.msg);
	o->on_progress(ctx, text);
}

/* Interrupted runs are finished by now. */
static int resume(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct run_result *ret, struct err *e)
{
	auto_run_info struct run_info *r = NULL;
	struct prepared p = { 0 };
	int rc = run_read(q->prepare.state_dir, q->resume, &r, e);
	if (rc == 0)
		rc = run_rest(q, o, ctx, r, &p, ret, e);
	prepared_clear(&p);
	return rc;
}

int run_execute(const struct run_request *q, const struct run_observer *o, void *ctx,
	struct run_result *ret, struct err *e)
{
	struct prepared p = { 0 };
	*ret = (struct run_result){ .exit_code = 3 };
	int rc = file_mkdirs(q->prepare.state_dir, 0755, e);
	if (rc == 0)
		rc = recover_runs(q->prepare.state_dir, o->on_recovered, ctx, e);
	if (rc < 0)
		return rc;
	kept_sweep(q->prepare.state_dir);
	/* Before anything is made: under TCG or not, the host's CPUs are as many. */
	const struct config *c = q->prepare.profile->config;
	ret->exit_code = 2;
	rc = q->prepare.keep ? 0 : capacity_check(c, capacity_cpus(c, "tcg"), e);
	if (rc < 0)
		return rc;
	if (q->resume)
		return resume(q, o, ctx, ret, e);
	rc = prepare(&q->prepare, o->on_progress, ctx, &p, &ret->exit_code, e);
	if (rc < 0)
		return rc;
	ret->exit_code = 3;
	if (q->order)
		put_in_order(q->order, &p);
	if (p.job)
		clone_where_asked(q, o, ctx, &p);
	if (p.job)
		test_timeouts_set(q->prepare.state_dir, q->prepare.profile->name, p.accel.name,
			json_object_get(p.job, "stages"));
	rc = run_prepared(q, o, ctx, &p, ret, e);
	prepared_clear(&p);
	return rc;
}

/* Remove what shells left that were killed: those whose lock nobody holds. */
static void sweep_scratch(const char *parent)
{
	DIR *d = opendir(parent);
	const struct dirent *entry;
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		auto_free char *folder = path_join(parent, entry->d_name);
		auto_free char *lock_path = path_join(folder, "lock");
		auto_close int lock = file_lock(lock_path, 0, NULL);
		if (lock >= 0)
			(void)file_remove_tree(folder, NULL); /* the next start tries again */
	}
	if (d)
		(void)closedir(d); /* only read */
}

int run_scratch_folder(const char *state_dir, char **ret, int *ret_lock, struct err *e)
{
	auto_free char *parent = path_join(state_dir, "shells");
	auto_free char *folder = xasprintf("%s/%ld", parent, (long)getpid());
	auto_free char *lock_path = path_join(folder, "lock");
	sweep_scratch(parent);
	int rc = file_mkdirs(folder, 0700, e);
	if (rc < 0)
		return rc;
	int lock = file_lock(lock_path, 0, e);
	if (lock < 0)
		return lock;
	*ret = take(&folder);
	*ret_lock = lock;
	return 0;
}
