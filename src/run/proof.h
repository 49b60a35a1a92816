/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proof.h: whether the machine that came up runs the kernel that was asked for: what its agent's
 * HELLO says against what the store says of that kernel's image. No test runs before this. */
#pragma once
#include <jansson.h>
#include <stdint.h>
struct err;

struct proof {
	const char *release;
	const char *build_id; /* NULL: that kernel has none */
	/* Of its configuration, where it is known; else 0. */
	uint32_t config_crc, config_bytes;
};

/* A job's member "kernel"; strings borrowed from it. */
int proof_parse(const json_t *j, struct proof *ret, struct err *e);
/* NULL: it is that kernel. Else one line, the caller's: what it runs, and what was asked. */
char *proof_check(const struct proof *p, const json_t *hello);
