/* SPDX-License-Identifier: GPL-2.0-or-later */
/* testpath.h: the paths of tests: boot, SUITE.STAGE, and what lies below a stage. */
#pragma once
#include <stdbool.h>

/* Of a test that its suite calls `name` ("generic/001") below `above` ("fstests.zstd"):
 * "fstests.zstd.generic.001"; the caller's. */
char *testpath_make(const char *above, const char *name);
/* The stage of a test that stands in a plan: "010_a.b" of "script.010_a.b", whose subtests are in
 * no plan; "zstd" of "fstests.zstd" and of "fstests.zstd.generic.001"; "" of "boot". The caller's.
 */
char *testpath_stage(const char *planned);
/* What stands behind the stage: "generic.001" of "fstests.zstd.generic.001"; NULL: nothing does. */
const char *testpath_below(const char *test);
/* As fstests calls it: "generic/001" of that; "" where nothing stands there. The caller's. */
char *testpath_name(const char *test);
/* "script.002.x" lies below "script.002". */
bool testpath_is_below(const char *test, const char *above);
