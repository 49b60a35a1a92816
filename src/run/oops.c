/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/oops.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "kernel/debug_info.h"
#include "kernel/decode.h"
#include "kernel/kernel.h"
#include "run/kernel_watch.h"
#include "suite/testpath.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 100        /* of one */
#define LINE_KEEP 4096       /* bytes; the rest is dropped */
#define TEXT_MAX  (2u << 20) /* of all */
#define BUILT_AS  "/arch/x86/boot/bzImage"

/* ---- what was said ---- */

static bool begins_one(const char *text)
{
	switch (kernel_classify(text)) {
	case KERNEL_QUIET:
	case KERNEL_LEAK:
	case KERNEL_CORRUPTION: /* have no addresses */
		return false;
	default:
		return true;
	}
}

/* Behind "<4>", and in *ret_text behind the time and the caller. */
static const char *without_marks(const char *line, const char **ret_text)
{
	if (line[0] == '<' && line[1] && line[2] == '>')
		line += 3;
	const char *text = line;
	while (*text == '[' && strchr(text, ']'))
		text = strchr(text, ']') + 1;
	*ret_text = text + strspn(text, " ");
	return line;
}

/* A log line by line, however long it is: it is the guest's, which may lie. */
struct scan {
	struct buf line;
	unsigned left; /* lines of the one under way */
	const struct buf *known;
	struct buf *out;
	const struct run_info *r; /* to say which test each came in; NULL: not to */
};

/* Whether what the test's record has of the kernel is in these words, said at that time (-1: not
 * known). */
static bool has_it(const struct run_attempt *a, const char *words, int64_t us)
{
	size_t i;
	json_t *said;
	const char *tail = strstr(words, " - ");
	json_array_foreach (json_object_get(a->end, "kernel_log"), i, said) {
		int64_t at = json_i64_or(said, "us", -1);
		if (strcmp(json_str_or(said, "text", ""), words) == 0 &&
			(at < 0 || us < 0 || at == us))
			return true;
	}
	return a->reason && *words &&
	       (strstr(a->reason, words) || (tail && strstr(a->reason, tail)));
}

/* "[    2.000001] ..." in microseconds; -1: it has no such mark. */
static int64_t time_of(const char *line)
{
	char *dot;
	char *end;
	if (line[0] != '[')
		return -1;
	unsigned long long s = strtoull(line + 1, &dot, 10);
	if (*dot != '.')
		return -1;
	unsigned long long us = strtoull(dot + 1, &end, 10);
	return *end == ']' && end - dot == 7 && s < 1u << 30 ? (int64_t)(s * 1000000 + us) : -1;
}

/* The innermost one: a subtest lies below its stage, whose record has what its own has. */
static void say_test(const struct scan *s, const char *words, int64_t us)
{
	const struct run_attempt *found = NULL;
	for (size_t i = 0; i < s->r->n_attempts; i++) {
		const struct run_attempt *a = &s->r->attempts[i];
		if (has_it(a, words, us) && (!found || testpath_is_below(a->test, found->test)))
			found = a;
	}
	if (found && found->attempt > 1)
		buf_addf(s->out, "# in %s, attempt %" PRId64 "\n", found->test, found->attempt);
	else
		buf_addf(s->out, "# in %s\n", found ? found->test : "no test's record");
}

static void scan_line(struct scan *s)
{
	const char *words;
	char *raw = s->line.s;
	raw[strcspn(raw, "\r")] = '\0';
	const char *line = without_marks(raw, &words);
	if (s->left == 0 && begins_one(words) && !(s->known && strstr(buf_str(s->known), words))) {
		buf_adds(s->out, s->out->len ? "\n" : "");
		if (s->r)
			say_test(s, words, time_of(line));
		s->left = LINES_MAX;
	}
	if (s->left) {
		buf_addf(s->out, "%s\n", line);
		s->left = strstr(words, "---[ end ") ? 0 : s->left - 1;
	}
	buf_reset(&s->line);
}

static int scan_piece(void *ctx, const void *p, size_t n, struct err *e)
{
	struct scan *s = ctx;
	const char *text = p;
	while (n && s->out->len < TEXT_MAX) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;
		size_t room = LINE_KEEP - s->line.len;
		buf_add(&s->line, text, len < room ? len : room);
		if (end)
			scan_line(s);
		text += len + (end != NULL);
		n -= len + (end != NULL);
	}
	return 0;
}

static void scan_end(struct scan *s)
{
	if (s->line.len && s->out->len < TEXT_MAX)
		scan_line(s);
	buf_clear(&s->line);
}

void oops_extract(const char *text, size_t n, const struct buf *known, struct buf *out)
{
	struct scan s = { .known = known, .out = out };
	(void)scan_piece(&s, text, n, NULL); /* never fails */
	scan_end(&s);
}

static int add_kind(const struct run_info *r, const char *kind, struct buf *out, struct err *e)
{
	auto_buf struct buf known = { 0 };
	buf_add(&known, buf_str(out), out->len);
	for (size_t i = 0; i < r->n_artifacts; i++) {
		struct scan s = { .known = known.len ? &known : NULL, .out = out, .r = r };
		const struct run_artifact *a = &r->artifacts[i];
		if (strcmp(a->kind, kind) != 0 || strcmp(a->name, OOPS_NAME) == 0)
			continue;
		int rc = run_artifact_each(r, a, scan_piece, &s, e);
		scan_end(&s);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The console has a panic to its end, the log what was not for the console. */
int oops_collect(const struct run_info *r, struct buf *out, struct err *e)
{
	int rc = add_kind(r, "console", out, e);
	return rc < 0 ? rc : add_kind(r, "kernel", out, e);
}

/* ---- debug information ---- */

/* Whether that is it; a file that is another's, or has none, is passed over. */
static bool is_it(const char *path, const char *build_id, struct debug_info **ret)
{
	return access(path, R_OK) == 0 && debug_info_open(path, build_id, ret, NULL) == 0;
}

static bool in_store(const char *state_dir, const char *build_id, struct debug_info **ret)
{
	auto_json json_t *all = kernel_list(state_dir);
	size_t i;
	json_t *m;
	json_array_foreach (all, i, m) {
		auto_free char *path =
			xasprintf("%s/kernels/%s/vmlinux", state_dir, json_str_or(m, "key", "."));
		if (strcmp(json_str_or(m, "build_id", ""), build_id) == 0 &&
			is_it(path, build_id, ret))
			return true;
	}
	return false;
}

int oops_debug_info(
	const char *state_dir, const json_t *first, struct debug_info **ret, struct err *e)
{
	const char *id = json_str_or(first, "kernel_build_id", "");
	const char *release = json_str_or(first, "kernel", "");
	const char *source = json_str_or(first, "kernel_source", "");
	size_t n = strlen(source);
	size_t tail = strlen(BUILT_AS);
	if (strlen(id) < 3)
		return err_set(e, ENOENT, "the kernel's build id is not known: name its vmlinux");
	bool built = n > tail && strcmp(source + n - tail, BUILT_AS) == 0;
	auto_free char *tree = xasprintf("%.*s/vmlinux", (int)(built ? n - tail : 0), source);
	auto_free char *by_id = xasprintf("/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	auto_free char *by_name = xasprintf("/usr/lib/debug/boot/vmlinux-%s", release);
	if ((built && is_it(tree, id, ret)) || is_it(source, id, ret) ||
		in_store(state_dir, id, ret) || is_it(by_id, id, ret) || is_it(by_name, id, ret))
		return 0;
	return err_set(e, ENOENT,
		"no debug information of kernel %s, build id %s: not in its tree, the store or "
		"/usr/lib/debug",
		release, id);
}

/* ---- a run's own ---- */

/* Beside the console's log. */
static int add_artifact(
	struct run_writer *w, const struct run_info *r, const struct buf *text, struct err *e)
{
	int64_t attempt = 1;
	for (size_t i = 0; i < r->n_artifacts; i++)
		if (strcmp(r->artifacts[i].kind, "console") == 0)
			attempt = r->artifacts[i].attempt;
	int rc = run_artifact_begin(w, "boot", attempt, OOPS_NAME, "kernel", e);
	if (rc == 0)
		rc = run_artifact_add(w, text->s, text->len, e);
	return rc < 0 ? rc : run_artifact_end(w, false, e);
}

static int find(const char *state_dir, const struct config *c, const struct run_info *r,
	struct debug_info **ret, struct err *e)
{
	const char *asked = config_str(c, "kernel.debug");
	const char *id = json_str_or(r->first, "kernel_build_id", NULL);
	return asked ? debug_info_open(asked, id, ret, e)
		     : oops_debug_info(state_dir, r->first, ret, e);
}

int oops_add(struct run_writer *w, const char *state_dir, const struct config *c, struct err *e)
{
	struct err why = { 0 };
	struct decode_counts counts;
	auto_buf struct buf text = { 0 };
	auto_buf struct buf decoded = { 0 };
	auto_run_info struct run_info *r = NULL;
	auto_debug_info struct debug_info *info = NULL;
	int rc = run_sync(w, e);
	if (rc == 0)
		rc = run_read(state_dir, run_writer_id(w), &r, e);
	if (rc == 0)
		rc = oops_collect(r, &text, e);
	if (rc < 0 || text.len == 0)
		return rc;
	if (find(state_dir, c, r, &info, &why) == 0 &&
		decode_text(info, text.s, text.len, &decoded, &counts, &why) == 0)
		return add_artifact(w, r, &decoded, e);
	auto_free char *note =
		xasprintf("the kernel's oopses stay without source lines: %s", why.msg);
	return run_note(w, "info", note, false, e);
}
