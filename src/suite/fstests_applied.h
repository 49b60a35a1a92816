/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_applied.h: whether a section is what it says: before check is started a filesystem is
 * made and mounted in the target with the section's options, on the devices that its tests will
 * make anew, and read back: the mount from /proc/mounts, mkfs's features from the superblock
 * (fstests_mkfs.h). mkfs and the kernel pass over much of what they are asked for.
 *   CONFIG'S LINES -> argv of a shell -> its output -> verdict
 * And before its first test, what check itself mounted as the test device, and what its own mkfs
 * made on the scratch device (fstests_hook.h), in the section's folder of results:
 *   the line of TEST_DIR in /proc/mounts
 *   FSTESTS_SUPERBLOCK      it and all behind it: where the scratch device has a filesystem
 *   what its tool tells of it, unmounted */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct strv;

#define FSTESTS_SUPERBLOCK   "---- superblock" /* a line between both parts */
#define FSTESTS_APPLIED_FILE "applied"
#define FSTESTS_APPLIED_MAX  (256u << 10)

/* Append the argv that tries the section that `config` (fstests_config_render's) has. False: its
 * filesystem is none that is made on a device, and there is nothing to try. */
bool fstests_applied_argv(const char *config, const char *section, struct strv *argv);
/* Append the FSTYP, options of mkfs and TEST_DEV that the section has, three words; of a filesystem
 * that is none on a device all are empty. check makes a filesystem on SCRATCH_DEV, and wants one on
 * TEST_DEV. */
void fstests_test_dev(const char *config, const char *section, struct strv *argv);
/* What is wrong, in one line ("asked ..., found ..."), by what it printed (anything, `n` bytes, NUL
 * behind them) and its exit code; the caller's. NULL: the section is applied. */
char *fstests_applied_fault(
	const char *config, const char *section, const char *printed, size_t n, int code);
/* The same of FSTESTS_APPLIED_FILE (a test may have changed it), "" if there is none: nothing is
 * known then. */
char *fstests_checks_own_fault(const char *config, const char *section, const char *found);
