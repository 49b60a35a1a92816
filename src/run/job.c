/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/job.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include <errno.h>
#include <stdlib.h>

/* Members that must be there: the first that is not ends the parse with its name. */
struct reader {
	const json_t *j;
	struct err *e;
	int rc;
};

static const char *text(struct reader *r, const char *key)
{
	const char *s = NULL;
	if (r->rc == 0)
		r->rc = json_get_str(r->j, key, &s, r->e);
	return s;
}

static uint64_t number(struct reader *r, const char *key)
{
	int64_t v = 0;
	if (r->rc == 0)
		r->rc = json_get_i64(r->j, key, &v, r->e);
	if (r->rc == 0 && v < 0)
		r->rc = err_set(r->e, EINVAL, "member \"%s\" is negative", key);
	return (uint64_t)v;
}

/* A NULL-terminated vector of the strings in an array; what is no string is passed over. */
static const char **texts(const json_t *array)
{
	size_t n = json_array_size(array);
	const char **v = xcalloc(n + 1, sizeof *v);
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(array, i));
		if (s)
			v[used++] = s;
	}
	return v;
}

static int parse_disks(const json_t *disks, struct job *job, struct err *e)
{
	struct reader r = { NULL, e, 0 };
	size_t n = json_array_size(disks);
	if (n > JOB_MAX_DISKS)
		return err_set(e, EINVAL, "%zu disks, at most %d", n, JOB_MAX_DISKS);
	for (size_t i = 0; i < n && r.rc == 0; i++) {
		struct target_disk *d = &job->disks[i];
		r.j = json_array_get(disks, i);
		d->serial = text(&r, "serial");
		d->link = json_str_or(r.j, "link", NULL);
		d->size_bytes = number(&r, "size_bytes");
		d->saved_bytes = (uint64_t)json_i64_or(r.j, "saved_bytes", 0);
		d->block_bytes = (unsigned)json_i64_or(r.j, "block_bytes", 0);
		d->physical_bytes = (unsigned)json_i64_or(r.j, "physical_bytes", 0);
		d->cache = json_str_or(r.j, "cache", NULL);
		d->no_discard = !json_bool_or(r.j, "discard", true);
		d->no_rotation = !json_bool_or(r.j, "rotational", true);
		d->zone_bytes = (uint64_t)json_i64_or(r.j, "zone_bytes", 0);
	}
	job->target.disks = job->disks;
	job->target.n_disks = n;
	return r.rc;
}

static int parse_target(const json_t *j, struct job *job, struct err *e)
{
	struct reader r = { j, e, 0 };
	struct target_spec *t = &job->target;
	t->arch = text(&r, "arch");
	t->accel = text(&r, "accel");
	t->kernel = text(&r, "kernel");
	t->initramfs = text(&r, "initramfs");
	t->root = text(&r, "root");
	t->root_fstype = text(&r, "root_fstype");
	t->hostname = text(&r, "hostname");
	t->work_dir = text(&r, "work_dir");
	t->memory_bytes = number(&r, "memory_bytes");
	t->state_bytes = number(&r, "state_bytes");
	t->cpus = (unsigned)number(&r, "cpus");
	t->boot_deadline_us = number(&r, "boot_deadline_us");
	t->qemu = json_str_or(j, "qemu", NULL);
	t->modules = json_str_or(j, "modules", NULL);
	t->load = json_str_or(j, "load", NULL);
	t->root_format = json_str_or(j, "root_format", NULL);
	t->network = json_bool_or(j, "network", false);
	t->append = json_str_or(j, "append", NULL);
	t->users = json_str_or(j, "users", NULL);
	t->system_init = json_bool_or(j, "system_init", false);
	t->core = json_str_or(j, "core", NULL);
	if (t->core)
		t->core_max_bytes = number(&r, "core_max_bytes");
	t->save_to = json_str_or(j, "save_to", NULL);
	t->clone_of = json_str_or(j, "clone_of", NULL);
	t->faults = json_bool_or(j, "faults", false);
	if (r.rc == 0)
		r.rc = parse_disks(json_object_get(j, "disks"), job, e);
	const json_t *shares = json_object_get(j, "shares");
	size_t n = json_array_size(shares);
	if (r.rc == 0 && n > JOB_MAX_SHARES)
		r.rc = err_set(e, EINVAL, "%zu folders shared, at most %d", n, JOB_MAX_SHARES);
	for (size_t i = 0; i < n && r.rc == 0; i++) {
		r.j = json_array_get(shares, i);
		job->shares[i].path = text(&r, "path");
		job->shares[i].name = text(&r, "name");
		job->shares[i].fstype = text(&r, "fstype");
	}
	t->shares = job->shares;
	t->n_shares = n;
	return r.rc;
}

static int parse_hold(const json_t *j, struct job *job, struct err *e)
{
	struct reader r = { j, e, 0 };
	job->hold_file = text(&r, "file");
	job->hold_idle_us = number(&r, "idle_us");
	job->hold_console = text(&r, "console");
	job->target.hold = true;
	return r.rc;
}

static int parse_control(const json_t *j, struct job_control *c, struct err *e)
{
	struct reader r = { j, e, 0 };
	c->kernel = text(&r, "kernel");
	c->initramfs = text(&r, "initramfs");
	c->release = text(&r, "release");
	c->modules = json_str_or(j, "modules", NULL);
	c->load = json_str_or(j, "load", NULL);
	return r.rc;
}

static struct suite_need *parse_needs(const json_t *array)
{
	size_t i;
	json_t *j;
	struct suite_need *v = xcalloc(json_array_size(array) + 1, sizeof *v);
	json_array_foreach (array, i, j)
		v[i] = (struct suite_need){ json_str_or(j, "what", "-:"),
			json_bool_or(j, "hard", false), json_str_or(j, "text", "") };
	return v;
}

/* Those of the job, and those of the stage behind them. */
static int parse_files(const json_t *job, const json_t *stage, struct suite_file **ret,
	size_t *ret_n, struct err *e)
{
	const json_t *const from[] = { json_object_get(job, "files"),
		json_object_get(stage, "files") };
	struct reader r = { NULL, e, 0 };
	size_t k;
	*ret = xcalloc(json_array_size(from[0]) + json_array_size(from[1]) + 1, sizeof **ret);
	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		json_array_foreach (from[i], k, r.j)
			(*ret)[(*ret_n)++] = (struct suite_file){ text(&r, "path"),
				text(&r, "dest"), (unsigned)number(&r, "mode") };
	return r.rc;
}

static int parse_stages(const json_t *j, struct job *job, struct err *e)
{
	const json_t *array = json_object_get(j, "stages");
	size_t n = json_array_size(array);
	if (n > JOB_MAX_STAGES)
		return err_set(e, EINVAL, "%zu stages, at most %d", n, JOB_MAX_STAGES);
	job->stages = xcalloc(n, sizeof *job->stages);
	job->n_stages = n;
	for (size_t i = 0; i < n; i++) {
		struct reader r = { json_array_get(array, i), e, 0 };
		struct job_stage *s = &job->stages[i];
		s->name = text(&r, "name");
		s->suite = suite_find(json_str_or(r.j, "suite", suite_script.name));
		if (!s->suite)
			return err_set(e, EINVAL, "stage %zu: no such suite", i);
		if (json_object_get(r.j, "tests")) {
			s->tests = texts(json_object_get(r.j, "tests"));
			s->tree = json_str_or(r.j, "tree", NULL);
			s->config = json_str_or(r.j, "config", NULL);
			s->test_timeout_us = number(&r, "test_timeout_us");
			s->own_report = json_is_true(json_object_get(r.j, "own_report"));
			s->loops = (unsigned)json_i64_or(r.j, "loops", 0);
			s->timeouts = json_object_get(r.j, "timeouts_us");
			s->needs = parse_needs(json_object_get(r.j, "needs"));
			s->provokes = json_object_get(r.j, "provokes");
		} else {
			s->script = text(&r, "script");
		}
		s->timeout_us = number(&r, "timeout_us");
		s->requires = texts(json_object_get(r.j, "requires"));
		s->logs = texts(json_object_get(r.j, "logs"));
		if (r.rc == 0)
			r.rc = parse_files(j, r.j, &s->files, &s->n_files, e);
		if (r.rc < 0)
			return r.rc;
	}
	return 0;
}

static void parse_faults(const json_t *array, struct job *job)
{
	size_t i;
	json_t *j;
	job->n_faults = json_array_size(array);
	job->faults = xcalloc(job->n_faults, sizeof *job->faults);
	json_array_foreach (array, i, j)
		job->faults[i] = (struct job_faults){ json_str_or(j, "stage", NULL),
			json_str_or(j, "test", NULL), json_object_get(j, "faults"),
			json_object_get(j, "expect") };
}

static int parse_copies(const json_t *array, struct job_copy **ret, size_t *ret_n, struct err *e)
{
	*ret_n = json_array_size(array);
	*ret = xcalloc(*ret_n + 1, sizeof **ret);
	int rc = 0;
	for (size_t i = 0; i < *ret_n && rc == 0; i++) {
		struct reader r = { json_array_get(array, i), e, 0 };
		(*ret)[i] = (struct job_copy){ text(&r, "from"), text(&r, "to") };
		rc = r.rc;
	}
	return rc;
}

int job_parse(json_t *j, struct job *ret, struct err *e)
{
	struct job job = { 0 };
	struct reader r = { j, e, 0 };
	job.work_dir = text(&r, "work_dir");
	job.logs_max_bytes = number(&r, "logs_max_bytes");
	job.logs_max_files = (uint32_t)number(&r, "logs_max_files");
	job.image_max_bytes = (uint64_t)json_i64_or(j, "image_max_bytes", 0);
	job.record_limit = number(&r, "record_limit");
	job.salvage = json_str_or(j, "salvage", NULL);
	job.hang_timeout_us = number(&r, "hang_timeout_us");
	job.keep = json_bool_or(j, "keep", false);
	job.isolate = json_bool_or(j, "isolate", false);
	job.may_emulate = json_bool_or(j, "may_emulate", false);
	job.env = texts(json_object_get(j, "env"));
	json_t *shell = json_object_get(j, "shell");
	if (shell) {
		job.shell_argv = texts(json_object_get(shell, "argv"));
		job.shell_pty = json_bool_or(shell, "pty", false);
		job.shell_cols = (unsigned)json_i64_or(shell, "cols", 80);
		job.shell_rows = (unsigned)json_i64_or(shell, "rows", 24);
	}
	int rc = r.rc;
	if (rc == 0)
		rc = parse_copies(json_object_get(shell, "put"), &job.put, &job.n_put, e);
	if (rc == 0)
		rc = parse_copies(json_object_get(shell, "fetch"), &job.fetch, &job.n_fetch, e);
	if (rc == 0)
		rc = parse_target(json_object_get(j, "target"), &job, e);
	if (rc == 0)
		rc = proof_parse(json_object_get(j, "kernel"), &job.proof, e);
	const json_t *control = json_object_get(j, "control");
	if (rc == 0 && control)
		rc = parse_control(control, &job.control, e);
	const json_t *hold = json_object_get(j, "hold");
	if (rc == 0 && hold)
		rc = parse_hold(hold, &job, e);
	if (rc == 0)
		rc = parse_stages(j, &job, e);
	parse_faults(json_object_get(j, "faults"), &job);
	if (rc < 0) {
		job_clear(&job);
		return rc;
	}
	job.json = j;
	*ret = job;
	ret->target.disks = ret->disks;
	ret->target.shares = ret->shares;
	return 0;
}

void job_clear(struct job *job)
{
	for (size_t i = 0; i < job->n_stages; i++) {
		free(job->stages[i].requires);
		free(job->stages[i].logs);
		free(job->stages[i].tests);
		free(job->stages[i].needs);
		free(job->stages[i].files);
	}
	free(job->stages);
	free(job->faults);
	free(job->env);
	free(job->shell_argv);
	free(job->put);
	free(job->fetch);
	json_decref(job->json);
	*job = (struct job){ 0 };
}
