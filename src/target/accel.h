/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel.h: /dev/kvm that opens is not yet KVM that works: probe once by booting a tiny payload
 * with a deadline, remember the answer until the host reboots or QEMU changes. */
#pragma once
#include <stdbool.h>
struct err;

struct accel {
	char name[8];     /* "kvm" or "tcg" */
	char reason[160]; /* why not kvm, for people; empty for kvm */
	bool cached;
};

/* `want`: "auto", "kvm" (an error where it does not work) or "tcg". The answer is remembered in
 * STATE/accel.json by boot id and QEMU's version. -ENOENT: no QEMU, with the command that
 * installs it; -ENOTSUP: QEMU too old (below 6.2), or kvm wanted and broken. */
int accel_probe(const char *state_dir, const char *want, struct accel *ret, struct err *e);
