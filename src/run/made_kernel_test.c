/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/build_record.h"
#include "run/controller.h"
#include "run/made_kernel.h"
#include "store/store.h"
#include <errno.h>
#include <stdlib.h>

static char state[] = "/tmp/fsqa-made-XXXXXX";

static void on_record(void *ctx, const char *type, const json_t *record)
{
	unsigned *told = ctx;
	(*told)++;
}

/* Of a source, and the story of its build. */
static struct made_kernel made(int rc, bool tried)
{
	struct made_kernel m = { .kernel = rc == 0 ? xcalloc(1, sizeof *m.kernel) : NULL };
	m.story.origin = json_pack("{s:s}", "source", "a tree");
	m.story.tried = tried;
	m.story.stored = !tried;
	if (m.kernel)
		m.kernel->held = -1;
	made_kernel_judge(&m, rc);
	return m;
}

/* What the journal of a run with it says; counts in *result. */
static struct run_info *record(const struct made_kernel *m, struct controller_result *result)
{
	const struct controller_handler h = { .on_record = on_record };
	unsigned told = 0;
	struct run_info *r = NULL;
	auto_json json_t *first = json_pack("{s:s}", "profile", "p");
	auto_json json_t *plan = json_pack("[sss]", "build", "boot", "script.010_x");
	auto_run_writer struct run_writer *w = NULL;
	*result = (struct controller_result){ .status = VERDICT_SKIP };
	assert_int_equal(run_create(state, "p", first, &w, NULL), 0);
	const struct build_teller t = { w, &h, &told, result };
	assert_int_equal(made_kernel_record(m, plan, &t, NULL), 0);
	assert_int_equal(run_read(state, run_writer_id(w), &r, NULL), 0);
	assert_int_equal(told, 2 * r->n_attempts);
	return r;
}

static int add(void *ctx, const void *p, size_t n, struct err *e)
{
	buf_add(ctx, p, n);
	return 0;
}

static void test_a_source_that_does_not_compile_fails_and_nothing_else_ran(void **unused)
{
	struct controller_result result;
	auto_buf struct buf log = { 0 };
	struct made_kernel m = made(-EBADMSG, true);
	m.story.error = xstrdup("x.c:1:2: error: no");
	m.story.excerpt = xstrdup("  CC x.o\nx.c:1:2: error: no\n");
	m.story.took_us = 1500000;
	m.story.log = tmpfile();
	fputs("all of it\n", m.story.log);
	rewind(m.story.log);
	auto_run_info struct run_info *r = record(&m, &result);
	assert_int_equal(r->n_attempts, 3);
	const struct run_attempt *a = &r->attempts[0];
	assert_string_equal(a->test, "build");
	assert_int_equal(a->status, VERDICT_FAIL);
	assert_string_equal(a->reason, "x.c:1:2: error: no");
	assert_int_equal(a->duration_us, 1500000);
	const json_t *lines = json_object_get(a->end, "build_log");
	assert_int_equal(json_array_size(lines), 2);
	assert_string_equal(json_string_value(json_array_get(lines, 1)), "x.c:1:2: error: no");
	assert_int_equal(run_terminal_each(r, a, add, &log, NULL), 0);
	assert_string_equal(buf_str(&log), "all of it\n");
	for (size_t i = 1; i < 3; i++) {
		assert_true(r->attempts[i].ended);
		assert_int_equal(r->attempts[i].status, VERDICT_MISS);
		assert_string_equal(r->attempts[i].reason, "not run: its kernel was not built");
	}
	assert_string_equal(r->attempts[2].stage, "010_x");
	assert_int_equal(result.status, VERDICT_FAIL);
	assert_int_equal(result.counts[VERDICT_FAIL], 1);
	assert_int_equal(result.counts[VERDICT_MISS], 2);
	made_kernel_clear(&m);
}

static void test_a_build_that_was_killed_or_found_no_room_is_a_miss(void **unused)
{
	struct controller_result result;
	struct made_kernel m = made(-ENOMEM, true);
	auto_run_info struct run_info *r = record(&m, &result);
	assert_int_equal(r->attempts[0].status, VERDICT_MISS);
	assert_int_equal(result.status, VERDICT_MISS);
	made_kernel_clear(&m);
	static const int others[] = { -ETIMEDOUT, -EINTR, -ENOSPC, -EDQUOT, -EROFS };
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		m = made(others[i], true);
		assert_true(made_kernel_is_told(&m));
		assert_int_equal(m.verdict, VERDICT_MISS);
		made_kernel_clear(&m);
	}
}

static void test_one_that_is_there_passes_and_the_rest_is_the_workers(void **unused)
{
	struct controller_result result;
	struct made_kernel m = made(0, false);
	auto_run_info struct run_info *r = record(&m, &result);
	assert_int_equal(r->n_attempts, 1);
	assert_int_equal(r->attempts[0].status, VERDICT_PASS);
	assert_string_equal(r->attempts[0].reason, "from the store");
	made_kernel_clear(&m);
	m = made(0, true);
	auto_run_info struct run_info *again = record(&m, &result);
	assert_int_equal(again->attempts[0].status, VERDICT_PASS);
	assert_string_equal(again->attempts[0].reason, "");
	made_kernel_clear(&m);
}

static void test_a_mistake_is_no_verdict(void **unused)
{
	static const int none[] = { -EINVAL, -ENOENT, -EIO };
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct made_kernel m = made(none[i], true);
		assert_false(made_kernel_is_told(&m));
		made_kernel_clear(&m);
	}
	/* Before make: the mirror's lock or its disk, not the build. */
	static const int before[] = { -ETIMEDOUT, -ENOSPC };
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		struct made_kernel m = made(before[i], false);
		assert_false(made_kernel_is_told(&m));
		made_kernel_clear(&m);
	}
}

static void test_a_kernel_of_no_source_has_no_build(void **unused)
{
	struct controller_result result;
	struct made_kernel m = { .kernel = xcalloc(1, sizeof *m.kernel) };
	m.kernel->held = -1;
	made_kernel_judge(&m, 0);
	assert_true(made_kernel_is_told(&m));
	auto_run_info struct run_info *r = record(&m, &result);
	assert_int_equal(r->n_attempts, 0);
	made_kernel_clear(&m);
}

static int make_state(void **unused)
{
	return mkdtemp(state) ? 0 : -1;
}

static int remove_state(void **unused)
{
	return file_remove_tree(state, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_source_that_does_not_compile_fails_and_nothing_else_ran),
		cmocka_unit_test(test_a_build_that_was_killed_or_found_no_room_is_a_miss),
		cmocka_unit_test(test_one_that_is_there_passes_and_the_rest_is_the_workers),
		cmocka_unit_test(test_a_mistake_is_no_verdict),
		cmocka_unit_test(test_a_kernel_of_no_source_has_no_build),
	};
	return cmocka_run_group_tests(tests, make_state, remove_state);
}
