/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/isolate.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct search {
	isolate_try *try;
	void *ctx;
	unsigned left; /* tries */
	const char **v;
	size_t n;
};

/* Whether it fails behind v[from..to), or all but those. No: no try is left, too. */
static int fails(struct search *s, size_t from, size_t to, bool others, bool *ret, struct err *e)
{
	auto_free const char **list = xcalloc(s->n + 1, sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if ((i >= from && i < to) != others)
			list[n++] = s->v[i];
	*ret = false;
	if (s->left == 0)
		return 0;
	s->left--;
	return s->try(s->ctx, list, n, ret, e);
}

static void keep(struct search *s, size_t from, size_t to, bool others)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if ((i >= from && i < to) != others)
			s->v[n++] = s->v[i];
	s->n = n;
}

/* One round with the list in `parts`: *ret_parts for the next; more parts than members: the end. */
static int narrow(struct search *s, size_t parts, size_t *ret_parts, struct err *e)
{
	for (int others = 0; others < 2; others++) {
		if (others && parts == 2)
			break; /* the other half was tried */
		for (size_t i = 0; i < parts; i++) {
			bool failed;
			size_t from = s->n * i / parts;
			size_t to = s->n * (i + 1) / parts;
			int rc = fails(s, from, to, others, &failed, e);
			if (rc < 0)
				return rc;
			if (!failed)
				continue;
			keep(s, from, to, others);
			*ret_parts = others && parts > 2 ? parts - 1 : 2;
			return 0;
		}
	}
	*ret_parts = parts < s->n ? (parts * 2 < s->n ? parts * 2 : s->n) : s->n + 1;
	return 0;
}

int isolate(const struct strv *before, isolate_try *try, void *ctx, unsigned max,
	enum isolate_answer *ret, struct strv *left, bool *ret_done, struct err *e)
{
	struct search s = { .try = try, .ctx = ctx, .left = max, .n = before->n };
	auto_free const char **v = xcalloc(before->n + 1, sizeof *v);
	size_t parts = 2;
	bool failed = false;
	s.v = v;
	for (size_t i = 0; i < before->n; i++)
		v[i] = before->v[i];
	*ret = ISOLATE_ALONE;
	*ret_done = true;
	int rc = fails(&s, 0, 0, false, &failed, e);
	if (rc < 0 || failed)
		return rc;
	*ret = ISOLATE_NEVER;
	rc = before->n ? fails(&s, 0, s.n, false, &failed, e) : 0;
	if (rc < 0 || !failed)
		return rc;
	*ret = ISOLATE_CULPRIT;
	while (rc == 0 && s.n > 1 && parts <= s.n && s.left)
		rc = narrow(&s, parts, &parts, e);
	*ret_done = s.n <= 1 || parts > s.n;
	for (size_t i = 0; rc == 0 && i < s.n; i++)
		strv_add(left, s.v[i]);
	return rc;
}
