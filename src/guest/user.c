/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/user.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FILE_LIMIT (4u << 20)

/* Cut `line` at colons in place; returns how many fields there are, at most `max`. */
static size_t fields(char *line, char **out, size_t max)
{
	size_t n = 0;
	while (line && n < max)
		out[n++] = strsep(&line, ":");
	return n;
}

static int parse_id(const char *s, unsigned *ret)
{
	uint64_t v;
	if (parse_u64(s, &v, NULL) < 0 || v >= UINT32_MAX)
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

/* name:password:uid:gid:gecos:home:shell */
static int take_user(char **f, size_t n, struct user *u, struct err *e)
{
	if (n < 6 || parse_id(f[2], &u->uid) < 0 || parse_id(f[3], &u->gid) < 0)
		return err_set(e, EINVAL, "the line of user %s is malformed", f[0]);
	u->name = xstrdup(f[0]);
	u->home = xstrdup(f[5][0] ? f[5] : "/");
	u->shell = xstrdup(n > 6 && f[6][0] ? f[6] : "/bin/sh");
	u->groups[u->n_groups++] = u->gid;
	return 0;
}

static bool is_member(char *members, const char *name)
{
	for (char *m; (m = strsep(&members, ","));)
		if (strcmp(m, name) == 0)
			return true;
	return false;
}

static void read_groups(const char *path, struct user *u)
{
	auto_buf struct buf b = { 0 };
	if (file_read(path, FILE_LIMIT, &b, NULL) < 0 || b.len == 0)
		return;
	char *rest = b.s;
	for (char *line; u->n_groups < USER_GROUPS && (line = strsep(&rest, "\n"));) {
		char *f[4];
		gid_t gid;
		if (fields(line, f, 4) == 4 && parse_id(f[2], &gid) == 0 && gid != u->gid &&
			is_member(f[3], u->name))
			u->groups[u->n_groups++] = gid;
	}
}

int user_find(
	const char *passwd, const char *group, const char *name, struct user *ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int rc = file_read(passwd, FILE_LIMIT, &b, e);
	if (rc < 0)
		return rc;
	char *rest = b.len ? b.s : NULL;
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *f[7];
		size_t n = fields(line, f, 7);
		if (n < 2 || strcmp(f[0], name) != 0)
			continue;
		*ret = (struct user){ 0 };
		rc = take_user(f, n, ret, e);
		if (rc < 0)
			return err_wrap(e, "%s", passwd);
		read_groups(group, ret);
		return 0;
	}
	return err_set(e, ENOENT, "%s: no user %s", passwd, name);
}

void user_clear(struct user *u)
{
	free(u->name);
	free(u->home);
	free(u->shell);
	*u = (struct user){ 0 };
}
