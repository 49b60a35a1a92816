/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/files.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/strv.h"
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
	char *from, *to;
};

static void pair_clear(struct pair *p)
{
	free(p->from);
	free(p->to);
}
#define auto_pair __attribute__((cleanup(pair_clear)))

static bool has_dotdot(const char *path)
{
	auto_strv struct strv parts = { 0 };
	strv_split(&parts, path, "/");
	for (size_t i = 0; i < parts.n; i++)
		if (strcmp(parts.v[i], "..") == 0)
			return true;
	return false;
}

static int split(const char *text, struct pair *p, struct err *e)
{
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || colon[1] != '/' || has_dotdot(colon))
		return err_set(e, EINVAL,
			"image.files: \"%.100s\" is not SRC:DEST with DEST from / on", text);
	p->from = xstrndup(text, (size_t)(colon - text));
	size_t n = strlen(colon + 1);
	if (colon[n] != '/')
		p->to = xstrdup(colon + 1);
	else
		p->to = path_join(colon + 1, path_base(p->from));
	return 0;
}

/* One file or folder below `from`, under the name that it has there. */
static int hash_entry(struct hash *h, const FTSENT *f, const char *name, struct err *e)
{
	char hex[HASH_HEX_SIZE] = "";
	char link[4096];
	int rc = 0;
	auto_free char *mode = xasprintf("%o", f->fts_statp->st_mode);
	hash_add_str(h, name);
	hash_add_str(h, mode);
	if (f->fts_info == FTS_F) {
		rc = hash_file(f->fts_path, hex, e);
		hash_add_str(h, hex);
	} else if (f->fts_info == FTS_SL || f->fts_info == FTS_SLNONE) {
		ssize_t n = readlink(f->fts_path, link, sizeof link);
		if (n < 0)
			return err_sys(e, "image.files: %s", f->fts_path);
		hash_add(h, link, (size_t)n);
	}
	return rc;
}

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int hash_tree(struct hash *h, const char *from, struct err *e)
{
	char *const paths[] = { (char *)from, NULL };
	/* A link that is named stands for what it leads to; those below are copied as links. */
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare);
	if (!tree)
		return err_sys(e, "image.files: %s", from);
	int rc = 0;
	FTSENT *f;
	errno = 0;
	while (rc == 0 && (f = fts_read(tree))) {
		const char *name = f->fts_level == 0 ? "." : f->fts_path + strlen(from);
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS)
			rc = err_code(e, f->fts_errno, "image.files: %s", f->fts_path);
		else if (f->fts_info == FTS_DEFAULT ||
			 (f->fts_level == 0 && f->fts_info == FTS_SLNONE))
			rc = err_set(e, EINVAL,
				"image.files: %s is neither a file, a folder nor a link",
				f->fts_path);
		else if (f->fts_info != FTS_DP)
			rc = hash_entry(h, f, name, e);
	}
	(void)fts_close(tree); /* only read from */
	return rc;
}

int files_hash(const char *const *files, struct hash *h, json_t *list, struct err *e)
{
	for (size_t i = 0; files && files[i]; i++) {
		auto_pair struct pair p = { 0 };
		struct hash one;
		char hex[HASH_HEX_SIZE];
		hash_init(&one);
		struct err why = { 0 };
		int rc = split(files[i], &p, &why);
		if (rc == 0)
			rc = hash_tree(&one, p.from, &why);
		if (rc < 0)
			return err_set(e, EINVAL, "%s", why.msg);
		hash_hex(&one, hex);
		hash_add_str(h, p.to);
		hash_add_str(h, hex);
		json_array_append_new(list, json_pack("{s:s, s:s}", "to", p.to, "sha256", hex));
	}
	return 0;
}

/* 'it'\''s' */
static void quote(struct buf *b, const char *s)
{
	buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '\'');
}

char *files_hook(const char *const *files)
{
	static const char put_file[] =
		"umask 022; mkdir -p \"$(dirname \"$1\")\"; cat >\"$1\"; chmod \"$2\" \"$1\"";
	static const char put_folder[] =
		"umask 022; mkdir -p \"$1\"; tar -C \"$1\" --no-same-owner -xpf -";
	struct buf b = { 0 };
	buf_adds(&b, "set -e");
	for (size_t i = 0; files[i]; i++) {
		auto_pair struct pair p = { 0 };
		struct stat st = { 0 };
		if (split(files[i], &p, NULL) < 0 || stat(p.from, &st) < 0)
			continue; /* files_hash has told */
		bool folder = S_ISDIR(st.st_mode);
		buf_adds(&b,
			folder ? "; tar -cf \"$TMPDIR/added.tar\" -C " : "; chroot \"$1\" sh -ec ");
		quote(&b, folder ? p.from : put_file);
		if (folder) {
			buf_adds(&b, " .; chroot \"$1\" sh -ec ");
			quote(&b, put_folder);
		}
		buf_adds(&b, " sh ");
		quote(&b, p.to);
		if (folder) {
			buf_adds(&b, " <\"$TMPDIR/added.tar\"; rm \"$TMPDIR/added.tar\"");
		} else {
			buf_addf(&b, " %o <", st.st_mode & 07777u);
			quote(&b, p.from);
		}
	}
	return buf_take(&b);
}
