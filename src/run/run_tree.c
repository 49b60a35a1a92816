/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/run_tree.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/profile.h"
#include "run/controller.h"
#include "run/prepare.h"
#include "run/run.h"
#include "run/suite_stages.h"
#include "run/suite_tree.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_LIMIT (4u << 20)

/* Where it is built. */
struct tree_machine {
	const struct prepare_request *request; /* the run's */
	const char *kernel;                    /* as --kernel names it; NULL: the run's */
	tree_progress *progress;
	void *ctx;
};

struct handling {
	const struct tree_machine *machine;
	const struct tree_job *job;
	bool log_failed;
};

static void say(const struct handling *h, const char *what, const char *more)
{
	auto_free char *text = xasprintf("fstests: %s %s", what, more);
	if (h->machine->progress)
		h->machine->progress(h->machine->ctx, text);
}

static void on_record(void *ctx, const char *type, const json_t *record)
{
	if (strcmp(type, "note") == 0)
		say(ctx, "in the guest:", json_str_or(record, "text", ""));
}

static void on_status(void *ctx, const char *phase, const char *what)
{
	if (strcmp(phase, "shell") != 0)
		say(ctx, phase, what);
}

static void on_tty(void *ctx, int which, const void *data, size_t n)
{
	struct handling *h = ctx;
	h->log_failed = fwrite(data, 1, n, h->job->log) != n || h->log_failed;
	h->job->on_output(h->job->ctx, data, n);
}

static const struct controller_handler handler = {
	.on_record = on_record,
	.on_status = on_status,
	.on_tty = on_tty,
};

static int result(
	const struct handling *h, const struct controller_result *r, int *ret_code, struct err *e)
{
	if (r->interrupted)
		return err_set(e, ECANCELED, "stopped while fstests was built");
	if (r->overdue)
		return err_set(e, ETIMEDOUT, "not built within fstests.buildTimeout");
	if (r->error[0])
		return err_set(e, EIO, "building fstests in a guest: %s", r->error);
	if (h->log_failed || fflush(h->job->log) != 0)
		return err_set(e, EIO, "the log of building fstests could not be written");
	*ret_code = r->shell_code;
	return 0;
}

static int run(
	struct prepared *p, const char *state_dir, struct handling *h, int *ret_code, struct err *e)
{
	struct controller_result r;
	auto_free char *folder = NULL;
	auto_close int lock = -1;
	int rc = run_scratch_folder(state_dir, &folder, &lock, e);
	if (rc < 0)
		return rc;
	auto_free char *work = path_join(folder, "work");
	prepare_place(p, work);
	const struct controller_spec spec = {
		.prepared = p,
		.state_dir = state_dir,
		.limit_us = h->job->limit_us,
	};
	rc = controller_run(&spec, &handler, h, &r, e);
	(void)file_remove_tree(folder, NULL); /* else the next one does */
	return rc < 0 ? rc : result(h, &r, ret_code, e);
}

/* A tree_guest. */
static int in_guest(void *ctx, const struct tree_job *job, int *ret_code, struct err *e)
{
	const struct tree_machine *m = ctx;
	struct handling h = { .machine = m, .job = job };
	struct prepared p = { 0 };
	int exit_code;
	const char *const argv[] = { "/bin/sh", "-c", job->script, "sh", TREE_PLACE, NULL };
	const struct prepare_copy put = { job->from, TREE_PLACE };
	const struct prepare_copy fetch = { TREE_PLACE, job->to };
	const struct prepare_request q = {
		.state_dir = m->request->state_dir,
		.profile = m->request->profile,
		.kernel = m->kernel ? m->kernel : m->request->kernel,
		.no_tree = true,
		.shell_argv = argv,
		.shell_cols = 80,
		.shell_rows = 24,
		.put = &put,
		.fetch = &fetch,
		.n_put = 1,
		.n_fetch = 1,
	};
	int rc = prepare(&q, m->progress, m->ctx, &p, &exit_code, e);
	if (rc == 0)
		rc = run(&p, q.state_dir, &h, ret_code, e);
	prepared_clear(&p);
	return rc;
}

/* ---- */

int run_tree_take(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *p, int *ret_exit, struct err *e)
{
	struct err why = { 0 };
	const struct config *c = q->profile->config;
	int rc = q->no_tree ? 0 : suite_tree_take(q->state_dir, c, progress, ctx, &p->tree, &why);
	if (rc == -EIO && q->shell_argv) {
		if (progress)
			progress(ctx, why.msg);
		return 0;
	}
	if (rc < 0) {
		*ret_exit = rc == -EIO ? 3 : 2;
		return err_set(e, rc, "%s", why.msg);
	}
	return q->shell_argv ? 0 : suite_stages(c, p->tree ? p->tree->dir : NULL, &p->listed, e);
}

/* What a tree is built for: another root is another tree. The host's own is as its packages are. */
static char *root_identity(const struct image *i)
{
	struct stat st;
	if (i->key)
		return xstrdup(i->key);
	if (i->stamp)
		return xasprintf("%s %s", i->source, i->stamp);
	if (stat("/var/lib/dpkg/status", &st) < 0)
		st = (struct stat){ 0 };
	return xasprintf("%s %" PRId64, i->source, (int64_t)st.st_mtim.tv_sec);
}

/* Nothing of it would run: said before anything is built or booted. */
static int check_kernel(const struct kernel *k, json_t *stages, struct err *e)
{
	size_t i;
	json_t *need;
	auto_buf struct buf config = { 0 };
	bool known = k->config && file_read(k->config, CONFIG_LIMIT, &config, NULL) == 0;
	suite_stages_kernel(stages, known ? buf_str(&config) : NULL);
	for (size_t s = 0; s < json_array_size(stages); s++) {
		const json_t *stage = json_array_get(stages, s);
		json_array_foreach (json_object_get(stage, "needs"), i, need)
			if (json_bool_or(need, "hard", false) &&
				strncmp(json_str_or(need, "what", ""), "-:", 2) == 0)
				return err_set(e, ENOENT,
					"%s: %s; Debian's kernels have it, "
					"and those that are built for such a profile",
					json_str_or(stage, "suite", ""),
					json_str_or(need, "text", ""));
	}
	return 0;
}

int run_tree_make(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *p, int *ret_exit, struct err *e)
{
	const struct config *c = q->profile->config;
	int rc = check_kernel(p->kernel, p->listed, e);
	if (rc < 0) {
		*ret_exit = 2;
		return rc;
	}
	if (!p->tree)
		return 0;
	auto_free char *root = root_identity(p->image);
	/* A kernel that is to be tested may be the worst one to build with. */
	struct tree_machine machine = {
		.request = q,
		.kernel = p->control ? "debian" : NULL,
		.progress = progress,
		.ctx = ctx,
	};
	const struct tree_builder b = {
		.state_dir = q->state_dir,
		.root = root,
		.fstype = config_str(c, "image.fstype"),
		.limit_us = config_num(c, "fstests.buildTimeout"),
		.guest = in_guest,
		.guest_ctx = &machine,
		.progress = progress,
		.ctx = ctx,
	};
	rc = suite_tree_make(p->tree, &b, e);
	if (rc == 0)
		return json_array_append_new(p->shares, suite_tree_share(p->tree));
	*ret_exit = rc == -ECANCELED ? 130 : rc == -EBADMSG ? 1 : 3;
	return q->shell_argv || !p->tree->judged ? rc : 0;
}
