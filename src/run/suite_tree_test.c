/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees that really compile something; in place of a guest there is a folder of the host's. */
#include "base/buf.h"
#include "base/depot.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "config/config.h"
#include "proc/proc.h"
#include "run/build_record.h"
#include "run/controller.h"
#include "run/suite_tree.h"
#include "store/store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/fsqa-tree-XXXXXX";
static unsigned builds;        /* that went on in a "guest" */
static const char *guest_path; /* its PATH; NULL: ours */
static int guest_fails;        /* with this, before anything runs */

static char *at(const char *name)
{
	return path_join(dir, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	auto_free char *path = at(name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
}

static void run_program(const char *const *argv)
{
	const struct proc_spec spec = {
		.argv = argv, .in = PROC_NULL, .out = PROC_PIPE, .deadline_us = 60000000
	};
	struct err e = { 0 };
	if (proc_check(&spec, NULL, 0, &e) < 0)
		fail_msg("%s", e.msg);
}
#define RUN(...) run_program((const char *const[]){ __VA_ARGS__, NULL })

/* As a machine would: the folder goes in, the script runs there, its output comes, and the folder
 * comes out again. */
static int guest(void *ctx, const struct tree_job *job, int *ret_code, struct err *e)
{
	auto_buf struct buf out = { 0 };
	auto_free char *place = at("guest/fstests");
	auto_free char *parent = at("guest");
	auto_free char *from = xasprintf("%s/.", job->from);
	auto_free char *path = xasprintf("PATH=%s", guest_path ? guest_path : getenv("PATH"));
	const char *const argv[] = { "env", path, "/bin/sh", "-c", job->script, "sh", place, NULL };
	const struct proc_spec spec = { .argv = argv,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.deadline_us = 60000000 };
	struct proc_end end;
	builds++;
	if (guest_fails)
		return err_set(e, guest_fails, "the guest failed");
	assert_int_equal(file_remove_tree(parent, NULL), 0);
	assert_int_equal(file_mkdirs(place, 0755, NULL), 0);
	RUN("cp", "-a", from, place);
	assert_int_equal(proc_run(&spec, &out, 1 << 20, &end, NULL), 0);
	fwrite(buf_str(&out), 1, out.len, job->log);
	job->on_output(job->ctx, buf_str(&out), out.len);
	auto_free char *built = xasprintf("%s/.", place);
	RUN("cp", "-a", built, job->to);
	*ret_code = end.value;
	return 0;
}

/* A tree in small, whose make compiles `program`. */
static void put_tree(const char *name, const char *program)
{
	static const char makefile[] = "ltp/fsstress: ltp/fsstress.c\n"
				       "\t$(CC) -Wall -Werror -o $@ $<\n";
	auto_free char *make = path_join(name, "Makefile");
	auto_free char *source = path_join(name, "ltp/fsstress.c");
	auto_free char *check = path_join(name, "check");
	auto_free char *test = path_join(name, "tests/generic/001");
	put(make, makefile, 0644);
	put(source, program, 0644);
	put(check, "SRC_GROUPS=\"generic\"\n", 0755);
	put(test, "#!/bin/sh\n_begin_fstest auto quick\n", 0755);
}

static int take_tree(const char *tree, struct suite_tree **ret, struct err *e)
{
	struct config *c = NULL;
	auto_free char *state = at("state");
	auto_free char *setting = xasprintf("fstests.tree=%s", tree);
	const char *const overrides[] = { setting, NULL };
	assert_int_equal(config_load(NULL, overrides, &c, NULL), 0);
	int rc = suite_tree_take(state, c, NULL, NULL, ret, e);
	config_free(c);
	return rc;
}

static struct suite_tree *taken(const char *name)
{
	struct err e = { 0 };
	struct suite_tree *t = NULL;
	auto_free char *path = at(name);
	if (take_tree(path, &t, &e) < 0)
		fail_msg("%s", e.msg);
	return t;
}

static int make_for(struct suite_tree *t, const char *root, struct err *e)
{
	auto_free char *state = at("state");
	const struct tree_builder b = {
		.state_dir = state,
		.root = root,
		.fstype = "erofs",
		.limit_us = 1000000,
		.guest = guest,
	};
	return suite_tree_make(t, &b, e);
}

static void test_a_tree_is_built_once_for_each_root_and_content(void **unused)
{
	builds = 0;
	put_tree("once", "int main(void) { return 0; }\n");
	auto_suite_tree struct suite_tree *a = taken("once");
	assert_null(suite_tree_share(a));
	assert_int_equal(make_for(a, "root one", NULL), 0);
	assert_true(a->judged && a->verdict == VERDICT_PASS && !a->stored);
	assert_int_equal(access(a->image, R_OK), 0);
	auto_suite_tree struct suite_tree *again = taken("once");
	assert_int_equal(make_for(again, "root one", NULL), 0);
	assert_true(again->stored);
	assert_string_equal(again->image, a->image);
	assert_int_equal(builds, 1);

	auto_suite_tree struct suite_tree *other_root = taken("once");
	assert_int_equal(make_for(other_root, "root two", NULL), 0);
	assert_int_equal(builds, 2);
	put("once/ltp/fsstress.c", "int main(void) { return 1; }\n", 0644);
	auto_suite_tree struct suite_tree *changed = taken("once");
	assert_int_equal(make_for(changed, "root one", NULL), 0);
	assert_int_equal(builds, 3);
	assert_string_not_equal(changed->key, a->key);
	auto_json json_t *share = suite_tree_share(changed);
	assert_string_equal(json_str_or(share, "name", ""), "fstests");
	assert_string_equal(json_str_or(share, "fstype", ""), "erofs");
	/* Nothing was written to the user's own. */
	auto_free char *program = at("once/ltp/fsstress");
	assert_int_equal(access(program, F_OK), -1);
}

static void test_a_revision_of_a_repository_is_built_whatever_is_checked_out(void **unused)
{
	put_tree("repo", "int main(void) { return 0; }\n");
	auto_free char *repo = at("repo");
	RUN("git", "init", "-q", repo);
	RUN("git", "-C", repo, "add", "-A");
	RUN("git", "-C", repo, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "one");
	put("repo/tests/generic/002", "#!/bin/sh\n_begin_fstest auto\n", 0755);
	auto_suite_tree struct suite_tree *dirty = taken("repo");
	auto_suite_tree struct suite_tree *commit = taken("repo#HEAD");
	auto_free char *seen = path_join(dirty->dir, "tests/generic/002");
	auto_free char *not_seen = path_join(commit->dir, "tests/generic/002");
	assert_int_equal(access(seen, F_OK), 0);
	assert_int_equal(access(not_seen, F_OK), -1);
	assert_non_null(strstr(json_str_or(dirty->about, "source", ""), "with changes"));
	assert_int_equal(strlen(json_str_or(commit->about, "commit", "")), 40);
	auto_free char *url = xasprintf("file://%s#HEAD", repo);
	auto_suite_tree struct suite_tree *fetched = NULL;
	assert_int_equal(take_tree(url, &fetched, NULL), 0);
	assert_string_equal(fetched->dir, commit->dir);
}

static void test_a_tree_that_is_built_is_used_as_it_lies(void **unused)
{
	builds = 0;
	put_tree("built", "int main(void) { return 0; }\n");
	put("built/ltp/fsstress", "#!/bin/sh\n", 0755);
	auto_suite_tree struct suite_tree *t = taken("built");
	auto_free char *path = at("built");
	assert_string_equal(t->dir, path);
	assert_int_equal(make_for(t, "root", NULL), 0);
	assert_false(t->judged);
	assert_int_equal(access(t->image, R_OK), 0);
	assert_int_equal(builds, 0);
}

static void on_record(void *ctx, const char *type, const json_t *record)
{
}

static void test_one_that_does_not_build_is_an_error_with_its_first_error_and_log(void **unused)
{
	struct err e = { 0 };
	put_tree("broken", "int main(void)\n{\n\treturn nothing;\n}\n");
	auto_suite_tree struct suite_tree *t = taken("broken");
	assert_int_equal(make_for(t, "root", &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "does not build: ltp/fsstress.c:3:"));
	assert_true(t->judged && t->verdict == VERDICT_ERROR && !t->image);
	assert_non_null(strstr(t->excerpt, "return nothing;"));
	auto_free char *state = at("state");
	auto_free char *store = at("state/suites");
	auto_free char *entry = path_join(store, t->key);
	assert_int_equal(access(entry, F_OK), -1);

	const struct controller_handler h = { .on_record = on_record };
	struct controller_result result = { .status = VERDICT_SKIP };
	auto_json json_t *first = json_pack("{s:s}", "profile", "p");
	auto_json json_t *plan = json_pack(
		"[ssss]", "build", SUITE_BUILD_TEST, "boot", "fstests.default.generic.001");
	auto_run_writer struct run_writer *w = NULL;
	auto_run_info struct run_info *r = NULL;
	assert_int_equal(run_create(state, "p", first, &w, NULL), 0);
	const struct build_teller teller = { w, &h, NULL, &result };
	assert_int_equal(suite_tree_record(t, plan, &teller, NULL), 0);
	assert_int_equal(run_read(state, run_writer_id(w), &r, NULL), 0);
	assert_int_equal(r->n_attempts, 3); /* the kernel's build is told before */
	assert_string_equal(r->attempts[0].test, SUITE_BUILD_TEST);
	assert_int_equal(r->attempts[0].status, VERDICT_ERROR);
	assert_int_equal(r->n_artifacts, 1);
	assert_string_equal(r->artifacts[0].test, SUITE_BUILD_TEST);
	assert_int_equal(r->attempts[2].status, VERDICT_MISS);
	assert_int_equal(result.status, VERDICT_ERROR);
}

static void test_programs_that_the_root_lacks_are_named_by_their_packages(void **unused)
{
	struct err e = { 0 };
	auto_free char *bin = at("bin");
	assert_int_equal(file_mkdirs(bin, 0755, NULL), 0);
	RUN("ln", "-s", "/bin/mv", "/bin/mkdir", bin);
	put_tree("lacking", "int main(void) { return 0; }\n");
	put("lacking/configure.ac", "AC_INIT\n", 0644);
	auto_suite_tree struct suite_tree *t = taken("lacking");
	guest_path = bin;
	assert_int_equal(make_for(t, "root", &e), -EBADMSG);
	guest_path = NULL;
	assert_non_null(strstr(e.msg, "image.packages = make gcc autoconf automake libtool"));
}

static void test_a_guest_that_fails_is_not_held_against_the_tree(void **unused)
{
	struct err e = { 0 };
	put_tree("unlucky", "int main(void) { return 0; }\n");
	auto_suite_tree struct suite_tree *t = taken("unlucky");
	guest_fails = EIO;
	assert_int_equal(make_for(t, "root", &e), -EIO);
	assert_false(t->judged);
	guest_fails = ETIMEDOUT;
	assert_int_equal(make_for(t, "root", &e), -ETIMEDOUT);
	assert_true(t->judged && t->verdict == VERDICT_MISS);
	guest_fails = 0;
	assert_int_equal(make_for(t, "root", &e), 0);
	assert_true(t->verdict == VERDICT_PASS);
}

static void refused(const char *tree, int code, const char *said)
{
	struct err e = { 0 };
	struct suite_tree *t = NULL;
	assert_int_equal(take_tree(tree, &t, &e), code);
	assert_null(t);
	if (!strstr(e.msg, said))
		fail_msg("%s: not in: %s", said, e.msg);
}

static void test_what_is_no_tree_or_out_of_reach_is_said_with_what_to_do(void **unused)
{
	auto_free char *absent = at("absent");
	auto_free char *url = xasprintf("file://%s", absent);
	put("other/Makefile", "all:\n", 0644);
	auto_free char *other = at("other");
	auto_free char *text = at("other/Makefile");
	refused(absent, -ENOENT, "-c: fstests source");
	refused(other, -EINVAL, "no fstests tree: it has no check");
	refused(text, -EINVAL, "Makefile");
	refused(url, -EIO, "cannot reach file://");
	refused(url, -EIO, "-c fstests.tree=~/xfstests");
}

static void test_an_entry_in_use_stays_and_another_goes(void **unused)
{
	uint64_t bytes = 0;
	auto_free char *state = at("state");
	put_tree("kept", "int main(void) { return 7; }\n");
	struct suite_tree *t = taken("kept");
	assert_int_equal(make_for(t, "root", NULL), 0);
	auto_free char *key = xstrdup(t->key);
	auto_free char *suites = path_join(state, "suites");
	auto_json json_t *all = depot_list(suites);
	assert_true(json_array_size(all) > 0);
	assert_int_equal(suite_tree_remove(state, key, &bytes, NULL), -EBUSY);
	suite_tree_free(t);
	assert_int_equal(suite_tree_remove(state, key, &bytes, NULL), 0);
	assert_true(bytes > 4096);
	assert_int_equal(suite_tree_remove(state, key, &bytes, NULL), -ENOENT);
}

static int set_up(void **unused)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **unused)
{
	return file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tree_is_built_once_for_each_root_and_content),
		cmocka_unit_test(test_a_revision_of_a_repository_is_built_whatever_is_checked_out),
		cmocka_unit_test(test_a_tree_that_is_built_is_used_as_it_lies),
		cmocka_unit_test(
			test_one_that_does_not_build_is_an_error_with_its_first_error_and_log),
		cmocka_unit_test(test_programs_that_the_root_lacks_are_named_by_their_packages),
		cmocka_unit_test(test_a_guest_that_fails_is_not_held_against_the_tree),
		cmocka_unit_test(test_what_is_no_tree_or_out_of_reach_is_said_with_what_to_do),
		cmocka_unit_test(test_an_entry_in_use_stays_and_another_goes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
