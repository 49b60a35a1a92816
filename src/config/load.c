/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from config.c, for this wants libgit2, which the static worker has not. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/read.h"
#include "config/values.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load_file(struct config *c, const char *path, bool own, struct err *e)
{
	auto_entries struct config_entries entries = { 0 };
	int rc = config_read(path, &entries, e);
	for (size_t i = 0; rc == 0 && i < entries.n; i++) {
		const struct config_entry *x = &entries.v[i];
		auto_free char *where = config_entry_where(x);
		auto_free char *dir = xstrndup(x->file, (size_t)(path_base(x->file) - x->file));
		struct assignment a = { x->name, x->value, where, where, dir,
			own && x->depth == 0 };
		rc = config_assign(c, &a, e);
	}
	return rc;
}

/* A file that need not be there. */
static int load_optional(struct config *c, const char *path, struct err *e)
{
	if (!*path || (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	return load_file(c, path, false, e);
}

static int load_override(struct config *c, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	if (!equals)
		return err_set(e, EINVAL, "-c %.100s: not KEY=VALUE", text);
	auto_free char *name = xstrndup(text, (size_t)(equals - text));
	auto_free char *where = xasprintf("-c %.100s", text);
	auto_free char *cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_sys(e, "current folder");
	struct assignment a = { name, equals + 1, where, "-c", cwd, true };
	return config_assign(c, &a, e);
}

static char *user_file(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	if (xdg && *xdg == '/')
		return path_join(xdg, "fsqa/fsqa.conf");
	return home && *home ? path_join(home, ".config/fsqa/fsqa.conf") : xstrdup("");
}

int config_load(const char *file, const char *const *overrides, struct config **ret, struct err *e)
{
	struct config *c = config_new();
	const char *system_file = getenv("FSQA_CONFIG_SYSTEM");
	auto_free char *user = user_file();
	int rc = load_optional(c, system_file ? system_file : "/etc/fsqa/fsqa.conf", e);
	if (rc == 0)
		rc = load_optional(c, user, e);
	if (rc == 0 && file) {
		auto_free char *real = realpath(file, NULL);
		rc = real ? load_file(c, real, true, e) : err_sys(e, "%s", file);
	}
	for (size_t i = 0; rc == 0 && overrides && overrides[i]; i++)
		rc = load_override(c, overrides[i], e);
	if (rc < 0) {
		config_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}
