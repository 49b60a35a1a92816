/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hints.h: what a test of fstests says of its own failure (_fixed_by_kernel_commit and its like),
 * set against the kernel under test. */
#pragma once
#include <jansson.h>
struct fstests_test;
struct history;

/* [{"text": "known fixed by abc123 (title), which this kernel lacks", "has": bool}], a new
 * reference; NULL: it says nothing that counts for that FSTYP. "has" is absent where it cannot be
 * told. */
json_t *hints_of(const struct fstests_test *test, const char *fstyp, const struct history *history);
