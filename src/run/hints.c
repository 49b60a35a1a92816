/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/hints.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/history.h"
#include "suite/fstests_script.h"
#include "suite/fstests_tree.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *verb(enum fstests_hint_kind kind)
{
	switch (kind) {
	case FSTESTS_FIXED_BY_COMMIT:
		return "known fixed by";
	case FSTESTS_FIXED_IN_VERSION:
		return "known fixed in";
	case FSTESTS_WANTS_COMMIT:
		return "wants";
	}
	return "";
}

static enum history_answer ask(
	const struct fstests_hint *h, const struct history *history, char **ret_as)
{
	if (strcmp(h->package, "kernel") != 0)
		return HISTORY_UNKNOWN;
	if (h->kind == FSTESTS_FIXED_IN_VERSION)
		return history_is_since(history, h->version ? h->version : "");
	return h->commit ? history_has(history, h->commit, h->subject, ret_as) : HISTORY_UNKNOWN;
}

static json_t *one_hint(const struct fstests_hint *h, const struct history *history)
{
	auto_buf struct buf b = { 0 };
	auto_free char *as = NULL;
	bool kernel = strcmp(h->package, "kernel") == 0;
	enum history_answer has = ask(h, history, &as);
	buf_addf(&b, "%s %s%s%s", verb(h->kind), kernel ? "" : h->package, kernel ? "" : " ",
		h->version  ? h->version
		: h->commit ? h->commit
			    : "a commit that had no id yet");
	if (h->subject[0])
		buf_addf(&b, " (%s)", h->subject);
	if (has == HISTORY_HAS && as)
		buf_addf(&b, ", which this kernel has as %s", as);
	else if (has != HISTORY_UNKNOWN)
		buf_addf(&b, ", which this kernel %s", has == HISTORY_HAS ? "has" : "lacks");
	else if (kernel)
		buf_adds(&b, "; whether this kernel has it is not known");
	json_t *j = json_pack("{s:o}", "text", json_bytes(b.s, b.len));
	if (has != HISTORY_UNKNOWN)
		json_object_set_new(j, "has", json_boolean(has == HISTORY_HAS));
	return j;
}

json_t *hints_of(const struct fstests_test *test, const char *fstyp, const struct history *history)
{
	json_t *all = json_array();
	for (size_t i = 0; i < test->n_hints; i++)
		if (fstests_hint_applies(&test->hints[i], fstyp))
			json_array_append_new(all, one_hint(&test->hints[i], history));
	if (json_array_size(all))
		return all;
	json_decref(all);
	return NULL;
}
