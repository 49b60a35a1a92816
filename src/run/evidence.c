/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evidence after death: what the stage wrote to its logs, from the state disk of the machine that
 * was lost under it. It is kept as if it had been collected. */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "run/batch_priv.h"
#include "run/outbox.h"
#include "run/salvage.h"
#include <fcntl.h>
#include <stdlib.h>

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct batch *b = ctx;
	struct stage_run *r = &b->stage;
	/* The machine died while its logs were collected: this one was. */
	if (json_object_get(r->collected, path))
		return;
	auto_free char *full = xasprintf("%s/salvaged/%s", r->dir, path);
	r->salvaged++;
	stage_artifact(b, path, full, cut);
}

static void on_done(void *ctx, const char *why)
{
	struct batch *b = ctx;
	struct stage_run *r = &b->stage;
	auto_free char *found =
		xasprintf("%s: %u files of its logs are from the lost machine's disk",
			b->trial.stage, r->salvaged);
	auto_free char *broken = xasprintf("%s: the lost machine's disk could not be read%s: %s",
		b->trial.stage, r->salvaged ? " to its end" : "", why ? why : "");
	b->salvage = NULL;
	close_fd(&r->salvage_fd);
	strv_clear(&r->salvage_paths);
	if (r->salvaged)
		batch_note(b, "info", found);
	if (why)
		batch_note(b, "warning", broken);
	boot_after_end(b);
}

static int open_folder(struct stage_run *r, struct err *e)
{
	auto_free char *dir = path_join(r->dir, "salvaged");
	int rc = file_mkdirs(dir, 0755, e);
	if (rc < 0)
		return rc;
	r->salvage_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->salvage_fd < 0 ? err_sys(e, "%s", dir) : 0;
}

static void add_paths(struct strv *v, const char *const *paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		strv_add(v, paths[i]);
}

bool evidence_salvage(struct batch *b)
{
	struct err e = { 0 };
	struct stage_run *r = &b->stage;
	bool have_them = r->over && !r->result.lost && !b->stage_lost;
	/* A stage that is stopped is over with. Of a list what ended before has its proof there. */
	bool given_up = b->stopping && !listed_left(b);
	if (!b->job->salvage || given_up || b->end == TARGET_HOST_FULL || have_them || !r->dir)
		return false;
	auto_free char *image = target_state_disk(&b->job->target);
	strv_add(&r->salvage_paths, b->job->stages[b->next_stage].suite->log_dir);
	add_paths(&r->salvage_paths, b->job->stages[b->next_stage].logs);
	add_paths(&r->salvage_paths, strv_get(&r->declared));
	int rc = open_folder(r, &e);
	const struct salvage_spec spec = {
		.program = b->job->salvage,
		.image = image,
		.paths = strv_get(&r->salvage_paths),
		.dirfd = r->salvage_fd,
		.max_bytes = b->job->logs_max_bytes,
		.max_files = b->job->logs_max_files,
		.on_file = on_file,
		.on_skipped = stage_skipped,
		.on_done = on_done,
		.ctx = b,
	};
	if (rc == 0)
		rc = salvage_start(b->loop, &spec, &b->salvage, &e);
	if (rc == 0)
		return true;
	close_fd(&r->salvage_fd);
	strv_clear(&r->salvage_paths);
	batch_note(b, "warning", e.msg);
	return false;
}
