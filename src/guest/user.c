/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/user.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT (4u << 20)
/* Those of people, as Debian has them. */
#define FIRST_ID 1000u
#define LAST_ID  59999u

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

/* Read a file of such lines: whether `name` begins one, and the first id above all of people's. */
static int look(const char *path, const char *name, struct buf *text, bool *ret_found, unsigned *id,
	struct err *e)
{
	int rc = file_read(path, FILE_LIMIT, text, e);
	auto_free char *copy = rc == 0 ? xstrdup(buf_str(text)) : NULL;
	char *rest = copy;
	*ret_found = false;
	for (char *line; rest && (line = strsep(&rest, "\n"));) {
		char *f[3];
		unsigned v;
		size_t n = fields(line, f, 3);
		*ret_found = *ret_found || strcmp(f[0], name) == 0;
		if (n == 3 && parse_id(f[2], &v) == 0 && v >= *id && v < LAST_ID)
			*id = v + 1;
	}
	return rc;
}

/* Where `text`, what the file has, does not end its last line, that is done first. */
static int append(const char *path, const struct buf *text, const char *line, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	bool open_line = text->len && text->s[text->len - 1] != '\n';
	int rc = open_line ? fd_write_all(fd, "\n", 1, e) : 0;
	return rc < 0 ? rc : fd_write_all(fd, line, strlen(line), e);
}

static int make_home(const char *root, const char *name, unsigned id, struct err *e)
{
	auto_free char *homes = xasprintf("%s/home", root);
	auto_free char *home = path_join(homes, name);
	int rc = file_mkdirs(homes, 0755, e);
	if (rc < 0)
		return rc;
	if (mkdir(home, 0755) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "%s", home);
	return chown(home, id, id) < 0 ? err_sys(e, "%s", home) : 0;
}

int user_add(const char *root, const char *name, struct err *e)
{
	auto_free char *passwd = xasprintf("%s/etc/passwd", root);
	auto_free char *group = xasprintf("%s/etc/group", root);
	auto_free char *shadow = xasprintf("%s/etc/shadow", root);
	auto_buf struct buf users = { 0 }, groups = { 0 }, secrets = { 0 };
	bool is_user = false, is_group = false, is_secret = false;
	unsigned id = FIRST_ID, unused = FIRST_ID;
	int rc = look(passwd, name, &users, &is_user, &id, e);
	if (rc < 0 || is_user)
		return rc;
	rc = look(group, name, &groups, &is_group, &id, e);
	if (rc < 0)
		return rc;
	if (is_group)
		return err_set(
			e, EEXIST, "%s: group %s is there, and its user is not", group, name);
	auto_free char *g = xasprintf("%s:x:%u:\n", name, id);
	auto_free char *u = xasprintf("%s:x:%u:%u::/home/%s:/bin/sh\n", name, id, id, name);
	auto_free char *s = xasprintf("%s:*:1::::::\n", name);
	rc = append(group, &groups, g, e);
	if (rc == 0)
		rc = append(passwd, &users, u, e);
	/* Not every root has it; where it is, su(1) asks it. */
	if (rc == 0 && look(shadow, name, &secrets, &is_secret, &unused, NULL) == 0 && !is_secret)
		rc = append(shadow, &secrets, s, e);
	return rc < 0 ? rc : make_home(root, name, id, e);
}
