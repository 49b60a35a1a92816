/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever the script, what is read of it is within its limits: groups are words, a hint
 * has a package and a commit of hex digits, a version or a subject. */
#include "suite/fstests_script.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_hint(const struct fstests_hint *h)
{
	check(h->package && h->subject);
	if (h->commit) {
		size_t n = strspn(h->commit, "0123456789abcdef");
		check(h->commit[n] == '\0' && n >= 7 && n <= 40);
	}
	check(h->commit || h->version || h->subject[0]);
	check((h->kind == FSTESTS_FIXED_IN_VERSION) == (h->version != NULL));
	(void)fstests_hint_applies(h, "ext4"); /* only that it ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fstests_script s = { 0 };
	fstests_script_parse((const char *)data, size, &s);
	check(s.n_hints <= FSTESTS_HINTS_MAX && s.groups.n <= FSTESTS_GROUPS_MAX);
	check(s.has_groups || s.groups.n == 0);
	for (size_t i = 0; i < s.groups.n; i++)
		check(s.groups.v[i][0] && !strpbrk(s.groups.v[i], " \t\n#"));
	for (size_t i = 0; i < s.n_hints; i++)
		check_hint(&s.hints[i]);
	fstests_script_clear(&s);
	return 0;
}
