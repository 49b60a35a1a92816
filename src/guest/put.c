/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "guest/channel.h"
#include "guest/handler.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All DATA up to EOF. -EPIPE: the agent went away. */
static int receive(struct channel *c, int fd, struct err *e)
{
	struct frame f;
	while (channel_next(c, true, &f) == 1) {
		if (f.type == AGENT_EOF)
			return 0;
		if (f.type == AGENT_SIGNAL)
			return err_set(e, ECANCELED, "given up by the host");
		if (f.type != AGENT_DATA)
			continue;
		int rc = fd_write_all(fd, f.payload, f.length, e);
		if (rc < 0)
			return rc;
		channel_consumed(c, f.length);
	}
	return err_set(e, EPIPE, "cut short");
}

static int make_parent(const char *path, struct err *e)
{
	auto_free char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return file_mkdirs(dir, 0755, e);
}

/* Beside its final name, then renamed: who looks for `path` finds all of it or nothing. */
static int put(struct channel *c, const char *path, mode_t mode, struct err *e)
{
	int rc = make_parent(path, e);
	if (rc < 0)
		return rc;
	auto_free char *tmp = xasprintf("%s.fsqa-XXXXXX", path);
	auto_close int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	rc = receive(c, fd, e);
	if (rc < 0)
		rc = err_wrap(e, "%s", path);
	else if (fchmod(fd, mode) < 0 || rename(tmp, path) < 0)
		rc = err_sys(e, "%s", path);
	else
		return 0;
	(void)unlink(tmp); /* the first error is the one to tell */
	return rc;
}

noreturn void handler_put(struct channel *c, const void *json, size_t n)
{
	struct err e = { 0 };
	json_t *j = NULL;
	const char *path = NULL;
	struct channel_exit x = { 0 };
	umask(022);
	int rc = json_parse_object(json, n, &j, &e);
	if (rc == 0)
		rc = json_get_str(j, "path", &path, &e);
	if (rc == 0 && path[0] != '/')
		rc = err_set(&e, EINVAL, "%s: not an absolute path", path);
	if (rc == 0)
		rc = put(c, path, (mode_t)json_i64_or(j, "mode", 0644) & 07777, &e);
	json_decref(j);
	if (rc < 0)
		x = (struct channel_exit){ .code = -1, .error = e.msg };
	channel_exit(c, &x);
	_exit(0);
}
