/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/history.h"
#include "base/buf.h"
#include "base/mem.h"
#include "kernel/git.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BACK "5000" /* first parents that are searched, where the fix itself is not there */

static bool is_hex(const char *s)
{
	size_t n = strlen(s);
	return n >= 7 && n <= 40 && strspn(s, "0123456789abcdef") == n;
}

static bool has_object(const struct git *g, const char *name)
{
	auto_free char *object = xasprintf("%s^{commit}", name);
	return git_run(g, NULL, NULL, "cat-file", "-e", object, NULL) == 0;
}

/* The commit in `range` with just this subject, the caller's; NULL: none. */
static char *find_subject(const struct git *g, const char *range, const char *subject)
{
	auto_buf struct buf out = { 0 };
	auto_free char *grep = xasprintf("--grep=%s", subject);
	if (!*subject || git_run(g, &out, NULL, "log", "--fixed-strings", grep, "--format=%h %s",
				 "--max-count=50", range, "--", NULL) < 0)
		return NULL;
	char *save = NULL;
	for (char *l = out.s ? strtok_r(out.s, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		size_t n = strcspn(l, " ");
		if (l[n] && strcmp(l + n + 1, subject) == 0)
			return xstrndup(l, n);
	}
	return NULL;
}

enum history_answer history_has(
	const struct history *h, const char *commit, const char *subject, char **ret_as)
{
	struct stat st;
	if (!h->origin || !h->commit || !is_hex(h->commit) || !is_hex(commit))
		return HISTORY_UNKNOWN;
	auto_free char *folder = xstrndup(h->origin, strcspn(h->origin, "#"));
	const struct git g = { .cwd = folder };
	if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || !has_object(&g, h->commit))
		return HISTORY_UNKNOWN;
	bool there = has_object(&g, commit);
	if (there && git_run(&g, NULL, NULL, "merge-base", "--is-ancestor", commit, h->commit,
			     NULL) == 0)
		return HISTORY_HAS;
	auto_free char *back = xasprintf("%s~" BACK, h->commit);
	const char *from = there ? commit : has_object(&g, back) ? back : NULL;
	auto_free char *range = from ? xasprintf("%s..%s", from, h->commit) : xstrdup(h->commit);
	char *as = find_subject(&g, range, subject);
	if (as && ret_as)
		*ret_as = as;
	else
		free(as);
	if (as)
		return HISTORY_HAS;
	/* A fix that the repository does not know may be older than what was searched, or have
	 * another subject there. */
	return there ? HISTORY_LACKS : HISTORY_UNKNOWN;
}

/* "v6.1.5-rc2" as numbers; false: it has none. */
static bool version_of(const char *s, unsigned long v[3])
{
	s += *s == 'v';
	for (int i = 0; i < 3; i++) {
		char *end;
		v[i] = isdigit((unsigned char)*s) ? strtoul(s, &end, 10) : 0;
		if (!isdigit((unsigned char)*s))
			return i >= 2;
		s = *end == '.' ? end + 1 : "";
	}
	return true;
}

enum history_answer history_is_since(const struct history *h, const char *version)
{
	unsigned long have[3];
	unsigned long want[3];
	if (!h->release || !version_of(h->release, have) || !version_of(version, want))
		return HISTORY_UNKNOWN;
	for (int i = 0; i < 3; i++)
		if (have[i] != want[i])
			return have[i] > want[i] ? HISTORY_HAS : HISTORY_LACKS;
	return HISTORY_HAS;
}
