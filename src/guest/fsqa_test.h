/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsqa_test.h: `fsqa-test`, what a script in a target calls to have a verdict of its own for one
 * command. Documented in docs/formats/guest.md. */
#pragma once
#include <stdbool.h>

/* -> exit code: the command's (128 + signal; 124 timed out); 0 for a skipped test;
 * 2 usage; 125 the host could not be told. */
int fsqa_test_main(int argc, char **argv);

/* Words of letters, digits, _ and - with single dots between, at most 200 characters. */
bool fsqa_test_name_is_good(const char *name);
