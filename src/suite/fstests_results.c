/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_results.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/fstests_diff.h"
#include "suite/fstests_tree.h"
#include "suite/fstests_xunit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 512

/* What one witness says of one test, the worst of what it said. */
struct said {
	unsigned n_pass, n_skipped, n_failed;
	uint64_t seconds;
	char *text; /* the reason of the last that has one */
};

struct test {
	const char *name;
	size_t index; /* in the order of `wanted` */
	bool wants_expunged;
	/* printed */
	bool began, cut, expunged, unknown, odd;
	struct said printed;
	/* left behind */
	struct said xml;
	bool in_time;
	uint64_t time_s;
	bool in_failures;
	struct fstests_files files;
	/* judged */
	enum verdict verdict;
	enum fstests_reach reach;
	struct fstests_reason *reasons;
	size_t n_reasons;
};

struct fstests_results {
	char *section;
	char *names;        /* all of them, for tests' names to point into */
	struct test *tests; /* by name */
	struct test **order;
	size_t n;
	bool read, has_xml, xml_broken;
	uint64_t n_strangers; /* cases of result.xml that nobody wanted */
	char fault[256];
	struct test *last; /* found: events come in runs */
};

/* ---- tests ---- */

static int by_name(const void *a, const void *b)
{
	const struct test *x = a;
	const struct test *y = b;
	return strcmp(x->name, y->name);
}

static struct test *find(struct fstests_results *r, const char *name)
{
	struct test key = { .name = name };
	if (r->last && strcmp(r->last->name, name) == 0)
		return r->last;
	struct test *found = r->n ? bsearch(&key, r->tests, r->n, sizeof *r->tests, by_name) : NULL;
	if (found)
		r->last = found;
	return found;
}

static int by_index(const void *a, const void *b)
{
	const struct test *const *x = a;
	const struct test *const *y = b;
	return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

struct fstests_results *fstests_results_new(
	const struct fstests_wanted *wanted, size_t n, const char *section)
{
	struct fstests_results *r = xcalloc(1, sizeof *r);
	struct buf names = { 0 };
	r->section = xstrdup(section);
	r->tests = xcalloc(n + 1, sizeof *r->tests);
	for (size_t i = 0; i < n; i++)
		buf_add(&names, wanted[i].name, strlen(wanted[i].name) + 1);
	r->names = buf_take(&names);
	const char *name = r->names;
	for (size_t i = 0; i < n; i++, name += strlen(name) + 1) {
		r->tests[i] = (struct test){
			.name = name, .index = i, .wants_expunged = wanted[i].expunged
		};
	}
	qsort(r->tests, n, sizeof *r->tests, by_name);
	for (size_t i = 0; i < n; i++) {
		struct test *before = r->n ? &r->tests[r->n - 1] : NULL;
		if (before && strcmp(before->name, r->tests[i].name) == 0) {
			before->wants_expunged |= r->tests[i].wants_expunged;
			if (r->tests[i].index < before->index)
				before->index = r->tests[i].index;
		} else {
			r->tests[r->n++] = r->tests[i];
		}
	}
	r->order = xcalloc(r->n + 1, sizeof *r->order);
	for (size_t i = 0; i < r->n; i++)
		r->order[i] = &r->tests[i];
	qsort(r->order, r->n, sizeof *r->order, by_index);
	return r;
}

void fstests_results_free(struct fstests_results *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct test *t = &r->tests[i];
		for (size_t k = 0; k < t->n_reasons; k++)
			free(t->reasons[k].text);
		free(t->reasons);
		free(t->printed.text);
		free(t->xml.text);
	}
	free(r->tests);
	free(r->order);
	free(r->names);
	free(r->section);
	free(r);
}

static void add_reason(struct test *t, enum fstests_cause cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void add_reason(struct test *t, enum fstests_cause cause, const char *fmt, ...)
{
	if (t->n_reasons == FSTESTS_REASONS_MAX)
		return;
	struct buf text = { 0 };
	char line[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap); /* may be cut */
	va_end(ap);
	buf_adds(&text, line);
	t->reasons = xrealloc(t->reasons, (t->n_reasons + 1) * sizeof *t->reasons);
	t->reasons[t->n_reasons++] = (struct fstests_reason){ cause, buf_take(&text) };
}

static void set_text(struct said *s, const char *text)
{
	if (!text[0])
		return;
	free(s->text);
	s->text = xstrdup(text);
}

/* ---- what was printed ---- */

static void on_end(struct test *t, const struct fstests_event *ev)
{
	set_text(&t->printed, ev->text);
	t->cut = ev->outcome == FSTESTS_NO_RESULT;
	switch (ev->outcome) {
	case FSTESTS_PASS:
		t->printed.n_pass++;
		t->printed.seconds = ev->seconds;
		break;
	case FSTESTS_NOTRUN:
		t->printed.n_skipped++;
		break;
	case FSTESTS_EXPUNGED:
		t->expunged = true;
		break;
	case FSTESTS_FAIL:
		t->printed.n_failed++;
		break;
	case FSTESTS_NO_RESULT:
		break;
	}
}

void fstests_results_event(struct fstests_results *r, const struct fstests_event *ev)
{
	if (ev->kind == FSTESTS_SECTION || !ev->test[0])
		return;
	struct test *t = find(r, ev->test);
	/* What check does not know it says before the first section. */
	if (!t || (ev->kind != FSTESTS_UNKNOWN_TEST && strcmp(ev->section, r->section) != 0))
		return;
	switch (ev->kind) {
	case FSTESTS_BEGIN:
		t->began = true;
		t->cut = true;
		break;
	case FSTESTS_CAUSE:
		add_reason(t, ev->cause, "%s", ev->text[0] ? ev->text : "failed, reason unknown");
		break;
	case FSTESTS_END:
		on_end(t, ev);
		break;
	case FSTESTS_UNKNOWN_TEST:
		t->unknown = true;
		break;
	case FSTESTS_DISCREPANCY:
		t->odd = true;
		add_reason(t, FSTESTS_CAUSE_OTHER, "check's output: %s", ev->text);
		break;
	case FSTESTS_LOOPED:
	case FSTESTS_SECTION:
	case FSTESTS_SUMMARY:
		break;
	}
}

/* ---- what was left ---- */

static void set_fault(struct fstests_results *r, const char *text)
{
	if (!r->fault[0])
		(void)snprintf(r->fault, sizeof r->fault, "%s", text); /* may be cut */
}

/* A regular file beneath the folder; -1: there is none. */
static int open_file(int dirfd, const char *path)
{
	struct stat st;
	auto_close int fd = file_open_beneath(
		dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, NULL);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return take_fd(&fd);
}

static void on_case(void *ctx, const struct fstests_case *c)
{
	struct fstests_results *r = ctx;
	struct test *t = strcmp(c->section, r->section) == 0 ? find(r, c->name) : NULL;
	if (!t) {
		r->n_strangers++;
		return;
	}
	t->xml.n_pass += c->status == FSTESTS_CASE_PASS;
	t->xml.n_skipped += c->status == FSTESTS_CASE_SKIPPED;
	t->xml.n_failed += c->status == FSTESTS_CASE_FAILED;
	t->xml.seconds = c->seconds;
	set_text(&t->xml, c->message);
}

/* False: there is none, or it is not whole; the first fault is the one that is told. */
static bool read_xml(
	struct fstests_results *r, int dirfd, const char *name, fstests_xunit_reader *xunit)
{
	struct fstests_xunit x;
	struct err e = { 0 };
	auto_close int fd = open_file(dirfd, name);
	if (fd < 0)
		return false;
	r->has_xml = true;
	r->xml_broken = xunit(fd, on_case, r, &x, &e) < 0;
	if (r->xml_broken)
		set_fault(r, e.msg);
	return !r->xml_broken;
}

static void forget_xml(struct fstests_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->tests[i].xml.text);
		r->tests[i].xml = (struct said){ 0 };
	}
	r->n_strangers = 0;
	r->fault[0] = '\0';
	r->has_xml = r->xml_broken = false;
}

/* check syncs the new one before it gives it its name, which a machine that goes down may not have
 * kept: then the other lacks the last test. */
static void read_xmls(struct fstests_results *r, int dirfd, fstests_xunit_reader *xunit)
{
	if (!read_xml(r, dirfd, "result.xml.new", xunit)) {
		forget_xml(r);
		(void)read_xml(r, dirfd, "result.xml", xunit); /* its fault is told */
	}
	if (r->n_strangers) {
		auto_free char *text =
			xasprintf("result.xml: %" PRIu64 " cases of tests that nobody wanted",
				r->n_strangers);
		set_fault(r, text);
	}
}

/* The file's last FSTESTS_LOG_MAX bytes. */
static void read_end(int dirfd, const char *name, struct buf *out)
{
	auto_close int fd = open_file(dirfd, name);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_size > FSTESTS_LOG_MAX && lseek(fd, -(off_t)FSTESTS_LOG_MAX, SEEK_END) < 0)
		return;
	auto_free char *piece = xmalloc(1u << 16);
	ssize_t n;
	while (out->len < FSTESTS_LOG_MAX && (n = read(fd, piece, 1u << 16)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			buf_addc(out, piece[i] ? piece[i] : '?');
	}
}

static void read_times(struct fstests_results *r, int dirfd, const char *name)
{
	auto_buf struct buf text = { 0 };
	read_end(dirfd, name, &text);
	char *save = NULL;
	for (char *l = text.s ? strtok_r(text.s, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		size_t n = strcspn(l, " \t");
		const char *s = l + n + strspn(l + n, " \t");
		size_t digits = strspn(s, "0123456789");
		l[n] = '\0';
		struct test *t = find(r, l);
		if (!t || digits == 0 || digits > 9)
			continue;
		t->in_time = true;
		t->time_s = strtoull(s, NULL, 10);
	}
}

/* The last list of failures, which belongs to the last "Ran:". */
static void read_log(struct fstests_results *r, int dirfd)
{
	static const char key[] = "Failures: ";
	auto_buf struct buf text = { 0 };
	read_end(dirfd, "check.log", &text);
	char *failures = NULL;
	char *save = NULL;
	for (char *l = text.s ? strtok_r(text.s, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, "Ran: ", 5) == 0)
			failures = NULL;
		else if (strncmp(l, key, strlen(key)) == 0)
			failures = l + strlen(key);
	}
	for (char *w = failures ? strtok_r(failures, " ", &save) : NULL; w;
		w = strtok_r(NULL, " ", &save)) {
		struct test *t = find(r, w);
		if (t)
			t->in_failures = true;
	}
}

static uint64_t *size_of(struct fstests_files *f, const char *suffix)
{
	const struct {
		const char *suffix;
		uint64_t *size;
	} known[] = {
		{ "out.bad", &f->out_bad },
		{ "notrun", &f->notrun },
		{ "dmesg", &f->dmesg },
		{ "full", &f->full },
		{ "hints", &f->hints },
		{ "core", &f->core },
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(suffix, known[i].suffix) == 0)
			return known[i].size;
	}
	return NULL;
}

/* The files of DIR/: "NNN.SUFFIX". A file of no bytes counts one, for it is there. */
static void read_folder(struct fstests_results *r, int dirfd, const char *dir)
{
	int fd = file_open_beneath(
		dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0, NULL);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close_fd(&fd);
		return;
	}
	for (const struct dirent *ent; (ent = readdir(d));) {
		char name[FSTESTS_NAME_MAX];
		struct stat st;
		size_t n = strcspn(ent->d_name, ".");
		if (n == 0 || !ent->d_name[n] ||
			snprintf(name, sizeof name, "%s/%.*s", dir, (int)n, ent->d_name) >=
				(int)sizeof name)
			continue;
		struct test *t = find(r, name);
		uint64_t *size = t ? size_of(&t->files, ent->d_name + n + 1) : NULL;
		if (size && fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			*size = st.st_size > 0 ? (uint64_t)st.st_size : 1;
	}
	(void)closedir(d); /* only read */
}

int fstests_results_read(
	struct fstests_results *r, int dirfd, fstests_xunit_reader *xunit, struct err *e)
{
	struct stat st;
	if (fstat(dirfd, &st) < 0)
		return err_sys(e, "folder of results");
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "folder of results: not a folder");
	r->read = true;
	read_xmls(r, dirfd, xunit);
	read_times(r, dirfd, "check.time");
	read_times(r, dirfd, FSTESTS_ENDED_FILE);
	read_log(r, dirfd);
	auto_free char *dir = NULL;
	for (size_t i = 0; i < r->n; i++) { /* by name: the tests of a folder follow each other */
		size_t n = strcspn(r->tests[i].name, "/");
		if (dir && strlen(dir) == n && strncmp(dir, r->tests[i].name, n) == 0)
			continue;
		free(dir);
		dir = xstrndup(r->tests[i].name, n);
		read_folder(r, dirfd, dir);
	}
	return 0;
}

/* ---- verdicts ---- */

static void settle(struct test *t, enum verdict v, const char *why)
{
	t->verdict = v;
	if (why)
		add_reason(t, FSTESTS_CAUSE_OTHER, "%s", why);
}

static bool is_in_xml(const struct test *t)
{
	return t->xml.n_pass + t->xml.n_skipped + t->xml.n_failed > 0;
}

/* Who says that it failed, but check's own lines, whose causes are there already. */
static void add_failures(struct test *t)
{
	if (t->printed.n_failed) {
		if (t->xml.n_pass + t->xml.n_skipped > 0 && t->xml.n_failed == 0)
			add_reason(
				t, FSTESTS_CAUSE_OTHER, "result.xml does not say that it failed");
		return;
	}
	if (t->xml.n_failed)
		add_reason(t, FSTESTS_CAUSE_OTHER, "result.xml: %s",
			t->xml.text ? t->xml.text : "failed");
	if (t->in_failures)
		add_reason(t, FSTESTS_CAUSE_OTHER, "check.log has it among the failures");
	if (t->files.out_bad && !t->cut)
		add_reason(t, FSTESTS_CAUSE_OUTPUT, "it left an .out.bad");
	if (t->printed.n_pass + t->printed.n_skipped > 0)
		add_reason(t, FSTESTS_CAUSE_OTHER, "check printed that it %s",
			t->printed.n_pass ? "passed" : "was not run");
}

static void judge_pass(const struct fstests_results *r, struct test *t)
{
	t->verdict = VERDICT_MISS;
	if (t->files.notrun)
		settle(t, VERDICT_MISS, "check printed a pass, but it left a .notrun");
	else if (t->xml.n_skipped)
		settle(t, VERDICT_MISS,
			"check printed a pass, result.xml says that it was not run");
	else if (t->xml.n_pass > t->printed.n_pass)
		settle(t, VERDICT_MISS, "result.xml has it more often than check printed it");
	else if (t->xml.n_pass)
		settle(t, VERDICT_PASS, NULL);
	else if (r->xml_broken)
		add_reason(t, FSTESTS_CAUSE_OTHER, "check printed a pass, but %s", r->fault);
	else if (r->has_xml)
		settle(t, VERDICT_MISS, "check printed a pass, but result.xml does not have it");
	else if (t->in_time && t->time_s == t->printed.seconds)
		settle(t, VERDICT_PASS, NULL);
	else
		settle(t, VERDICT_MISS,
			r->read ? "check printed a pass, but its files have no such pass"
				: "check printed a pass, but its results were not collected");
}

static void judge_notrun(const struct fstests_results *r, struct test *t)
{
	const char *why = t->printed.text ? t->printed.text : t->xml.text;
	if (t->xml.n_pass)
		settle(t, VERDICT_MISS,
			"check printed that it was not run, result.xml says a pass");
	else if (r->has_xml && t->xml.n_skipped == 0)
		settle(t, VERDICT_MISS,
			"check printed that it was not run, but result.xml does not have it");
	else if (r->read && !t->files.notrun)
		settle(t, VERDICT_MISS,
			"check printed that it was not run, but it left no .notrun");
	else
		settle(t, VERDICT_SKIP, why ? why : "not run, without a reason");
}

/* It never began, as far as check printed. */
static void judge_absent(struct test *t)
{
	t->reach = t->unknown ? FSTESTS_UNKNOWN : FSTESTS_NEVER_BEGAN;
	if (t->unknown)
		settle(t, VERDICT_MISS, "check knows no such test");
	else if (is_in_xml(t))
		settle(t, VERDICT_MISS, "it is in result.xml, but check never printed it");
	else if (t->wants_expunged)
		settle(t, VERDICT_SKIP, "excluded");
	else
		settle(t, VERDICT_MISS, "it was never reached");
}

static void judge(const struct fstests_results *r, struct test *t)
{
	bool failed = t->printed.n_failed || t->xml.n_failed || t->in_failures ||
		      (t->files.out_bad && t->began);
	t->reach = t->cut ? FSTESTS_CUT : FSTESTS_ENDED;
	if (failed) {
		if (!t->began)
			t->reach = FSTESTS_NEVER_BEGAN;
		add_failures(t);
		settle(t, VERDICT_FAIL, t->cut ? "the output ended while it was under way" : NULL);
	} else if (!t->began) {
		judge_absent(t);
	} else if (t->cut) {
		settle(t, VERDICT_FAIL,
			"no result: the output ended, or went on, while it was under way");
	} else if (t->expunged) {
		bool ran = !t->wants_expunged || is_in_xml(t);
		settle(t, ran ? VERDICT_MISS : VERDICT_SKIP,
			!ran           ? "excluded"
			: is_in_xml(t) ? "check printed that it is excluded, but "
					 "result.xml has it"
				       : "check excluded it unasked");
	} else if (t->wants_expunged) {
		settle(t, VERDICT_MISS, "it ran although it is excluded");
	} else if (t->printed.n_pass) {
		judge_pass(r, t);
	} else {
		judge_notrun(r, t);
	}
	/* Something of check's lines about it was not check's. */
	if (t->odd && t->verdict > VERDICT_MISS)
		t->verdict = VERDICT_MISS;
}

void fstests_results_judge(struct fstests_results *r)
{
	for (size_t i = 0; i < r->n; i++)
		judge(r, &r->tests[i]);
}

size_t fstests_results_count(const struct fstests_results *r)
{
	return r->n;
}

void fstests_results_verdict(const struct fstests_results *r, size_t i, struct fstests_verdict *ret)
{
	const struct test *t = r->order[i];
	const struct said *p = &t->printed;
	*ret = (struct fstests_verdict){
		.test = t->name,
		.verdict = t->verdict,
		.reach = t->reach,
		.reasons = t->reasons,
		.n_reasons = t->n_reasons,
		.seconds = p->n_pass ? p->seconds : t->xml.seconds,
		.n_runs = p->n_pass + p->n_skipped + p->n_failed,
		.n_failed = p->n_failed,
		.files = t->files,
	};
}

const char *fstests_results_fault(const struct fstests_results *r)
{
	return r->fault;
}

/* ---- differences ---- */

static int read_output(int fd, const char *what, struct buf *out, struct err *e)
{
	auto_free char *piece = xmalloc(1u << 16);
	while (out->len < FSTESTS_OUTPUT_MAX) {
		ssize_t n = read(fd, piece, 1u << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "%s", what);
		if (n == 0)
			break;
		buf_add(out, piece, (size_t)n);
	}
	return 0;
}

int fstests_results_diff(int dirfd, const char *test, const char *golden, size_t max,
	struct buf *out, bool *ret_cut, struct err *e)
{
	auto_buf struct buf want = { 0 };
	auto_buf struct buf got = { 0 };
	if (!fstests_name_is_valid(test))
		return err_set(e, EINVAL, "'%s' is no test's name", test);
	auto_free char *path = xasprintf("%s.out.bad", test);
	auto_close int bad = open_file(dirfd, path);
	if (bad < 0)
		return err_set(e, ENOENT, "%s: no such file in the results", path);
	auto_close int fd = open(golden, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "%s", golden);
	int rc = read_output(fd, golden, &want, e);
	if (rc == 0)
		rc = read_output(bad, path, &got, e);
	if (rc < 0)
		return rc;
	bool whole = got.len < FSTESTS_OUTPUT_MAX && want.len < FSTESTS_OUTPUT_MAX;
	*ret_cut =
		fstests_diff(buf_str(&want), want.len, buf_str(&got), got.len, max, out) || !whole;
	return 0;
}
