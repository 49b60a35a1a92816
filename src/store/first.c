/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "store/id.h"
#include "store/journal.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct first {
	void (*each)(void *ctx, const char *id, const json_t *first);
	void *ctx;
	const char *id;
};

/* Nothing behind the first is read. */
static int on_record(void *ctx, const json_t *rec, struct err *e)
{
	const struct first *f = ctx;
	if (strcmp(json_str_or(rec, "type", ""), "run") == 0)
		f->each(f->ctx, f->id, rec);
	return err_set(e, ECANCELED, "enough");
}

int store_each_first(const char *state_dir,
	void (*each)(void *ctx, const char *id, const json_t *first), void *ctx, struct err *e)
{
	auto_strv struct strv ids = { 0 };
	int rc = run_ids(state_dir, &ids, e);
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		struct first f = { each, ctx, ids.v[i] };
		struct journal_scan s;
		auto_free char *path = xasprintf("%s/runs/%s/journal", state_dir, ids.v[i]);
		auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) /* else it went meanwhile */
			rc = journal_scan(fd, on_record, &f, &s, e);
	}
	return rc;
}
