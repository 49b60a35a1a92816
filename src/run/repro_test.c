/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/repro.h"
#include "store/store_test.h"
#include <errno.h>

/* Takes `fields`, which the run's first record has beside its command. */
static struct run_writer *create(const char *state, const char *command, json_t *fields)
{
	auto_json json_t *first = fields;
	struct run_writer *w = NULL;
	json_object_set_new(first, "command", json_string(command));
	ok(run_create(state, "p", first, &w, e));
	auto_json json_t *plan =
		json_pack("{s:[], s:{s:s}}", "tests", "sections", "s", "[s]\nFSTYP=\"btrfs\"\n");
	ok(run_append(w, "plan", plan, false, e));
	return w;
}

static void add(struct run_writer *w, const char *test, int attempt, const char *status, int call)
{
	test_start(w, test, attempt, "s");
	test_append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:i, s:i}", "test", test, "attempt", attempt, "status",
			status, "duration_us", 1, "stage_attempt", call));
}

static struct run_info *fstests_run(const char *state, const char *command, json_t *first)
{
	struct run_writer *w = create(state, command, first);
	test_start(w, "fstests.s", 1, "s");
	add(w, "fstests.s.generic.001", 1, "PASS", 1);
	add(w, "fstests.s.generic.002", 1, "PASS", 1);
	add(w, "fstests.s.generic.003", 1, "FAIL", 1);
	test_end(w, "fstests.s", 1, "FAIL");
	test_start(w, "boot", 2, "");
	test_end(w, "boot", 2, "PASS");
	test_start(w, "fstests.s", 2, "s");
	add(w, "fstests.s.generic.004", 1, "FAIL", 2);
	test_end(w, "fstests.s", 2, "FAIL");
	auto_free char *id = test_finish(w, "FAIL");
	return test_read(state, id);
}

static char *line_of(const struct repro *p, const char *const *before)
{
	auto_strv struct strv argv = { 0 };
	repro_argv(p, before, &argv);
	return strv_shell(strv_get(&argv));
}

static void test_a_run_is_narrowed_to_one_test_on_its_kernel(void **state)
{
	auto_repro struct repro p = { 0 };
	auto_run_info struct run_info *r = fstests_run(*state,
		"fsqa run '/p/my profile' --kernel a -k b -c 'disk.size=1G' --json --variant plain "
		"-n",
		json_pack("{s:s, s:s, s:{s:s, s:s, s:b}}", "kernel", "6.1.0", "variant", "kasan",
			"kernel_origin", "origin", "/src/linux#v6.1", "commit", "0123456789abcdef",
			"dirty", 0));
	ok(repro_find(r, "generic/003", &p, e));
	assert_int_equal(p.before.n, 2);
	assert_string_equal(p.before.v[1], "generic/002");
	auto_free char *alone = line_of(&p, NULL);
	assert_string_equal(alone,
		"fsqa run '/p/my profile' -c disk.size=1G '--kernel=/src/linux#0123456789abcdef' "
		"--variant=kasan -c run.slots=1 -c fstests.sections= -c fstests.sections=s -c "
		"fstests.groups= -c "
		"fstests.excludeGroups= -c fstests.tests= -c fstests.tests=generic/003");
	auto_free char *behind = line_of(&p, strv_get(&p.before));
	assert_non_null(strstr(behind, "-c 'fstests.tests=generic/001 generic/002 generic/003'"));
	assert_int_equal(p.doubts.n, 0);
}

static void test_what_ran_in_another_machine_was_not_before_it(void **state)
{
	auto_repro struct repro p = { 0 };
	auto_run_info struct run_info *r = fstests_run(
		*state, "fsqa run x --kernel=bzImage", json_pack("{s:s}", "kernel", "6.1.0"));
	ok(repro_find(r, "fstests.s.generic.004", &p, e));
	assert_int_equal(p.before.n, 0);
	auto_free char *alone = line_of(&p, NULL);
	assert_non_null(strstr(alone, "fsqa run x --kernel=bzImage -c "));
	assert_string_equal(p.doubts.v[0], "the kernel is whatever bzImage is now");
}

static void test_what_its_machine_did_before_its_call_of_check_is_before_it(void **state)
{
	auto_repro struct repro p = { 0 };
	struct run_writer *w =
		create(*state, "fsqa run x -k a", json_pack("{s:s}", "kernel", "6.1.0"));
	test_start(w, "boot", 1, "");
	test_end(w, "boot", 1, "PASS");
	test_start(w, "script.002_b", 1, "002_b");
	test_end(w, "script.002_b", 1, "PASS");
	test_start(w, "fstests.s", 1, "s");
	add(w, "fstests.s.generic.001", 1, "PASS", 1);
	add(w, "fstests.s.generic.030", 1, "ERROR", 1); /* it killed check */
	test_end(w, "fstests.s", 1, "ERROR");
	test_start(w, "fstests.s", 2, "s");
	add(w, "fstests.s.generic.031", 1, "PASS", 2);
	test_start(w, "fstests.s.generic.099", 1, "s"); /* never reached, and written down */
	test_end(w, "fstests.s.generic.099", 1, "MISS");
	add(w, "fstests.s.generic.032", 1, "FAIL", 2);
	test_end(w, "fstests.s", 2, "FAIL");
	auto_free char *id = test_finish(w, "FAIL");
	auto_run_info struct run_info *r = test_read(*state, id);
	ok(repro_find(r, "generic/032", &p, e));
	auto_free char *before = strv_join(&p.before, " ");
	assert_string_equal(before, "generic/001 generic/030 generic/031");
	assert_string_equal(p.doubts.v[0], "before it there ran in its machine, too: script.002_b");
}

static void test_a_stage_of_scripts_is_run_as_a_whole(void **state)
{
	auto_repro struct repro p = { 0 };
	struct run_writer *w = create(*state, "fsqa run x --stage 001,002 --keep", json_object());
	test_start(w, "script.002_b", 1, "002_b");
	test_end(w, "script.002_b", 1, "FAIL");
	test_start(w, "script.002_b.sub", 1, "002_b");
	test_end(w, "script.002_b.sub", 1, "FAIL");
	auto_free char *id = test_finish(w, "FAIL");
	auto_run_info struct run_info *r = test_read(*state, id);
	ok(repro_find(r, "script.002_b.sub", &p, e));
	auto_free char *line = line_of(&p, NULL);
	assert_string_equal(line, "fsqa run x --stage=002_b");
}

static void test_a_name_that_is_none_or_two_is_refused(void **state)
{
	struct err why = { 0 };
	struct repro p = { 0 };
	auto_run_info struct run_info *r =
		fstests_run(*state, "fsqa run x", json_pack("{s:s}", "kernel", "6.1.0"));
	assert_int_equal(repro_find(r, "generic/009", &p, &why), -ENOENT);
	assert_non_null(strstr(why.msg, "did you mean "));
	struct run_writer *w = create(*state, "fsqa run x", json_object());
	add(w, "fstests.a.generic.001", 1, "FAIL", 1);
	add(w, "fstests.b.generic.001", 1, "FAIL", 1);
	auto_free char *id = test_finish(w, "FAIL");
	auto_run_info struct run_info *two = test_read(*state, id);
	assert_int_equal(repro_find(two, "generic.001", &p, &why), -ENOTUNIQ);
	assert_non_null(strstr(why.msg, "fstests.a.generic.001 or fstests.b.generic.001"));
	ok(repro_find(two, "b.generic.001", &p, e));
	repro_clear(&p);
	auto_free char *old_id = test_run(*state, "p", "FAIL");
	auto_run_info struct run_info *old = test_read(*state, old_id);
	assert_int_equal(repro_find(old, "script.001_a", &p, &why), -ENODATA);
}

static void test_the_recipe_has_kernel_machine_section_and_order(void **state)
{
	auto_repro struct repro p = { 0 };
	auto_buf struct buf out = { 0 };
	auto_run_info struct run_info *r = fstests_run(*state, "fsqa run x",
		json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:[s]}, s:{s:s, s:s}, s:{s:i, s:I, s:I, "
			  "s:i, s:s}}",
			"kernel", "6.1.0", "kernel_build_id", "abcdef", "kernel_key", "k1",
			"kernel_origin", "origin", "/src/linux#v6.1", "commit", "0123456789abcdef",
			"patches", "fix.patch", "fstests", "source",
			"/src/fstests#for-next v2026.01.05", "commit", "fedcba", "environment",
			"disks", 2, "disk_bytes", (json_int_t)1 << 30, "memory_bytes",
			(json_int_t)1 << 31, "cpus", 2, "arch", "x86_64"));
	ok(repro_find(r, "generic/003", &p, e));
	repro_plain(&p, strv_get(&p.before), &out);
	static const char *const parts[] = { "build id abcdef\n",
		"git clone /src/linux linux && git -C linux checkout 0123456789abcdef\n",
		"git -C linux am fix.patch\n", "bzImage modules\n",
		"qemu-system-x86_64 -m 2048M -smp 2 ", "disk2.img,format=raw,if=virtio\n",
		"git clone /src/fstests fstests && cd fstests && git checkout fedcba && make\n",
		"cat >local.config <<'END'\n[s]\nFSTYP=\"btrfs\"\nEND\n",
		"./check -s s generic/001 generic/002 generic/003\n" };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!strstr(out.s, parts[i]))
			fail_msg("not in it: %s\n%s", parts[i], out.s);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		WITH(test_a_run_is_narrowed_to_one_test_on_its_kernel),
		WITH(test_what_ran_in_another_machine_was_not_before_it),
		WITH(test_what_its_machine_did_before_its_call_of_check_is_before_it),
		WITH(test_a_stage_of_scripts_is_run_as_a_whole),
		WITH(test_a_name_that_is_none_or_two_is_refused),
		WITH(test_the_recipe_has_kernel_machine_section_and_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
