/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site/site.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Another run that ends at the same time writes its page first. */
#define LOCK_WAIT_US (300u * 1000000u)

/* Make STATE/site with its assets; its lock, which the caller closes, or -errno. */
static int open_site(const char *state_dir, char **ret_dir, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "site");
	auto_free char *runs = path_join(dir, "runs");
	auto_free char *lock_path = path_join(dir, ".lock");
	int rc = file_mkdirs(runs, 0755, e);
	if (rc < 0)
		return rc;
	auto_close int lock = file_lock(lock_path, LOCK_WAIT_US, e);
	if (lock < 0)
		return lock;
	rc = site_write_assets(dir, e);
	if (rc < 0)
		return rc;
	*ret_dir = take(&dir);
	return take_fd(&lock);
}

static int write_index(struct index_db *x, const char *site_dir, struct err *e)
{
	struct run_row *rows = NULL;
	size_t n = 0;
	int rc = index_runs(x, NULL, SITE_RUNS_MAX + 1, &rows, &n, e);
	if (rc < 0)
		return rc;
	auto_buf struct buf html = { 0 };
	auto_free char *path = path_join(site_dir, "index.html");
	bool more = n > SITE_RUNS_MAX;
	site_page_index(&html, rows, more ? SITE_RUNS_MAX : n, more, site_dir);
	run_rows_free(rows, n);
	return file_replace(path, html.s, html.len, 0644, e);
}

static int read_histories(struct index_db *x, struct site_page *p, struct err *e)
{
	const char *profile = json_str_or(p->run->first, "profile", "");
	for (size_t i = 0; i < p->n_stages; i++) {
		struct site_stage *s = &p->stages[i];
		int rc = index_history(
			x, profile, s->test, SITE_HISTORY, &s->history, &s->n_history, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Everything of the page, into the empty folder `dir`. */
static int write_run_folder(struct index_db *x, const struct run_info *run, const char *dir,
	const char *site_dir, struct err *e)
{
	auto_site_page struct site_page page = { 0 };
	site_page_init(&page, run);
	int rc = read_histories(x, &page, e);
	if (rc < 0 || (rc = site_write_files(&page, dir, e)) < 0)
		return rc;
	auto_buf struct buf html = { 0 };
	auto_free char *path = path_join(dir, "index.html");
	site_page_run(&html, &page, site_dir);
	return file_replace(path, html.s, html.len, 0644, e);
}

/* Put the finished folder in its place, whole. */
static int publish(const char *tmp, const char *dir, struct err *e)
{
	if (rename(tmp, dir) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(e, "%s", dir);
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, dir, RENAME_EXCHANGE) == 0)
		return file_remove_tree(tmp, e);
	/* A filesystem that cannot exchange. */
	int rc = file_remove_tree(dir, e);
	if (rc < 0)
		return rc;
	return rename(tmp, dir) < 0 ? err_sys(e, "%s", dir) : 0;
}

static int write_run(struct index_db *x, const struct run_info *run, const char *site_dir,
	char **ret_path, struct err *e)
{
	auto_free char *tmp = xasprintf("%s/runs/.new-%s", site_dir, run->id);
	auto_free char *dir = xasprintf("%s/runs/%s", site_dir, run->id);
	/* What lies there is left by one that was killed: we hold the lock. */
	int rc = file_remove_tree(tmp, e);
	if (rc < 0 || (rc = file_mkdirs(tmp, 0755, e)) < 0)
		return rc;
	rc = write_run_folder(x, run, tmp, site_dir, e);
	if (rc == 0)
		rc = publish(tmp, dir, e);
	if (rc < 0) {
		(void)file_remove_tree(tmp, NULL); /* the first error is the one to tell */
		return rc;
	}
	if (ret_path)
		*ret_path = path_join(dir, "index.html");
	return 0;
}

int site_write_run(const char *state_dir, const char *id, char **ret_path, struct err *e)
{
	auto_run_info struct run_info *run = NULL;
	int rc = run_read(state_dir, id, &run, e);
	if (rc < 0)
		return rc;
	auto_free char *dir = NULL;
	auto_close int lock = open_site(state_dir, &dir, e);
	if (lock < 0)
		return lock;
	struct index_db *x = NULL;
	auto_free char *path = NULL;
	rc = index_open(state_dir, &x, e);
	if (rc == 0)
		rc = write_run(x, run, dir, &path, e);
	if (rc == 0)
		rc = write_index(x, dir, e);
	index_close(x);
	if (rc < 0)
		return err_wrap(e, "page of run %s", run->id);
	if (ret_path)
		*ret_path = take(&path);
	return 0;
}

int site_write_compare(const char *state_dir, const char *name, const struct run_info *const *runs,
	size_t n, char **ret_path, struct err *e)
{
	auto_free char *dir = NULL;
	auto_close int lock = open_site(state_dir, &dir, e);
	if (lock < 0)
		return lock;
	auto_buf struct buf html = { 0 };
	auto_free char *folder = path_join(dir, "compare");
	auto_free char *path = xasprintf("%s/%s.html", folder, name);
	site_page_compare(&html, runs, n, dir);
	int rc = file_mkdirs(folder, 0755, e);
	if (rc == 0)
		rc = file_replace(path, html.s, html.len, 0644, e);
	if (rc == 0)
		*ret_path = take(&path);
	return rc;
}

int site_write_index(const char *state_dir, struct err *e)
{
	auto_free char *dir = NULL;
	auto_close int lock = open_site(state_dir, &dir, e);
	if (lock < 0)
		return lock;
	struct index_db *x = NULL;
	int rc = index_open(state_dir, &x, e);
	if (rc == 0)
		rc = write_index(x, dir, e);
	index_close(x);
	return rc;
}
