/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/read.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/lines.h"
#include <errno.h>
#include <git2.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* libgit2 follows no deeper (MAX_INCLUDE_DEPTH in its config_file.c). */
#define MAX_DEPTH 10

/* A file being read: one for each depth of includes. */
struct frame {
	char *path;
	struct config_lines lines;
};

struct reader {
	struct config_entries *out;
	struct frame frames[MAX_DEPTH + 2];
	struct err *e;
	int rc;
};

static void frame_clear(struct frame *f)
{
	free(f->path);
	config_lines_clear(&f->lines);
	*f = (struct frame){ 0 };
}

static int check_file(const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s: is a folder, not a file", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: is not a regular file", path);
	if (st.st_size > CONFIG_FILE_LIMIT)
		return err_set(e, EFBIG, "%s: larger than 1 MiB", path);
	return 0;
}

/* For libgit2 a NUL ends the line, in silence. */
static int check_text(const char *path, const struct buf *text, struct err *e)
{
	const char *p = buf_str(text);
	const char *nul = memchr(p, '\0', text->len);
	if (!nul)
		return 0;
	unsigned line = 1;
	while ((p = memchr(p, '\n', (size_t)(nul - p)))) {
		line++;
		p++;
	}
	return err_set(e, EINVAL, "%s:%u: syntax: a NUL byte; this is no text file", path, line);
}

/* Scan `path` (taken) for lines and make it the file of `depth`. */
static int frame_open(struct reader *r, unsigned depth, char *path, struct err *e)
{
	auto_free char *owned = path;
	auto_buf struct buf text = { 0 };
	int rc = check_file(owned, e);
	if (rc == 0)
		rc = file_read(owned, CONFIG_FILE_LIMIT, &text, e);
	if (rc == 0)
		rc = check_text(owned, &text, e);
	if (rc < 0)
		return rc;
	struct frame *f = &r->frames[depth];
	frame_clear(f);
	f->path = take(&owned);
	config_lines_scan(buf_str(&text), text.len, &f->lines);
	return 0;
}

char *config_entry_where(const struct config_entry *x)
{
	return x->line ? xasprintf("%s:%u", x->file, x->line) : xstrdup(x->file);
}

/* The file that an include names, as libgit2 finds it; the caller's. */
static char *included_path(const char *from, const char *value)
{
	const char *home = getenv("HOME");
	if (value[0] == '/')
		return xstrdup(value);
	if (strncmp(value, "~/", 2) == 0 && home)
		return path_join(home, value + 2);
	auto_free char *dir = xstrndup(from, (size_t)(path_base(from) - from));
	return path_join(*dir ? dir : ".", value);
}

/* libgit2 has read the included file already, or passed over it in silence where it is
 * missing; what it says next at depth + 1 comes from there. */
static int on_include(struct reader *r, const struct config_entry *x)
{
	auto_free char *where = config_entry_where(x);
	if (!x->value || !*x->value)
		return err_set(r->e, EINVAL, "%s: include.path needs a value", where);
	auto_free char *path = included_path(x->file, x->value);
	auto_free char *real = realpath(path, NULL);
	int rc = frame_open(r, x->depth + 1, real ? take(&real) : take(&path), r->e);
	return rc < 0 ? err_wrap(r->e, "%s: include", where) : 0;
}

static void entry_clear(struct config_entry *x)
{
	free(x->name);
	free(x->value);
	free(x->file);
}

static int on_entry(const git_config_entry *entry, void *payload)
{
	struct reader *r = payload;
	struct frame *f = &r->frames[entry->include_depth];
	if (entry->include_depth > MAX_DEPTH || !f->path) {
		r->rc = err_set(r->e, EINVAL, "%s: includes go too deep", r->frames[0].path);
		return r->rc;
	}
	const struct config_line *line = config_lines_next(&f->lines, entry->name);
	if (line && line->fault) {
		r->rc = err_set(
			r->e, EINVAL, "%s:%u: syntax: %s", f->path, line->line, line->fault);
		return r->rc;
	}
	struct config_entry x = {
		.name = xstrdup(entry->name),
		.value = entry->value ? xstrdup(entry->value) : NULL,
		.file = xstrdup(f->path),
		.line = line ? line->line : 0,
		.depth = entry->include_depth,
	};
	if (strcmp(x.name, "include.path") == 0) {
		r->rc = on_include(r, &x);
		entry_clear(&x);
		return r->rc;
	}
	struct config_entries *out = r->out;
	out->v = xrealloc(out->v, (out->n + 1) * sizeof *out->v);
	out->v[out->n++] = x;
	return 0;
}

/* libgit2 refused `path` or what it includes, and did not say where: look for the first mistake
 * that it does not locate. 0: none is found. */
static int find_fault(const char *path, unsigned depth, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct config_lines lines = { 0 };
	if (check_file(path, NULL) < 0 || file_read(path, CONFIG_FILE_LIMIT, &text, NULL) < 0)
		return 0;
	config_lines_scan(buf_str(&text), text.len, &lines);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < lines.n; i++) {
		const struct config_line *x = &lines.v[i];
		bool include = strcmp(x->name, "include.path") == 0 && x->value;
		auto_free char *next = include ? included_path(path, x->value) : NULL;
		auto_free char *real = next ? realpath(next, NULL) : NULL;
		if (x->fault)
			rc = err_set(e, EINVAL, "%s:%u: syntax: %s", path, x->line, x->fault);
		else if (include && !real)
			rc = err_set(e, ENOENT, "%s:%u: include: %s: No such file or directory",
				path, x->line, next);
		else if (real && depth == MAX_DEPTH)
			rc = err_set(e, ELOOP, "%s:%u: includes itself, or more than %d deep", path,
				x->line, MAX_DEPTH);
		else if (real)
			rc = find_fault(real, depth + 1, e);
	}
	config_lines_clear(&lines);
	return rc;
}

/* libgit2 says "failed to parse config file: WHY (in FILE:LINE, column N)", the column only of
 * some mistakes; and of others nothing but what is wrong, which may quote the file. */
static int tell_syntax(const char *path, struct err *e)
{
	static const char prefix[] = "failed to parse config file: ";
	static const char in[] = " (in ";
	const git_error *why = git_error_last();
	auto_free char *text = xstrdup(why && why->message ? why->message : "cannot be read");
	bool located = strncmp(text, prefix, sizeof prefix - 1) == 0;
	char *reason = located ? text + sizeof prefix - 1 : text;
	char *where = located ? strstr(reason, in) : NULL;
	if (!where) {
		int rc = find_fault(path, 0, e);
		return rc < 0 ? rc : err_set(e, EINVAL, "%s: %s", path, reason);
	}
	*where = '\0';
	where += sizeof in - 1;
	/* A path may have a comma too: cut at the last, and only of this form. */
	char *comma = strrchr(where, ',');
	bool column = comma && strncmp(comma, ", column ", 9) == 0;
	where[column ? (size_t)(comma - where) : strlen(where) - 1] = '\0';
	return err_set(e, EINVAL, "%s: syntax: %s", where, reason);
}

static int read_all(struct reader *r, const char *path, struct err *e)
{
	git_config *cfg = NULL;
	if (git_config_open_ondisk(&cfg, path) < 0)
		return tell_syntax(path, e);
	int rc = git_config_foreach(cfg, on_entry, r);
	if (rc < 0 && r->rc == 0)
		r->rc = tell_syntax(path, e);
	git_config_free(cfg);
	return r->rc;
}

/* Once in a process and until its end: each start reads all of the host's certificates. */
static int start_libgit2(struct err *e)
{
	static bool started;
	if (!started && git_libgit2_init() < 0)
		return err_set(e, EIO, "libgit2 does not start");
	started = true;
	/* It takes "~/" from what HOME was at its start. */
	const char *home = getenv("HOME");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home ? home : "");
	return 0;
}

int config_read(const char *path, struct config_entries *ret, struct err *e)
{
	struct config_entries found = { 0 };
	struct reader r = { .out = &found, .e = e };
	int rc = start_libgit2(e);
	if (rc == 0)
		rc = frame_open(&r, 0, xstrdup(path), e);
	if (rc == 0)
		rc = read_all(&r, path, e);
	for (size_t i = 0; i < ARRAY_LEN(r.frames); i++)
		frame_clear(&r.frames[i]);
	if (rc < 0) {
		config_entries_clear(&found);
		return rc;
	}
	*ret = found;
	return 0;
}

void config_entries_clear(struct config_entries *x)
{
	for (size_t i = 0; i < x->n; i++)
		entry_clear(&x->v[i]);
	free(x->v);
	*x = (struct config_entries){ 0 };
}
