/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user.h: /etc/passwd and /etc/group, read by hand: this program is static, where the C
 * library's own look-up would load shared objects of another version. */
#pragma once
#include <sys/types.h>
struct err;

#define USER_GROUPS 64

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS]; /* gid among them */
	size_t n_groups;
	char *name, *home, *shell;
};

/* Look `name` up in the two files. -ENOENT: no such user; -EINVAL: its line is malformed;
 * else what reading failed with. An absent group file is no error. */
int user_find(
	const char *passwd, const char *group, const char *name, struct user *ret, struct err *e);
void user_clear(struct user *u);
/* See that `name` is a user of the root at `root` ("" for "/"), with a group of that name, no
 * password, a shell and a home. One that is there stays as it is. What writing failed with. */
int user_add(const char *root, const char *name, struct err *e);
#define auto_user __attribute__((cleanup(user_clear)))
