/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shelf.h: STATE/kernels, for those who put entries there. Inside kernel/ only. */
#pragma once
#include "base/depot.h"
#include "kernel/kernel.h"
struct err;

struct shelf {
	char *dir; /* STATE/kernels */
	const struct kernel_arch *arch;
	kernel_progress *progress;
	void *ctx;
	struct depot depot;
};

void shelf_open(struct shelf *j, const char *state_dir, const struct kernel_arch *arch,
	kernel_progress *progress, void *ctx);
void shelf_close(struct shelf *j);
void shelf_say(const struct shelf *j, const char *text);
/* The entry `key`, whole, of this recipe and architecture (old ones do not say theirs: it is in
 * the package's name); NULL: there is none. */
struct kernel *shelf_load(const struct shelf *j, const char *key);
/* The entry made last of those whose member `member` is `value`; NULL: none. */
struct kernel *shelf_newest(const struct shelf *j, const char *member, const char *value);
/* 1: the entry is there, and *ret is it. 0: it is ours to make, and there is room. */
int shelf_begin(const struct shelf *j, const char *key, struct depot_build *b, struct kernel **ret,
	struct err *e);
/* Make what is in `b` the entry. */
int shelf_publish(const struct shelf *j, struct depot_build *b, json_t *manifest, const char *key,
	struct kernel **ret, struct err *e);
/* -ENOSPC in place of an -EIO where no room is left: a program that failed for want of room says so
 * in its own words, or not at all. To be asked before what is half made goes. */
int shelf_full(const struct shelf *j, int rc, struct err *e);
