/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strv.h"
#include "config/config.h"
#include "config/fixture.h"
#include "config/profile.h"
#include <errno.h>
#include <stdbool.h>

#define MINUTE UINT64_C(60000000)

static void script(const char *name)
{
	write_mode(name, "#!/bin/sh\n", 0755);
}

/* A profile "p" of three stages with time for each. */
static void write_p(const char *conf)
{
	script("p/scripts/001_kernel");
	script("p/scripts/002_progs");
	script("p/scripts/004_raid5");
	write_file("p/config/timeout.json",
		"{\n\"001_kernel\" : \"10\",\n\"002_progs\" : 20,\n\"004_raid5\": \"30\"\n}\n");
	write_file("p/fsqa.conf", conf);
}

static struct profile *load(const char *name)
{
	struct err e = { 0 };
	struct profile *p = NULL;
	if (profile_load(name, NULL, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void assert_refused(const char *name, int code, const char *want)
{
	struct err e = { 0 };
	struct profile *p = NULL;
	int rc = profile_load(name, NULL, &p, &e);
	assert_null(p);
	assert_text(e.msg, want);
	assert_int_equal(rc, code);
}

static void assert_stages(const struct profile *p, const char *want)
{
	auto_buf struct buf got = { 0 };
	for (size_t i = 0; i < p->n_stages; i++)
		buf_addf(&got, "%s%s", i ? " " : "", p->stages[i].name);
	assert_string_equal(buf_str(&got), want);
}

static void assert_list(const struct strv *v, const char *want)
{
	auto_buf struct buf got = { 0 };
	for (size_t i = 0; i < v->n; i++)
		buf_addf(&got, "%s%s", i ? "\n" : "", v->v[i]);
	assert_text(buf_str(&got), want);
}

/* ---- BTRFSQA's own folders ---- */

static void write_btrfsqa(void)
{
	write_file("checkout/setup/config/timeout.json",
		"{\n\"001_btrfsdevel\" : \"120\",\n\"004_raid5_scrub\" : \"30\"\n}\n\n");
	write_file("checkout/setup/config/aws_auth.json", "{\"secret\": \"S\"}");
	write_file("checkout/setup/config/ec2.json", "{}");
	write_file("checkout/setup/config/github.json", "{}");
	write_file("checkout/setup/config/netrc", "password S");
	write_file("checkout/setup/config/bashrc", "export LC_COLLATE=C\n");
	write_file("checkout/setup/config/local.config", "export TEST_DEV=/dev/xvdb\n");
	write_file("checkout/setup/config/kernel.config", "CONFIG_BTRFS_FS=m\n");
	script("checkout/setup/scripts/001_btrfsdevel");
	script("checkout/setup/scripts/004_raid5_scrub");
}

static void test_a_btrfsqa_checkout_is_a_profile_as_it_is(void **unused)
{
	write_btrfsqa();
	auto_free char *setup = path_join(dir, "checkout/setup");
	const char *const names[] = { "checkout", setup };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct profile *p = load(names[i]);
		assert_string_equal(p->dir, setup);
		assert_stages(p, "001_btrfsdevel 004_raid5_scrub");
		assert_int_equal(p->stages[0].timeout_us, 120 * MINUTE);
		assert_int_equal(p->stages[1].timeout_us, 30 * MINUTE);
		assert_text(p->stages[1].path, "checkout/setup/scripts/004_raid5_scrub");
		assert_int_equal(p->warnings.n, 0);
		profile_free(p);
	}
}

static void test_credentials_are_not_among_the_files_for_the_target(void **unused)
{
	write_btrfsqa();
	write_file("checkout/setup/config/key.PEM", "S");
	write_file("checkout/setup/config/.netrc", "S");
	write_file("checkout/setup/config/id_rsa", "S");
	write_file("checkout/setup/config/sub/inner", "a folder is not copied");
	struct profile *p = load("checkout");
	assert_list(&p->files, "checkout/setup/config/bashrc\n"
			       "checkout/setup/config/kernel.config\n"
			       "checkout/setup/config/local.config\n"
			       "checkout/setup/config/timeout.json");
	profile_free(p);
}

static void link_to(const char *target, const char *name)
{
	auto_free char *path = path_join(dir, name);
	assert_int_equal(symlink(target, path), 0);
}

static void test_a_link_does_not_carry_our_own_files_into_the_target(void **unused)
{
	write_p("");
	write_file("private", "S");
	write_file("p/config/netrc", "S");
	write_file("p/shared.config", "x");
	link_to("../../private", "p/config/notes");
	link_to("netrc", "p/config/harmless");
	link_to("../shared.config", "p/config/local.config");
	struct profile *p = load("p");
	assert_list(&p->files, "p/config/local.config\np/config/timeout.json");
	assert_list(&p->warnings, "p/config/notes leads out of the profile: left out");
	profile_free(p);
	link_to("nowhere", "p/config/dangling");
	assert_refused("p", -ENOENT, "p/config/dangling: No such file or directory");
}

static void test_a_fork_replaces_single_files_of_what_it_includes(void **unused)
{
	write_p("[profile]\n\tscripts = scripts\n\tconfig = config\n");
	write_file("p/config/lib.sh", "");
	write_file("p/config/local.config", "of p");
	write_file("fork/fsqa.conf", "[include]\n\tpath = ../p/fsqa.conf\n");
	struct profile *p = load("fork");
	assert_list(&p->files, "p/config/lib.sh\np/config/local.config\np/config/timeout.json");
	profile_free(p);
	write_file("fork/config/local.config", "of the fork");
	write_file("fork/config/more", "");
	p = load("fork");
	assert_list(&p->files, "p/config/lib.sh\nfork/config/local.config\n"
			       "p/config/timeout.json\nfork/config/more");
	assert_int_equal(p->stages[0].timeout_us, 10 * MINUTE);
	profile_free(p);
	write_file("fork/fsqa.conf", "[include]\n\tpath = ../p/fsqa.conf\n"
				     "[profile]\n\tconfig = config\n");
	write_file("second/fsqa.conf", "[include]\n\tpath = ../fork/fsqa.conf\n");
	write_file("second/config/more", "of the second");
	p = load("second");
	assert_list(&p->files, "p/config/lib.sh\nfork/config/local.config\n"
			       "p/config/timeout.json\nsecond/config/more");
	profile_free(p);
	write_file("fork/config/timeout.json", "{\"001_kernel\" : \"7\"}");
	p = load("fork");
	assert_int_equal(p->stages[0].timeout_us, 7 * MINUTE);
	profile_free(p);
}

/* ---- names ---- */

static void test_a_profile_is_found_by_name_and_by_path(void **unused)
{
	script("btrfs/scripts/001_a");
	script("btrfs/demo/scripts/001_a");
	script("xfs/scripts/001_a");
	write_file("none/readme", "");
	auto_strv struct strv names = { 0 };
	profile_names(&names);
	assert_list(&names, "btrfs\nbtrfs/demo\nxfs");
	struct profile *p = load("btrfs/demo");
	assert_string_equal(p->name, "btrfs/demo");
	assert_text(p->dir, "btrfs/demo");
	profile_free(p);
	p = load(NULL); /* the default */
	assert_string_equal(p->name, "btrfs/demo");
	profile_free(p);
	assert_int_equal(chdir(dir), 0);
	p = load("./btrfs/demo/");
	assert_string_equal(p->name, "btrfs/demo");
	profile_free(p);
	assert_int_equal(setenv("FSQA_PROFILES", "/nowhere:", 1), 0);
	p = load("./btrfs/demo");
	assert_string_equal(p->name, "demo");
	profile_free(p);
}

static void test_an_unknown_profile_gives_the_nearest_name(void **unused)
{
	script("btrfs/demo/scripts/001_a");
	write_file("none/readme", "");
	assert_refused("btrfs/dmeo", -ENOENT, "no profile btrfs/dmeo (did you mean btrfs/demo?)");
	assert_refused("zfs", -ENOENT, "no profile zfs; known: btrfs/demo");
	assert_refused("", -ENOENT, "no profile ; known: btrfs/demo");
	assert_int_equal(chdir(dir), 0);
	assert_refused("none", -ENOENT, "no profile none (did you mean ./none?)");
	assert_refused(
		"./none", -ENOENT, "./none: no profile: neither fsqa.conf nor scripts/ is in it");
	assert_int_equal(setenv("FSQA_PROFILES", "/nowhere", 1), 0);
	assert_refused("zfs", -ENOENT, "no profile zfs; known: none (is FSQA_PROFILES right?)");
}

/* ---- scripts ---- */

static void test_a_script_that_cannot_run_is_an_error_with_its_cure(void **unused)
{
	write_p("");
	write_mode("p/scripts/003_it's", "#!/bin/sh\n", 0755);
	assert_refused("p", -EINVAL,
		"p/scripts/003_it's: a stage's script is named NNN_name, as 001_kernel");
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(unlink("p/scripts/003_it's"), 0);
	write_mode("p/scripts/002_progs", "#!/bin/sh\n", 0644);
	assert_refused("p", -EACCES,
		"p/scripts/002_progs: not executable; mend it with: chmod +x p/scripts/002_progs");
	assert_int_equal(unlink("p/scripts/002_progs"), 0);
	assert_int_equal(mkdir("p/scripts/002_progs", 0755), 0);
	assert_refused("p", -EINVAL, "p/scripts/002_progs: not a regular file");
	assert_int_equal(rmdir("p/scripts/002_progs"), 0);
	assert_int_equal(symlink("gone", "p/scripts/002_progs"), 0);
	assert_refused("p", -ENOENT, "p/scripts/002_progs: No such file or directory");
}

static void test_what_is_no_stage_name_is_refused(void **unused)
{
	static const char *const bad[] = { "1_a", "0001_a", "001a", "001_", "001_a b", "README.md",
		"x01_a" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_free char *name = xasprintf("p/scripts/%s", bad[i]);
		auto_free char *want =
			xasprintf("%s: a stage's script is named NNN_name, as 001_kernel", name);
		auto_free char *path = path_join(dir, name);
		write_p("");
		script(name);
		assert_refused("p", -EINVAL, want);
		assert_int_equal(unlink(path), 0);
	}
}

static void test_what_editors_leave_is_no_script(void **unused)
{
	write_p("");
	write_file("p/scripts/001_kernel~", "");
	write_file("p/scripts/.001_kernel.swp", "");
	struct profile *p = load("p");
	assert_stages(p, "001_kernel 002_progs 004_raid5");
	profile_free(p);
}

static void test_no_scripts_at_all_is_an_error(void **unused)
{
	write_file("p/fsqa.conf", "");
	assert_refused("p", -ENOENT, "scripts of profile p: p/scripts: No such file or directory");
	write_file("p/scripts/.keep", "");
	assert_refused("p", -ENOENT, "p/scripts: no scripts NNN_name are in it");
}

/* ---- timeouts ---- */

static void test_a_stage_without_timeout_has_the_default_and_a_warning(void **unused)
{
	script("p/scripts/001_a");
	script("p/scripts/002_b");
	write_file("p/fsqa.conf", "[stage \"002_b\"]\ntimeout = 90s\n");
	struct profile *p = load("p");
	assert_int_equal(p->stages[0].timeout_us, 30 * MINUTE);
	assert_int_equal(p->stages[1].timeout_us, 3 * MINUTE / 2);
	assert_list(&p->warnings,
		"stage 001_a has no timeout: it gets 30m; set [stage \"001_a\"] timeout");
	profile_free(p);
}

static void test_a_default_that_was_set_needs_no_warning(void **unused)
{
	script("p/scripts/001_a");
	write_file("p/fsqa.conf", "[stage]\ndefaultTimeout = 7\n");
	struct profile *p = load("p");
	assert_int_equal(p->stages[0].timeout_us, 7 * MINUTE);
	assert_int_equal(p->warnings.n, 0);
	profile_free(p);
}

static void test_timeout_json_has_minutes_and_fsqa_conf_wins_over_it(void **unused)
{
	write_p("[stage \"002_progs\"]\ntimeout = 5\n");
	write_file("p/config/timeout.json",
		"{\"001_kernel\": 1.5, \"002_progs\": \"20\", \"004_raid5\": \"90s\"}");
	struct profile *p = load("p");
	assert_int_equal(p->stages[0].timeout_us, 3 * MINUTE / 2);
	assert_int_equal(p->stages[1].timeout_us, 5 * MINUTE);
	assert_int_equal(p->stages[2].timeout_us, 3 * MINUTE / 2);
	assert_int_equal(p->warnings.n, 0);
	profile_free(p);
}

static void test_a_bad_timeout_json_gives_its_line(void **unused)
{
	static const struct {
		const char *text;
		int code;
		const char *want;
	} bad[] = {
		{ "{\n\"001_kernel\": 1,\n\"002_porgs\": 2\n}", -ENOENT,
			"p/config/timeout.json:3: no script 002_porgs in p/scripts (did you mean "
			"002_progs?)" },
		{ "{\n\"001_kernel\": \"soon\"}", -EINVAL,
			"p/config/timeout.json:2: 001_kernel: 'soon' is not a number" },
		{ "{\n\n\"001_kernel\": []}", -EINVAL,
			"p/config/timeout.json:3: 001_kernel: not a number of minutes" },
		{ "{\"001_kernel\": 0}", -ERANGE,
			"p/config/timeout.json:1: 001_kernel: 0 is not between 1s and 7d" },
		{ "{\"001_kernel\": \"8d\"}", -ERANGE,
			"p/config/timeout.json:1: 001_kernel: 8d is not between 1s and 7d" },
		{ "{\"001_kernel\": -5}", -ERANGE,
			"p/config/timeout.json:1: 001_kernel: -5 minutes is out of range" },
		{ "{\"001_kernel\": 1e300}", -ERANGE,
			"p/config/timeout.json:1: 001_kernel: 1e+300 minutes is out of range" },
		{ "{\n\"001_kernel\": 1\n\"002_progs\": 2}", -EINVAL,
			"p/config/timeout.json:3: '}' expected near '\"002_progs\"'" },
		{ "{\"001_kernel\": 1,\n\"001_kernel\": 2}", -EINVAL,
			"p/config/timeout.json:2: duplicate object key near '\"001_kernel\"'" },
		{ "[1]", -EINVAL,
			"p/config/timeout.json:1: not an object of stage names and minutes" },
		{ "", -EINVAL, "p/config/timeout.json:1: '[' or '{' expected near end of file" },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		write_p("");
		write_file("p/config/timeout.json", bad[i].text);
		assert_refused("p", bad[i].code, bad[i].want);
	}
}

/* ---- [stage "X"] ---- */

static void test_a_section_for_no_script_is_an_error(void **unused)
{
	write_p("[stage \"002_prog\"]\n\ttimeout = 3\n");
	assert_refused("p", -ENOENT,
		"p/fsqa.conf:2: no script 002_prog in p/scripts (did you mean 002_progs?)");
	write_p("[stage \"009_zzz\"]\n\tlogs = /x\n");
	assert_refused("p", -ENOENT, "p/fsqa.conf:2: no script 009_zzz in p/scripts");
}

static void test_a_fork_may_leave_out_a_stage_that_it_inherits(void **unused)
{
	write_p("[vm]\nmemory = 1G\ncpus = 3\n[stage \"002_progs\"]\ntimeout = 9\n"
		"[stage \"004_raid5\"]\nrequires = 002_progs\n");
	script("p/fork/scripts/001_kernel");
	script("p/fork/scripts/004_raid5");
	write_file("p/fork/fsqa.conf", "[include]\npath = ../fsqa.conf\n[vm]\nmemory = 512M\n"
				       "[stage \"004_raid5\"]\nrequires =\ntimeout = 1\n"
				       "[stage \"001_kernel\"]\ntimeout = 1\n");
	struct profile *p = load("p/fork");
	assert_stages(p, "001_kernel 004_raid5");
	assert_string_equal(config_text(p->config, "vm.memory"), "512M");
	assert_string_equal(config_text(p->config, "vm.cpus"), "3");
	assert_int_equal(p->warnings.n, 0);
	profile_free(p);
	/* What stays in force must still make sense. */
	write_file("p/fork/fsqa.conf", "[include]\npath = ../fsqa.conf\n");
	assert_refused("p/fork", -ENOENT, "p/fsqa.conf:7: no script 002_progs in p/fork/scripts");
}

static void test_a_fork_may_take_over_the_scripts(void **unused)
{
	write_p("[profile]\nscripts = scripts\nconfig = config\n");
	write_file("p/fork/fsqa.conf", "[include]\npath = ../fsqa.conf\n");
	struct profile *p = load("p/fork");
	assert_stages(p, "001_kernel 002_progs 004_raid5");
	assert_text(p->stages[0].path, "p/scripts/001_kernel");
	assert_list(&p->files, "p/config/timeout.json");
	assert_int_equal(p->warnings.n, 0);
	profile_free(p);
}

static void test_requires_and_logs_come_through(void **unused)
{
	write_p("[stage \"004_raid5\"]\nrequires = 001_kernel 002_progs\nlogs = /var/log ~/x\n");
	struct profile *p = load("p");
	const struct profile_stage *s = profile_stage(p, "004_raid5");
	assert_list(&s->requires, "001_kernel\n002_progs");
	assert_list(&s->logs, "/var/log\n~/x");
	assert_null(profile_stage(p, "004"));
	profile_free(p);
}

static void test_requires_that_cannot_be_met_is_an_error(void **unused)
{
	write_p("[stage \"002_progs\"]\nrequires = 001_kernl\n");
	assert_refused("p", -ENOENT,
		"p/fsqa.conf:2: no script 001_kernl in p/scripts (did you mean 001_kernel?)");
	write_p("[stage \"002_progs\"]\nrequires = 002_progs\n");
	assert_refused("p", -EINVAL, "p/fsqa.conf:2: 002_progs requires itself");
	/* A cycle always has an arrow that points forward. */
	write_p("[stage \"004_raid5\"]\nrequires = 002_progs\n"
		"[stage \"002_progs\"]\nrequires = 004_raid5\n");
	assert_refused(
		"p", -EINVAL, "p/fsqa.conf:4: 002_progs requires 004_raid5, which comes after it");
	write_p("[profile]\nstages = 004_raid5\n[stage \"004_raid5\"]\nrequires = 002_progs\n");
	assert_refused("p", -EINVAL,
		"p/fsqa.conf:4: 004_raid5 requires 002_progs, which is not in profile.stages");
	write_p("[stage \"002_progs\"]\nlogs = x/y\n");
	assert_refused("p", -EINVAL,
		"p/fsqa.conf:2: stage.002_progs.logs: 'x/y' starts with neither / nor ~/");
}

static void test_profile_stages_says_which_and_in_which_order(void **unused)
{
	write_p("[profile]\nstages = 004_raid5 001_kernel\n");
	struct profile *p = load("p");
	assert_stages(p, "004_raid5 001_kernel");
	assert_int_equal(p->stages[0].timeout_us, 30 * MINUTE);
	profile_free(p);
	write_p("[profile]\nstages = 004_raid 001_kernel\n");
	assert_refused("p", -ENOENT,
		"p/fsqa.conf:2: no script 004_raid in p/scripts (did you mean 004_raid5?)");
	write_p("[profile]\nstages = 001_kernel 001_kernel\n");
	assert_refused("p", -EINVAL, "p/fsqa.conf:2: profile.stages has 001_kernel twice");
}

static void test_an_error_in_settings_or_c_comes_through(void **unused)
{
	struct err e = { 0 };
	struct profile *p = NULL;
	const char *overrides[] = { "vm.memory=1M", NULL };
	write_p("[vm]\ncpu = 3\n");
	assert_refused(
		"p", -EINVAL, "p/fsqa.conf:2: unknown setting vm.cpu (did you mean vm.cpus?)");
	write_p("");
	assert_int_equal(profile_load("p", overrides, &p, &e), -ERANGE);
	assert_string_equal(e.msg, "-c vm.memory=1M: vm.memory: '1M' is less than 128M");
	overrides[0] = "stage.009_x.timeout=1";
	assert_int_equal(profile_load("p", overrides, &p, &e), -ENOENT);
	assert_text(e.msg, "-c: no script 009_x in p/scripts");
	overrides[0] = "stage.001_kernel.timeout=1";
	assert_int_equal(profile_load("p", overrides, &p, NULL), 0);
	assert_int_equal(p->stages[0].timeout_us, MINUTE);
	profile_free(p);
}

/* ---- selection ---- */

static void assert_selected(const char *const *only, const char *from, const char *want)
{
	struct err e = { 0 };
	struct profile *p = load("p");
	if (profile_select(p, only, from, &e) < 0)
		fail_msg("%s", e.msg);
	assert_stages(p, want);
	profile_free(p);
}

static void assert_unselectable(const char *const *only, const char *from, const char *want)
{
	struct err e = { 0 };
	struct profile *p = load("p");
	assert_int_equal(profile_select(p, only, from, &e), -EINVAL);
	assert_string_equal(e.msg, want);
	assert_int_equal(p->n_stages, 3);
	profile_free(p);
}

static void test_stages_are_selected_by_name_number_and_start(void **unused)
{
	const char *const none[] = { NULL };
	const char *const two[] = { "004", "001_kernel", NULL };
	const char *const wrong[] = { "002_prog", NULL };
	const char *const first[] = { "001", NULL };
	write_p("");
	assert_selected(NULL, NULL, "001_kernel 002_progs 004_raid5");
	assert_selected(none, NULL, "001_kernel 002_progs 004_raid5");
	assert_selected(two, NULL, "001_kernel 004_raid5");
	assert_selected(NULL, "002", "002_progs 004_raid5");
	assert_selected(two, "002_progs", "004_raid5");
	assert_unselectable(
		wrong, NULL, "profile p has no stage 002_prog (did you mean 002_progs?)");
	assert_unselectable(NULL, "003", "profile p has no stage 003");
	assert_unselectable(first, "002", "no stage is left from 002 on");
}

static void test_one_number_of_two_stages_is_ambiguous(void **unused)
{
	const char *const word[] = { "002", NULL };
	struct err e = { 0 };
	write_p("");
	script("p/scripts/002_other");
	struct profile *p = load("p");
	assert_int_equal(profile_select(p, word, NULL, &e), -EINVAL);
	assert_string_equal(e.msg, "stage 002 is both 002_other and 002_progs");
	profile_free(p);
}

static void test_what_is_not_selected_is_not_waited_for(void **unused)
{
	const char *const word[] = { "004", NULL };
	write_p("[stage \"004_raid5\"]\nrequires = 001_kernel 002_progs\n");
	struct profile *p = load("p");
	assert_int_equal(profile_select(p, word, NULL, NULL), 0);
	assert_int_equal(p->stages[0].requires.n, 0);
	assert_list(&p->warnings,
		"stage 004_raid5 requires 001_kernel, which does not run: ignored\n"
		"stage 004_raid5 requires 002_progs, which does not run: ignored");
	profile_free(p);
	p = load("p");
	assert_int_equal(profile_select(p, NULL, "002", NULL), 0);
	assert_list(&profile_stage(p, "004_raid5")->requires, "002_progs");
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_btrfsqa_checkout_is_a_profile_as_it_is),
		T(test_credentials_are_not_among_the_files_for_the_target),
		T(test_a_link_does_not_carry_our_own_files_into_the_target),
		T(test_a_fork_replaces_single_files_of_what_it_includes),
		T(test_a_profile_is_found_by_name_and_by_path),
		T(test_an_unknown_profile_gives_the_nearest_name),
		T(test_a_script_that_cannot_run_is_an_error_with_its_cure),
		T(test_what_is_no_stage_name_is_refused),
		T(test_what_editors_leave_is_no_script),
		T(test_no_scripts_at_all_is_an_error),
		T(test_a_stage_without_timeout_has_the_default_and_a_warning),
		T(test_a_default_that_was_set_needs_no_warning),
		T(test_timeout_json_has_minutes_and_fsqa_conf_wins_over_it),
		T(test_a_bad_timeout_json_gives_its_line),
		T(test_a_section_for_no_script_is_an_error),
		T(test_a_fork_may_leave_out_a_stage_that_it_inherits),
		T(test_a_fork_may_take_over_the_scripts),
		T(test_requires_and_logs_come_through),
		T(test_requires_that_cannot_be_met_is_an_error),
		T(test_profile_stages_says_which_and_in_which_order),
		T(test_an_error_in_settings_or_c_comes_through),
		T(test_stages_are_selected_by_name_number_and_start),
		T(test_one_number_of_two_stages_is_ambiguous),
		T(test_what_is_not_selected_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
