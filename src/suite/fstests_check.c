/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_check.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_tree.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS   " \t"
#define NAME_PAD 64  /* more blanks than check ever writes behind a name */
#define TEXT_MAX 512 /* of a reason or cause */

enum escape {
	ESC_NONE,
	ESC_BEGUN,
	ESC_CSI,
	ESC_STRING, /* OSC and its like, to BEL or ESC \ */
};

struct fstests_check {
	struct fstests_check_spec spec;
	struct strv order;
	struct strv ran; /* without an order: what began in this section */
	bool *unknown;   /* by the order's index */
	size_t next;     /* index of the test that should come */

	enum escape escape;
	struct buf line;   /* without sequences and control characters but tab */
	size_t rest;       /* of a line that began a test: where its name ends; else 0 */
	char section[128]; /* of the events */
	char said[128];    /* "SECTION -- NAME" was read, and may be a summary's */
	bool opened;       /* a section began, and its summary has not come */
	bool any_section;
	bool recap; /* behind "=====": told before */

	char test[FSTESTS_NAME_MAX]; /* under way, or the last one */
	unsigned attempt;
	bool under_way;
	bool not_run; /* "[not run]" was read, its reason comes on the next line */
	bool failed;  /* a cause was told */
	enum fstests_outcome first, last; /* of its first and last attempt */
	char note[TEXT_MAX];              /* the first line of it that means nothing to us */

	struct strv failures; /* as we saw them, of this section */
	uint64_t n_ran;
	bool interrupted;
	uint64_t n_discrepancies;
};

const char *fstests_outcome_name(enum fstests_outcome o)
{
	static const char *const names[] = { "pass", "not run", "expunged", "fail", "no result" };
	return names[o];
}

const char *fstests_cause_name(enum fstests_cause c)
{
	static const char *const names[] = { "exit", "core", "output", "golden", "dmesg",
		"kmemleak", "fsck", "other" };
	return names[c];
}

/* ---- telling ---- */

static void tell(struct fstests_check *c, struct fstests_event ev)
{
	ev.section = c->section;
	if (!ev.test)
		ev.test = "";
	if (!ev.text)
		ev.text = "";
	c->spec.on_event(c->spec.ctx, &ev);
}

static void discrepancy(struct fstests_check *c, const char *test, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void discrepancy(struct fstests_check *c, const char *test, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	if (++c->n_discrepancies > FSTESTS_DISCREPANCY_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* may be cut */
	va_end(ap);
	if (c->n_discrepancies == FSTESTS_DISCREPANCY_MAX) {
		test = "";
		(void)snprintf(
			text, sizeof text, "too much that does not fit: the rest is not told");
	}
	tell(c, (struct fstests_event){ .kind = FSTESTS_DISCREPANCY,
			.test = test,
			.text = text,
			.attempt = strcmp(test, c->test) == 0 ? c->attempt : 0 });
}

/* ---- tests ---- */

static void add_cause(struct fstests_check *c, enum fstests_cause cause, const char *text, size_t n)
{
	auto_free char *copy = xstrndup(text, n < TEXT_MAX ? n : TEXT_MAX - 1);
	if (!c->under_way && c->last == FSTESTS_PASS)
		discrepancy(c, c->test, "failed after it passed: %s", copy);
	c->failed = true;
	tell(c, (struct fstests_event){ .kind = FSTESTS_CAUSE,
			.test = c->test,
			.attempt = c->attempt,
			.cause = cause,
			.text = copy });
}

static void end_test(
	struct fstests_check *c, enum fstests_outcome outcome, const char *text, uint64_t seconds)
{
	if (outcome == FSTESTS_FAIL && !c->failed)
		add_cause(c, FSTESTS_CAUSE_OTHER, c->note, strlen(c->note));
	c->under_way = false;
	c->not_run = false;
	c->last = outcome;
	if (c->attempt == 1) {
		c->first = outcome;
		c->n_ran += outcome != FSTESTS_EXPUNGED;
		if (outcome == FSTESTS_FAIL)
			strv_add(&c->failures, c->test);
	}
	auto_free char *copy = xstrndup(text, TEXT_MAX - 1);
	tell(c, (struct fstests_event){ .kind = FSTESTS_END,
			.test = c->test,
			.attempt = c->attempt,
			.outcome = outcome,
			.text = copy,
			.seconds = seconds });
}

/* Whatever comes now is no longer the test's. */
static void leave_test(struct fstests_check *c)
{
	if (!c->under_way)
		return;
	if (c->not_run)
		end_test(c, FSTESTS_NOTRUN, "", 0);
	else
		end_test(c, c->failed ? FSTESTS_FAIL : FSTESTS_NO_RESULT, c->note, 0);
}

static void begin_test(struct fstests_check *c, const char *name, unsigned attempt)
{
	leave_test(c);
	(void)snprintf(c->test, sizeof c->test, "%s", name); /* fits: the name is valid */
	c->attempt = attempt;
	c->under_way = true;
	c->failed = false;
	c->note[0] = '\0';
	tell(c, (struct fstests_event){
			.kind = FSTESTS_BEGIN, .test = c->test, .attempt = attempt });
}

static void skip_unknown(struct fstests_check *c)
{
	while (c->next < c->order.n && c->unknown[c->next])
		c->next++;
}

/* Whether the name at a line's start may begin a test now, and with which attempt; 0: no. */
static unsigned may_begin(struct fstests_check *c, const char *name)
{
	if (!c->opened)
		return 0;
	/* Run again, after it failed. */
	if (c->spec.loops && strcmp(name, c->test) == 0 && c->attempt >= 1 && !c->not_run &&
		c->attempt <= c->spec.loops &&
		(c->under_way ? c->failed : c->first == FSTESTS_FAIL))
		return c->attempt + 1;
	if (!c->spec.order)
		return strv_find(&c->ran, name) == c->ran.n;
	skip_unknown(c);
	return c->next < c->order.n && strcmp(c->order.v[c->next], name) == 0;
}

static void begin_next(struct fstests_check *c, const char *name, unsigned attempt)
{
	if (attempt == 1 && c->spec.order)
		c->next++;
	else if (attempt == 1)
		strv_add(&c->ran, name);
	begin_test(c, name, attempt);
}

/* ---- lines of a test ---- */

static const struct known_cause {
	const char *start;
	enum fstests_cause cause;
	bool to_bracket; /* the cause ends there, and another may follow */
	bool last;       /* check says no more of this test */
} causes[] = {
	{ "[failed, exit status ", FSTESTS_CAUSE_EXIT, .to_bracket = true },
	{ "[dumped core]", FSTESTS_CAUSE_CORE, .to_bracket = true },
	{ "- output mismatch (see ", FSTESTS_CAUSE_OUTPUT, .last = true },
	{ "- no qualified output", FSTESTS_CAUSE_GOLDEN, .last = true },
	{ "no qualified output", FSTESTS_CAUSE_GOLDEN, .last = true },
	{ "- no such test?", FSTESTS_CAUSE_OTHER, .last = true },
	{ "_check_dmesg: ", FSTESTS_CAUSE_DMESG },
	{ "_check_kmemleak: ", FSTESTS_CAUSE_KMEMLEAK },
};

/* "_check_btrfs_filesystem: filesystem on /dev/vdb is inconsistent", "_overlay_check_fs: ..." */
static bool is_fsck(const char *s)
{
	size_t n = 0;
	while (n < 64 &&
		(s[n] == '_' || islower((unsigned char)s[n]) || isdigit((unsigned char)s[n])))
		n++;
	return s[0] == '_' && s[n] == ':';
}

static const struct known_cause *find_cause(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		if (strncmp(s, causes[i].start, strlen(causes[i].start)) == 0)
			return &causes[i];
	}
	return NULL;
}

/* Tell the causes in the line, in order. Returns whether the test is over with it; *ret_any: there
 * was one. What stands before one ("umount: target is busy.- output mismatch") is chatter. */
static bool read_causes(struct fstests_check *c, const char *s, bool *ret_any)
{
	const char *bad_fs = strstr(s, " is inconsistent");
	while (*s) {
		const struct known_cause *k = find_cause(s);
		if (bad_fs && s < bad_fs && is_fsck(s)) {
			add_cause(c, FSTESTS_CAUSE_FSCK, s, strlen(s));
			*ret_any = true;
			return false;
		}
		if (!k) {
			s++;
			continue;
		}
		*ret_any = true;
		size_t n = strlen(s);
		if (k->to_bracket && strchr(s, ']'))
			n = strcspn(s, "]") + 1;
		add_cause(c, k->cause, s, n);
		if (k->last)
			return true;
		s += n;
	}
	return false;
}

/* "[   11.047842] BTRFS error ...": a console that is the kernel's, too. */
static bool is_kernel_message(const char *s)
{
	if (*s++ != '[')
		return false;
	s += strspn(s, " ");
	size_t n = strspn(s, "0123456789");
	if (n == 0 || s[n] != '.')
		return false;
	s += n + 1;
	n = strspn(s, "0123456789");
	return n == 6 && s[n] == ']';
}

/* Behind "[12:34:56]", which check -T writes. */
static const char *behind_clock(const char *s)
{
	for (;;) {
		s += strspn(s, BLANKS);
		static const char shape[] = "[00:00:00]";
		size_t i = 0;
		while (shape[i] &&
			(shape[i] == '0' ? isdigit((unsigned char)s[i]) : s[i] == shape[i]))
			i++;
		if (shape[i])
			return s;
		s += i;
	}
}

/* "12s" and nothing else. */
static bool read_seconds(const char *s, uint64_t *ret)
{
	size_t n = strspn(s, "0123456789");
	if (n == 0 || n > 9 || s[n] != 's' || s[n + 1 + strspn(s + n + 1, BLANKS)])
		return false;
	*ret = strtoull(s, NULL, 10);
	return true;
}

/* Behind " 3s ... ", how long it took the last time. */
static const char *behind_history(const char *s)
{
	const char *p = s + strspn(s, BLANKS);
	size_t n = strspn(p, "0123456789");
	if (n == 0 || p[n] != 's')
		return s;
	p += n + 1;
	p += strspn(p, BLANKS);
	return strncmp(p, "...", 3) == 0 ? p + 3 : s;
}

static bool starts(const char *s, const char *with, const char **ret)
{
	size_t n = strlen(with);
	if (strncmp(s, with, n) != 0)
		return false;
	*ret = s + n;
	return true;
}

/* A line, or the rest of it behind the name, while the test is under way. `first`: the rest. */
static void read_result(struct fstests_check *c, const char *line, bool first)
{
	const char *s = behind_clock(first ? behind_history(behind_clock(line)) : line);
	const char *reason;
	uint64_t seconds;
	bool any = false;
	if (is_kernel_message(s))
		return;
	if (starts(s, "[not run]", &reason)) {
		reason += strspn(reason, BLANKS);
		c->not_run = true;
		if (*reason)
			end_test(c, c->failed ? FSTESTS_FAIL : FSTESTS_NOTRUN, reason, 0);
	} else if (strcmp(s, "[expunged]") == 0) {
		end_test(c, c->failed ? FSTESTS_FAIL : FSTESTS_EXPUNGED, "", 0);
	} else if (read_seconds(s, &seconds)) {
		end_test(c, c->failed ? FSTESTS_FAIL : FSTESTS_PASS, "", seconds);
	} else if (*s == '\0') {
		/* The newline that check writes where the output was right, but something else
		 * was not. */
		if (!first && c->failed)
			end_test(c, FSTESTS_FAIL, "", 0);
	} else if (read_causes(c, s, &any)) {
		end_test(c, FSTESTS_FAIL, "", 0);
	} else if (!any && !c->note[0]) {
		(void)snprintf(c->note, sizeof c->note, "%s", s); /* may be cut */
	}
}

/* check -T writes the reason on a line of its own: "\tNAME -- REASON". */
static bool read_reason(struct fstests_check *c, const char *line)
{
	const char *s = line + strspn(line, BLANKS);
	size_t n = strlen(c->test);
	if (strncmp(s, c->test, n) != 0 || strncmp(s + n, " -- ", 4) != 0)
		return false;
	end_test(c, FSTESTS_NOTRUN, s + n + 4, 0);
	return true;
}

/* ---- lines between tests ---- */

static void open_section(struct fstests_check *c)
{
	if (c->opened) {
		discrepancy(c, c->under_way ? c->test : "",
			"a section begins before the summary of the one before");
		return;
	}
	c->opened = true;
	c->any_section = true;
	c->recap = false;
	c->next = 0;
	c->n_ran = 0;
	c->interrupted = false;
	c->test[0] = '\0';
	c->attempt = 0;
	strv_clear(&c->ran);
	strv_clear(&c->failures);
	(void)snprintf(c->section, sizeof c->section, "%s", c->said); /* same size */
	c->said[0] = '\0';
	tell(c, (struct fstests_event){ .kind = FSTESTS_SECTION });
}

/* "Failures: NAME...": it must be what we saw. */
static void compare_failures(struct fstests_check *c, const char *names)
{
	auto_strv struct strv said = { 0 };
	strv_split(&said, names, BLANKS);
	for (size_t i = 0; i < said.n; i++) {
		if (fstests_name_is_valid(said.v[i]) &&
			strv_find(&c->failures, said.v[i]) == c->failures.n)
			discrepancy(c, said.v[i],
				"is in the list of failures, but did not fail before");
	}
	for (size_t i = 0; i < c->failures.n; i++) {
		if (strv_find(&said, c->failures.v[i]) == said.n)
			discrepancy(
				c, c->failures.v[i], "failed, but is not in the list of failures");
	}
}

static void close_section(struct fstests_check *c, uint64_t n_failed, uint64_t n_ran)
{
	if (n_failed != c->failures.n || n_ran != c->n_ran)
		discrepancy(c, "",
			"the summary counts %" PRIu64 " failures of %" PRIu64
			" tests, the output had %zu of %" PRIu64,
			n_failed, n_ran, c->failures.n, c->n_ran);
	c->opened = false;
	tell(c, (struct fstests_event){ .kind = FSTESTS_SUMMARY,
			.n_failed = n_failed,
			.n_ran = n_ran,
			.interrupted = c->interrupted });
}

static bool read_count(const char **s, uint64_t *ret)
{
	size_t n = strspn(*s, "0123456789");
	if (n == 0 || n > 9)
		return false;
	*ret = strtoull(*s, NULL, 10);
	*s += n;
	return true;
}

/* The lines of _wrapup; true: it was one. */
static bool read_summary(struct fstests_check *c, const char *line)
{
	const char *s;
	uint64_t failed = 0;
	uint64_t ran = 0;
	if (starts(line, "Ran: ", &s) || starts(line, "Not run: ", &s)) {
		leave_test(c);
	} else if (strcmp(line, "Interrupted!") == 0) {
		leave_test(c);
		c->interrupted = true;
	} else if (starts(line, "Failures: ", &s)) {
		leave_test(c);
		compare_failures(c, s);
	} else if (starts(line, "Failed ", &s)) {
		if (!read_count(&s, &failed) || !starts(s, " of ", &s) || !read_count(&s, &ran) ||
			strcmp(s, " tests") != 0)
			return false;
		leave_test(c);
		close_section(c, failed, ran);
	} else if (starts(line, "Passed all ", &s)) {
		if (!read_count(&s, &ran) || strcmp(s, " tests") != 0)
			return false;
		leave_test(c);
		compare_failures(c, "");
		close_section(c, 0, ran);
	} else {
		return false;
	}
	return true;
}

/* A header or a section's name; true: it was one. */
static bool read_header(struct fstests_check *c, const char *line)
{
	const char *s;
	if (starts(line, "SECTION       -- ", &s)) {
		(void)snprintf(c->said, sizeof c->said, "%s", s); /* may be cut */
		c->recap = false;
	} else if (starts(line, "=====", &s)) {
		c->recap = !c->opened;
		c->said[0] = '\0';
	} else if (starts(line, "FSTYP         -- ", &s)) {
		open_section(c);
	} else {
		return false;
	}
	return true;
}

/* ---- names ---- */

/* The name at the line's start: its length, 0 where there is none, or it may go on. */
static size_t name_at(const char *line, char name[FSTESTS_NAME_MAX])
{
	size_t n = strcspn(line, BLANKS);
	if (n == 0 || n >= FSTESTS_NAME_MAX)
		return 0;
	memcpy(name, line, n);
	name[n] = '\0';
	return fstests_name_is_valid(name) ? n : 0;
}

/* A name that begins nothing. */
static void read_stray_name(struct fstests_check *c, const char *name, const char *rest)
{
	const char *s;
	if (c->n_discrepancies >= FSTESTS_DISCREPANCY_MAX)
		return;
	rest += strspn(rest, BLANKS);
	if (strcmp(rest, "- unknown test, ignored") == 0 && !c->any_section) {
		size_t i = strv_find(&c->order, name);
		if (i != c->order.n)
			c->unknown[i] = true;
		tell(c, (struct fstests_event){ .kind = FSTESTS_UNKNOWN_TEST, .test = name });
		return;
	}
	if (strcmp(name, c->test) == 0 && c->spec.loops &&
		starts(rest, "aggregate results across ", &s)) {
		s = strstr(s, ": ");
		leave_test(c);
		tell(c, (struct fstests_event){ .kind = FSTESTS_LOOPED,
				.test = name,
				.attempt = c->attempt,
				.text = s ? s + 2 : "" });
		return;
	}
	if (strcmp(name, c->test) == 0)
		discrepancy(
			c, name, c->under_way ? "begins while it is under way" : "begins again");
	else if (!c->opened)
		discrepancy(c, name, "begins outside of a section");
	else if (c->spec.order && strv_find(&c->order, name) == c->order.n)
		discrepancy(c, name, "is not a test of this run");
	else
		discrepancy(c, name, "begins out of turn");
}

/* Begin a test as soon as its name is there, for nothing more comes until it is over. */
static void look_for_name(struct fstests_check *c)
{
	char name[FSTESTS_NAME_MAX];
	if (c->rest || c->recap || c->line.len == 0)
		return;
	size_t n = name_at(c->line.s, name);
	if (n == 0 || n == c->line.len)
		return;
	unsigned attempt = may_begin(c, name);
	if (attempt == 0)
		return;
	c->rest = n;
	begin_next(c, name, attempt);
}

static void read_line(struct fstests_check *c)
{
	char name[FSTESTS_NAME_MAX];
	const char *line = buf_str(&c->line);
	look_for_name(c);
	if (c->rest) {
		read_result(c, line + c->rest, true);
		return;
	}
	if (c->under_way && c->not_run) {
		if (read_reason(c, line))
			return;
		leave_test(c);
	}
	if (read_header(c, line) || c->recap)
		return;
	if (c->opened && read_summary(c, line))
		return;
	size_t n = name_at(line, name);
	unsigned attempt = n ? may_begin(c, name) : 0;
	if (attempt) /* check -n: the name alone */
		begin_next(c, name, attempt);
	else if (n)
		read_stray_name(c, name, line + n);
	else if (c->under_way)
		read_result(c, line, false);
	else if (c->opened && c->test[0] && c->last != FSTESTS_FAIL) {
		/* After a result nothing more is said of a test, unless that was not check's. */
		bool any = false;
		(void)read_causes(c, line, &any); /* tells the discrepancy */
	}
}

/* ---- bytes ---- */

/* Whether the byte belongs to a terminal's sequence. */
static bool in_sequence(struct fstests_check *c, unsigned char b)
{
	switch (c->escape) {
	case ESC_NONE:
		if (b == 0x1b)
			c->escape = ESC_BEGUN;
		return b == 0x1b;
	case ESC_BEGUN:
		c->escape = b == '[' ? ESC_CSI : strchr("]P^_X", b) && b ? ESC_STRING : ESC_NONE;
		return b != '\n';
	case ESC_CSI:
		if ((b >= 0x40 && b <= 0x7e) || b == '\n')
			c->escape = ESC_NONE;
		return b != '\n';
	case ESC_STRING:
		if (b == 0x07 || b == '\n')
			c->escape = ESC_NONE;
		else if (b == 0x1b)
			c->escape = ESC_BEGUN;
		return b != '\n';
	}
	return false;
}

void fstests_check_add(struct fstests_check *c, const void *p, size_t n)
{
	const unsigned char *s = p;
	for (size_t i = 0; i < n; i++) {
		if (in_sequence(c, s[i]))
			continue;
		if (s[i] == '\n') {
			read_line(c);
			buf_reset(&c->line);
			c->rest = 0;
		} else if ((s[i] >= 0x20 && s[i] != 0x7f) || s[i] == '\t') {
			if (c->line.len < FSTESTS_LINE_MAX)
				buf_addc(&c->line, (char)s[i]);
		}
	}
	if (c->line.len < FSTESTS_NAME_MAX + NAME_PAD)
		look_for_name(c);
}

void fstests_check_end(struct fstests_check *c)
{
	if (c->line.len)
		look_for_name(c);
	/* A line that is cut says nothing: "1" may have been "12s". */
	leave_test(c);
}

const char *fstests_check_under_way(const struct fstests_check *c)
{
	return c->under_way ? c->test : NULL;
}

struct fstests_check *fstests_check_new(const struct fstests_check_spec *spec)
{
	struct fstests_check *c = xcalloc(1, sizeof *c);
	c->spec = *spec;
	for (const char *const *p = spec->order; p && *p; p++)
		strv_add(&c->order, *p);
	c->unknown = xcalloc(c->order.n + 1, sizeof *c->unknown);
	return c;
}

void fstests_check_free(struct fstests_check *c)
{
	if (!c)
		return;
	buf_clear(&c->line);
	strv_clear(&c->order);
	strv_clear(&c->ran);
	strv_clear(&c->failures);
	free(c->unknown);
	free(c);
}
