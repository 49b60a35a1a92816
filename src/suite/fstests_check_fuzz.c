/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Property: whatever is printed, and wherever it is cut, the same events come; a test of the order
 * begins at most once in a section (once more for each loop), in turn, and ends once. */
#include "base/hash.h"
#include "base/mem.h"
#include "suite/fstests_check.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const order[] = { "generic/001", "generic/002", "btrfs/003-x", NULL };

struct watch {
	char test[64];
	size_t next;
	bool under_way;
	unsigned attempt;
	struct hash hash;
	size_t n_discrepancies;
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_begin(struct watch *w, const struct fstests_event *ev)
{
	check(!w->under_way && strlen(ev->test) < sizeof w->test);
	if (ev->attempt == 1) {
		while (order[w->next] && strcmp(order[w->next], ev->test) != 0)
			w->next++; /* passed over: unknown to check */
		check(order[w->next] != NULL);
		w->next++;
	} else {
		check(ev->attempt == w->attempt + 1 && ev->attempt <= 2);
		check(strcmp(w->test, ev->test) == 0);
	}
	memcpy(w->test, ev->test, strlen(ev->test) + 1);
	w->attempt = ev->attempt;
	w->under_way = true;
}

static void on_event(void *ctx, const struct fstests_event *ev)
{
	struct watch *w = ctx;
	check(ev->section && ev->test && ev->text);
	for (const char *p = ev->text; *p; p++)
		check((unsigned char)*p >= 0x20 || *p == '\t');
	hash_add(&w->hash, &ev->kind, sizeof ev->kind);
	hash_add(&w->hash, &ev->outcome, sizeof ev->outcome);
	hash_add(&w->hash, &ev->seconds, sizeof ev->seconds);
	hash_add_str(&w->hash, ev->section);
	hash_add_str(&w->hash, ev->test);
	hash_add_str(&w->hash, ev->text);
	if (ev->kind == FSTESTS_SECTION) {
		check(!w->under_way);
		w->next = 0;
	} else if (ev->kind == FSTESTS_BEGIN) {
		check_begin(w, ev);
	} else if (ev->kind == FSTESTS_END) {
		check(w->under_way && strcmp(w->test, ev->test) == 0);
		w->under_way = false;
	} else if (ev->kind == FSTESTS_DISCREPANCY) {
		check(++w->n_discrepancies <= FSTESTS_DISCREPANCY_MAX);
	}
}

static void parse(const uint8_t *data, size_t size, size_t piece, char hex[HASH_HEX_SIZE])
{
	struct watch w = { 0 };
	struct fstests_check_spec spec = {
		.order = order, .loops = 1, .on_event = on_event, .ctx = &w
	};
	hash_init(&w.hash);
	auto_fstests_check struct fstests_check *c = fstests_check_new(&spec);
	for (size_t at = 0; at < size; at += piece) {
		fstests_check_add(c, data + at, piece < size - at ? piece : size - at);
		const char *now = fstests_check_under_way(c);
		check(now ? w.under_way && strcmp(now, w.test) == 0 : !w.under_way);
	}
	fstests_check_end(c);
	check(!w.under_way);
	(void)hash_hex(&w.hash, hex); /* returns hex */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[HASH_HEX_SIZE];
	char cut[HASH_HEX_SIZE];
	parse(data, size, size ? size : 1, whole);
	parse(data, size, 1 + (size ? data[0] % 7 : 0), cut);
	check(strcmp(whole, cut) == 0);
	return 0;
}
