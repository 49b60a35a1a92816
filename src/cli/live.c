/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/live.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/kept.h"
#include "run/protocol.h"
#include "store/store.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_MAX 4096

struct list {
	struct live *rows;
	size_t n;
};

static void add(struct list *l, const struct live *row)
{
	l->rows = xrealloc(l->rows, (l->n + 1) * sizeof *l->rows);
	l->rows[l->n++] = *row;
}

/* The innermost test of the batch that has started and not ended. */
static const char *under_way(const struct run_info *r, int64_t batch)
{
	for (size_t i = r->n_attempts; i > 0; i--)
		if (!r->attempts[i - 1].ended && r->attempts[i - 1].batch == batch)
			return r->attempts[i - 1].test;
	return "";
}

/* 0: the run has only one. */
static void add_batch(struct list *l, const struct run_info *r, int64_t batch)
{
	auto_free char *work = path_join(r->dir, "work");
	const struct live row = {
		.id = batch ? xasprintf("%s/%" PRId64, r->id, batch) : xstrdup(r->id),
		.command = xstrdup(json_str_or(r->first, "command", "")),
		.now = xstrdup(under_way(r, batch)),
		.work_dir = batch ? xasprintf("%s/%" PRId64, work, batch) : xstrdup(work),
		.pid = (pid_t)json_i64_or(r->resumed ? r->resumed : r->first, "pid", 0),
		.start_wall_us = json_i64_or(r->first, "wall_us", 0),
	};
	add(l, &row);
}

static void add_run(struct list *l, const char *state_dir, const char *id)
{
	auto_run_info struct run_info *r = NULL;
	/* One that ended meanwhile, or cannot be read, is not alive. */
	if (run_read(state_dir, id, &r, NULL) < 0 || !r->live)
		return;
	int64_t batches = json_i64_or(r->plan, "batches", 1);
	for (int64_t i = 1; i <= batches && batches > 1; i++) {
		auto_free char *work = xasprintf("%s/work/%" PRId64, r->dir, i);
		if (access(work, F_OK) == 0)
			add_batch(l, r, i);
	}
	if (batches <= 1)
		add_batch(l, r, 0);
}

static int add_runs(struct list *l, const char *state_dir, struct err *e)
{
	struct index_db *x = NULL;
	struct run_row *rows = NULL;
	size_t n = 0;
	int rc = index_open(state_dir, &x, e);
	if (rc == 0)
		rc = index_runs(x, NULL, 0, &rows, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (rows[i].live)
			add_run(l, state_dir, rows[i].id);
	run_rows_free(rows, n);
	index_close(x);
	return rc;
}

/* The words of a process, with blanks between; "" where it is gone. */
static char *command_of(pid_t pid)
{
	auto_buf struct buf b = { 0 };
	auto_free char *path = xasprintf("/proc/%ld/cmdline", (long)pid);
	(void)file_read(path, COMMAND_MAX, &b, NULL); /* gone, or longer: then the head */
	for (size_t i = 0; i + 1 < b.len; i++)
		if (b.s[i] == '\0')
			b.s[i] = ' ';
	return xstrdup(buf_str(&b));
}

static void add_shell(struct list *l, const char *dir, const char *lock_path)
{
	auto_buf struct buf b = { 0 };
	struct stat st;
	if (!file_is_locked(lock_path) || stat(lock_path, &st) < 0 ||
		file_read(lock_path, 64, &b, NULL) < 0)
		return;
	pid_t pid = (pid_t)strtol(buf_str(&b), NULL, 10);
	const struct live row = {
		.id = xasprintf("vm-%ld", (long)pid),
		.command = command_of(pid),
		.now = xstrdup(""),
		.work_dir = xasprintf("%s/%ld/work", dir, (long)pid),
		.pid = pid,
		.start_wall_us = file_mtime_us(&st),
	};
	add(l, &row);
}

static void add_shells(struct list *l, const char *state_dir)
{
	auto_free char *dir = path_join(state_dir, "shells");
	DIR *d = opendir(dir);
	const struct dirent *de;
	while (d && (de = readdir(d))) {
		auto_free char *lock = xasprintf("%s/%s/lock", dir, de->d_name);
		if (de->d_name[0] != '.')
			add_shell(l, dir, lock);
	}
	if (d)
		(void)closedir(d); /* only read */
}

static void add_kept(struct list *l, const char *state_dir, const char *id)
{
	auto_run_info struct run_info *r = NULL;
	auto_free char *path = kept_path(state_dir, id);
	struct kept k;
	/* A run that is just being finished is there already. */
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->rows[i].id, id) == 0)
			return;
	if (kept_read(path, &k) < 0)
		return;
	(void)run_read(state_dir, id, &r, NULL); /* only for its command */
	const struct live row = {
		.id = xstrdup(id),
		.command = xstrdup(r ? json_str_or(r->first, "command", "") : ""),
		.now = xstrdup(k.test),
		.work_dir = xasprintf("%s/runs/%s/work", state_dir, id),
		.pid = k.pid,
		.start_wall_us = k.since_us,
		.kept = true,
		.until_wall_us = k.until_us,
	};
	add(l, &row);
}

static void add_all_kept(struct list *l, const char *state_dir)
{
	auto_free char *dir = kept_path(state_dir, "");
	DIR *d = opendir(dir);
	const struct dirent *de;
	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.')
			add_kept(l, state_dir, de->d_name);
	if (d)
		(void)closedir(d); /* only read */
}

static int oldest_first(const void *a, const void *b)
{
	const struct live *x = a;
	const struct live *y = b;
	return x->start_wall_us < y->start_wall_us ? -1 : x->start_wall_us > y->start_wall_us;
}

int live_list(struct cli *cli, const char *state_dir, struct live **ret, size_t *ret_n)
{
	struct list l = { 0 };
	struct err e = { 0 };
	if (add_runs(&l, state_dir, &e) < 0) {
		live_free(l.rows, l.n);
		return cli_error(cli, CLI_INFRA, &e);
	}
	kept_sweep(state_dir);
	add_all_kept(&l, state_dir);
	add_shells(&l, state_dir);
	if (l.n)
		qsort(l.rows, l.n, sizeof *l.rows, oldest_first);
	*ret = l.rows;
	*ret_n = l.n;
	return CLI_GOOD;
}

json_t *live_machine(const struct live *l)
{
	json_t *j = NULL;
	auto_free char *path = path_join(l->work_dir, RUN_MACHINE);
	return json_read_object(path, &j, NULL) == 0 ? j : NULL;
}

static void clear(struct live *row)
{
	free(row->id);
	free(row->command);
	free(row->now);
	free(row->work_dir);
}

bool live_is(const struct live *l, const char *id)
{
	size_t n = strlen(id);
	return strncmp(l->id, id, n) == 0 && (l->id[n] == '\0' || l->id[n] == '/');
}

/* Which of the n is meant; -1: none, -2: more than one. */
static ssize_t meant(const struct live *rows, size_t n, const char *id)
{
	ssize_t found = -1;
	if (strcmp(id, "latest") == 0)
		return (ssize_t)n - 1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].id, id) == 0)
			return (ssize_t)i;
		if (strncmp(rows[i].id, id, strlen(id)) == 0)
			found = found == -1 ? (ssize_t)i : -2;
	}
	return found;
}

int live_find(struct cli *cli, const char *id, char **ret_state_dir, struct live **ret)
{
	struct live *rows = NULL;
	size_t n = 0;
	int code = cli_state_dir(cli, NULL, ret_state_dir);
	if (code == CLI_GOOD)
		code = live_list(cli, *ret_state_dir, &rows, &n);
	if (code != CLI_GOOD)
		return code;
	ssize_t at = meant(rows, n, id);
	if (at < 0) {
		live_free(rows, n);
		return cli_errorf(cli, CLI_USAGE,
			at == -2 ? "\"%s\" are several: fsqa ps lists them"
				 : "\"%s\" has no machine that is up: fsqa ps lists those that are "
				   "(fsqa run --keep keeps that of a failed test)",
			id);
	}
	for (size_t i = 0; i < n; i++)
		if (i != (size_t)at)
			clear(&rows[i]);
	rows[0] = rows[at];
	*ret = rows;
	return CLI_GOOD;
}

void live_free(struct live *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		clear(&rows[i]);
	free(rows);
}
