/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/resume.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/attempts.h"
#include "run/plan.h"
#include "store/store.h"
#include "suite/testpath.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "job"

int resume_freeze(const char *run_dir, const char *profile_dir, unsigned slots, const json_t *job,
	struct err *e)
{
	auto_free char *path = path_join(run_dir, FILE_NAME);
	auto_json json_t *copy = json_deep_copy(job);
	/* A saved machine may be gone by then, and one that is kept is not waited for. */
	json_t *target = json_object_get(copy, "target");
	size_t i;
	json_t *disk;
	json_object_del(target, "clone_of");
	json_array_foreach (json_object_get(target, "disks"), i, disk)
		json_object_del(disk, "saved_bytes");
	json_object_del(copy, "hold");
	json_object_set_new(copy, "keep", json_false());
	auto_json json_t *j = json_pack("{s:o, s:i, s:O}", "profile",
		json_bytes(profile_dir, strlen(profile_dir)), "slots", (int)slots, "job", copy);
	auto_free char *line = json_line(j);
	return file_replace(path, line, strlen(line), 0644, e);
}

static int check_file(const struct run_info *r, const char *path, struct err *e)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	return err_sys(e, "run %s cannot go on: %s", r->id, path);
}

/* What it boots has to be what it was; the agent proves the kernel again. */
static int check_files(const struct run_info *r, const json_t *job, struct err *e)
{
	static const char *const files[] = { "kernel", "initramfs", "modules", "root" };
	const json_t *target = json_object_get(job, "target");
	size_t i;
	json_t *j;
	int rc = 0;
	for (i = 0; rc == 0 && i < ARRAY_LEN(files); i++)
		rc = check_file(r, json_str_or(target, files[i], NULL), e);
	json_array_foreach (json_object_get(target, "shares"), i, j)
		rc = rc < 0 ? rc : check_file(r, json_str_or(j, "path", NULL), e);
	json_array_foreach (json_object_get(job, "stages"), i, j)
		rc = rc < 0 ? rc : check_file(r, json_str_or(j, "script", NULL), e);
	return rc;
}

int resume_frozen(const char *run_dir, json_t **ret, struct err *e)
{
	auto_free char *path = path_join(run_dir, FILE_NAME);
	auto_json json_t *j = NULL;
	int rc = json_read_object(path, &j, e);
	if (rc < 0)
		return rc;
	if (!json_object_get(j, "job"))
		return err_set(e, EINVAL, "%s has no job", path);
	*ret = take(&j);
	return 0;
}

int resume_read(const struct run_info *r, json_t **ret, struct err *e)
{
	struct err why = { 0 };
	auto_json json_t *j = NULL;
	int rc = resume_frozen(r->dir, &j, &why);
	if (rc < 0)
		return err_set(e, rc, "run %s cannot go on: %s", r->id, why.msg);
	rc = check_files(r, json_object_get(j, "job"), e);
	if (rc == 0)
		*ret = take(&j);
	return rc;
}

/* Its last attempt; NULL: there is none. */
static const struct run_attempt *find(const struct run_info *r, const char *test)
{
	for (size_t i = r->n_attempts; i-- > 0;)
		if (!r->attempts[i].superseded && strcmp(r->attempts[i].test, test) == 0)
			return &r->attempts[i];
	return NULL;
}

static bool is_left(const struct run_info *r, const char *test)
{
	const struct run_attempt *a = find(r, test);
	return !a || !a->ended || a->status == VERDICT_MISS;
}

json_t *resume_stages(const struct run_info *r, const json_t *stages, size_t *ret_n)
{
	json_t *left = json_array();
	size_t i;
	size_t k;
	json_t *stage;
	json_t *test;
	*ret_n = 0;
	json_array_foreach (stages, i, stage) {
		auto_free char *path = plan_stage_path(stage);
		auto_json json_t *part = json_copy(stage);
		json_t *tests = json_array();
		bool listed = json_object_get(stage, "tests") != NULL;
		json_array_foreach (json_object_get(stage, "tests"), k, test) {
			auto_free char *its = testpath_make(path, json_string_value(test));
			if (is_left(r, its))
				json_array_append(tests, test);
		}
		size_t n = listed ? json_array_size(tests) : is_left(r, path);
		if (listed)
			json_object_set(part, "tests", tests);
		json_decref(tests);
		if (n)
			json_array_append(left, part);
		*ret_n += n;
	}
	return left;
}

/* A section that was cut off, or of which something is run again, is known by its other tests; so
 * is one whose last part ended well in a run that was cut off before all its parts were put
 * together. */
static void section_before(const struct run_info *r, const json_t *stage, struct attempts *a)
{
	auto_free char *path = plan_stage_path(stage);
	enum verdict worst = VERDICT_COUNT;
	unsigned bad = 0;
	unsigned n = 0;
	bool whole = !is_left(r, path);
	size_t k;
	json_t *test;
	json_array_foreach (json_object_get(stage, "tests"), k, test) {
		auto_free char *its = testpath_make(path, json_string_value(test));
		const struct run_attempt *end = find(r, its);
		if (is_left(r, its)) {
			whole = false;
			continue;
		}
		n++;
		bad += end->status < VERDICT_MISS;
		worst = verdict_worst(worst, end->status);
	}
	enum verdict known = worst > VERDICT_MISS ? VERDICT_PASS : worst;
	bool told = whole && (known == VERDICT_PASS || find(r, path)->status <= known);
	if (told || worst == VERDICT_COUNT)
		return;
	auto_free char *reason = xasprintf("%u of %u tests failed", bad, n);
	attempts_before(a, path, json_str_or(stage, "name", ""), known, reason);
}

void resume_attempts(const struct run_info *r, const json_t *stages, struct attempts *a)
{
	size_t i;
	json_t *stage;
	for (i = 0; i < r->n_attempts; i++)
		attempts_seen(a, r->attempts[i].test, r->attempts[i].attempt);
	json_array_foreach (stages, i, stage)
		section_before(r, stage, a);
}

size_t resume_batches(const struct run_info *r)
{
	int64_t most = 0;
	for (size_t i = 0; i < r->n_attempts; i++)
		most = r->attempts[i].batch > most ? r->attempts[i].batch : most;
	return (size_t)most;
}
