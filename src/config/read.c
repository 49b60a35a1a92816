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

/* Scan `path` (taken) for lines and make it the file of `depth`. */
static int frame_open(struct reader *r, unsigned depth, char *path, struct err *e)
{
	auto_free char *owned = path;
	auto_buf struct buf text = { 0 };
	int rc = check_file(owned, e);
	if (rc == 0)
		rc = file_read(owned, CONFIG_FILE_LIMIT, &text, e);
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
	struct config_entry x = {
		.name = xstrdup(entry->name),
		.value = entry->value ? xstrdup(entry->value) : NULL,
		.file = xstrdup(f->path),
		.line = config_lines_next(&f->lines, entry->name),
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

/* libgit2 says "failed to parse config file: WHY (in FILE:LINE, column N)". */
static int tell_syntax(const char *path, struct err *e)
{
	const git_error *why = git_error_last();
	const char *text = why && why->message ? why->message : "cannot be read";
	static const char prefix[] = "failed to parse config file: ";
	if (strncmp(text, prefix, sizeof prefix - 1) == 0)
		text += sizeof prefix - 1;
	const char *in = NULL;
	for (const char *p = text; (p = strstr(p, " (in ")); p++)
		in = p;
	const char *comma = in ? strrchr(in, ',') : NULL;
	if (!comma)
		return err_set(e, EINVAL, "%s: %s", path, text);
	in += strlen(" (in ");
	return err_set(e, EINVAL, "%.*s: syntax: %.*s", (int)(comma - in), in,
		(int)(in - strlen(" (in ") - text), text);
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

int config_read(const char *path, struct config_entries *ret, struct err *e)
{
	struct config_entries found = { 0 };
	struct reader r = { .out = &found, .e = e };
	if (git_libgit2_init() < 0)
		return err_set(e, EIO, "libgit2 does not start");
	int rc = frame_open(&r, 0, xstrdup(path), e);
	if (rc == 0)
		rc = read_all(&r, path, e);
	for (size_t i = 0; i < ARRAY_LEN(r.frames); i++)
		frame_clear(&r.frames[i]);
	git_libgit2_shutdown();
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
