/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_plan.h: the scratch disks that the settings [disk] and [disk "NAME"] ask for. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
struct config;
struct err;

/* Disk i's name in the guest, which is its serial number, too; the caller's. */
char *disk_plan_name(const struct config *c, unsigned i);
/* As in the job's target (run/protocol.h), a new reference; *ret_zoned: one of them has zones.
 * -EINVAL, with where it was set: no such disk, or settings that do not go together. */
int disk_plan(const struct config *c, json_t **ret, bool *ret_zoned, struct err *e);
