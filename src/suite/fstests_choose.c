/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which tests a choice means, as check's own shell does it: _prepare_test_list, get_group_list,
 * get_all_tests, _expunge_test. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "suite/fstests_priv.h"
#include "suite/fstests_tree.h"
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX (4u << 20) /* bytes of a file of excludes */

struct chooser {
	const struct fstests_tree *t;
	const struct fstests_choice *c;
	bool *chosen; /* by the test's index */
	struct fstests_picks picks;
};

void fstests_picks_clear(struct fstests_picks *p)
{
	free(p->v);
	*p = (struct fstests_picks){ 0 };
}

static bool has(const struct strv *v, const char *s)
{
	return strv_find(v, s) < v->n;
}

static bool is_in_dir(const struct fstests_test *test, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(test->name, dir, n) == 0 && test->name[n] == '/';
}

static void pick(struct chooser *x, size_t i)
{
	if (x->chosen[i])
		return;
	x->chosen[i] = true;
	x->picks.v = xrealloc(x->picks.v, (x->picks.n + 1) * sizeof *x->picks.v);
	x->picks.v[x->picks.n++] = (struct fstests_pick){ .test = &x->t->tests[i] };
}

/* The folders in which check looks for a group, in its order. */
static void group_dirs(const struct chooser *x, struct strv *ret)
{
	const char *fstyp = x->c->fstyp;
	for (size_t i = 0; i < x->t->src_groups.n; i++)
		strv_add(ret, x->t->src_groups.v[i]);
	if (strcmp(fstyp, "ext2") == 0 || strcmp(fstyp, "ext3") == 0)
		fstyp = "ext4";
	if (!has(ret, fstyp))
		strv_add(ret, fstyp);
}

/* Call `fn` for each test of the group; returns how many. "DIR/GROUP" is that folder's. */
static size_t each_of_group(
	struct chooser *x, const char *group, void (*fn)(struct chooser *x, size_t i))
{
	auto_strv struct strv dirs = { 0 };
	const char *slash = strchr(group, '/');
	auto_free char *sub = slash ? xstrndup(group, (size_t)(slash - group)) : NULL;
	if (sub && has(&x->t->dirs, sub)) {
		strv_add(&dirs, sub);
		group = slash + 1;
	} else {
		group_dirs(x, &dirs);
	}
	size_t n = 0;
	for (size_t d = 0; d < dirs.n; d++) {
		for (size_t i = 0; i < x->t->n_tests; i++) {
			const struct fstests_test *test = &x->t->tests[i];
			if (!is_in_dir(test, dirs.v[d]) || !has(&test->groups, group))
				continue;
			fn(x, i);
			n++;
		}
	}
	return n;
}

static void nothing(struct chooser *x, size_t i)
{
}

static void drop(struct chooser *x, size_t i)
{
	size_t to = 0;
	for (size_t k = 0; k < x->picks.n; k++) {
		if (x->picks.v[k].test != &x->t->tests[i])
			x->picks.v[to++] = x->picks.v[k];
	}
	x->picks.n = to;
	x->chosen[i] = false;
}

static char *group_hint(const struct fstests_tree *t, const char *group)
{
	auto_strv struct strv known = { 0 };
	for (size_t i = 0; i < t->n_tests; i++) {
		for (size_t k = 0; k < t->tests[i].groups.n; k++) {
			if (!has(&known, t->tests[i].groups.v[k]))
				strv_add(&known, t->tests[i].groups.v[k]);
		}
	}
	strv_sort(&known);
	return nearest_hint(group, strv_get(&known));
}

static bool is_known_group(struct chooser *x, const char *group)
{
	const char *base = path_base(group);
	for (size_t i = 0; i < x->t->n_tests; i++) {
		if (has(&x->t->tests[i].groups, base))
			return true;
	}
	return false;
}

static int no_such_group(struct chooser *x, const char *group, struct err *e)
{
	auto_free char *hint = group_hint(x->t, path_base(group));
	if (is_known_group(x, group))
		return err_set(e, ENOENT, "%s: group '%s' has no test for %s", x->t->dir, group,
			x->c->fstyp);
	return err_set(e, ENOENT, "%s: no group '%s'%s", x->t->dir, group, hint);
}

static void pick_all(struct chooser *x)
{
	for (size_t i = 0; i < x->t->n_tests; i++) {
		bool in = is_in_dir(&x->t->tests[i], x->c->fstyp);
		for (size_t d = 0; !in && d < x->t->src_groups.n; d++)
			in = is_in_dir(&x->t->tests[i], x->t->src_groups.v[d]);
		if (in)
			pick(x, i);
	}
}

/* Each word of the lists, which are split at commas and blanks. */
static void words_of(const char *const *lists, struct strv *ret)
{
	for (; lists && *lists; lists++)
		strv_split(ret, *lists, ", \t\n");
}

static int pick_groups(struct chooser *x, struct err *e)
{
	auto_strv struct strv groups = { 0 };
	bool has_tests = x->c->tests && x->c->tests[0];
	words_of(x->c->groups, &groups);
	if (groups.n == 0 && !has_tests)
		strv_add(&groups, "auto");
	if (groups.n == 1 && !has_tests && strcmp(groups.v[0], "all") == 0) {
		pick_all(x);
		return 0;
	}
	for (size_t i = 0; i < groups.n; i++) {
		if (each_of_group(x, groups.v[i], pick) == 0)
			return no_such_group(x, groups.v[i], e);
	}
	return 0;
}

static int drop_groups(struct chooser *x, struct err *e)
{
	auto_strv struct strv groups = { 0 };
	words_of(x->c->not_groups, &groups);
	for (size_t i = 0; i < groups.n; i++) {
		if (each_of_group(x, groups.v[i], nothing) > 0)
			each_of_group(x, groups.v[i], drop);
		else if (!is_known_group(x, groups.v[i]))
			return no_such_group(x, groups.v[i], e);
	}
	return 0;
}

static int pick_tests(struct chooser *x, struct err *e)
{
	for (const char *const *p = x->c->tests; p && *p; p++) {
		const char *name = strncmp(*p, "tests/", 6) == 0 ? *p + 6 : *p;
		const struct fstests_test *one = fstests_tree_find(x->t, name);
		size_t n = one != NULL;
		if (one)
			pick(x, (size_t)(one - x->t->tests));
		for (size_t i = 0; !one && i < x->t->n_tests; i++) {
			if (fnmatch(name, x->t->tests[i].name, FNM_PATHNAME) == 0) {
				pick(x, i);
				n++;
			}
		}
		if (n == 0) {
			auto_free char *hint = fstests_tree_hint(x->t, name);
			return err_set(e, ENOENT, "%s: no test '%s'%s", x->t->dir, name, hint);
		}
	}
	return 0;
}

/* ---- excluded tests ---- */

/* check's "^NAME\b": what stands behind the name is a comment, to which it pays no attention. */
static bool is_excluded(const struct strv *excludes, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < excludes->n; i++) {
		const char *s = excludes->v[i];
		if (strncmp(s, name, n) == 0 && !isalnum((unsigned char)s[n]) && s[n] != '_')
			return true;
	}
	return false;
}

/* Lines, without what stands behind '#'. */
static int read_list(const char *path, struct strv *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int rc = file_read(path, LIST_MAX, &text, e);
	char *save = NULL;
	for (char *l = rc == 0 && text.s ? strtok_r(text.s, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		l[strcspn(l, "#")] = '\0';
		strv_add(ret, l);
	}
	return rc;
}

static int read_excludes(struct chooser *x, struct strv *ret, struct err *e)
{
	words_of(x->c->excludes, ret);
	for (const char *const *f = x->c->exclude_files; f && *f; f++) {
		int rc = read_list(*f, ret, e);
		if (rc < 0)
			return rc;
	}
	if (!x->c->exclude_name)
		return 0;
	if (strchr(x->c->exclude_name, '/'))
		return err_set(e, EINVAL, "'%s' is no name of a file in the tests' folders",
			x->c->exclude_name);
	auto_strv struct strv dirs = { 0 };
	for (size_t i = 0; i < x->t->src_groups.n; i++)
		strv_add(&dirs, x->t->src_groups.v[i]);
	strv_add(&dirs, x->c->fstyp);
	for (size_t i = 0; i < dirs.n; i++) {
		auto_strv struct strv lines = { 0 };
		auto_free char *path =
			xasprintf("%s/tests/%s/%s", x->t->dir, dirs.v[i], x->c->exclude_name);
		if (access(path, F_OK) < 0)
			continue;
		int rc = read_list(path, &lines, e);
		if (rc < 0)
			return rc;
		for (size_t k = 0; k < lines.n; k++) {
			auto_strv struct strv words = { 0 };
			strv_split(&words, lines.v[k], " \t\r");
			for (size_t w = 0; w < words.n; w++)
				strv_addf(ret, "%s/%s", dirs.v[i], words.v[w]);
		}
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct fstests_pick *x = a;
	const struct fstests_pick *y = b;
	return strcmp(x->test->name, y->test->name);
}

int fstests_tree_choose(const struct fstests_tree *t, const struct fstests_choice *c,
	struct fstests_picks *ret, struct err *e)
{
	auto_free bool *chosen = xcalloc(t->n_tests, sizeof *chosen);
	auto_strv struct strv excludes = { 0 };
	struct chooser x = { .t = t, .c = c, .chosen = chosen };
	int rc = pick_tests(&x, e);
	if (rc == 0)
		rc = pick_groups(&x, e);
	if (rc == 0)
		rc = drop_groups(&x, e);
	if (rc == 0)
		rc = read_excludes(&x, &excludes, e);
	if (rc < 0) {
		fstests_picks_clear(&x.picks);
		return rc;
	}
	for (size_t i = 0; i < x.picks.n; i++)
		x.picks.v[i].expunged = is_excluded(&excludes, x.picks.v[i].test->name);
	if (!c->exact_order && x.picks.n > 1)
		qsort(x.picks.v, x.picks.n, sizeof *x.picks.v, by_name);
	*ret = x.picks;
	return 0;
}
