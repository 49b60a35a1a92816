/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite_stages.h: which tests of the suites that list them (suite/suite.h) a profile asks for, as
 * stages of the job (run/protocol.h). */
#pragma once
#include <jansson.h>
struct config;
struct err;
struct strv;

/* `tree` is that of fstests on the host (run/suite_tree.h), NULL: none. An array, a new reference.
 * -ENOENT, -EINVAL: a suite, tree, section, group or test that is not there, with the nearest name
 * and where it was set. */
int suite_stages(const struct config *c, const char *tree, json_t **ret, struct err *e);
/* {SUITE: {TEST: [GROUP...]}}, a new reference. */
int suite_groups(const struct config *c, const char *tree, json_t **ret, struct err *e);
/* Fragments of a kernel's configuration that the suites want of one that is built for the profile;
 * *ret_by: which suite wants each, as long. */
void suite_fragments(const struct config *c, struct strv *ret, struct strv *ret_by);
/* "TEST SECONDS" a line: what the suites themselves know of how long tests take, of all `stages`;
 * the caller's. */
char *suite_durations(const struct config *c, const json_t *stages);
/* Which kernel they run on: what their tests want of its configuration ("CONFIG_X=y" a line; NULL:
 * not known, and trusted to have it) is a need that is met, or known to be missing. */
void suite_stages_kernel(json_t *stages, const char *config);
