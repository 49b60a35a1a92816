/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_test.h: runs made by the store's own writer, for its x_test.c files. */
#pragma once
#include "base/test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/store.h"

/* Fail the test with e's message. */
#define ok(call)                                                                                   \
	do {                                                                                       \
		struct err ok_e_ = { 0 };                                                          \
		struct err *e = &ok_e_;                                                            \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s", #call, ok_e_.msg);                                      \
	} while (0)

static inline int make_dir(void **state)
{
	*state = test_folder();
	return 0;
}

static inline int remove_dir(void **state)
{
	int rc = file_remove_tree(*state, NULL);
	free(*state);
	return rc;
}

static inline struct run_writer *test_create(const char *state, const char *profile)
{
	auto_json json_t *first = json_pack("{s:s, s:s}", "kernel", "6.1.0", "accel", "tcg");
	struct run_writer *w = NULL;
	ok(run_create(state, profile, first, &w, e));
	return w;
}

/* Takes `fields`. */
static inline void test_append(struct run_writer *w, const char *type, json_t *fields)
{
	assert_non_null(fields);
	ok(run_append(w, type, fields, false, e));
	json_decref(fields);
}

static inline void test_start(
	struct run_writer *w, const char *test, int attempt, const char *stage)
{
	test_append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", attempt, "stage", stage));
}

static inline void test_end(struct run_writer *w, const char *test, int attempt, const char *status)
{
	test_append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i}", "test", test, "attempt", attempt, "status",
			status, "reason", "because", "duration_us", 1500000));
}

static inline void test_artifact(struct run_writer *w, const char *test, const char *name,
	const char *kind, const void *p, size_t n)
{
	ok(run_artifact_begin(w, test, 1, name, kind, e));
	ok(run_artifact_add(w, p, n, e));
	ok(run_artifact_end(w, false, e));
}

/* Ends the run and closes it; its id is the caller's. */
static inline char *test_finish(struct run_writer *w, const char *status)
{
	char *id = xstrdup(run_writer_id(w));
	test_append(w, "run_end", json_pack("{s:s}", "status", status));
	ok(run_writer_close(&w, e));
	return id;
}

/* One stage with one verdict, ended. */
static inline char *test_run(const char *state, const char *profile, const char *status)
{
	struct run_writer *w = test_create(state, profile);
	test_start(w, "script.001_a", 1, "001_a");
	test_end(w, "script.001_a", 1, status);
	return test_finish(w, status);
}

static inline struct run_info *test_read(const char *state, const char *id)
{
	struct run_info *r = NULL;
	ok(run_read(state, id, &r, e));
	return r;
}

static inline void test_write_file(const char *dir, const char *name, const void *p, size_t n)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *parent = xstrdup(path);
	*strrchr(parent, '/') = '\0';
	ok(file_mkdirs(parent, 0755, e));
	ok(file_replace(path, p, n, 0644, e));
}

static inline int test_sink(void *ctx, const void *p, size_t n, struct err *e)
{
	buf_add(ctx, p, n);
	return 0;
}

/* The n-th artifact's bytes. */
static inline void test_artifact_read(const struct run_info *r, size_t n, struct buf *out)
{
	assert_true(n < r->n_artifacts);
	ok(run_artifact_each(r, &r->artifacts[n], test_sink, out, e));
}

/* xorshift: the same numbers on every machine. */
static inline uint32_t test_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}
