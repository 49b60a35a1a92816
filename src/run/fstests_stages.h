/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_stages.h: which tests of fstests a profile asks for ([fstests], [section "NAME"]), as
 * stages of the job (run/protocol.h): one for each section, with its tests in order. */
#pragma once
#include <jansson.h>
struct config;
struct err;

/* `dir` is the tree on the host (run/suite_tree.h). An array, a new reference. -ENOENT, -EINVAL: a
 * tree, section, group or test that is not there, with the nearest name and where it was set. */
int fstests_stages(const struct config *c, const char *dir, json_t **ret, struct err *e);
/* Which kernel they run on: what their tests want of its configuration ("CONFIG_X=y" a line; NULL:
 * not known, and trusted to have it) is a need that is met, or known to be missing. */
void fstests_stages_kernel(json_t *stages, const char *config);
