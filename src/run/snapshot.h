/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h: the store of saved machines, STATE/snapshots/<key>/ (base/depot.h; the files are
 * target/snapshot.h's). The key is the hash of all that went into the machine: kernel, root,
 * initramfs, memory, processors, disks (but for their sizes), QEMU's version and accelerator. Made
 * once, by the first who wants it; the ones used least recently go when all together pass
 * snapshot.maxSize. */
#pragma once
#include <stdint.h>
struct err;
struct prepared;

struct snapshot_request {
	const char *state_dir;
	uint64_t max_bytes; /* of the store */
	/* Long work tells one line at a time. */
	void (*progress)(void *ctx, const char *text);
	void *ctx;
};

/* Have the job's target made of a snapshot, which is made first where there is none (a boot). On
 * failure the job is as it was, and boots cold. */
int snapshot_use(const struct snapshot_request *q, struct prepared *p, struct err *e);
/* Remove one; *ret_bytes is what its manifest says. -ENOENT: none of that key; -EBUSY: a run uses
 * it, or it is being made. */
int snapshot_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e);
