/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite/fstests_tree.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "proc/proc.h"
#include "suite/fstests_priv.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_MAX (4u << 20) /* bytes of one file of the tree */
#define TESTS_MAX  100000
#define GIT_US     (120u * 1000000)

bool fstests_test_name_is_valid(const char *s)
{
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
	}
	for (s += 3; *s; s++) {
		if (!isalnum((unsigned char)*s) && *s != '-')
			return false;
	}
	return true;
}

bool fstests_name_is_valid(const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash || slash == name || strlen(name) >= FSTESTS_NAME_MAX)
		return false;
	for (const char *p = name; p < slash; p++) {
		if (!isalnum((unsigned char)*p) && (p == name || !strchr("-_.", *p)))
			return false;
	}
	return fstests_test_name_is_valid(slash + 1);
}

/* ---- reading ---- */

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folders that count for every FSTYP: the check's own word for it. */
static int read_src_groups(struct fstests_tree *t, struct err *e)
{
	static const char key[] = "\nSRC_GROUPS=";
	auto_buf struct buf text = { 0 };
	auto_free char *path = path_join(t->dir, "check");
	int rc = file_read(path, SCRIPT_MAX, &text, e);
	if (rc < 0)
		return rc;
	const char *p = strstr(buf_str(&text), key);
	if (!p) {
		strv_add(&t->src_groups, "generic");
		return 0;
	}
	p += strlen(key);
	auto_free char *line = xstrndup(p, strcspn(p, "\n#"));
	strv_split(&t->src_groups, line, " \t\"'\r");
	return 0;
}

static void add_test(struct fstests_tree *t, const char *dir, const char *name,
	struct fstests_script *script, bool own_groups)
{
	t->tests = xrealloc(t->tests, (t->n_tests + 1) * sizeof *t->tests);
	struct fstests_test *test = &t->tests[t->n_tests++];
	*test = (struct fstests_test){ .name = xasprintf("%s/%s", dir, name) };
	if (own_groups) {
		test->groups = script->groups;
		script->groups = (struct strv){ 0 };
	}
	test->hints = script->hints;
	test->n_hints = script->n_hints;
	script->hints = NULL;
	script->n_hints = 0;
}

/* The test that a group file's line begins with, among those of a folder: the name itself, else
 * the shortest that has it in front (check: "in case the user supplied only seq id"). */
static struct fstests_test *find_in(struct fstests_test *v, size_t n, const char *id)
{
	struct fstests_test *best = NULL;
	size_t len = strlen(id);
	for (size_t i = 0; i < n; i++) {
		const char *name = path_base(v[i].name);
		if (strncmp(name, id, len) != 0 || (name[len] && name[len] != '-'))
			continue;
		if (!best || strlen(name) < strlen(path_base(best->name)))
			best = &v[i];
	}
	return best;
}

/* A line is "NNN GROUP...", with '#' before a comment. */
static int read_group_file(const char *path, struct fstests_test *v, size_t n, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int rc = file_read(path, SCRIPT_MAX, &text, e);
	if (rc < 0 || !text.s)
		return rc;
	char *save = NULL;
	for (char *l = strtok_r(text.s, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		l[strcspn(l, "#")] = '\0';
		auto_strv struct strv words = { 0 };
		strv_split(&words, l, " \t\r");
		if (words.n < 2 || l[0] != words.v[0][0] || !fstests_test_name_is_valid(words.v[0]))
			continue;
		struct fstests_test *test = find_in(v, n, words.v[0]);
		for (size_t i = 1; test && i < words.n && test->groups.n < FSTESTS_GROUPS_MAX; i++)
			strv_add(&test->groups, words.v[i]);
	}
	return 0;
}

static int read_folder(struct fstests_tree *t, const char *dir, struct err *e)
{
	auto_free char *path = xasprintf("%s/tests/%s", t->dir, dir);
	auto_free char *list = path_join(path, "group.list");
	auto_free char *old = path_join(path, "group");
	const char *groups = is_file(list) ? list : is_file(old) ? old : NULL;
	auto_strv struct strv names = { 0 };
	size_t first = t->n_tests;
	int rc = file_names(path, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		auto_free char *file = path_join(path, names.v[i]);
		auto_free char *name = xasprintf("%s/%s", dir, names.v[i]);
		if (!fstests_name_is_valid(name) || !is_file(file))
			continue;
		if (t->n_tests == TESTS_MAX)
			return err_set(e, E2BIG, "%s: more than %u tests", t->dir, TESTS_MAX);
		auto_buf struct buf text = { 0 };
		struct fstests_script script = { 0 };
		rc = file_read(file, SCRIPT_MAX, &text, e);
		if (rc < 0)
			return rc;
		fstests_script_parse(buf_str(&text), text.len, &script);
		add_test(t, dir, names.v[i], &script, !groups);
		fstests_script_clear(&script);
	}
	if (rc == 0 && groups)
		rc = read_group_file(groups, t->tests + first, t->n_tests - first, e);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct fstests_test *x = a;
	const struct fstests_test *y = b;
	return strcmp(x->name, y->name);
}

/* The first program that check asks for (common/config). */
bool fstests_tree_is_built(const char *dir)
{
	auto_free char *makefile = path_join(dir, "Makefile");
	auto_free char *program = path_join(dir, "ltp/fsstress");
	return !is_file(makefile) || access(program, X_OK) == 0;
}

int fstests_tree_open(const char *dir, struct fstests_tree **ret, struct err *e)
{
	auto_free char *check = path_join(dir, "check");
	auto_free char *tests = path_join(dir, "tests");
	if (!is_file(check) || !is_dir(tests))
		return err_set(e, ENOENT, "%s: no tree of fstests: it has no %s", dir,
			is_file(check) ? "folder 'tests'" : "file 'check'");
	auto_fstests_tree struct fstests_tree *t = xcalloc(1, sizeof *t);
	t->dir = xstrdup(dir);
	auto_strv struct strv dirs = { 0 };
	int rc = read_src_groups(t, e);
	if (rc == 0)
		rc = file_names(tests, &dirs, e);
	for (size_t i = 0; rc == 0 && i < dirs.n; i++) {
		auto_free char *sub = path_join(tests, dirs.v[i]);
		if (is_dir(sub)) {
			strv_add(&t->dirs, dirs.v[i]);
			rc = read_folder(t, dirs.v[i], e);
		}
	}
	if (rc == 0 && t->n_tests == 0)
		rc = err_set(e, ENOENT, "%s: no test in it (tests/DIR/NNN)", tests);
	if (rc < 0)
		return rc;
	qsort(t->tests, t->n_tests, sizeof *t->tests, by_name);
	*ret = take(&t);
	return 0;
}

void fstests_tree_free(struct fstests_tree *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_tests; i++) {
		struct fstests_script s = {
			.groups = t->tests[i].groups,
			.hints = t->tests[i].hints,
			.n_hints = t->tests[i].n_hints,
		};
		fstests_script_clear(&s);
		free(t->tests[i].name);
	}
	free(t->tests);
	strv_clear(&t->dirs);
	strv_clear(&t->src_groups);
	free(t->dir);
	free(t);
}

/* ---- asking ---- */

const struct fstests_test *fstests_tree_tests(const struct fstests_tree *t, size_t *ret_n)
{
	*ret_n = t->n_tests;
	return t->tests;
}

const struct fstests_test *fstests_tree_find(const struct fstests_tree *t, const char *name)
{
	struct fstests_test key = { .name = (char *)name }; /* only compared */
	const struct fstests_test *found =
		bsearch(&key, t->tests, t->n_tests, sizeof *t->tests, by_name);
	if (found || !fstests_name_is_valid(name))
		return found;
	size_t len = strlen(name);
	for (size_t i = 0; i < t->n_tests; i++) {
		const char *have = t->tests[i].name;
		if (strncmp(have, name, len) == 0 && have[len] == '-' &&
			(!found || strlen(have) < strlen(found->name)))
			found = &t->tests[i];
	}
	return found;
}

char *fstests_tree_golden(const struct fstests_tree *t, const char *name)
{
	return xasprintf("%s/tests/%s.out", t->dir, name);
}

char *fstests_tree_hint(const struct fstests_tree *t, const char *name)
{
	auto_free const char **known = xcalloc(t->n_tests + 1, sizeof *known);
	for (size_t i = 0; i < t->n_tests; i++)
		known[i] = t->tests[i].name;
	return nearest_hint(name, known);
}

int fstests_tree_revision(const char *dir, char **ret, struct err *e)
{
	/* The tree is somebody's own: git need not mind who, and must not run its hooks. */
	const char *const ask[] = { "git", "-C", dir, "-c", "safe.directory=*", "rev-parse",
		"--show-prefix", "HEAD", NULL };
	const char *const changes[] = { "git", "-C", dir, "-c", "safe.directory=*", "-c",
		"core.fsmonitor=false", "status", "--porcelain", "--untracked-files=no", NULL };
	struct proc_spec spec = { .argv = ask,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_PIPE,
		.deadline_us = GIT_US };
	auto_buf struct buf out = { 0 };
	auto_buf struct buf dirty = { 0 };
	int rc = proc_check(&spec, &out, 8192, e);
	if (rc < 0 || out.s[0] != '\n')
		return err_set(e, ENOENT, "%s: not the top of a git work tree", dir);
	spec.argv = changes;
	/* Enough to see that there is one. */
	rc = proc_check(&spec, &dirty, 1u << 20, e);
	if (rc < 0 && rc != -EFBIG)
		return rc;
	const char *commit = out.s + 1;
	*ret = xasprintf("%.*s%s", (int)strcspn(commit, "\n"), commit,
		dirty.len || rc == -EFBIG ? "-dirty" : "");
	return 0;
}
