/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/kept.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER   "kept"
#define SIZE     1024 /* any such record is shorter */
#define LOCK_US  1000000
#define FILE_MAX 65536

char *kept_path(const char *state_dir, const char *id)
{
	return xasprintf("%s/" FOLDER "/%s", state_dir, id);
}

int kept_lock(const char *path, struct err *e)
{
	auto_free char *dir = xstrdup(path);
	*strrchr(dir, '/') = '\0';
	int rc = file_mkdirs(dir, 0700, e);
	return rc < 0 ? rc : file_lock(path, LOCK_US, e);
}

int kept_write(int fd, const struct kept *k, struct err *e)
{
	char text[SIZE];
	auto_json json_t *j = json_pack("{s:I, s:o, s:I, s:I}", "pid", (json_int_t)k->pid, "test",
		json_bytes(k->test, strlen(k->test)), "since_us", (json_int_t)k->since_us,
		"until_us", (json_int_t)k->until_us);
	auto_free char *line = json_line(j);
	size_t n = strlen(line);
	if (n > sizeof text)
		return err_set(e, EMSGSIZE, "a record of %zu bytes", n);
	memset(text, '\n', sizeof text);
	memcpy(text, line, n);
	if (pwrite(fd, text, sizeof text, 0) != (ssize_t)sizeof text)
		return err_sys(e, "write what says that the machine is kept");
	return 0;
}

int kept_read(const char *path, struct kept *ret)
{
	auto_buf struct buf b = { 0 };
	auto_json json_t *j = NULL;
	if (!file_is_locked(path) || file_read(path, FILE_MAX, &b, NULL) < 0 ||
		json_parse_object(buf_str(&b), b.len, &j, NULL) < 0)
		return -ENOENT;
	*ret = (struct kept){
		.pid = (pid_t)json_i64_or(j, "pid", 0),
		.since_us = json_i64_or(j, "since_us", 0),
		.until_us = json_i64_or(j, "until_us", 0),
	};
	(void)snprintf(
		ret->test, sizeof ret->test, "%s", json_str_or(j, "test", "")); /* may be cut */
	return ret->pid > 1 ? 0 : -ENOENT;
}

static void sweep_one(const char *state_dir, const char *id)
{
	auto_free char *path = kept_path(state_dir, id);
	auto_free char *work = xasprintf("%s/runs/%s/work", state_dir, id);
	auto_buf struct buf b = { 0 };
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	/* An empty one may be about to be locked, by the worker that has just made it. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || file_read(path, FILE_MAX, &b, NULL) < 0 ||
		b.len == 0)
		return;
	if (file_remove_tree(work, NULL) == 0) /* else the next sweep tries again */
		(void)unlink(path);
}

void kept_sweep(const char *state_dir)
{
	auto_free char *dir = path_join(state_dir, FOLDER);
	DIR *d = opendir(dir);
	const struct dirent *de;
	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.')
			sweep_one(state_dir, de->d_name);
	if (d)
		(void)closedir(d); /* only read */
}
