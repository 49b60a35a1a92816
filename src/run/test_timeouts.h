/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_timeouts.h: how long each test of a stage that has a timeout_factor (suite/suite.h) may go
 * on without a word. One that passed before, on this profile and this accelerator, has the factor
 * times its longest pass, and a quarter of test_timeout_us or a minute at least; others have
 * test_timeout_us. What the suite says that they soak comes on top. */
#pragma once
#include <jansson.h>

/* Set "timeouts_us" {NAME: us}, and what follows from it, in the stages of a job (run/protocol.h).
 * A history that cannot be read counts as none. */
void test_timeouts_set(
	const char *state_dir, const char *profile, const char *accel, json_t *stages);
