/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id.h: the ids of runs, for the store's own files: YYYYMMDD-HHMMSS-NAME[-N], in UTC, the name
 * of a folder in STATE/runs. STATE/runs/.newest holds "ORDER ID\n" of the run made last. */
#pragma once
#include "base/strv.h"
#include <stdint.h>
struct err;

/* Folders in STATE/runs that have a journal, in byte order. No runs folder: none, success. */
int run_ids(const char *state_dir, struct strv *ret, struct err *e);
/* An id from what a person wrote: the whole id, a prefix of only one, or "latest". *ret is the
 * caller's. -ENOENT: none, with the nearest; -ENOTUNIQ: several, named. */
int run_id_find(const char *state_dir, const char *text, char **ret, struct err *e);
/* "20261121-100533-demo" for a profile "btrfs/demo"; n from 2 on is a suffix. The caller's. */
char *run_id_make(const char *profile, int64_t wall_us, unsigned n);
/* The run that was made last, whatever the clock said: NULL where there is none. Its order,
 * if asked for, or 0. */
char *run_id_newest(const char *state_dir, int64_t *ret_order);
int run_id_set_newest(const char *state_dir, const char *id, int64_t order, struct err *e);
