/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/suite_tree.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "build_config.h"
#include "config/config.h"
#include "image/image.h"
#include "image/rootfs.h"
#include "kernel/make_log.h"
#include "kernel/source.h"
#include "run/build_record.h"
#include "run/made_kernel.h"
#include "suite/fstests_tree.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECIPE   1 /* of how we build; another number builds all anew */
#define TELL_US  10000000u
#define LOG_NAME "build.log"
#define LOCK_US  (6 * 3600 * 1000000ull)
#define NO_TREE  "not run: fstests was not built"
/* Exit codes of the script, of which make has none. */
#define LACKS_PROGRAMS 90

static const char *const files[] = { "check", "tests", NULL };
static const struct source_kind source_fstests = {
	.name = "fstests",
	.files = files,
	.built = "*.o\n*.lo\n*.la\n.libs/\n/include/builddefs\n/include/config.h\n",
};

/* What is missing is said by the names of Debian's packages. A tree that failed is not fetched. */
static const char script[] = "cd \"$1\" || exit 91\n"
			     "lacks=\n"
			     "need() { command -v \"$1\" >/dev/null || lacks=\"$lacks $2\"; }\n"
			     "need make make\n"
			     "need cc gcc\n"
			     "if [ -e configure.ac ] && [ ! -e configure ]; then\n"
			     "\tneed autoconf autoconf\n"
			     "\tneed aclocal automake\n"
			     "\tneed libtoolize libtool\n"
			     "fi\n"
			     "fails() { mv \"$1\" \"$1.failed\"; mkdir \"$1\"; exit \"$2\"; }\n"
			     "if [ -n \"$lacks\" ]; then\n"
			     "\techo \"lacks:$lacks\"\n"
			     "\tcd / && fails \"$1\" 90\n"
			     "fi\n"
			     "make -j\"$(nproc)\" </dev/null\n"
			     "code=$?\n"
			     "[ \"$code\" = 0 ] || { cd / && fails \"$1\" \"$code\"; }\n"
			     "exit 0\n";

void suite_tree_free(struct suite_tree *t)
{
	if (!t)
		return;
	free(t->dir);
	free(t->asked);
	json_decref(t->about);
	source_free(t->source);
	close_fd(&t->lock);
	free(t->key);
	close_fd(&t->held);
	image_free(t->folder);
	free(t->image);
	free(t->fstype);
	free(t->error);
	free(t->excerpt);
	if (t->log)
		(void)fclose(t->log); /* only read */
	free(t);
}

static void say(tree_progress *progress, void *ctx, const char *text)
{
	if (progress)
		progress(ctx, text);
}

/* ---- what is named ---- */

/* Its commit, where git knows one, is worth a word, not an error. */
static void describe_folder(struct suite_tree *t)
{
	auto_free char *commit = NULL;
	t->about = json_pack("{s:o}", "source", json_bytes(t->dir, strlen(t->dir)));
	if (fstests_tree_revision(t->dir, &commit, NULL) == 0)
		json_object_set_new(t->about, "commit", json_string(commit));
}

/* The source as files: of one tree there is one folder, complete once `whole` stands in it. Who
 * reads it holds its lock shared, so that gc leaves it. */
static int check_out(struct suite_tree *t, const char *state_dir, struct err *e)
{
	auto_free char *dir = xasprintf("%s/sources/tree-%.16s", state_dir, t->source->tree);
	auto_free char *lock = xasprintf("%s.lock", dir);
	auto_free char *whole = path_join(dir, "whole");
	auto_free char *index = path_join(dir, "index");
	t->dir = path_join(dir, "src");
	for (;;) {
		t->lock = file_lock_shared(lock, e);
		if (t->lock < 0)
			return t->lock;
		(void)futimens(t->lock, NULL); /* when it was used: only a hint */
		if (access(whole, F_OK) == 0)
			return 0;
		close_fd(&t->lock);
		auto_close int alone = file_lock(lock, LOCK_US, e);
		if (alone < 0)
			return alone;
		int rc = 0;
		if (access(whole, F_OK) != 0)
			rc = source_checkout(t->source, NULL, t->dir, index, e);
		if (rc == 0)
			rc = file_replace(whole, "", 0, 0644, e);
		if (rc < 0)
			return rc;
	}
}

static int take_source(struct suite_tree *t, const char *state_dir, tree_progress *progress,
	void *ctx, struct err *e)
{
	int rc = source_get(state_dir, t->asked, &source_fstests, progress, ctx, &t->source, e);
	if (rc == 0)
		rc = check_out(t, state_dir, e);
	if (rc < 0)
		return rc;
	auto_free char *text = source_text(t->source);
	t->about = json_pack("{s:o, s:s*, s:s}", "source", json_bytes(text, strlen(text)), "commit",
		t->source->commit, "tree", t->source->tree);
	return 0;
}

int suite_tree_take(const char *state_dir, const struct config *c, tree_progress *progress,
	void *ctx, struct suite_tree **ret, struct err *e)
{
	struct err why = { 0 };
	struct stat st;
	const char *asked = config_str(c, "fstests.tree");
	const char *origin = asked ? config_origin(c, "fstests.tree") : NULL;
	*ret = NULL;
	if (!asked || !*asked)
		return 0;
	auto_suite_tree struct suite_tree *t = xcalloc(1, sizeof *t);
	t->lock = t->held = -1;
	t->asked = xstrdup(asked);
	if (stat(asked, &st) == 0 && S_ISDIR(st.st_mode) && fstests_tree_is_built(asked)) {
		t->dir = realpath(asked, NULL);
		if (!t->dir)
			return err_sys(e, "%s: %s", origin, asked);
		describe_folder(t);
	} else {
		int rc = take_source(t, state_dir, progress, ctx, &why);
		if (rc == -EIO)
			return err_set(e, rc,
				"%s: %s; name a tree on this host: -c fstests.tree=~/xfstests",
				origin, why.msg);
		if (rc < 0)
			return err_set(e, rc, "%s: %s", origin, why.msg);
	}
	*ret = take(&t);
	return 0;
}

/* ---- building ---- */

/* What is read while it is built. */
struct reader {
	const struct tree_builder *b;
	struct make_log log;
	struct buf lacks;
	uint64_t start_us, told_us;
};

static void on_line(void *ctx, const char *line)
{
	struct reader *r = ctx;
	if (strncmp(line, "lacks: ", 7) == 0 && !r->lacks.len)
		buf_adds(&r->lacks, line + 7);
	/* Ten minutes under TCG: that it goes on is worth a word now and then. */
	uint64_t now = clock_mono_us();
	if (now - r->told_us < TELL_US)
		return;
	unsigned seconds = (unsigned)((now - r->start_us) / 1000000);
	auto_free char *text = xasprintf("fstests: building for %u:%02u: %s", seconds / 60,
		seconds % 60, line + strspn(line, " \t"));
	say(r->b->progress, r->b->ctx, text);
	r->told_us = now;
}

static void on_output(void *ctx, const char *p, size_t n)
{
	struct reader *r = ctx;
	make_log_feed(&r->log, p, n);
}

static int judge(struct suite_tree *t, struct reader *r, int code, struct err *e)
{
	make_log_end(&r->log);
	if (code == 0)
		return 0;
	if (code == LACKS_PROGRAMS)
		t->error = xasprintf("the root image has no %s, which it is built with: "
				     "image.packages = %s",
			buf_str(&r->lacks), buf_str(&r->lacks));
	else if (r->log.killed)
		return err_set(e, ENOMEM,
			"fstests: the guest has not enough memory to build it: "
			"vm.memory");
	else
		t->error = r->log.error ? xstrdup(r->log.error)
					: xasprintf("make ended with exit code %d", code);
	if (r->log.context.len) {
		say(r->b->progress, r->b->ctx, buf_str(&r->log.context));
		t->excerpt = buf_take(&r->log.context);
	}
	return err_set(e, EBADMSG, "%s does not build: %s", t->asked, t->error);
}

/* In `tmp`: its log, and on success the folder `tree`. */
static int build(struct suite_tree *t, const struct tree_builder *b, const char *tmp,
	const char *log_path, struct err *e)
{
	int code = -1;
	uint64_t start = clock_mono_us();
	struct reader r = {
		.b = b,
		.log = { .on_line = on_line, .ctx = &r },
		.start_us = start,
		.told_us = start,
	};
	auto_free char *to = path_join(tmp, "tree");
	FILE *log = fopen(log_path, "w+e");
	if (!log || mkdir(to, 0755) < 0) {
		if (log)
			(void)fclose(log); /* nothing in it */
		return err_sys(e, "make %s", to);
	}
	const struct tree_job job = {
		.from = t->dir,
		.to = to,
		.script = script,
		.log = log,
		.limit_us = b->limit_us,
		.on_output = on_output,
		.ctx = &r,
	};
	say(b->progress, b->ctx, "fstests: building it in a guest");
	int rc = b->guest(b->guest_ctx, &job, &code, e);
	t->took_us = clock_mono_us() - start;
	if (rc == 0)
		rc = judge(t, &r, code, e);
	if (rc == -ETIMEDOUT && e)
		t->error = xstrdup(e->msg);
	if (rc == 0 && !fstests_tree_is_built(to)) {
		t->error = xstrdup("make ended well, and made no ltp/fsstress");
		rc = err_set(e, EBADMSG, "%s: %s", t->asked, t->error);
	}
	rewind(log);
	t->log = log;
	make_log_clear(&r.log);
	buf_clear(&r.lacks);
	return rc;
}

static json_t *manifest_of(const struct suite_tree *t, const struct tree_builder *b)
{
	const char *text = json_str_or(t->about, "source", "");
	return json_pack("{s:s, s:s*, s:s, s:s, s:s, s:s, s:f, s:i, s:s}", "source", text, "commit",
		t->source->commit, "tree", t->source->tree, "image", b->root, "fstype", b->fstype,
		"command", "make", "build_s", (double)t->took_us / 1e6, "recipe", RECIPE, "fsqa",
		FSQA_VERSION);
}

static int make_entry(
	struct suite_tree *t, const struct depot *d, const struct tree_builder *b, struct err *e)
{
	auto_depot_build struct depot_build build_in = DEPOT_BUILD_NONE;
	int rc = rootfs_check(b->fstype, e);
	if (rc == 0)
		rc = depot_begin(d, t->key, &build_in, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	auto_free char *log = path_join(build_in.tmp, LOG_NAME);
	auto_free char *tree = path_join(build_in.tmp, "tree");
	auto_free char *image = xasprintf("%s/tree.%s", build_in.tmp, b->fstype);
	rc = build(t, b, build_in.tmp, log, e);
	if (rc == 0)
		rc = rootfs_make(tree, b->fstype, NULL, image, e);
	if (rc == 0)
		rc = file_remove_tree(tree, e);
	if (rc < 0)
		return rc;
	auto_json json_t *m = manifest_of(t, b);
	return depot_publish(&build_in, m, e);
}

static int load(struct suite_tree *t, const char *dir, struct err *e)
{
	auto_json json_t *m = NULL;
	int rc = depot_hold(dir, t->key, &t->held, e);
	if (rc < 0)
		return rc;
	if (!depot_has(dir, t->key, &m))
		return err_set(e, EIO, "%s/%s does not read: remove it", dir, t->key);
	t->fstype = xstrdup(json_str_or(m, "fstype", "erofs"));
	t->image = xasprintf("%s/%s/tree.%s", dir, t->key, t->fstype);
	return 0;
}

static void set_key(struct suite_tree *t, const struct tree_builder *b)
{
	char hex[HASH_HEX_SIZE];
	struct hash h;
	hash_init(&h);
	hash_add_str(&h, t->source->tree);
	hash_add_str(&h, b->root);
	hash_add_str(&h, b->fstype);
	hash_add_str(&h, script);
	free(t->key); /* of a try that failed */
	t->key = xasprintf("fstests-%.16s_r%d", hash_hex(&h, hex), RECIPE);
	json_object_set_new(t->about, "key", json_string(t->key));
}

/* As it lies: quick, and what changes in it meanwhile is not seen. */
static int make_folder(struct suite_tree *t, const struct tree_builder *b, struct err *e)
{
	int rc = image_folder(b->state_dir, t->dir, b->progress, b->ctx, &t->folder, e);
	if (rc < 0)
		return err_wrap(e, "fstests.tree");
	t->image = xstrdup(t->folder->path);
	t->fstype = xstrdup("erofs");
	return 0;
}

int suite_tree_make(struct suite_tree *t, const struct tree_builder *b, struct err *e)
{
	struct err why = { 0 };
	auto_free char *dir = path_join(b->state_dir, "suites");
	const struct depot d = { dir, b->progress, b->ctx, rootfs_remove };
	if (!t->source)
		return make_folder(t, b, e);
	set_key(t, b);
	depot_sweep(&d);
	t->stored = depot_has(dir, t->key, NULL);
	int rc = t->stored ? 0 : make_entry(t, &d, b, &why);
	if (rc == 0)
		rc = load(t, dir, &why);
	/* A lock that was not had in time judges nothing. */
	t->judged = rc == 0 || rc == -EBADMSG || (rc == -ETIMEDOUT && t->error);
	t->verdict = rc == 0 ? VERDICT_PASS : rc == -ETIMEDOUT ? VERDICT_MISS : VERDICT_ERROR;
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

json_t *suite_tree_share(const struct suite_tree *t)
{
	return t->image ? json_pack("{s:s, s:s, s:s}", "path", t->image, "name", TREE_NAME,
				  "fstype", t->fstype)
			: NULL;
}

int suite_tree_record(
	const struct suite_tree *t, const json_t *plan, const struct build_teller *w, struct err *e)
{
	static const char *const done[] = { BUILD_TEST, SUITE_BUILD_TEST, NULL };
	const struct build_record r = {
		.test = SUITE_BUILD_TEST,
		.verdict = t->verdict,
		.reason = t->error    ? t->error
			  : t->stored ? "from the store"
				      : "",
		.took_us = t->took_us,
		.excerpt = t->excerpt,
		.log = t->log,
	};
	int rc = t->judged ? build_record_put(w, &r, e) : 0;
	return rc < 0 || t->image ? rc : build_record_miss(w, plan, done, NO_TREE, e);
}

/* ---- the store ---- */

int suite_tree_remove(const char *state_dir, const char *key, uint64_t *ret_bytes, struct err *e)
{
	auto_free char *dir = path_join(state_dir, "suites");
	const struct depot d = { .dir = dir, .remove = rootfs_remove };
	return depot_remove(&d, key, ret_bytes, e);
}
