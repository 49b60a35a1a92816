/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is two texts, parted by the first NUL. Property: there is a diff if and only if they
 * differ, of at most the bytes allowed, without control characters, and each of its lines is one of
 * diff's. */
#include "base/buf.h"
#include "suite/fstests_diff.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t max = 4096;
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	const char *b = nul ? (const char *)nul + 1 : "";
	size_t n_b = nul ? size - n - 1 : 0;
	auto_buf struct buf out = { 0 };
	bool cut = fstests_diff((const char *)data, n, b, n_b, max, &out);
	check(cut ? out.len == max : out.len <= max);
	check((out.len > 0) == (n != n_b || memcmp(data, b, n) != 0));
	bool starts = true;
	for (size_t i = 0; i < out.len; i++) {
		check(!starts || strchr(" +-@\\", out.s[i]));
		starts = out.s[i] == '\n';
		check(starts || out.s[i] == '\t' || (unsigned char)out.s[i] >= 0x20);
	}
	return 0;
}
