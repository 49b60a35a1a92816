/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever a local.config or /proc/mounts has in it, names of sections are plain words
 * and values lines; and a section that is rendered reads back as it was given. */
#include "base/buf.h"
#include "base/mem.h"
#include "suite/fstests_config.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void read_back(const char *value)
{
	const struct fstests_places p = { .fstyp = "btrfs" };
	const struct fstests_section s = { .name = "a", .mkfs = value };
	auto_buf struct buf out = { 0 };
	if (fstests_config_render(&p, &s, &out, NULL) < 0)
		return;
	auto_free char *got = fstests_config_value(out.s, out.len, "a", "MKFS_OPTIONS");
	check(value[0] ? got && strcmp(got, value) == 0 : !got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	auto_strv struct strv names = { 0 };
	fstests_config_sections(text, size, &names);
	for (size_t i = 0; i < names.n; i++) {
		check(names.v[i][0] && !strpbrk(names.v[i], " []\n"));
		auto_free char *value =
			fstests_config_value(text, size, names.v[i], "MOUNT_OPTIONS");
		check(!value || !strchr(value, '\n'));
	}
	auto_free char *copy = xstrndup(text, size);
	read_back(copy);
	auto_free char *fstype = NULL;
	auto_free char *options = NULL;
	if (fstests_mounted(text, size, "/mnt", &fstype, &options, NULL) == 0) {
		auto_strv struct strv missing = { 0 };
		fstests_mount_missing(fstype, copy, options, &missing);
	}
	return 0;
}
