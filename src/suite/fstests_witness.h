/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fstests_witness.h: the second witness of fstests, as suite.h has it. For suite/fstests.c only. */
#pragma once
#include "suite/suite.h"

uint64_t fstests_witness_wants(const char *name, const char *test);
int fstests_witness(const struct suite_call *c, suite_on_seen *on_seen, void *ctx, char **ret_fault,
	struct err *e);
