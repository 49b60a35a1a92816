/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_hook.h: what fsqa does in the target between two tests of one call of check. check has no
 * hook for that, but runs logger(1) right before each test ("run xfstest generic/001"), when the
 * one before it is judged and its devices are as it left them: so a program of ours stands before
 * logger in PATH (docs/decisions/014).
 *   1. How the test before ended, to the folder's FSTESTS_ENDED_FILE (fstests_results.h): check
 *      keeps the seconds of each that passed in $TMPDIR/PID.time, until the section is over.
 *   2. Where it failed: metadata images of the test and the scratch device, beside its
 *      other files: NAME.test.btrfs-image.zst, NAME.scratch. ...; NAME.images has a line on each.
 *   3. Before the first test: what check itself mounted and made, to FSTESTS_APPLIED_FILE
 *      (fstests_applied.h).
 *   4. It waits until the test's start is durable on the host (fsqa-test --begins).
 * Called with --over behind check, for the last test.
 * Source: check (run_section, _wrapup), common/config (LOGGER_PROG), of 2013 to 2026. */
#pragma once
struct buf;
struct suite_spec;

#define FSTESTS_IMAGE_S 60 /* of one image; then it is given up */

/* Append the program, a script of sh, for the section that spec->config has. */
void fstests_hook_text(const struct suite_spec *spec, struct buf *out);
