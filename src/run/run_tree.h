/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run_tree.h: the tree of fstests (run/suite_tree.h) of a run that is being prepared. */
#pragma once
struct err;
struct prepare_request;
struct prepared;

/* What fstests.tree names, and the stages of all suites that list their tests: p->tree, p->listed.
 * A shell does without what cannot be reached. *ret_exit as prepare's. */
int run_tree_take(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *p, int *ret_exit, struct err *e);
/* See whether the kernel has what p->listed wants of it, and have the tree, if there is one, built,
 * in a machine as the run's own that leaves no results, and shared with the run's: p->image,
 * p->control and p->shares are there. That it does not build is told by p->tree, where its tests
 * would run; else it is an error. */
int run_tree_make(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *p, int *ret_exit, struct err *e);
