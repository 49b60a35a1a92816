/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/recover.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "run/controller.h"
#include "run/resume.h"
#include "run/salvage.h"
#include "run/witness.h"
#include "store/store.h"
#include "suite/suite.h"
#include "target/target.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct recover {
	const char *state_dir;
	void (*each)(void *ctx, const char *id, const char *what);
	void *ctx;
};

/* ---- the disk of a machine ---- */

struct fetch {
	const struct run_attempt *stage;
	const json_t *job; /* as it was frozen */
	struct run_writer *w;
	unsigned n_files;
};

/* Takes `text`. */
static void note(const struct fetch *f, const char *level, char *text)
{
	auto_free char *own = text;
	(void)run_note(f->w, level, own, false, NULL); /* the next record tells */
}

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct fetch *f = ctx;
	f->n_files++;
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
}

static void on_done(void *ctx, const char *why)
{
	const struct fetch *f = ctx;
	const char *stage = f->stage->test;
	if (f->n_files)
		note(f, "info",
			xasprintf("%s: %u files of its logs are from the disk of its machine",
				stage, f->n_files));
	if (why)
		note(f, "warning",
			xasprintf("%s: the disk of its machine could not be read%s: %s", stage,
				f->n_files ? " to its end" : "", why));
}

static void add_paths(struct strv *v, const struct fetch *f)
{
	size_t i;
	size_t k;
	json_t *stage;
	json_t *path;
	strv_add(v, suite_of(f->stage->test)->log_dir);
	json_array_foreach (json_object_get(f->job, "stages"), i, stage) {
		if (strcmp(json_str_or(stage, "name", ""), f->stage->stage) != 0)
			continue;
		json_array_foreach (json_object_get(stage, "logs"), k, path)
			if (json_is_string(path))
				strv_add(v, json_string_value(path));
	}
}

static int run_salvage(struct fetch *f, const char *image, const char *to, struct err *e)
{
	uv_loop_t loop;
	struct salvage *s = NULL;
	auto_strv struct strv paths = { 0 };
	int rc = file_mkdirs(to, 0755, e);
	auto_close int dirfd = rc < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return rc < 0 ? rc : err_sys(e, "%s", to);
	add_paths(&paths, f);
	const struct salvage_spec spec = {
		.program = json_str_or(f->job, "salvage", ""),
		.image = image,
		.paths = strv_get(&paths),
		.dirfd = dirfd,
		.max_bytes = (uint64_t)json_i64_or(f->job, "logs_max_bytes", 0),
		.max_files = (uint32_t)json_i64_or(f->job, "logs_max_files", 0),
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_done = on_done,
		.ctx = f,
	};
	uv_loop_init(&loop);
	rc = salvage_start(&loop, &spec, &s, e);
	uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop); /* uv_run came back: nothing is open in it */
	return rc;
}

/* Where the worker would have put it. */
static void salvage_stage(const struct run_info *r, struct fetch *f)
{
	struct err why = { 0 };
	const struct run_attempt *a = f->stage;
	const struct suite *s = suite_of(a->test);
	auto_free char *spool = a->batch ? xasprintf("%s/work/%lld", r->dir, (long long)a->batch)
					 : path_join(r->dir, "work");
	auto_free char *vm = path_join(spool, "vm");
	auto_free char *image = target_state_disk(&(struct target_spec){ .work_dir = vm });
	auto_free char *to =
		xasprintf("%s/%s/salvaged", spool, s == &suite_script ? a->stage : a->test);
	if (access(image, F_OK) < 0) /* its machine is gone with its disks, or never was */
		return;
	if (run_salvage(f, image, to, &why) < 0)
		note(f, "warning",
			xasprintf("%s: the disk of its machine could not be read: %s", a->test,
				why.msg));
}

static void salvage(void *ctx, const struct run_info *r, struct run_writer *w)
{
	auto_json json_t *frozen = NULL;
	/* Of a run from before there was such a file it stays what its worker had saved. */
	if (resume_frozen(r->dir, &frozen, NULL) < 0)
		return;
	struct fetch f = { .job = json_object_get(frozen, "job"), .w = w };
	for (size_t i = 0; i < r->n_attempts; i++) {
		f.stage = &r->attempts[i];
		f.n_files = 0;
		if (!f.stage->ended && run_attempt_is_stage(f.stage) && suite_of(f.stage->test))
			salvage_stage(r, &f);
	}
}

/* ---- the verdicts ---- */

static int judge(void *ctx, struct run_writer *w, struct err *e)
{
	const struct recover *rec = ctx;
	struct controller_result unused = { 0 };
	const struct witness_request q = { .writer = w, .state_dir = rec->state_dir };
	return witness_add(&q, &unused, e);
}

static void tell(void *ctx, const char *id, const char *what)
{
	const struct recover *rec = ctx;
	if (rec->each)
		rec->each(rec->ctx, id, what);
}

int recover_runs(const char *state_dir, void (*each)(void *ctx, const char *id, const char *what),
	void *ctx, struct err *e)
{
	struct recover rec = { state_dir, each, ctx };
	const struct store_recovery how = {
		.each = tell, .salvage = salvage, .judge = judge, .ctx = &rec
	};
	return store_recover(state_dir, &how, e);
}
