/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/place.h"
#include "config/profile.h"
#include "kernel/kernel.h"
#include "kernel/source.h"
#include <stdlib.h>
#include <string.h>

/* BTRFSQA's own: config/kernel.config. */
static const char *profiles_config(const struct profile *p)
{
	for (size_t i = 0; i < p->files.n; i++)
		if (strcmp(path_base(p->files.v[i]), "kernel.config") == 0)
			return p->files.v[i];
	return NULL;
}

static bool has_zoned_disk(const struct config *c)
{
	const char *name;
	bool zoned = strcmp(config_str(c, "disk.zoned"), "none") != 0;
	for (size_t i = 0; !zoned && (name = config_subsection(c, "disk", i)); i++) {
		auto_free char *key = xasprintf("disk.%s.zoned", name);
		zoned = config_is_set(c, key) && strcmp(config_str(c, key), "none") != 0;
	}
	return zoned;
}

#define WISHES_MAX 4

/* What the machine that the profile describes needs of its kernel beyond what every guest does. */
static size_t wishes(const struct config *c, struct kernel_wish v[WISHES_MAX])
{
	size_t n = 0;
	const char *root = config_str(c, "vm.root");
	const char *const *shares = config_list(c, "vm.share");
	if (strcmp(config_str(c, "vm.network"), "none") != 0)
		v[n++] = (struct kernel_wish){ "network", "vm.network" };
	if (shares && *shares)
		v[n++] = (struct kernel_wish){ "share", "vm.share" };
	if (root && strcmp(root, "host") == 0)
		v[n++] = (struct kernel_wish){ "share", "vm.root" };
	if (has_zoned_disk(c))
		v[n++] = (struct kernel_wish){ "zoned", "disk.zoned" };
	return n;
}

static int from_source(const char *state_dir, const struct profile *p, const char *source,
	const struct kernel_wishes *suites, const struct kernel_arch *arch,
	kernel_progress *progress, void *ctx, struct kernel_story *story, struct kernel **ret,
	struct err *e)
{
	auto_free char *fragment_dir = place_data("fragments");
	const struct config *c = p->config;
	const char *own = profiles_config(p);
	const char *base = config_str(c, "kernel.config");
	struct kernel_wish wished[WISHES_MAX];
	const struct kernel_recipe r = {
		.suites = *suites,
		.machine = { wished, wishes(c, wished) },
		.source = source,
		.patches = config_list(c, "kernel.patches"),
		.base = base  ? base
			: own ? own
			      : "allnoconfig",
		.fragments = config_list(c, "kernel.fragments"),
		.fragment_dir = fragment_dir,
		.llvm = strcmp(config_str(c, "kernel.compiler"), "clang") == 0,
		.jobs = config_num(c, "kernel.jobs"),
		.timeout_us = config_num(c, "kernel.buildTimeout"),
		.silence_us = config_num(c, "kernel.buildSilence"),
	};
	return kernel_build(state_dir, &r, arch, progress, ctx, story, ret, e);
}

int kernel_choose(const char *state_dir, const struct profile *p, const char *spec,
	const struct kernel_wishes *suites, const struct kernel_arch *arch,
	kernel_progress *progress, void *ctx, bool *ret_named, struct kernel_story *story,
	struct kernel **ret, struct err *e)
{
	const struct config *c = p->config;
	const char *image = spec ? NULL : config_str(c, "kernel.image");
	const char *source = spec    ? (source_is(spec) ? spec : NULL)
			     : image ? NULL
				     : config_str(c, "kernel.source");
	const char *version = config_str(c, "kernel.version");
	const char *wanted = spec ? spec : image ? image : source ? source : version;
	if (ret_named)
		*ret_named = strcmp(wanted, "debian") != 0;
	if (source)
		return from_source(
			state_dir, p, source, suites, arch, progress, ctx, story, ret, e);
	return kernel_resolve(
		state_dir, wanted, config_str(c, "kernel.modules"), arch, progress, ctx, ret, e);
}
