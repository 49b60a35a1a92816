/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu_fake.h: for qemu_test.c: a QEMU that runs no guest but behaves as its kernel command line
 * asks ("fake=WORD"), over the same descriptors. The test program starts itself as this. */
#pragma once
#include <stdbool.h>

/* Whether main was started as QEMU. */
bool qemu_fake_wanted(int argc, char **argv);
int qemu_fake_main(int argc, char **argv);
/* The last bytes that "poweroff" writes to the console, behind QEMU_FAKE_CONSOLE others. */
#define QEMU_FAKE_LAST    "the last byte!"
#define QEMU_FAKE_CONSOLE 300000
