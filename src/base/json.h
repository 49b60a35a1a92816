/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h: jansson with our errors and owners. Objects that come from outside are read through
 * the typed getters, so that a missing or mistyped member is an error with its name. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
struct err;

#define auto_json __attribute__((cleanup(json_decrefp)))

/* Parse exactly one object. -EINVAL with line, column and reason. The result is the caller's. */
int json_parse_object(const char *text, size_t len, json_t **ret, struct err *e);
/* The same from a file (at most 16 MiB); the message starts with the path and the line. */
int json_read_object(const char *path, json_t **ret, struct err *e);
/* One line of compact JSON, members in the order they were set; the caller's (free). */
char *json_line(const json_t *j);

/* Members. The string is borrowed from `j`. -EINVAL: absent or of another type. */
int json_get_str(const json_t *j, const char *key, const char **ret, struct err *e);
int json_get_i64(const json_t *j, const char *key, int64_t *ret, struct err *e);
/* Members with a default where absent, null or of another type. */
const char *json_str_or(const json_t *j, const char *key, const char *def);
int64_t json_i64_or(const json_t *j, const char *key, int64_t def);
bool json_bool_or(const json_t *j, const char *key, bool def);

/* The first object of an array whose member `key` is that text, borrowed; NULL: none. */
json_t *json_find(const json_t *array, const char *key, const char *text);

/* A JSON string of arbitrary bytes: what is no UTF-8 becomes U+FFFD. New reference. */
json_t *json_bytes(const char *p, size_t n);
