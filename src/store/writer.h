/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.h: going on with a journal whose writer is gone, for recover.c only. */
#pragma once
#include "store/journal.h"
struct err;
struct run_writer;

/* Take the lock of an existing run's journal and write behind `s->end`; what lies behind is cut
 * off. `pack_end`: of the last artifact that is recorded. The journal is scanned by the caller
 * under the lock: `fd` holds it, and is taken on success. */
int run_writer_reopen(const char *state_dir, const char *id, int fd, const struct journal_scan *s,
	uint64_t pack_end, struct run_writer **ret, struct err *e);
