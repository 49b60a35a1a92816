/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slot.h: a folder that kernels of one repository, configuration and toolchain are built in, one
 * after the other. Inside kernel/ only.
 *   STATE/builds/<hash>-<n>.lock   who builds holds it (flock), and what make started as long
 *                                  as it lives
 *   STATE/builds/<hash>-<n>/src    the tree, as source_checkout leaves it; index: what it holds
 *   .../whole                      "TREE BOOT-ID": src is that tree, all of it, and was written
 *                                  since this boot of the host, which may have lost what it wrote
 *   .../obj                        what make makes
 *   .../build.log                  of the last build
 *   .../state.json                 {"tree": of obj, "steps": of the last whole build,
 *                                   "obj": "whole", "changing" or "new"} */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct err;
struct kernel;
struct source;

struct slot {
	char *dir, *src, *obj, *index, *log;
	char *tree;     /* that obj was built of; NULL: nothing is there to go on from */
	unsigned steps; /* 0: not known */
	int lock;
};

/* What is in obj, should we be killed now. */
enum slot_obj {
	SLOT_WHOLE,    /* make ended by itself, and removed what it had made in part */
	SLOT_CHANGING, /* what is older than this note is whole */
	SLOT_NEW,      /* made from nothing, or of a new configuration: nobody can tell */
};

/* The first one that nobody builds in. What one that was killed may have left in part is removed.
 */
int slot_take(const char *state_dir, const char *hash, struct slot *ret, struct err *e);
void slot_clear(struct slot *s);
#define auto_slot __attribute__((cleanup(slot_clear)))
/* Put the source into src; what cannot be brought there step by step is made anew. Nobody else
 * writes there: of a tree that is known to be whole only what differs is looked at. */
int slot_checkout(struct slot *s, const struct source *source, struct err *e);
/* Before and after make. */
int slot_note(const struct slot *s, const char *tree, enum slot_obj obj, struct err *e);
/* Remove what was built. */
int slot_forget(struct slot *s, struct err *e);
/* Whether something between the two trees can change what a configuration becomes. */
bool slot_reconfigures(const struct slot *s, const struct source *source);
