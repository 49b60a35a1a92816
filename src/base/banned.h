/* SPDX-License-Identifier: GPL-2.0-or-later */
/* banned.h: names that must not be used; forced into every translation unit by the build
 * (-include), so that misuse does not compile. Use struct buf, xasprintf, parse_u64, proc_spawn. */
#pragma once
/* The library's own declarations first: poisoning comes after. */
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
/* Where the compiler has no __va_arg_pack (clang), FORTIFY makes macros of these. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol atoll atof gets
#pragma GCC poison system popen mktemp tmpnam tempnam forkpty
