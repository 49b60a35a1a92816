/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/build_record.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "run/controller.h"
#include "store/store.h"
#include "suite/testpath.h"
#include <errno.h>
#include <string.h>

#define LOG_NAME "build.log"
#define EXCERPT  20 /* lines */

static int put(const struct build_teller *t, const char *type, const json_t *fields, struct err *e)
{
	int rc = run_append(t->writer, type, fields, true, e);
	if (rc == 0)
		t->h->on_record(t->ctx, type, fields);
	return rc;
}

/* Takes one reference of `end`, which lacks what all have. */
static int put_test(const struct build_teller *t, const char *test, enum verdict v,
	const char *reason, json_t *end, struct err *e)
{
	auto_json json_t *last = end;
	auto_free char *stage = testpath_stage(test);
	auto_json json_t *start =
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", stage);
	json_object_update(last, start);
	json_object_set_new(last, "status", json_string(verdict_name(v)));
	json_object_set_new(last, "reason", json_bytes(reason, strlen(reason)));
	int rc = put(t, "attempt_start", start, e);
	if (rc == 0)
		rc = put(t, "attempt_end", last, e);
	t->result->counts[v]++;
	t->result->status = verdict_worst(t->result->status, v);
	return rc;
}

static int put_log(const struct build_record *r, struct run_writer *w, struct err *e)
{
	char piece[65536];
	size_t n;
	int rc = run_artifact_begin(w, r->test, 1, LOG_NAME, "log", e);
	while (rc == 0 && (n = fread(piece, 1, sizeof piece, r->log)) > 0)
		rc = run_artifact_add(w, piece, n, e);
	if (rc == 0 && ferror(r->log))
		rc = err_set(e, EIO, "read " LOG_NAME);
	if (rc == 0)
		return run_artifact_end(w, false, e);
	run_artifact_drop(w);
	return rc;
}

static json_t *end_of(const struct build_record *r)
{
	json_t *j = json_pack(
		"{s:I, s:i}", "duration_us", (json_int_t)r->took_us, "warnings", (int)r->warnings);
	if (!r->excerpt)
		return j;
	auto_strv struct strv lines = { 0 };
	json_t *quoted = json_array();
	strv_split(&lines, r->excerpt, "\n");
	for (size_t i = 0; i < lines.n && i < EXCERPT; i++)
		json_array_append_new(quoted, json_bytes(lines.v[i], strlen(lines.v[i])));
	json_object_set_new(j, "build_log", quoted);
	return j;
}

int build_record_put(const struct build_teller *t, const struct build_record *r, struct err *e)
{
	/* Evidence first: a verdict that is told has it. */
	int rc = r->log ? put_log(r, t->writer, e) : 0;
	return rc < 0 ? rc : put_test(t, r->test, r->verdict, r->reason, end_of(r), e);
}

static bool is_one_of(const char *const *v, const char *s)
{
	while (*v && strcmp(*v, s) != 0)
		v++;
	return *v != NULL;
}

int build_record_miss(const struct build_teller *t, const json_t *plan, const char *const *done,
	const char *why, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < json_array_size(plan); i++) {
		const char *path = json_string_value(json_array_get(plan, i));
		if (!is_one_of(done, path))
			rc = put_test(t, path, VERDICT_MISS, why,
				json_pack("{s:i}", "duration_us", 0), e);
	}
	return rc;
}
