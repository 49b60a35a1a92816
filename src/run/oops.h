/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oops.h: what the kernel of a run said went wrong (oopses, warnings, panics, reports), with the
 * lines of its source where its debug information is at hand. */
#pragma once
#include "store/store.h"
struct buf;
struct config;
struct debug_info;
struct err;

#define OOPS_NAME "oops.txt" /* the artifact of "boot" that a run gets by itself */

/* Append all of them, from the console and the kernel's log, with an empty line between two. Before
 * each
 * "# in TEST": whose record has it.  */
int oops_collect(const struct run_info *r, struct buf *out, struct err *e);
/* Append those in `text` that are not in `known` already (their first line; may be NULL). */
void oops_extract(const char *text, size_t n, const struct buf *known, struct buf *out);

/* The kernel's debug information by its build id, in `first`, a run's first record: of the tree
 * whose image was booted, the store's entry, and where a distribution's lies. -ENOENT: none of
 * them, with where was looked. */
int oops_debug_info(
	const char *state_dir, const json_t *first, struct debug_info **ret, struct err *e);

/* At the end of a run, before its last record: what there is is decoded, as the artifact, or a note
 * says why not. `c` has kernel.debug. */
int oops_add(struct run_writer *w, const char *state_dir, const struct config *c, struct err *e);
