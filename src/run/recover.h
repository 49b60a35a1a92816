/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recover.h: runs whose fsqa or worker was killed are finished (store_recover), and judged as any
 * other: the logs of the stage that was under way are fetched from the disk that its machine left
 * (run/salvage.h), and the second witness reads them with those that were collected before
 * (run/witness.h). */
#pragma once
struct err;

/* `each` as store_recover tells it. */
int recover_runs(const char *state_dir, void (*each)(void *ctx, const char *id, const char *what),
	void *ctx, struct err *e);
