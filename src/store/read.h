/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.h: a journal's records as a struct run_info, for the store's own files. */
#pragma once
#include "store/journal.h"
#include "store/store.h"
struct err;

/* Read the journal open as `fd` into an empty r; *s as journal_scan leaves it. r->id, dir and
 * live are the caller's to set: live first, for it decides what an open attempt is. */
int run_info_load(struct run_info *r, int fd, struct journal_scan *s, struct err *e);
struct run_info *run_info_new(const char *state_dir, const char *id);
/* Where the last recorded artifact ends in the pack. */
uint64_t run_info_pack_end(const struct run_info *r);
