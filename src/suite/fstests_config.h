/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_config.h: sections of fstests, the variations of mkfs and mount that its tests run with.
 * Declared in fsqa.conf:
 *   [section "zstd"]
 *           mount = -o compress=zstd
 * and rendered to fstests' own file (HOST_OPTIONS, local.config), one section to a file: check
 * carries options from a section into the next, and takes an empty MKFS_OPTIONS for "as before".
 * Whether a section was applied is read back from the mounted filesystem, for neither check nor
 * mkfs nor the kernel says so.
 * Source: README.config-sections, common/config (parse_config_section, get_next_config). */
#pragma once
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>
struct buf;
struct config;
struct err;

/* All borrowed, NULL: not set. */
struct fstests_section {
	const char *name;       /* letters, digits, _ */
	const char *fstyp;      /* NULL: the run's own */
	const char *mkfs;       /* MKFS_OPTIONS: "-O ^no-holes" */
	const char *mount;      /* MOUNT_OPTIONS and TEST_FS_MOUNT_OPTS: "-o compress=zstd" */
	const char *const *set; /* further "NAME=VALUE", NULL-terminated */
};

/* Where fstests finds things in the target; all borrowed, NULL: not set. */
struct fstests_places {
	const char *fstyp;
	const char *test_dev, *test_dir;
	const char *const *scratch; /* one: SCRATCH_DEV; more: SCRATCH_DEV_POOL */
	const char *scratch_mnt;
	const char *logwrites_dev;
	const char *result_base;
};

/* Section X as [section "X"] in the configuration has it; text is borrowed from `c`. -ENOENT: there
 * is none, with the nearest name; -EINVAL: what fstests could not read, with file and line. */
int fstests_section_read(
	const struct config *c, const char *name, struct fstests_section *ret, struct err *e);
/* Whether fstests can read it as it is meant. -EINVAL: a name with other characters; quotes, '$',
 * '#' and their like, which its own reader would act on; words between mount's options. */
int fstests_section_check(const struct fstests_section *s, struct err *e);
/* Append the file that has just this section. -EINVAL as fstests_section_check. */
int fstests_config_render(const struct fstests_places *p, const struct fstests_section *s,
	struct buf *out, struct err *e);

/* The names of the sections in somebody's own local.config, as check sees them; none: it has no
 * sections. */
void fstests_config_sections(const char *text, size_t n, struct strv *ret);
/* What NAME is in that section ("": a file without sections), carried over from those before it;
 * the caller's, NULL: not set. Nothing is expanded. */
char *fstests_config_value(const char *text, size_t n, const char *section, const char *name);

/* The type and options of the filesystem mounted at `dir`, out of /proc/mounts; the last one where
 * several are. -ENOENT: none. Both the caller's. */
int fstests_mounted(const char *mounts, size_t n, const char *dir, char **ret_fstype,
	char **ret_options, struct err *e);
/* Which of the wanted options ("-o a,b -o c") are not among those that the kernel shows ("rw,a").
 * Compared as sets; "compress=zstd" is satisfied by "compress=zstd:3", "logbsize=256k" by
 * "logbsize=262144", and what the kernel leaves out as its default by nothing that says otherwise.
 * Appended to `missing`. */
void fstests_mount_missing(
	const char *fstyp, const char *wanted, const char *shown, struct strv *missing);
/* Whether both are the same number of bytes: "64k", "65536". */
bool fstests_same_size(const char *a, const char *b);
