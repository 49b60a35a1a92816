/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h: numbers with units out of text that people wrote. */
#pragma once
#include <stdint.h>
struct err;

/* A whole decimal number, nothing before or after. -EINVAL, -ERANGE. */
int parse_u64(const char *s, uint64_t *ret, struct err *e);
/* "4096", "64K", "1G", "20GiB": powers of 1024, K M G T with optional "iB" or "B". */
int parse_size(const char *s, uint64_t *ret_bytes, struct err *e);
/* "500ms", "90s", "5m", "2h", "1d"; a bare number counts `unit_us` each. */
int parse_duration(const char *s, uint64_t unit_us, uint64_t *ret_us, struct err *e);
/* "20260101T000000Z": a moment in UTC, as snapshot archives name it; in Unix seconds. */
int parse_moment(const char *s, int64_t *ret_s, struct err *e);
/* Bytes for people: "512 B", "1.4 MiB". */
#define PARSE_SIZE_TEXT 32
const char *parse_size_text(uint64_t bytes, char out[PARSE_SIZE_TEXT]);
