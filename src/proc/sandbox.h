/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.h: this process gives up all it does not need to read one descriptor and to answer on
 * another, for good. Source: seccomp(2), capabilities(7), user_namespaces(7). */
#pragma once
struct err;

/* From here on: pread on `image` (-1: none); read on `in`, write on `out` and 2; memory, the time,
 * and the end. Anything else kills. No namespace but its own where the kernel lets it have one, no
 * capability, no new file, 512 MiB of memory, a minute of processor time. -EPERM ...: it could not
 * be made safe, and must not go on. */
int sandbox_enter(int in, int out, int image, struct err *e);
