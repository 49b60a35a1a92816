/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a program prints, and wherever the bytes are cut: the same is read. One of which a test
 * failed does not pass, nor does one with an exit code; what does not pass has a reason. */
#include "base/mem.h"
#include "suite/tap_read.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct tap *a, const struct tap *b)
{
	return a->passed == b->passed && a->failed == b->failed && a->skipped == b->skipped &&
	       a->todo == b->todo && a->planned == b->planned && a->plan == b->plan &&
	       a->names.n == b->names.n && !a->bail == !b->bail && !a->skip == !b->skip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_tap struct tap whole = { 0 };
	auto_tap struct tap bytes = { 0 };
	auto_free char *why = NULL;
	int code = size ? data[0] & 7 : 0;
	tap_add(&whole, data, size);
	tap_end(&whole);
	for (size_t i = 0; i < size; i++)
		tap_add(&bytes, data + i, 1);
	tap_end(&bytes);
	if (!same(&whole, &bytes))
		abort();
	enum verdict v = tap_verdict(&whole, code, &why);
	if (!why != (v == VERDICT_PASS) || (why && !*why))
		abort();
	if (v == VERDICT_PASS && (whole.failed || whole.bail || code))
		abort();
	return 0;
}
