/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resume.h: what a run needs to go on after the host died under it. When it begins, what its
 * workers are to do is frozen: runs/<id>/job   {"profile": its folder, "slots": how many, "job":
 * run/protocol.h's, without places} so that the rest runs on the same kernel, image and sections,
 * whatever became of the profile. */
#pragma once
#include <jansson.h>
#include <stddef.h>
struct attempts;
struct err;
struct run_info;

/* Durable when it returns 0. */
int resume_freeze(const char *run_dir, const char *profile_dir, unsigned slots, const json_t *job,
	struct err *e);
/* -ENOENT: the run is older than this. */
int resume_frozen(const char *run_dir, json_t **ret, struct err *e);
/* The same of a run that is to go on: -ENOENT also where a file of the job is gone, which is named.
 */
int resume_read(const struct run_info *r, json_t **ret, struct err *e);
/* Of the job's stages those parts that have no verdict: never ended, or MISS. A new array; *ret_n
 * the tests in it, stages of scripts too. */
json_t *resume_stages(const struct run_info *r, const json_t *stages, size_t *ret_n);
/* The attempts that the journal has, and what is known of the sections that were interrupted, by
 * all the stages that were frozen. */
void resume_attempts(const struct run_info *r, const json_t *stages, struct attempts *a);
/* The highest number of a batch in the journal. */
size_t resume_batches(const struct run_info *r);
