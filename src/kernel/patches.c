/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patches become part of the tree object: no work tree is touched, and the tree's id says what
 * they made. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "kernel/git.h"
#include "kernel/source.h"
#include "kernel/tools.h"
#include "proc/proc.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERIES_LIMIT (1u << 20)
#define PATCHES_MAX  2000u
#define B4_US        (600ull * 1000000)

struct job {
	struct source *s;
	struct git git;
	const char *work; /* a folder for what lies between */
	kernel_progress *progress;
	void *ctx;
};

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s);
	size_t m = strlen(tail);
	return n > m && strcmp(s + n - m, tail) == 0;
}

/* Whether it is a mail, or several: "From ", or a header. */
static int is_mail(const char *path, bool *ret, struct err *e)
{
	char head[256] = "";
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, head, sizeof head - 1) < 0)
		return err_sys(e, "%s", path);
	size_t word = strspn(head, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
	*ret = strncmp(head, "From ", 5) == 0 || (word > 0 && head[word] == ':');
	return 0;
}

/* Text without a patch is none of our business: the caller counts. */
static int apply_diff(const struct job *j, const char *path, const char *name, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	struct err why = { 0 };
	int rc = hash_file(path, hex, e);
	if (rc < 0)
		return rc;
	rc = git_run(&j->git, NULL, &why, "apply", "--cached", "--whitespace=nowarn", path, NULL);
	/* By the versions of git. */
	if (rc == -EIO && (strstr(why.msg, "No valid patches in input") ||
				  strstr(why.msg, "unrecognized input")))
		return 0;
	if (rc == -EIO)
		return err_set(
			e, EINVAL, "%s does not apply to %s: %s", name, j->s->describe, why.msg);
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	strv_addf(&j->s->patches, "%s %s", name, hex);
	return 0;
}

/* What is in one mail; a cover letter has nothing to apply. */
static int apply_mail(const struct job *j, const char *mail, const char *name, struct err *e)
{
	auto_free char *message = path_join(j->work, "message");
	auto_free char *patch = path_join(j->work, "patch");
	const char *argv[] = { "git", "mailinfo", message, patch, NULL };
	auto_close int in = open(mail, O_RDONLY | O_CLOEXEC);
	struct stat st;
	auto_buf struct buf text = { 0 };
	if (in < 0)
		return err_sys(e, "%s", mail);
	const struct proc_spec spec = {
		.argv = argv, .in = in, .err = PROC_PIPE, .cwd = j->work, .deadline_us = B4_US
	};
	int rc = proc_check(&spec, &text, SERIES_LIMIT, e);
	if (rc < 0)
		return err_wrap(e, "%s", name);
	return stat(patch, &st) == 0 && st.st_size > 0 ? apply_diff(j, patch, name, e) : 0;
}

static int apply_mails(const struct job *j, const char *path, const char *name, struct err *e)
{
	auto_free char *dir = path_join(j->work, "mails");
	auto_free char *option = xasprintf("-o%s", dir);
	auto_strv struct strv mails = { 0 };
	const struct git g = { .cwd = j->work };
	int rc = file_remove_tree(dir, e);
	if (rc == 0)
		rc = file_mkdirs(dir, 0755, e);
	/* -b: one that lacks the "From " line is a mail, too */
	if (rc == 0)
		rc = git_run(&g, NULL, e, "mailsplit", "-b", option, "--", path, NULL);
	if (rc < 0)
		return err_wrap(e, "%s", name);
	rc = file_names(dir, &mails, e);
	if (rc == 0 && mails.n > PATCHES_MAX)
		return err_set(e, EFBIG, "%s has more than %u mails", name, PATCHES_MAX);
	for (size_t i = 0; rc == 0 && i < mails.n; i++) {
		auto_free char *mail = path_join(dir, mails.v[i]);
		auto_free char *one = xasprintf("%s:%zu", name, i + 1);
		rc = apply_mail(j, mail, mails.n > 1 ? one : name, e);
	}
	return rc;
}

/* All that is in it, which may be nothing: the cover letter of a series. */
static int apply_content(const struct job *j, const char *path, struct err *e)
{
	bool mail = false;
	int rc = is_mail(path, &mail, e);
	if (rc < 0)
		return rc;
	return mail ? apply_mails(j, path, path_base(path), e)
		    : apply_diff(j, path, path_base(path), e);
}

static int apply_file(const struct job *j, const char *path, struct err *e)
{
	size_t before = j->s->patches.n;
	int rc = apply_content(j, path, e);
	if (rc == 0 && j->s->patches.n == before)
		return err_set(e, EINVAL, "%s: there is no patch in it", path);
	return rc;
}

/* quilt's list: a name a line, then options; '#' begins a comment. */
static int read_series(const char *path, struct strv *names, struct err *e)
{
	auto_buf struct buf b = { 0 };
	auto_strv struct strv lines = { 0 };
	int rc = file_read(path, SERIES_LIMIT, &b, e);
	if (rc < 0)
		return rc;
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *at = lines.v[i] + strspn(lines.v[i], " \t");
		size_t n = strcspn(at, " \t\r#");
		if (n)
			strv_addf(names, "%.*s", (int)n, at);
	}
	return 0;
}

static int apply_folder(const struct job *j, const char *dir, struct err *e)
{
	static const char *const tails[] = { ".patch", ".diff", ".mbox", ".mbx", ".eml" };
	auto_free char *series = path_join(dir, "series");
	auto_strv struct strv all = { 0 };
	bool listed = access(series, F_OK) == 0;
	size_t done = 0;
	size_t before = j->s->patches.n;
	int rc = listed ? read_series(series, &all, e) : file_names(dir, &all, e);
	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		bool wanted = listed;
		for (size_t k = 0; k < ARRAY_LEN(tails); k++)
			wanted = wanted || ends_with(all.v[i], tails[k]);
		auto_free char *path = path_join(dir, all.v[i]);
		if (wanted && ++done > PATCHES_MAX)
			return err_set(e, EFBIG, "%s: more than %u patches", dir, PATCHES_MAX);
		if (wanted)
			rc = listed ? apply_file(j, path, e) : apply_content(j, path, e);
	}
	if (rc == 0 && done == 0)
		return err_set(e, EINVAL, "%s: no *.patch, *.diff or *.mbox in it", dir);
	if (rc == 0 && j->s->patches.n == before)
		return err_set(e, EINVAL, "%s: there is no patch in its files", dir);
	return rc;
}

/* b4 finds the thread, its newest version and what was said to it. */
static int apply_message(const struct job *j, const char *id, struct err *e)
{
	auto_free char *dir = path_join(j->work, "b4");
	const char *argv[] = { "b4", "am", "-o", dir, "-n", "series", id, NULL };
	const struct proc_spec spec = { .argv = argv,
		.in = PROC_NULL,
		.err = PROC_PIPE,
		.cwd = j->work,
		.deadline_us = B4_US };
	auto_free char *mbox = path_join(dir, "series.mbx");
	auto_free char *text = xasprintf("fetching the series %s", id);
	if (j->progress)
		j->progress(j->ctx, text);
	auto_buf struct buf out = { 0 };
	int rc = file_mkdirs(dir, 0755, e);
	if (rc == 0)
		rc = proc_check(&spec, &out, SERIES_LIMIT, e);
	if (rc == -ENOENT)
		return tools_missing("b4", "b4", e);
	if (rc < 0)
		return err_wrap(e, "%s", id);
	return apply_file(j, mbox, e);
}

static int apply_one(const struct job *j, const char *patch, struct err *e)
{
	struct stat st;
	if (stat(patch, &st) < 0) {
		int code = errno;
		bool id = strchr(patch, '@') && !strchr(patch, '/') && patch[0] != '-';
		return id ? apply_message(j, patch, e) : err_code(e, code, "patch %s", patch);
	}
	auto_free char *path = realpath(patch, NULL);
	if (!path)
		return err_sys(e, "patch %s", patch);
	return S_ISDIR(st.st_mode) ? apply_folder(j, path, e) : apply_file(j, path, e);
}

int source_patch(const char *state_dir, struct source *s, const char *const *patches,
	kernel_progress *progress, void *ctx, struct err *e)
{
	if (!patches || !*patches)
		return 0;
	struct err why = { 0 };
	auto_free char *work = xasprintf("%s/sources/.patch.%d.tmp", state_dir, (int)getpid());
	auto_free char *index = path_join(work, "index");
	struct job j = { s, { .dir = s->mirror, .index = index, .cwd = work }, work, progress,
		ctx };
	int rc = file_remove_tree(work, &why); /* of one that was killed and had our number */
	if (rc == 0)
		rc = file_mkdirs(work, 0755, &why);
	if (rc == 0)
		rc = git_run(&j.git, NULL, &why, "read-tree", s->tree, NULL);
	for (; rc == 0 && *patches; patches++)
		rc = apply_one(&j, *patches, &why);
	auto_free char *tree = NULL;
	if (rc == 0)
		rc = git_line(&j.git, &tree, &why, "write-tree", NULL);
	(void)file_remove_tree(work, NULL); /* what stays is small */
	if (rc < 0)
		return err_set(e, rc, "%s", why.msg);
	free(s->tree);
	s->tree = take(&tree);
	return 0;
}
