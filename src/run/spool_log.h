/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool_log.h: a plain log on the worker's disk, bounded: its head as it comes, and when the
 * limit is passed only a tail in memory, which close writes behind a line that says how much
 * is missing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct spool_log;

#define SPOOL_LOG_TAIL (64u * 1024)

int spool_log_open(const char *path, uint64_t limit_bytes, struct spool_log **ret, struct err *e);
int spool_log_add(struct spool_log *l, const void *p, size_t n, struct err *e);
/* Bytes given so far, kept or not. */
uint64_t spool_log_bytes(const struct spool_log *l);
bool spool_log_cut(const struct spool_log *l);
/* Frees and nulls *l whatever is returned; NULL is a no-op. */
int spool_log_close(struct spool_log **l, struct err *e);
