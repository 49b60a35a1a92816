/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/git.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/tools.h"
#include "proc/proc.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define RUN_US       (6 * 3600 * 1000000ull) /* a first fetch on a slow line */
#define OUTPUT_LIMIT (64u << 20)

static void make_env(const struct git *g, struct strv *env)
{
	static const char *const ours[] = { "GIT_*", "LC_ALL", "LANGUAGE", NULL };
	static const char *const kept[] = { "GIT_SSH*", "GIT_CONFIG*", "GIT_SSL*", "GIT_PROXY*",
		"GIT_EXEC_PATH", NULL };
	tools_env(ours, kept, env);
	strv_addl(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", NULL);
	if (g->dir)
		strv_addf(env, "GIT_DIR=%s", g->dir);
	if (g->work)
		strv_addf(env, "GIT_WORK_TREE=%s", g->work);
	if (g->index)
		strv_addf(env, "GIT_INDEX_FILE=%s", g->index);
}

/* What git says is the matter: often more lines follow, of advice. */
static int failure(const struct buf *out, const struct proc_end *end, struct err *e)
{
	static const char *const heads[] = { "fatal: ", "error: ", "ssh: " };
	const char *text = buf_str(out);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < ARRAY_LEN(heads); i++)
			if (strncmp(line, heads[i], strlen(heads[i])) == 0)
				return err_set(e, EIO, "git: %.*s",
					(int)strcspn(line + strlen(heads[i]), "\n"),
					line + strlen(heads[i]));
	}
	auto_free char *how = proc_end_text(end);
	return err_set(e, EIO, "git: %s", how);
}

static int run(const struct git *g, struct buf *out, va_list words, struct err *e)
{
	auto_strv struct strv env = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf text = { 0 };
	struct proc_end end;
	make_env(g, &env);
	strv_addl(&argv, "git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c",
		"advice.detachedHead=false", NULL);
	for (const char *w; (w = va_arg(words, const char *));)
		strv_add(&argv, w);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.env = strv_get(&env),
		.cwd = g->cwd,
		.in = PROC_NULL,
		.err = out ? PROC_PIPE : PROC_OUT,
		.deadline_us = RUN_US,
	};
	int rc = out ? proc_check(&spec, out, OUTPUT_LIMIT, e)
		     : proc_run(&spec, &text, OUTPUT_LIMIT, &end, e);
	if (rc == -ENOENT)
		return tools_missing("git", "git", e);
	if (rc == 0 && !out && (end.how != PROC_EXITED || end.value != 0))
		return failure(&text, &end, e);
	if (rc == 0 && out && out->len && out->s[out->len - 1] == '\n')
		out->s[--out->len] = '\0';
	return rc;
}

int git_run(const struct git *g, struct buf *out, struct err *e, ...)
{
	va_list words;
	va_start(words, e);
	int rc = run(g, out, words, e);
	va_end(words);
	return rc;
}

int git_line(const struct git *g, char **ret, struct err *e, ...)
{
	auto_buf struct buf out = { 0 };
	va_list words;
	va_start(words, e);
	int rc = run(g, &out, words, e);
	va_end(words);
	if (rc == 0)
		*ret = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
	return rc;
}
