/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test wrote to the terminal. A stage has a log of raw bytes, or only its recording; a
 * subtest is a range of its stage's. */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a log that was cut, its end is a tail behind a word of how much is missing: there, bytes are
 * no longer where they were counted. */
#define CUT_TAIL (66u * 1024)

typedef int sink_fn(void *ctx, const void *p, size_t n, struct err *e);

/* Gives on only the bytes from..to of what it is given. */
struct range {
	sink_fn *sink;
	void *ctx;
	uint64_t at, from, to;
};

static int sink_range(void *ctx, const void *p, size_t n, struct err *e)
{
	struct range *r = ctx;
	uint64_t start = r->at;
	uint64_t end = r->at + n;
	r->at = end;
	start = start < r->from ? r->from : start;
	end = end > r->to ? r->to : end;
	if (start < end) {
		const char *bytes = p;
		int rc = r->sink(r->ctx, bytes + (start - (r->at - n)), (size_t)(end - start), e);
		if (rc < 0)
			return rc;
	}
	return r->at >= r->to ? -ECANCELED : 0;
}

static const struct run_artifact *find(
	const struct run_info *r, const struct run_attempt *a, const char *kind, const char *name)
{
	for (size_t i = 0; i < r->n_artifacts; i++) {
		const struct run_artifact *x = &r->artifacts[i];
		if (x->attempt == a->attempt && strcmp(x->test, a->test) == 0 &&
			strcmp(x->kind, kind) == 0 && strcmp(x->name, name) == 0)
			return x;
	}
	return NULL;
}

static int write_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	return fd_write_all(*(int *)ctx, p, n, e);
}

/* The recording as a file without a name: the reader wants one, and memory is bounded. */
static int open_cast(const struct run_info *r, const struct run_artifact *cast,
	struct recording_reader **ret, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	auto_close int fd = open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "temporary file");
	unsigned cols = 0;
	unsigned rows = 0;
	int rc = run_artifact_each(r, cast, write_piece, &fd, e);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = err_sys(e, "temporary file");
	if (rc == 0)
		rc = recording_reader_open(fd, &cols, &rows, ret, e);
	if (rc == 0)
		(void)take_fd(&fd); /* the reader has it */
	return rc;
}

/* What was written from..to microseconds after the recording's start. */
static int each_of_cast(const struct run_info *r, const struct run_artifact *cast, uint64_t from_us,
	uint64_t to_us, sink_fn *sink, void *ctx, struct err *e)
{
	auto_recording_reader struct recording_reader *in = NULL;
	int rc = open_cast(r, cast, &in, e);
	struct recording_event ev;
	while (rc == 0 && (rc = recording_reader_next(in, &ev, e)) == 1) {
		rc = 0;
		if (ev.code != 'o' || ev.at_s * 1e6 < (double)from_us)
			continue;
		if (ev.at_s * 1e6 >= (double)to_us)
			return 0;
		rc = sink(ctx, ev.text, ev.len, e);
	}
	return rc;
}

/* The attempt of its stage that `a`, a subtest, ran in; `a` itself where it is none. */
static const struct run_attempt *stage_of(const struct run_info *r, const struct run_attempt *a)
{
	if (run_attempt_is_stage(a) || !*a->stage)
		return a;
	for (const struct run_attempt *s = a; s-- > r->attempts;) {
		if (run_attempt_is_stage(s) && s->batch == a->batch &&
			strcmp(s->stage, a->stage) == 0)
			return s;
	}
	return a;
}

static uint64_t member_u64(const json_t *rec, const char *key, uint64_t def)
{
	int64_t v = json_i64_or(rec, key, -1);
	return v < 0 ? def : (uint64_t)v;
}

static int each_of_subtest(const struct run_info *r, const struct run_attempt *stage,
	const struct run_attempt *a, sink_fn *sink, void *ctx, struct err *e)
{
	const struct run_artifact *log = find(r, stage, "log", "terminal.log");
	const struct run_artifact *cast = find(r, stage, "cast", "terminal.cast");
	uint64_t from = member_u64(a->end, "log_from", UINT64_MAX);
	uint64_t to = member_u64(a->end, "log_to", UINT64_MAX);
	if (log && to != UINT64_MAX && from <= to && (!log->cut || to + CUT_TAIL <= log->size)) {
		struct range range = { sink, ctx, 0, from, to };
		int rc = from < to ? run_artifact_each(r, log, sink_range, &range, e) : 0;
		return rc == -ECANCELED ? 0 : rc;
	}
	if (!cast)
		return err_set(e, ENODATA, "%s: what it wrote is not told apart from %s's", a->test,
			stage->test);
	uint64_t start_us = a->start_at_us - stage->start_at_us;
	if (a->marker_us || a->start_at_us < stage->start_at_us)
		start_us = a->marker_us;
	/* One that never ended, and one whose killing was told at once, wrote to the very end. */
	bool open = !a->ended || !json_object_get(a->end, "log_to");
	return each_of_cast(
		r, cast, start_us, open ? UINT64_MAX : start_us + a->duration_us, sink, ctx, e);
}

int run_terminal_each(const struct run_info *r, const struct run_attempt *a,
	int (*sink)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	const struct run_attempt *stage = stage_of(r, a);
	const struct run_artifact *log = find(r, stage, "log", "terminal.log");
	const struct run_artifact *cast = find(r, stage, "cast", "terminal.cast");
	if (!*stage->stage) { /* the boot, or a build */
		log = find(r, stage, "console", "console.log");
		cast = find(r, stage, "cast", "console.cast");
		log = log ? log : find(r, stage, "log", "build.log");
	}
	if (!log && !cast)
		return err_set(e, ENOENT, "%s: no log of its terminal was kept", stage->test);
	if (a != stage)
		return each_of_subtest(r, stage, a, sink, ctx, e);
	return log ? run_artifact_each(r, log, sink, ctx, e)
		   : each_of_cast(r, cast, 0, UINT64_MAX, sink, ctx, e);
}
