/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "site/site_priv.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#define NAME_MAX_BYTES 80u
#define PIECE          (64u * 1024)

char *site_safe_name(const char *text)
{
	auto_buf struct buf b = { 0 };
	bool changed = *text == '\0';
	for (const char *p = text; *p; p++) {
		bool plain = isalnum((unsigned char)*p) || strchr("._-", *p);
		if ((b.len == 0 && *p == '.') || !plain || (unsigned char)*p >= 0x80)
			plain = false;
		if (b.len >= NAME_MAX_BYTES - 9) {
			changed = true;
			break;
		}
		buf_addc(&b, plain ? *p : '_');
		changed |= !plain;
	}
	/* What is not itself any more might be like another: its hash tells them apart. */
	if (changed) {
		struct hash h;
		char hex[HASH_HEX_SIZE];
		hash_init(&h);
		hash_add_str(&h, text);
		buf_addf(&b, "-%.8s", hash_hex(&h, hex));
	}
	return buf_take(&b);
}

/* Write an artifact to `path`. 1: it is damaged in the store, `trouble` says how. */
static int write_artifact(const struct run_info *run, const struct run_artifact *a,
	const char *path, char **trouble, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", path);
	struct err why = { 0 };
	int rc = run_artifact_write(run, a, fd, &why);
	if (rc == 0)
		return 0;
	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG) {
		if (e)
			*e = why;
		return rc;
	}
	*trouble = xstrdup(why.msg);
	(void)unlink(path); /* in a folder of ours that is thrown away if this is all that fails */
	return 1;
}

/* The recording once more as a script: a page opened from file:// may not fetch. */
static int write_cast_script(const char *cast, const char *script, const char *name, struct err *e)
{
	auto_close int in = open(cast, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "%s", cast);
	auto_close int out = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		return err_sys(e, "%s", script);
	auto_buf struct buf b = { 0 };
	struct json_text t = { 0 };
	buf_addf(&b, "fsqaCast(\"%s\", \"", name); /* a safe name */
	char piece[PIECE];
	ssize_t n;
	while ((n = read(in, piece, sizeof piece)) > 0) {
		json_text_add(&t, &b, piece, (size_t)n);
		int rc = fd_write_all(out, b.s, b.len, e);
		if (rc < 0)
			return err_wrap(e, "%s", script);
		buf_reset(&b);
	}
	if (n < 0)
		return err_sys(e, "read %s", cast);
	json_text_end(&t, &b);
	buf_adds(&b, "\");\n");
	int rc = fd_write_all(out, b.s, b.len, e);
	return rc < 0 ? err_wrap(e, "%s", script) : 0;
}

/* What a test printed last comes a little behind the word that it ended. */
#define OUTPUT_LAG_US 250000u

/* The moment that tells most: the end of the first subtest that went wrong, the end of a stage
 * that did, else two thirds of the way. */
static uint64_t moment(const struct site_stage *s)
{
	for (size_t i = 0; i < s->n_subs; i++)
		if (site_is_bad(s->subs[i]->status) && s->subs[i]->ended)
			return s->subs[i]->marker_us + s->subs[i]->duration_us + OUTPUT_LAG_US;
	return site_is_bad(site_stage_status(s)) ? UINT64_MAX - 1 : UINT64_MAX;
}

static int write_picture(
	struct site_stage *s, const char *cast, const char *svg_path, struct err *e)
{
	auto_buf struct buf svg = { 0 };
	auto_buf struct buf title = { 0 };
	struct err why = { 0 };
	buf_addf(&title, "Terminal of %s", s->name);
	int rc = thumb_render(cast, moment(s), buf_str(&title), &svg, &s->cast.thumb, &why);
	if (rc < 0) {
		s->cast.trouble = xasprintf("the recording cannot be read: %s", why.msg);
		return 0;
	}
	auto_close int fd = open(svg_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", svg_path);
	rc = fd_write_all(fd, svg.s, svg.len, e);
	if (rc < 0)
		return err_wrap(e, "%s", svg_path);
	s->cast.has_picture = true;
	return 0;
}

static int write_cast(const struct run_info *run, struct site_stage *s,
	const struct run_artifact *a, const char *dir, struct err *e)
{
	s->cast.name = xstrdup(s->key);
	s->cast.size = a->size;
	s->cast.cut = a->cut;
	auto_free char *cast = xasprintf("%s/casts/%s.cast", dir, s->key);
	auto_free char *script = xasprintf("%s.js", cast);
	auto_free char *svg = xasprintf("%s/casts/%s.svg", dir, s->key);
	int rc = write_artifact(run, a, cast, &s->cast.trouble, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = write_cast_script(cast, script, s->key, e);
	return rc < 0 ? rc : write_picture(s, cast, svg, e);
}

/* ".txt", so that no browser takes what a guest wrote for a page; ".bin" where it is no text. */
static const char *suffix_of(const char *path)
{
	char head[4096];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof head);
	return n > 0 && memchr(head, '\0', (size_t)n) ? ".bin" : ".txt";
}

/* Its entry in the list: what was written again, as by a worker that came back, stands once.
 * NULL: the list is full. */
static struct site_file *file_slot(struct site_stage *s, const struct run_artifact *a)
{
	struct site_file *f = NULL;
	for (size_t i = 0; i < s->n_files && !f; i++)
		if (strcmp(s->files[i].name, a->name) == 0)
			f = &s->files[i];
	if (f) {
		site_file_clear(f);
	} else {
		if (s->n_files >= SITE_FILES_MAX)
			return NULL;
		s->files = xrealloc(s->files, (s->n_files + 1) * sizeof *s->files);
		f = &s->files[s->n_files++];
	}
	const char *collected = run_artifact_collected(a);
	*f = (struct site_file){ .size = a->size, .cut = a->cut };
	f->name = xstrdup(a->name);
	f->title = xstrdup(collected ? collected : a->name);
	return f;
}

static int write_file(const struct run_info *run, struct site_stage *s,
	const struct run_artifact *a, const char *dir, struct err *e)
{
	struct site_file *f = file_slot(s, a);
	if (!f) {
		s->more_files++;
		return 0;
	}
	auto_free char *folder =
		xasprintf("logs/%s%s", s->key, run_artifact_collected(a) ? "/files" : "");
	auto_free char *full = path_join(dir, folder);
	int rc = file_mkdirs(full, 0755, e);
	if (rc < 0)
		return rc;
	auto_free char *safe = site_safe_name(f->title);
	auto_free char *tmp = xasprintf("%s/%s.new", full, safe);
	rc = write_artifact(run, a, tmp, &f->trouble, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	f->href = xasprintf("%s/%s%s", folder, safe, suffix_of(tmp));
	f->path = path_join(dir, f->href);
	return rename(tmp, f->path) < 0 ? err_sys(e, "%s", f->path) : 0;
}

/* The stage that an artifact belongs to: of its own attempt, else of its test, else the one
 * above its test; the boot for what belongs to nothing. */
static struct site_stage *stage_of(struct site_page *p, const struct run_artifact *a)
{
	struct site_stage *best = p->n_stages ? &p->stages[0] : NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < p->n_stages; i++) {
		struct site_stage *s = &p->stages[i];
		size_t n = strlen(s->test);
		if (strncmp(a->test, s->test, n) != 0 || (a->test[n] && a->test[n] != '.'))
			continue;
		if (!a->test[n] && s->attempt && s->attempt->attempt == a->attempt)
			return s;
		if (n >= best_len) {
			best = s;
			best_len = n;
		}
	}
	return best;
}

/* The stage's own logs, then what was collected. */
static int write_kind(struct site_page *p, const char *dir, bool collected, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->run->n_artifacts; i++) {
		const struct run_artifact *a = &p->run->artifacts[i];
		struct site_stage *s = stage_of(p, a);
		if (strcmp(a->kind, "core") == 0)
			continue; /* a machine's memory is not for everybody's eyes */
		if (!s || collected != (run_artifact_collected(a) != NULL))
			continue;
		if (strcmp(a->kind, "cast") == 0 && !s->cast.name)
			rc = write_cast(p->run, s, a, dir, e);
		else
			rc = write_file(p->run, s, a, dir, e);
	}
	return rc;
}

int site_write_files(struct site_page *p, const char *dir, struct err *e)
{
	auto_free char *casts = path_join(dir, "casts");
	int rc = file_mkdirs(casts, 0755, e);
	if (rc == 0)
		rc = write_kind(p, dir, false, e);
	return rc < 0 ? rc : write_kind(p, dir, true, e);
}
