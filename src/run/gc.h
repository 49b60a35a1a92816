/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gc.h: room in the state folder. What can be made again (kernels, where they were built, their
 * sources, root images, built suites, saved machines) is removed until it fits a budget, least
 * recently used first: what nothing refers to, and only then what results (their runs' records) and
 * branches (the tips in the repositories that sources came from) refer to. What nothing refers to
 * goes without need, too, once it was not used for long. What somebody uses (holds a lock of)
 * stays. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;

enum gc_kind {
	GC_SNAPSHOT,
	GC_BUILD,
	GC_SOURCE,
	GC_KERNEL,
	GC_IMAGE,
	GC_SUITE,
	GC_KINDS,
};
const char *gc_kind_name(enum gc_kind k);   /* "kernel" */
const char *gc_kind_folder(enum gc_kind k); /* "kernels", below the state folder */

enum gc_fate {
	GC_KEPT,
	GC_IN_USE,
	GC_GONE,   /* removed, or would be */
	GC_FAILED, /* it could not be removed, or not all of it: see why */
};

struct gc_item {
	enum gc_kind kind;
	char *name;
	uint64_t bytes;  /* on the disk */
	int64_t used_us; /* Unix time, as far as files and records tell */
	char *user;      /* the run or branch that refers to it; NULL: none */
	enum gc_fate fate;
	char *why; /* what removing it failed with; NULL */
};

struct gc_policy {
	uint64_t max_bytes;  /* of all together */
	uint64_t max_age_us; /* of what nothing refers to */
	int64_t now_us;
};

struct gc_list {
	struct gc_item *items;
	size_t n;
};

/* All there is, and who refers to it. Entries that are being made are none yet. */
int gc_collect(const char *state_dir, struct gc_list *ret, struct err *e);
/* Who goes: GC_GONE for those. What is in use counts into the budget, and stays. */
void gc_choose(struct gc_list *l, const struct gc_policy *p);
/* Remove those; one that somebody began to use meanwhile stays. */
void gc_remove(const char *state_dir, struct gc_list *l);
void gc_clear(struct gc_list *l);
