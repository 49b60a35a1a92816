/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/tools.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "proc/proc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_one_of(const char *variable, const char *const *names)
{
	size_t n = strcspn(variable, "=");
	for (; names && *names; names++) {
		size_t len = strlen(*names);
		bool open = len && (*names)[len - 1] == '*';
		if (open ? strncmp(variable, *names, len - 1) == 0
			 : len == n && strncmp(variable, *names, n) == 0)
			return true;
	}
	return false;
}

void tools_env(const char *const *drop, const char *const *keep, struct strv *env)
{
	for (char *const *v = environ; *v; v++)
		if (!is_one_of(*v, drop) || is_one_of(*v, keep))
			strv_add(env, *v);
}

int tools_missing(const char *program, const char *package, struct err *e)
{
	return err_set(e, ENOENT, "%s is not installed: %sapt-get install %s", program,
		geteuid() == 0 ? "" : "sudo ", package);
}

bool tools_have(const char *program)
{
	auto_free char *path = NULL;
	return proc_find(program, &path) == 0;
}
