/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that print TAP, each one test: the executable files of the folders that
 *   [suite "tap"]
 *           tests = ./selftests
 * names, each folder a stage. Its other files lie beside them in the target, too; two are read, as
 * the kernel's selftests have the first:
 *   config     CONFIG_X=y: what they want of the kernel
 *   provokes   a line a regular expression: kernel messages that are their purpose
 * What a program leaves in $FSQA_LOGS is its own evidence. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "suite/tap_read.h"
#include "suite/task.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE     TASK_HOME "/tap" /* the folders, in the target */
#define LOG_DIR   "/var/lib/tap"
#define MAX_FILES 1000
#define TEXT_MAX  (64u << 10)     /* bytes of `config`, `provokes` */
#define GRACE_US  (60u * 1000000) /* a test is stopped, and then the machine hangs */
#define GUESS_US  (5u * 1000000)

/* ---- before a run ---- */

/* One folder, as it becomes a stage. */
struct folder {
	const struct suite_ask *ask;
	const char *dir;
	char *name;
	json_t *stage;
};

static bool is_plain(const char *s, const char *others)
{
	for (; *s && (isalnum((unsigned char)*s) || strchr(others, *s)); s++)
		;
	return *s == '\0';
}

static int add_file(struct folder *f, const char *name, size_t *n, struct err *e)
{
	struct stat st;
	auto_free char *path = path_join(f->dir, name);
	auto_free char *dest = xasprintf(PLACE "/%s/%s", f->name, name);
	/* No link: a stranger's profile could have one to our own files. */
	if (lstat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (name[0] == '.' || !S_ISREG(st.st_mode))
		return 0;
	if (++*n > MAX_FILES)
		return err_set(e, E2BIG, "%s: more than %d files", f->dir, MAX_FILES);
	bool runs = st.st_mode & 0111;
	if (runs && !is_plain(name, "._+-"))
		return err_set(e, EINVAL, "%s: a test's name has letters, digits and ._+-", path);
	json_array_append_new(json_object_get(f->stage, "files"),
		json_pack(
			"{s:s, s:s, s:i}", "path", path, "dest", dest, "mode", runs ? 0755 : 0644));
	if (runs)
		json_array_append_new(json_object_get(f->stage, "tests"), json_string(name));
	return 0;
}

static int add_files(struct folder *f, struct err *e)
{
	struct dirent **v;
	size_t n = 0;
	int found = scandir(f->dir, &v, NULL, alphasort);
	int rc = found < 0 ? err_sys(e, "%s: %s", f->ask->origin, f->dir) : 0;
	for (int i = 0; i < found; i++) {
		if (rc == 0)
			rc = add_file(f, v[i]->d_name, &n, e);
		free(v[i]);
	}
	if (found >= 0)
		free(v);
	if (rc == 0 && json_array_size(json_object_get(f->stage, "tests")) == 0)
		return err_set(
			e, ENOENT, "%s: no executable file is in %s", f->ask->origin, f->dir);
	return rc;
}

/* The lines of a file that need not be there. */
static int read_lines(const struct folder *f, const char *name, struct strv *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_free char *path = path_join(f->dir, name);
	int rc = file_read(path, TEXT_MAX, &text, e);
	if (rc == 0)
		strv_split(ret, buf_str(&text), "\n");
	return rc == -ENOENT ? 0 : rc;
}

static int add_wishes(struct folder *f, struct err *e)
{
	auto_strv struct strv config = { 0 };
	auto_strv struct strv provokes = { 0 };
	int rc = read_lines(f, "config", &config, e);
	if (rc == 0)
		rc = read_lines(f, "provokes", &provokes, e);
	for (size_t i = 0; rc == 0 && i < provokes.n; i++)
		json_array_append_new(
			json_object_get(f->stage, "provokes"), json_string(provokes.v[i]));
	for (size_t i = 0; rc == 0 && i < config.n; i++) {
		const char *line = config.v[i];
		size_t n = strcspn(line, "=");
		bool on = line[n] && (line[n + 1] == 'y' || line[n + 1] == 'm');
		if (strncmp(line, "CONFIG_", 7) != 0 || !on)
			continue; /* a comment, one that is to be off, a number */
		auto_free char *what = xasprintf("c:%.*s", (int)n, line);
		auto_free char *text = xasprintf(
			"the kernel has no %s, which %s/config asks for", what + 2, f->name);
		json_array_append_new(json_object_get(f->stage, "needs"),
			json_pack("{s:s, s:b, s:s}", "what", what, "hard", 0, "text", text));
	}
	return rc;
}

static bool is_taken(const json_t *all, const char *name)
{
	size_t i;
	json_t *stage;
	json_array_foreach (all, i, stage)
		if (strcmp(json_str_or(stage, "suite", ""), suite_tap.name) == 0 &&
			strcmp(json_str_or(stage, "name", ""), name) == 0)
			return true;
	return false;
}

static int add_stage(const struct suite_ask *a, const char *dir, json_t *all, struct err *e)
{
	size_t n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/')
		n--;
	auto_free char *path = xstrndup(dir, n);
	auto_free char *name = xstrdup(path_base(path));
	if (!*name || !is_plain(name, "_-"))
		return err_set(e, EINVAL,
			"%s: %s: a folder of tests is named with letters, digits, _ and -",
			a->origin, dir);
	if (is_taken(all, name))
		return err_set(e, EINVAL, "%s: two folders are named %s", a->origin, name);
	auto_json json_t *stage = json_pack("{s:s, s:s, s:[], s:[], s:[], s:[], s:I}", "suite",
		suite_tap.name, "name", name, "tests", "files", "needs", "provokes",
		"test_timeout_us", (json_int_t)(a->test_timeout_us + GRACE_US));
	struct folder f = { a, path, name, stage };
	int rc = add_files(&f, e);
	if (rc == 0)
		rc = add_wishes(&f, e);
	if (rc < 0)
		return rc;
	size_t tests = json_array_size(json_object_get(stage, "tests"));
	json_object_set_new(stage, "timeout_us",
		json_integer((json_int_t)((a->test_timeout_us + GRACE_US) * (tests + 1))));
	return json_array_append(all, stage);
}

static int stages(const struct suite_ask *a, json_t *all, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && a->tests[i]; i++)
		rc = add_stage(a, a->tests[i], all, e);
	return rc;
}

static void fragments(const struct suite_ask *a, struct strv *ret)
{
	for (size_t i = 0; a->tests[i]; i++) {
		auto_free char *config = path_join(a->tests[i], "config");
		if (access(config, F_OK) == 0)
			strv_add(ret, config);
	}
}

/* ---- in a run: one command after the other ---- */

struct tap_run {
	const struct suite_spec *spec;
	const struct suite_handler *h;
	void *ctx;
	struct strv tests; /* the spec's go out as they end */
	size_t at;
	struct tap tap;
};

/* What a test needs to find its folder; input comes from nowhere. */
static const char script[] = "export FSQA_LOGS=\"" LOG_DIR "/$2\"\n"
			     "mkdir -p \"$FSQA_LOGS\" && cd \"" PLACE "/$1\" &&\n"
			     "exec \"./$2\" </dev/null\n";

static void command(void *state, const struct suite_spec *spec, struct strv *argv)
{
	struct tap_run *r = state;
	const char *name = r->tests.v[r->at];
	strv_addl(argv, "/bin/sh", "-c", script, "sh", spec->name, name, NULL);
	r->h->on_test(r->ctx, &(struct suite_test){ .name = name });
}

static uint64_t limit_us(const struct suite_spec *spec)
{
	return spec->test_timeout_us - GRACE_US;
}

static void output(void *state, const void *data, size_t n)
{
	struct tap_run *r = state;
	tap_add(&r->tap, data, n);
}

/* Of one program that ended, from typed facts first. */
static enum verdict judge(struct tap_run *r, const struct suite_result *how, char **ret_why)
{
	char human[CLOCK_HUMAN_SIZE];
	tap_end(&r->tap);
	if (how->timed_out)
		*ret_why = xasprintf("timed out after %s", clock_human(limit_us(r->spec), human));
	else if (how->oom)
		*ret_why = xstrdup("killed: the target was out of memory");
	else if (how->signal)
		*ret_why =
			xasprintf("killed by signal %d (%s)", how->signal, strsignal(how->signal));
	else
		return tap_verdict(&r->tap, how->code, ret_why);
	return VERDICT_FAIL;
}

static void ran(void *state, struct suite_result *how)
{
	struct tap_run *r = state;
	auto_free char *why = NULL;
	struct suite_cause causes[TAP_NAMES_MAX];
	struct suite_test t = { .name = r->tests.v[r->at], .ended = true, .causes = causes };
	if (!how->started || how->stopped)
		return; /* the run says what becomes of it */
	t.verdict = judge(r, how, &why);
	t.reason = why;
	t.said = t.verdict == VERDICT_PASS ? "ok" : "not ok";
	for (; t.n_causes < r->tap.names.n; t.n_causes++)
		causes[t.n_causes] = (struct suite_cause){ "tap", r->tap.names.v[t.n_causes] };
	r->h->on_test(r->ctx, &t);
	tap_clear(&r->tap);
	r->at++;
	how->timed_out = how->oom = false; /* of the test, which has its verdict */
	how->code = how->signal = 0;
	how->completed = r->at == r->tests.n;
}

static bool more(void *state)
{
	const struct tap_run *r = state;
	return r->at < r->tests.n;
}

static void end(void *state, struct suite_result *how)
{
	struct tap_run *r = state;
	tap_clear(&r->tap);
	strv_clear(&r->tests);
	free(r);
}

static const struct task_kind kind = {
	.prepare = "mkdir -p " LOG_DIR,
	.command = command,
	.limit_us = limit_us,
	.output = output,
	.ran = ran,
	.more = more,
	.tidy = "rm -rf " LOG_DIR " " PLACE,
	.end = end,
};

static int run(uv_loop_t *loop, struct session *s, const struct suite_spec *spec,
	const struct suite_handler *h, void *ctx, struct suite_task **ret, struct err *e)
{
	struct tap_run *r = xcalloc(1, sizeof *r);
	*r = (struct tap_run){ .spec = spec, .h = h, .ctx = ctx };
	for (size_t i = 0; spec->tests[i]; i++)
		strv_add(&r->tests, spec->tests[i]);
	return task_start(&suite_tap, &kind, r, s, spec, h, ctx, ret);
}

/* TEST/what-it-left */
static const char *test_of(const char *path, size_t *ret_n)
{
	const char *slash = strchr(path, '/');
	if (!slash)
		return NULL;
	*ret_n = (size_t)(slash - path);
	return path;
}

const struct suite suite_tap = {
	.name = "tap",
	.stages = stages,
	.fragments = fragments,
	.expected_us = GUESS_US,
	.log_dir = LOG_DIR,
	.test_of = test_of,
	.run = run,
	.collect = task_collect,
	.stop = task_stop,
};
