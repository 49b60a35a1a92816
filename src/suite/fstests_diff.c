/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_diff.h"
#include "base/buf.h"
#include "base/mem.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT   3
#define CELLS_MAX (1u << 20) /* of the table of common lines */

struct line {
	const char *s;
	size_t n;   /* without its newline */
	bool whole; /* it has one */
};

struct text {
	struct line *v;
	size_t n;
};

/* One line of the diff: ' ', '-' or '+'. */
struct step {
	char op;
	size_t a, b; /* index into golden, into got */
};

struct script {
	struct step *v;
	size_t n;
};

static struct text split(const char *s, size_t n)
{
	struct text t = { 0 };
	size_t room = 1;
	for (size_t i = 0; i < n; i++)
		room += s[i] == '\n';
	t.v = xcalloc(room, sizeof *t.v);
	for (size_t at = 0; at < n;) {
		const char *end = memchr(s + at, '\n', n - at);
		size_t len = end ? (size_t)(end - s) - at : n - at;
		t.v[t.n++] = (struct line){ s + at, len, end != NULL };
		at += len + 1;
	}
	return t;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->n == b->n && a->whole == b->whole && memcmp(a->s, b->s, a->n) == 0;
}

static void add(struct script *x, char op, size_t a, size_t b)
{
	x->v[x->n++] = (struct step){ op, a, b };
}

/* The steps between [a, a_end) and [b, b_end), by the longest common subsequence. */
static void compare(struct script *x, const struct text *ga, size_t a, size_t a_end,
	const struct text *gb, size_t b, size_t b_end)
{
	size_t rows = a_end - a + 1;
	size_t cols = b_end - b + 1;
	bool fits = rows <= CELLS_MAX / cols;
	auto_free uint32_t *table = fits ? xcalloc(rows * cols, sizeof *table) : NULL;
	for (size_t i = rows - 1; fits && i-- > 0;) {
		for (size_t j = cols - 1; j-- > 0;) {
			uint32_t down = table[(i + 1) * cols + j];
			uint32_t right = table[i * cols + j + 1];
			table[i * cols + j] = same(&ga->v[a + i], &gb->v[b + j])
						      ? table[(i + 1) * cols + j + 1] + 1
					      : down > right ? down
							     : right;
		}
	}
	size_t i = 0;
	size_t j = 0;
	while (i < rows - 1 || j < cols - 1) {
		bool both = i < rows - 1 && j < cols - 1;
		if (both && fits && same(&ga->v[a + i], &gb->v[b + j])) {
			add(x, ' ', a + i++, b + j++);
		} else if (i < rows - 1 &&
			   (!both || !fits ||
				   table[(i + 1) * cols + j] >= table[i * cols + j + 1])) {
			add(x, '-', a + i, b + j);
			i++;
		} else {
			add(x, '+', a + i, b + j);
			j++;
		}
	}
}

static void put_line(struct buf *out, char op, const struct line *l)
{
	buf_addc(out, op);
	for (size_t i = 0; i < l->n; i++) {
		unsigned char c = (unsigned char)l->s[i];
		buf_addc(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : l->s[i]);
	}
	buf_adds(out, l->whole ? "\n" : "\n\\ No newline at end of file\n");
}

/* A side of a hunk's head, as diff counts: of no lines, the line before. */
static void put_range(struct buf *out, char op, size_t at, size_t n)
{
	buf_addf(out, "%c%zu", op, n ? at + 1 : at);
	if (n != 1)
		buf_addf(out, ",%zu", n);
}

/* The hunk of steps [from, to). */
static void put_hunk(struct buf *out, const struct script *x, size_t from, size_t to,
	const struct text *a, const struct text *b)
{
	size_t n_a = 0;
	size_t n_b = 0;
	for (size_t i = from; i < to; i++) {
		n_a += x->v[i].op != '+';
		n_b += x->v[i].op != '-';
	}
	buf_adds(out, "@@ ");
	put_range(out, '-', x->v[from].a, n_a);
	buf_addc(out, ' ');
	put_range(out, '+', x->v[from].b, n_b);
	buf_adds(out, " @@\n");
	for (size_t i = from; i < to; i++) {
		const struct step *s = &x->v[i];
		put_line(out, s->op, s->op == '+' ? &b->v[s->b] : &a->v[s->a]);
	}
}

/* The end of the hunk whose first change is at `i`. */
static size_t hunk_end(const struct script *x, size_t i)
{
	size_t last = i;
	for (; i < x->n && i - last <= 2 * CONTEXT; i++) {
		if (x->v[i].op != ' ')
			last = i;
	}
	return last + 1 + CONTEXT < x->n ? last + 1 + CONTEXT : x->n;
}

bool fstests_diff(const char *golden, size_t n_golden, const char *got, size_t n_got, size_t max,
	struct buf *out)
{
	struct text a = split(golden, n_golden);
	struct text b = split(got, n_got);
	struct script x = { .v = xcalloc(a.n + b.n + 1, sizeof *x.v) };
	size_t head = 0;
	size_t tail = 0;
	while (head < a.n && head < b.n && same(&a.v[head], &b.v[head])) {
		add(&x, ' ', head, head);
		head++;
	}
	while (tail < a.n - head && tail < b.n - head &&
		same(&a.v[a.n - 1 - tail], &b.v[b.n - 1 - tail]))
		tail++;
	compare(&x, &a, head, a.n - tail, &b, head, b.n - tail);
	for (; tail > 0; tail--)
		add(&x, ' ', a.n - tail, b.n - tail);
	size_t start = out->len;
	bool cut = false;
	for (size_t i = 0; i < x.n && !cut;) {
		if (x.v[i].op == ' ') {
			i++;
			continue;
		}
		size_t to = hunk_end(&x, i);
		put_hunk(out, &x, i > CONTEXT ? i - CONTEXT : 0, to, &a, &b);
		cut = out->len - start > max;
		i = to;
	}
	if (cut) {
		out->len = start + max;
		out->s[out->len] = '\0';
	}
	free(x.v);
	free(a.v);
	free(b.v);
	return cut;
}
