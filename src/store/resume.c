/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/journal.h"
#include "store/read.h"
#include "store/store.h"
#include "store/writer.h"
#include <errno.h>

/* Whether there is something to go on with. */
static int check(const struct run_info *r, struct err *e)
{
	if (r->damage)
		return err_set(e, EINVAL, "run %s cannot go on: its journal is damaged at %s",
			r->id, r->damage);
	if (!r->last)
		return err_set(e, EINVAL, "run %s is not finished yet: start fsqa again", r->id);
	if (!r->interrupted)
		return err_set(e, EINVAL, "run %s was not interrupted", r->id);
	return 0;
}

int run_resume(const char *state_dir, const char *id, const json_t *fields, struct run_writer **ret,
	struct err *e)
{
	auto_run_info struct run_info *r = run_info_new(state_dir, id);
	auto_free char *path = path_join(r->dir, "journal");
	auto_run_writer struct run_writer *w = NULL;
	struct journal_scan scan;
	auto_close int lock = journal_lock_dead(path);
	if (lock == -EWOULDBLOCK)
		return err_set(e, EWOULDBLOCK, "run %s is under way", id);
	if (lock < 0)
		return err_code(e, lock, "%s", path);
	int rc = run_info_load(r, lock, &scan, e);
	if (rc == 0)
		rc = check(r, e);
	if (rc == 0)
		rc = run_writer_reopen(state_dir, id, lock, &scan, run_info_pack_end(r), &w, e);
	if (rc < 0)
		return rc;
	(void)take_fd(&lock); /* the writer has it */
	rc = run_append(w, "resume", fields, true, e);
	if (rc == 0)
		*ret = take(&w);
	return rc;
}
