/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_applied.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_config.h"
#include "suite/fstests_mkfs.h"
#include "suite/fstests_priv.h"
#include <stdlib.h>
#include <string.h>

#define SAID_MAX 160

/* $1 FSTYP, $2 options of mkfs, $3 of mount, $4 where to mount, then the devices. */
static const char script[] =
	"fstyp=$1 mkfs=$2 mount=$3 dir=$4\n"
	"shift 4\n" FSTESTS_MKFS_FORCE
	"command -v mkfs.$fstyp >/dev/null || { echo \"no mkfs.$fstyp in the target\"; exit 9; }\n"
	"mkdir -p \"$dir\"\n"
	"umount \"$dir\" 2>/dev/null\n"
	"said=$(mkfs.$fstyp $force $mkfs \"$@\" 2>&1) ||\n"
	"	{ echo \"mkfs.$fstyp $mkfs: $said\" | tr '\\n' ' '; exit 9; }\n"
	"said=$(mount -t $fstyp $mount \"$1\" \"$dir\" 2>&1) ||\n"
	"	{ echo \"mount $mount: $said\" | tr '\\n' ' '; exit 9; }\n"
	"cat /proc/mounts\n"
	"echo '" FSTESTS_SUPERBLOCK "'\n"
	"case $fstyp in\n"
	"btrfs) btrfs inspect-internal dump-super \"$1\" && btrfs filesystem df \"$dir\" ;;\n"
	"xfs) xfs_info \"$dir\" ;;\n"
	"ext*) dumpe2fs -h \"$1\" ;;\n"
	"esac 2>&1\n"
	"umount \"$dir\"\n"
	"exit 0\n";

static char *value(const char *config, const char *section, const char *name)
{
	char *v = fstests_config_value(config, strlen(config), section, name);
	return v ? v : xstrdup("");
}

static bool is_on_a_device(const char *fstyp)
{
	static const char *const known[] = { "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs",
		"xfs" };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], fstyp) == 0)
			return true;
	return false;
}

/* Profiles of btrfs want more than one. */
static bool wants_pool(const char *fstyp, const char *mkfs)
{
	return strcmp(fstyp, "btrfs") == 0 && (strstr(mkfs, "raid") || strstr(mkfs, "RAID"));
}

bool fstests_applied_argv(const char *config, const char *section, struct strv *argv)
{
	auto_free char *fstyp = value(config, section, "FSTYP");
	auto_free char *mkfs = value(config, section, "MKFS_OPTIONS");
	auto_free char *mount = value(config, section, "MOUNT_OPTIONS");
	auto_free char *dir = value(config, section, "SCRATCH_MNT");
	auto_free char *one = value(config, section, "SCRATCH_DEV");
	auto_free char *pool = value(config, section, "SCRATCH_DEV_POOL");
	auto_strv struct strv devices = { 0 };
	strv_split(&devices, *pool ? pool : one, " ");
	if (!is_on_a_device(fstyp) || devices.n == 0 || !*dir)
		return false;
	strv_addl(argv, "/bin/sh", "-c", script, "sh", fstyp, mkfs, mount, dir, NULL);
	for (size_t i = 0; i < devices.n && (i == 0 || wants_pool(fstyp, mkfs)); i++)
		strv_add(argv, devices.v[i]);
	return true;
}

void fstests_test_dev(const char *config, const char *section, struct strv *argv)
{
	auto_free char *fstyp = value(config, section, "FSTYP");
	auto_free char *mkfs = value(config, section, "MKFS_OPTIONS");
	auto_free char *dev = value(config, section, "TEST_DEV");
	if (is_on_a_device(fstyp) && *dev)
		strv_addl(argv, fstyp, mkfs, dev, NULL);
	else
		strv_addl(argv, "", "", "", NULL);
}

/* The target's own words in one line. */
static char *one_line(const char *s, size_t n)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < n && b.len < SAID_MAX; i++) {
		bool plain = (unsigned char)s[i] > 0x20 && (unsigned char)s[i] < 0x7f;
		if (plain || (b.len && b.s[b.len - 1] != ' '))
			buf_addc(&b, plain ? s[i] : ' ');
	}
	while (b.len && b.s[b.len - 1] == ' ')
		b.s[--b.len] = '\0';
	return b.s ? b.s : xstrdup("");
}

/* `asked`: the options that it is to be mounted with at `dir`. */
static void compare_mount(const char *fstyp, const char *dir, const char *asked, const char *mounts,
	size_t n, struct buf *faults)
{
	struct err e = { 0 };
	auto_free char *type = NULL;
	auto_free char *shown = NULL;
	auto_strv struct strv missing = { 0 };
	if (fstests_mounted(mounts, n, dir, &type, &shown, &e) < 0) {
		buf_addf(faults, "%s", e.msg);
		return;
	}
	auto_free char *clean = one_line(shown, strlen(shown));
	if (strcmp(type, fstyp) != 0) {
		auto_free char *other = one_line(type, strlen(type));
		buf_addf(faults, "asked for %s, found %s at %s", fstyp, other, dir);
	}
	fstests_mount_missing(fstyp, asked, shown, &missing);
	for (size_t i = 0; i < missing.n; i++)
		buf_addf(faults, "%s%s",
			i             ? ", "
			: faults->len ? "; asked mount "
				      : "asked mount ",
			missing.v[i]);
	if (missing.n)
		buf_addf(faults, ", found %s", clean);
}

/* Where the superblock's part begins, behind the line that parts both; NULL: there is none. */
static const char *superblock(const char *printed)
{
	const char *at = strstr(printed, FSTESTS_SUPERBLOCK);
	return at ? at + strlen(FSTESTS_SUPERBLOCK) : NULL;
}

static void compare_super(const char *config, const char *section, const char *super, bool mounted,
	struct buf *faults)
{
	auto_strv struct strv missing = { 0 };
	auto_free char *fstyp = value(config, section, "FSTYP");
	auto_free char *mkfs = value(config, section, "MKFS_OPTIONS");
	fstests_mkfs_missing(fstyp, mkfs, super, mounted, &missing, NULL);
	for (size_t i = 0; i < missing.n; i++)
		buf_addf(faults, "%sasked mkfs %s", faults->len ? "; " : "", missing.v[i]);
}

char *fstests_applied_fault(
	const char *config, const char *section, const char *printed, size_t n, int code)
{
	auto_buf struct buf faults = { 0 };
	const char *super = superblock(printed);
	if (code != 0 || !super) {
		auto_free char *said = one_line(printed, n);
		return xasprintf("section '%s' cannot be applied: %s", section,
			*said ? said : "trying it failed without a word");
	}
	auto_free char *fstyp = value(config, section, "FSTYP");
	auto_free char *dir = value(config, section, "SCRATCH_MNT");
	auto_free char *asked = value(config, section, "MOUNT_OPTIONS");
	compare_mount(fstyp, dir, asked, printed, (size_t)(super - printed), &faults);
	compare_super(config, section, super, true, &faults);
	return faults.len ? xasprintf("section '%s' is not applied: %s", section, faults.s) : NULL;
}

char *fstests_checks_own_fault(const char *config, const char *section, const char *found)
{
	auto_buf struct buf faults = { 0 };
	const char *super = superblock(found);
	auto_free char *fstyp = value(config, section, "FSTYP");
	auto_free char *dir = value(config, section, "TEST_DIR");
	auto_free char *asked = value(config, section, "MOUNT_OPTIONS");
	auto_free char *of_test = value(config, section, "TEST_FS_MOUNT_OPTS");
	if (!is_on_a_device(fstyp) || !*found)
		return NULL;
	/* With which of both the test device is mounted again after its check, versions differ. */
	compare_mount(fstyp, dir, strcmp(asked, of_test) == 0 ? asked : "", found,
		super ? (size_t)(super - found) : strlen(found), &faults);
	if (super)
		compare_super(config, section, super, false, &faults);
	return faults.len
		       ? xasprintf("section '%s' is not what check ran with: %s", section, faults.s)
		       : NULL;
}
