/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/make.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/arch_names.h"
#include "kernel/tools.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_BYTES  (700ull << 20) /* of memory, for a compiler and the linker's share */
#define TELL_US    (10ull * 1000 * 1000)
#define VERSION_US (60ull * 1000 * 1000)
#define HELD_AS    60 /* above what scripts name */

static uint64_t available_bytes(void)
{
	auto_buf struct buf b = { 0 };
	if (file_read("/proc/meminfo", 1 << 16, &b, NULL) < 0)
		return UINT64_MAX;
	const char *at = strstr(buf_str(&b), "MemAvailable:");
	return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) << 10 : UINT64_MAX;
}

unsigned make_jobs(uint64_t wanted)
{
	cpu_set_t set;
	uint64_t cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	uint64_t n = wanted ? wanted : cpus;
	uint64_t fit = available_bytes() / JOB_BYTES;
	n = n < fit ? n : fit;
	return n < 1 ? 1 : n > 1024 ? 1024 : (unsigned)n;
}

static int first_line(const char *program, const char *package, char **ret, struct err *e)
{
	const char *argv[] = { program, "--version", NULL };
	const struct proc_spec spec = {
		.argv = argv, .in = PROC_NULL, .err = PROC_PIPE, .deadline_us = VERSION_US
	};
	auto_buf struct buf out = { 0 };
	int rc = proc_check(&spec, &out, 1 << 16, e);
	if (rc == -ENOENT)
		return tools_missing(program, package, e);
	if (rc == 0)
		*ret = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
	return rc;
}

int make_toolchain(const struct kernel_recipe *r, const struct kernel_arch *arch,
	char **ret_compiler, char **ret_linker, struct err *e)
{
	const char *cross = arch_cross(arch);
	auto_free char *gcc = xasprintf("%sgcc", cross);
	auto_free char *ld = xasprintf("%sld", cross);
	auto_free char *package =
		*cross ? xasprintf("gcc-%.*s", (int)strlen(cross) - 1, cross) : xstrdup("gcc");
	auto_free char *compiler = NULL;
	int rc = first_line(r->llvm ? "clang" : gcc, r->llvm ? "clang" : package, &compiler, e);
	if (rc == 0)
		rc = first_line(
			r->llvm ? "ld.lld" : ld, r->llvm ? "lld" : "binutils", ret_linker, e);
	if (rc == 0)
		*ret_compiler = take(&compiler);
	return rc;
}

void make_variables(const struct make *m, struct strv *words)
{
	const struct kernel_recipe *r = m->recipe;
	const char *cache = tools_have("ccache") ? "ccache " : "";
	const char *cross = arch_cross(m->arch);
	strv_addf(words, "ARCH=%s", arch_names(m->arch)->make);
	if (*cross)
		strv_addf(words, "CROSS_COMPILE=%s", cross);
	if (r->llvm)
		strv_add(words, "LLVM=1");
	strv_addf(words, "CC=%s%s%s", cache, r->llvm ? "" : cross, r->llvm ? "clang" : "gcc");
	/* Set and empty: no "+" for a tree that git calls changed. */
	strv_add(words, "LOCALVERSION=");
}

static void make_env(const struct make *m, struct strv *env)
{
	static const char *const drop[] = { "MAKE*", "MFLAGS", "GNUMAKEFLAGS", "KBUILD_*",
		"KCONFIG_*", "KCFLAGS", "KAFLAGS", "KCPPFLAGS", "KRUSTFLAGS", "ARCH",
		"CROSS_COMPILE", "LLVM*", "LOCALVERSION", "INSTALL_*", "O", "V", "W", "C", "CC",
		"LD", "HOSTC*", "HOSTLD*", "CFLAGS", "GIT_*", "LC_ALL", "LANGUAGE",
		"CCACHE_BASEDIR", "CCACHE_NOHASHDIR", NULL };
	char date[CLOCK_ISO_SIZE];
	tools_env(drop, NULL, env);
	strv_addl(env, "LC_ALL=C", "KBUILD_BUILD_USER=fsqa", "KBUILD_BUILD_HOST=fsqa",
		"KBUILD_BUILD_VERSION=1", "CCACHE_NOHASHDIR=1", NULL);
	strv_addf(env, "KBUILD_BUILD_TIMESTAMP=%s", clock_iso(m->date_s * 1000000, date));
	strv_addf(env, "CCACHE_BASEDIR=%s", m->cache);
}

/* ---- one run ---- */

struct run {
	const struct make *m;
	struct proc *proc;
	struct make_log *l;
	uv_timer_t timer;
	int log;
	int log_error;
	uint64_t started_us, heard_us, told_us;
	bool silent;
	struct proc_end end;
};

static void on_output(void *ctx, int which, const void *data, size_t n)
{
	struct run *r = ctx;
	r->heard_us = clock_mono_us();
	make_log_feed(r->l, data, n);
	/* A build whose log cannot be written goes on; it is told at the end. */
	if (!r->log_error)
		r->log_error = fd_write_all(r->log, data, n, NULL);
}

static void tell(struct run *r)
{
	auto_free char *text = NULL;
	if (!r->m->progress || r->l->steps == 0)
		return;
	if (r->m->expected >= r->l->steps)
		text = xasprintf("building: %u of about %u steps", r->l->steps, r->m->expected);
	else
		text = xasprintf("building: %u steps", r->l->steps);
	r->m->progress(r->m->ctx, text);
}

static void on_timer(uv_timer_t *t)
{
	struct run *r = t->data;
	uint64_t now = clock_mono_us();
	uint64_t limit = r->m->recipe->silence_us;
	if (limit && now - r->heard_us > limit && !r->silent) {
		r->silent = true;
		proc_stop(r->proc);
	}
	if (now - r->told_us >= TELL_US) {
		r->told_us = now;
		tell(r);
	}
}

static void on_end(void *ctx, const struct proc_end *end)
{
	struct run *r = ctx;
	r->end = *end;
	proc_free(take(&r->proc));
	uv_close((uv_handle_t *)&r->timer, NULL);
}

static int run_loop(struct run *r, const struct proc_spec *spec, struct err *e)
{
	uv_loop_t loop;
	int rc = uv_loop_init(&loop);
	if (rc < 0)
		return err_code(e, rc, "event loop for make");
	(void)uv_timer_init(&loop, &r->timer); /* cannot fail */
	r->timer.data = r;
	r->started_us = r->heard_us = r->told_us = clock_mono_us();
	rc = proc_spawn(&loop, spec, &r->proc, e);
	if (rc == 0)
		(void)uv_timer_start(&r->timer, on_timer, 250, 250);
	else
		uv_close((uv_handle_t *)&r->timer, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop); /* nothing is left in it */
	return rc == -ENOENT ? tools_missing("make", "make", e) : rc;
}

/* What the host lacks is not the source's fault. 0: nothing that we know. */
static int find_lack(const struct make_log *l, struct err *e)
{
	static const struct {
		const char *text, *program, *package;
	} lacks[] = {
		{ " flex: not found", "flex", "flex" },
		{ " bison: not found", "bison", "bison" },
		{ " bc: not found", "bc", "bc" },
		{ " cpio: not found", "cpio", "cpio" },
		{ " perl: not found", "perl", "perl" },
		{ " pahole: not found", "pahole", "pahole" },
		{ "flex: No such file", "flex", "flex" },
		{ "bison: No such file", "bison", "bison" },
		{ "fatal error: gelf.h", "libelf", "libelf-dev" },
		{ "fatal error: libelf.h", "libelf", "libelf-dev" },
		{ "fatal error: openssl/", "OpenSSL's header", "libssl-dev" },
	};
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++)
		if (strstr(buf_str(&l->context), lacks[i].text))
			return tools_missing(lacks[i].program, lacks[i].package, e);
	return 0;
}

static int judge(const struct run *r, const char *target, struct err *e)
{
	char took[CLOCK_HUMAN_SIZE];
	const struct make_log *l = r->l;
	if (r->silent)
		return err_set(e, ETIMEDOUT,
			"make %s hung: it said nothing for %s (kernel.buildSilence)", target,
			clock_human(r->m->recipe->silence_us, took));
	if (r->end.timed_out)
		return err_set(e, ETIMEDOUT, "make %s was killed after %s (kernel.buildTimeout)",
			target, clock_human(r->end.duration_us, took));
	if (r->end.how == PROC_EXITED && r->end.value == 0)
		return r->log_error ? err_code(e, r->log_error, "write %s", r->m->log) : 0;
	if (l->killed || (r->end.how == PROC_SIGNALED && r->end.value == 9))
		return err_set(e, ENOMEM,
			"make %s: the kernel killed a part of it, for there was no memory: set "
			"kernel.jobs lower",
			target);
	/* Not of the source, even where a compiler found a mistake: in what was written by half. */
	if (l->host)
		return err_set(e, l->host_code, "make %s: %s%s", target, l->host,
			l->host_code == -ENOMEM ? ": set kernel.jobs lower" : "");
	if (r->end.how == PROC_SIGNALED)
		return err_set(e, EINTR, "make %s was killed by somebody: signal %d", target,
			r->end.value);
	int rc = find_lack(l, e);
	if (rc < 0)
		return rc;
	auto_free char *how = proc_end_text(&r->end);
	return err_set(e, EBADMSG, "%s", l->error ? l->error : how);
}

int make_run(const struct make *m, const char *const *targets, struct make_log *l, struct err *e)
{
	auto_strv struct strv env = { 0 };
	auto_strv struct strv argv = { 0 };
	struct run r = { .m = m, .l = l };
	auto_close int log = open(m->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0)
		return err_sys(e, "%s", m->log);
	make_env(m, &env);
	strv_addl(&argv, "make", "-C", m->source, "--no-print-directory", "-Otarget", NULL);
	strv_addf(&argv, "O=%s", m->objects);
	strv_addf(&argv, "-j%u", make_jobs(m->recipe->jobs));
	make_variables(m, &argv);
	for (const char *const *t = targets; *t; t++)
		strv_add(&argv, *t);
	auto_free char *line = strv_shell(strv_get(&argv));
	auto_free char *head = xasprintf("%s\n", line);
	r.log = log;
	r.log_error = fd_write_all(log, head, strlen(head), NULL);
	const struct proc_spec spec = {
		.argv = strv_get(&argv),
		.env = strv_get(&env),
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.fds = &(struct proc_fd){ m->held, HELD_AS },
		.n_fds = 1,
		.deadline_us = m->recipe->timeout_us,
		.on_output = on_output,
		.on_end = on_end,
		.ctx = &r,
	};
	int rc = run_loop(&r, &spec, e);
	make_log_end(l);
	/* By TERM, too, make waits for those below it, and removes what they were at. */
	l->ended = rc == 0 && (r.end.how == PROC_EXITED || r.end.value == SIGTERM);
	return rc < 0 ? rc : judge(&r, *targets, e);
}
