/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/made_kernel.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "run/controller.h"
#include "store/store.h"
#include "suite/testpath.h"
#include <errno.h>
#include <string.h>

#define LOG_NAME  "build.log"
#define NO_KERNEL "not run: its kernel was not built"
#define EXCERPT   20 /* lines */

void made_kernel_clear(struct made_kernel *m)
{
	kernel_free(m->kernel);
	kernel_story_clear(&m->story);
	*m = (struct made_kernel){ 0 };
}

void made_kernel_judge(struct made_kernel *m, int rc)
{
	bool killed = m->story.tried && (rc == -ENOMEM || rc == -ETIMEDOUT);
	m->judged = m->story.origin && (rc == 0 || rc == -EBADMSG || killed);
	m->verdict = rc == 0 ? VERDICT_PASS : killed ? VERDICT_MISS : VERDICT_FAIL;
}

/* Where it is written and told. */
struct record {
	struct run_writer *w;
	const struct controller_handler *h;
	void *ctx;
	struct controller_result *result;
};

static int put(const struct record *r, const char *type, const json_t *fields, struct err *e)
{
	int rc = run_append(r->w, type, fields, true, e);
	if (rc == 0)
		r->h->on_record(r->ctx, type, fields);
	return rc;
}

/* Takes one reference of `end`, which lacks what all have. */
static int put_test(const struct record *r, const char *test, enum verdict v, const char *reason,
	json_t *end, struct err *e)
{
	auto_json json_t *last = end;
	auto_free char *stage = testpath_stage(test);
	auto_json json_t *start =
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", stage);
	json_object_update(last, start);
	json_object_set_new(last, "status", json_string(verdict_name(v)));
	json_object_set_new(last, "reason", json_bytes(reason, strlen(reason)));
	int rc = put(r, "attempt_start", start, e);
	if (rc == 0)
		rc = put(r, "attempt_end", last, e);
	r->result->counts[v]++;
	r->result->status = verdict_worst(r->result->status, v);
	return rc;
}

static int put_log(const struct made_kernel *m, struct run_writer *w, struct err *e)
{
	char piece[65536];
	size_t n;
	int rc = run_artifact_begin(w, BUILD_TEST, 1, LOG_NAME, "log", e);
	while (rc == 0 && (n = fread(piece, 1, sizeof piece, m->story.log)) > 0)
		rc = run_artifact_add(w, piece, n, e);
	if (rc == 0 && ferror(m->story.log))
		rc = err_set(e, EIO, "read " LOG_NAME);
	if (rc == 0)
		return run_artifact_end(w, false, e);
	run_artifact_drop(w);
	return rc;
}

static json_t *end_of(const struct kernel_story *s)
{
	json_t *j = json_pack(
		"{s:I, s:i}", "duration_us", (json_int_t)s->took_us, "warnings", (int)s->warnings);
	if (!s->excerpt)
		return j;
	auto_strv struct strv lines = { 0 };
	json_t *quoted = json_array();
	strv_split(&lines, s->excerpt, "\n");
	for (size_t i = 0; i < lines.n && i < EXCERPT; i++)
		json_array_append_new(quoted, json_bytes(lines.v[i], strlen(lines.v[i])));
	json_object_set_new(j, "build_log", quoted);
	return j;
}

static int put_build(const struct made_kernel *m, const struct record *r, struct err *e)
{
	const struct kernel_story *s = &m->story;
	const char *reason = s->error ? s->error : s->stored ? "from the store" : "";
	/* Evidence first: a verdict that is told has it. */
	int rc = s->log ? put_log(m, r->w, e) : 0;
	return rc < 0 ? rc : put_test(r, BUILD_TEST, m->verdict, reason, end_of(s), e);
}

int made_kernel_record(const struct made_kernel *m, const json_t *plan, struct run_writer *w,
	const struct controller_handler *h, void *ctx, struct controller_result *result,
	struct err *e)
{
	const struct record r = { w, h, ctx, result };
	size_t i;
	json_t *test;
	int rc = m->judged ? put_build(m, &r, e) : 0;
	if (m->kernel)
		return rc;
	json_array_foreach (plan, i, test) {
		const char *path = json_string_value(test);
		if (rc == 0 && strcmp(path, BUILD_TEST) != 0)
			rc = put_test(&r, path, VERDICT_MISS, NO_KERNEL,
				json_pack("{s:i}", "duration_us", 0), e);
	}
	return rc;
}
