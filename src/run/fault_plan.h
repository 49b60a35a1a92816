/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault_plan.h: faults of scratch disks that the profile declares, for stages and for tests by
 * glob. */
#pragma once
#include <jansson.h>
struct err;
struct profile;

/* The job's "faults" (run/protocol.h) for the profile's stages, a new reference; `disks` is the
 * job's. -EINVAL, with where it was set: no such disk, no fault, or faults that do not go together.
 */
int fault_plan(const struct profile *p, const json_t *disks, json_t **ret, struct err *e);
