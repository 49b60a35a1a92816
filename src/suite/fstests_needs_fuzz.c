/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a script is: its needs have names of plain characters, each once, and count one test. */
#include "suite/fstests_needs.h"
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fstests_needs all = { 0 };
	fstests_needs_of_script("generic/001", (const char *)data, size, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct fstests_need *a = &all.v[i];
		if (!a->name[0] || a->hard || a->tests != 1 || strcmp(a->first, "generic/001") != 0)
			abort();
		for (const char *p = a->name; *p; p++)
			if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
				abort();
		for (size_t k = 0; k < i; k++)
			if (all.v[k].kind == a->kind && strcmp(all.v[k].name, a->name) == 0)
				abort();
	}
	fstests_needs_clear(&all);
	return 0;
}
