/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_timeouts.h: how long each test of fstests may go on without a word. One that passed before,
 * on this profile and this accelerator, has fstests.timeoutFactor times its longest pass, and a
 * quarter of fstests.testTimeout or a minute at least; others have fstests.testTimeout. The
 * section's SOAK_DURATION comes on top. */
#pragma once
#include <jansson.h>
struct config;

/* Set "timeouts_us" {NAME: us}, and what follows from it, in the stages of a job (run/protocol.h).
 * A history that cannot be read counts as none. */
void test_timeouts_set(const char *state_dir, const struct config *c, const char *profile,
	const char *accel, json_t *stages);
