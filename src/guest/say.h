/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.h: what the guest's PID 1 has to tell when no host hears it yet: one line
 * "fsqa-guest: ..." on the console. Never blocks, never allocates. */
#pragma once

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* From now on to this descriptor (borrowed, for good) instead of standard error. */
void say_to(int fd);
