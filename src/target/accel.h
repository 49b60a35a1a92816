/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel.h: /dev/kvm that opens is not yet KVM that works: probe once by booting a tiny payload
 * with a deadline, remember the answer until the host reboots or QEMU changes:
 *   STATE/accel.json (of another architecture: accel-ARCH.json)
 *                     {"key": {"boot_id", "qemu": path, "size", "mtime_s", "mtime_ns"},
 *                      "version": QEMU's, "kvm": "" or why not, "kvm_time": when tried}
 * A "no" is believed for a day, for the host may only have been busy. A KVM that passes and breaks
 * on a real guest is written down by accel_broke. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
struct err;

/* All borrowed for the call. */
struct accel_query {
	const char *state_dir;  /* answers are remembered there */
	const char *arch;       /* the guest's; NULL: the host's */
	const char *qemu;       /* program; NULL: the machine table's */
	const char *want;       /* "kvm" (an error where it does not work), "tcg", or "auto" */
	const char *kvm_device; /* NULL: /dev/kvm */
	uint64_t deadline_us;   /* what the payload has to run; 0: ACCEL_DEADLINE_US */
};

struct accel {
	char name[8];     /* "kvm" or "tcg" */
	char reason[160]; /* why not kvm, for people; empty for kvm */
	char version[64]; /* of QEMU: "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)" */
	bool cached;      /* nothing was started to find out */
};

/* The answer is remembered by boot id and by QEMU's file and version; a memory that cannot be
 * read or written is as none. -ENOENT: no QEMU, with the command that installs it; -ENOTSUP:
 * QEMU too old (below 6.2), kvm wanted and broken, or no such machine; -EINVAL: another `want`;
 * -ETIMEDOUT, -EIO: QEMU does not even tell its version. Blocks for up to the deadline and
 * what QEMU takes to tell its version. */
int accel_probe(const struct accel_query *q, struct accel *ret, struct err *e);

/* KVM broke on a real guest, as `why` says: from now on accel_probe's answer is "no", with that
 * reason. Where it cannot be written down, the next guest finds out again. */
void accel_broke(const struct accel_query *q, const char *why);

/* A healthy host takes a tenth of a second. */
#define ACCEL_DEADLINE_US 2000000
