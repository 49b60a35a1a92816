/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES 20 /* where a log may go whose name is taken */

struct exporter {
	const struct run_info *r;
	int dirfd; /* of the folder that is being filled */
};

static bool is_stage_shown(const struct run_attempt *a)
{
	return !a->superseded && run_attempt_is_stage(a);
}

static bool is_of(const struct run_artifact *x, const struct run_attempt *a)
{
	return x->attempt == a->attempt && strcmp(x->test, a->test) == 0;
}

static bool is_kind(const struct run_artifact *x, const char *kind, const char *name)
{
	return strcmp(x->kind, kind) == 0 && (!name || strcmp(x->name, name) == 0);
}

static const struct run_artifact *find(
	const struct exporter *x, const struct run_attempt *a, const char *kind, const char *name)
{
	for (size_t i = 0; i < x->r->n_artifacts; i++) {
		const struct run_artifact *f = &x->r->artifacts[i];
		if (is_of(f, a) && is_kind(f, kind, name))
			return f;
	}
	return NULL;
}

/* The same file again: /tmp/logs still held it when a later stage was collected. */
static bool is_repeated(const struct exporter *x, const struct run_artifact *a)
{
	for (const struct run_artifact *f = x->r->artifacts; f < a; f++) {
		if (strcmp(f->sha256, a->sha256) == 0 && strcmp(f->name, a->name) == 0 &&
			strcmp(f->kind, a->kind) == 0)
			return true;
	}
	return false;
}

/* Into logs/NAME; where another stage has that name, logs/STAGE/NAME. */
static int export_log(
	const struct exporter *x, const struct run_artifact *a, const char *stage, struct err *e)
{
	const char *collected = run_artifact_collected(a);
	const char *told = collected ? collected : a->name;
	auto_free char *plain = tree_path_is_safe(told)
					? xstrdup(told)
					: xasprintf("unnamed-%zu", (size_t)(a - x->r->artifacts));
	auto_close int fd = -EEXIST;
	for (unsigned i = 0; i < PLACES && (fd == -EEXIST || fd == -ENOTDIR); i++) {
		auto_free char *path = i == 0   ? xasprintf("logs/%s", plain)
				       : i == 1 ? xasprintf("logs/%s/%s", stage, plain)
						: xasprintf("logs/%s.%u/%s", stage, i, plain);
		fd = tree_make_file(x->dirfd, path, e);
		if (fd == -EEXIST && is_repeated(x, a))
			return 0;
	}
	return fd < 0 ? fd : run_artifact_write(x->r, a, fd, e);
}

static int write_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	return fd_write_all(*(int *)ctx, p, n, e);
}

static int write_date(int fd, const char *what, int64_t wall_us, struct err *e)
{
	char date[64] = "(no date)";
	struct tm tm;
	time_t t = (time_t)(wall_us / 1000000);
	if (gmtime_r(&t, &tm))
		(void)strftime(date, sizeof date, "%a %d %b %Y %I:%M:%S %p UTC", &tm); /* fits */
	auto_free char *line = xasprintf("%s on %s\n", what, date);
	return fd_write_all(fd, line, strlen(line), e);
}

/* As script(1) wrote it for BTRFSQA; a stage that never had a terminal has none. */
static int export_script(const struct exporter *x, const struct run_attempt *a, struct err *e)
{
	auto_free char *path = xasprintf("%s.script", a->stage);
	auto_close int fd = tree_make_file(x->dirfd, path, e);
	if (fd < 0)
		return fd;
	int rc = write_date(fd, "Script started", a->start_wall_us, e);
	if (rc == 0)
		rc = run_terminal_each(x->r, a, write_piece, &fd, e);
	if (rc == 0)
		rc = fd_write_all(fd, "\n", 1, e);
	int64_t end_us = a->start_wall_us + (int64_t)a->duration_us;
	return rc < 0 ? rc : write_date(fd, "Script done", end_us, e);
}

static int export_cast(
	const struct exporter *x, const struct run_artifact *cast, const char *path, struct err *e)
{
	auto_close int fd = tree_make_file(x->dirfd, path, e);
	return fd < 0 ? fd : run_artifact_write(x->r, cast, fd, e);
}

static int export_stage(const struct exporter *x, const struct run_attempt *a, struct err *e)
{
	const struct run_artifact *cast = find(x, a, "cast", "terminal.cast");
	const struct run_artifact *log = find(x, a, "log", "terminal.log");
	auto_free char *cast_path = xasprintf("screencasts/%s.cast", a->stage);
	int rc = cast ? export_cast(x, cast, cast_path, e) : 0;
	if (rc == 0 && (cast || log))
		rc = export_script(x, a, e);
	for (size_t i = 0; rc == 0 && i < x->r->n_artifacts; i++) {
		const struct run_artifact *f = &x->r->artifacts[i];
		if (is_of(f, a) && run_artifact_collected(f))
			rc = export_log(x, f, a->stage, e);
	}
	return rc;
}

/* Of the target rather than of a stage. */
static int export_boot(const struct exporter *x, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < x->r->n_artifacts; i++) {
		const struct run_artifact *f = &x->r->artifacts[i];
		if (is_kind(f, "console", NULL) || is_kind(f, "kernel", NULL))
			rc = export_log(x, f, "boot", e);
	}
	return rc;
}

static int export_status(const struct exporter *x, struct err *e)
{
	const struct run_info *r = x->r;
	auto_json json_t *stages = json_array();
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct run_attempt *a = &r->attempts[i];
		json_t *one = json_pack("{s:s, s:s, s:f, s:s}", "script", a->stage, "status",
			verdict_name(a->status), "duration_s", (double)a->duration_us / 1e6,
			"reason", a->reason);
		if (one && is_stage_shown(a))
			(void)json_array_append(stages, one); /* both are ours */
		json_decref(one);
	}
	char date[CLOCK_ISO_SIZE];
	auto_json json_t *all = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "run", r->id, "profile",
		json_str_or(r->first, "profile", ""), "kernel",
		json_str_or(r->target, "release", json_str_or(r->first, "kernel", "")), "start",
		clock_iso(json_i64_or(r->first, "wall_us", 0), date), "status",
		verdict_name(run_info_status(r)), "stages", stages);
	auto_free char *text =
		all ? json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
	if (!text)
		return err_set(e, EINVAL, "status.json: cannot be written as JSON");
	auto_close int fd = tree_make_file(x->dirfd, "status.json", e);
	int rc = fd < 0 ? fd : fd_write_all(fd, text, strlen(text), e);
	return rc < 0 ? rc : fd_write_all(fd, "\n", 1, e);
}

static int fill(const struct exporter *x, struct err *e)
{
	if (mkdirat(x->dirfd, "logs", 0755) < 0 || mkdirat(x->dirfd, "screencasts", 0755) < 0)
		return err_sys(e, "make folder");
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < x->r->n_attempts; i++) {
		if (is_stage_shown(&x->r->attempts[i]))
			rc = export_stage(x, &x->r->attempts[i], e);
	}
	if (rc == 0)
		rc = export_boot(x, e);
	if (rc == 0)
		rc = export_status(x, e);
	if (rc == 0 && syncfs(x->dirfd) < 0)
		rc = err_sys(e, "sync");
	return rc;
}

/* rename(2) itself would replace an empty folder. */
static int publish(const char *tmp, const char *path, struct err *e)
{
	int rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE);
	if (rc < 0 && errno == EINVAL) /* a filesystem that does not know the flag */
		rc = access(path, F_OK) == 0 ? (errno = EEXIST, -1) : rename(tmp, path);
	if (rc < 0 && errno == EEXIST)
		return err_set(e, EEXIST, "%s is there already, and is not overwritten", path);
	return rc < 0 ? err_sys(e, "%s", path) : file_sync_parent(path, e);
}

int store_export_btrfsqa(const struct run_info *r, const char *dir, char **ret_path, struct err *e)
{
	int rc = file_mkdirs(dir, 0755, e);
	if (rc < 0)
		return rc;
	char name[64];
	struct tm tm = { 0 };
	time_t start = (time_t)(json_i64_or(r->first, "wall_us", 0) / 1000000);
	if (!gmtime_r(&start, &tm) ||
		strftime(name, sizeof name, "results_%Y-%m-%d_%H:%M", &tm) == 0)
		return err_set(e, EINVAL, "run %s has no date", r->id);
	auto_free char *path = path_join(dir, name);
	auto_free char *tmp = xasprintf("%s/.%s.XXXXXX", dir, name);
	if (access(path, F_OK) == 0)
		return err_set(e, EEXIST, "%s is there already, and is not overwritten", path);
	if (!mkdtemp(tmp) || chmod(tmp, 0755) < 0)
		return err_sys(e, "%s", tmp);
	auto_close int dirfd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct exporter x = { r, dirfd };
	rc = dirfd < 0 ? err_sys(e, "%s", tmp) : fill(&x, e);
	if (rc == 0)
		rc = publish(tmp, path, e);
	else
		(void)err_wrap(e, "export %s", r->id); /* keeps rc */
	if (rc < 0)
		(void)file_remove_tree(tmp, NULL); /* the first error is the one to tell */
	else if (ret_path)
		*ret_path = take(&path);
	return rc;
}
