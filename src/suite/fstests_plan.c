/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_plan.h"
#include "base/mem.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US   1000000u
#define BATCHES_MAX 10000

struct duration {
	char *name;
	uint64_t us;
	size_t at; /* when it was said */
};

struct fstests_durations {
	struct duration *v; /* by name, once each */
	size_t n, room;
};

/* A test on its way into a batch. */
struct item {
	size_t at; /* in the order given */
	uint64_t us;
};

/* ---- how long ---- */

static int by_name(const void *a, const void *b)
{
	const struct duration *x = a;
	const struct duration *y = b;
	return strcmp(x->name, y->name);
}

static int by_name_and_time(const void *a, const void *b)
{
	const struct duration *x = a;
	const struct duration *y = b;
	int c = by_name(a, b);
	return c ? c : (x->at > y->at) - (x->at < y->at);
}

struct fstests_durations *fstests_durations_new(void)
{
	return xcalloc(1, sizeof(struct fstests_durations));
}

void fstests_durations_free(struct fstests_durations *d)
{
	for (size_t i = 0; d && i < d->n; i++)
		free(d->v[i].name);
	if (d)
		free(d->v);
	free(d);
}

/* "NAME SECONDS" */
static bool read_line(char *line, struct duration *ret)
{
	size_t n = strcspn(line, " \t");
	char *s = line + n + strspn(line + n, " \t");
	size_t digits = strspn(s, "0123456789");
	if (n == 0 || digits == 0 || digits > 9 || s[digits + strspn(s + digits, " \t\r")])
		return false;
	ret->name = xstrndup(line, n);
	ret->us = strtoull(s, NULL, 10) * SECOND_US;
	return true;
}

void fstests_durations_add(struct fstests_durations *d, const char *text, size_t n)
{
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;
		auto_free char *line = xstrndup(text + at, len);
		struct duration one = { .at = d->n };
		at += len + 1;
		if (!read_line(line, &one))
			continue;
		if (d->n == d->room) {
			d->room = d->room ? 2 * d->room : 64;
			d->v = xrealloc(d->v, d->room * sizeof *d->v);
		}
		d->v[d->n++] = one;
	}
	if (d->n == 0)
		return;
	qsort(d->v, d->n, sizeof *d->v, by_name_and_time);
	size_t to = 0;
	for (size_t i = 0; i < d->n; i++) {
		if (i + 1 < d->n && strcmp(d->v[i].name, d->v[i + 1].name) == 0)
			free(d->v[i].name);
		else
			d->v[to++] = d->v[i];
	}
	d->n = to;
	for (size_t i = 0; i < to; i++)
		d->v[i].at = i; /* less than what comes next */
}

uint64_t fstests_durations_get(
	const struct fstests_durations *d, const char *name, uint64_t unknown_us)
{
	struct duration key = { .name = (char *)name }; /* only compared */
	const struct duration *found =
		d && d->n ? bsearch(&key, d->v, d->n, sizeof *d->v, by_name) : NULL;
	return found ? found->us : unknown_us;
}

/* ---- batches ---- */

static int longest_first(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;
	if (x->us != y->us)
		return x->us < y->us ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

static int longest_batch_first(const void *a, const void *b)
{
	const struct fstests_batch *x = a;
	const struct fstests_batch *y = b;
	if (x->expected_us != y->expected_us)
		return x->expected_us < y->expected_us ? 1 : -1;
	return strcmp(x->tests.v[0], y->tests.v[0]);
}

static size_t least(const uint64_t *load, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i < n; i++) {
		if (load[i] < load[best])
			best = i;
	}
	return best;
}

/* Put each item into the least loaded of k; returns the largest load. where[i] is the batch of the
 * test that was given as the i-th. */
static uint64_t fill(const struct item *items, size_t n, size_t k, size_t *where)
{
	auto_free uint64_t *load = xcalloc(k, sizeof *load);
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++) {
		size_t b = least(load, k);
		load[b] += items[i].us;
		where[items[i].at] = b;
		most = load[b] > most ? load[b] : most;
	}
	return most;
}

void fstests_plan(const char *const *tests, const struct fstests_durations *d,
	const struct fstests_limits *limits, struct fstests_batches *ret)
{
	size_t n = 0;
	uint64_t total = 0;
	uint64_t longest = 0;
	while (tests && tests[n])
		n++;
	auto_free struct item *items = xcalloc(n + 1, sizeof *items);
	auto_free size_t *where = xcalloc(n + 1, sizeof *where);
	for (size_t i = 0; i < n; i++) {
		/* Nothing takes no time: a thousand of them are not one batch. */
		uint64_t us = fstests_durations_get(d, tests[i], limits->unknown_us);
		items[i] = (struct item){ i, us ? us : SECOND_US / 2 };
		total += items[i].us;
		longest = items[i].us > longest ? items[i].us : longest;
	}
	qsort(items, n, sizeof *items, longest_first);
	uint64_t bound = limits->batch_us > longest ? limits->batch_us : longest;
	size_t most = n < BATCHES_MAX ? n : BATCHES_MAX;
	size_t k = limits->batch_us ? (size_t)(total / limits->batch_us) : 1;
	k = k < limits->slots ? limits->slots : k;
	k = k < 1 ? 1 : k > most ? most : k;
	while (n && fill(items, n, k, where) > bound && limits->batch_us && k < most)
		k++;
	*ret = (struct fstests_batches){ .v = xcalloc(k + 1, sizeof *ret->v), .n = n ? k : 0 };
	for (size_t i = 0; i < n; i++) {
		struct fstests_batch *b = &ret->v[where[i]];
		uint64_t us = fstests_durations_get(d, tests[i], limits->unknown_us);
		strv_add(&b->tests, tests[i]);
		b->expected_us += us ? us : SECOND_US / 2;
	}
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof *ret->v, longest_batch_first);
}

void fstests_batches_clear(struct fstests_batches *b)
{
	for (size_t i = 0; i < b->n; i++)
		strv_clear(&b->v[i].tests);
	free(b->v);
	*b = (struct fstests_batches){ 0 };
}

uint64_t fstests_plan_estimate(const struct fstests_batches *b, unsigned slots)
{
	size_t n = slots ? slots : 1;
	auto_free uint64_t *load = xcalloc(n, sizeof *load);
	uint64_t most = 0;
	for (size_t i = 0; i < b->n; i++) {
		size_t s = least(load, n);
		load[s] += b->v[i].expected_us;
		most = load[s] > most ? load[s] : most;
	}
	return most;
}
