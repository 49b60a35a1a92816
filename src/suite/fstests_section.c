/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections as the configuration has them: for fsqa alone, for the worker has no libgit2. */
#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config/config.h"
#include "suite/fstests_config.h"
#include <errno.h>
#include <string.h>

static const char *setting(const struct config *c, const char *section, const char *key)
{
	auto_free char *name = xasprintf("section.%s.%s", section, key);
	return config_str(c, name);
}

int fstests_section_read(
	const struct config *c, const char *name, struct fstests_section *ret, struct err *e)
{
	auto_strv struct strv known = { 0 };
	const char *found = NULL;
	for (size_t i = 0; config_subsection(c, "section", i); i++) {
		strv_add(&known, config_subsection(c, "section", i));
		if (strcmp(config_subsection(c, "section", i), name) == 0)
			found = config_subsection(c, "section", i);
	}
	if (!found) {
		auto_free char *hint = nearest_hint(name, strv_get(&known));
		return err_set(e, ENOENT, "no section '%s'%s", name, hint);
	}
	auto_free char *set = xasprintf("section.%s.set", name);
	struct fstests_section s = {
		.name = found,
		.fstyp = setting(c, name, "fstyp"),
		.mkfs = setting(c, name, "mkfs"),
		.mount = setting(c, name, "mount"),
		.set = config_list(c, set),
	};
	int rc = fstests_section_check(&s, e);
	if (rc == 0)
		*ret = s;
	return rc;
}
