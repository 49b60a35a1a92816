/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program in the place of logger, run on this host with stubs of what it calls. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "proc/proc.h"
#include "suite/fstests_hook.h"
#include "suite/suite.h"
#include <sys/stat.h>

struct fixture {
	char *dir;
	struct suite_spec spec;
	struct buf config;
};

static void put(struct fixture *f, const char *name, const char *text, mode_t mode)
{
	auto_free char *path = xasprintf("%s/%s", f->dir, name);
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static char *content(const struct fixture *f, const char *name)
{
	struct buf b = { 0 };
	auto_free char *path = xasprintf("%s/%s", f->dir, name);
	if (file_read(path, 1 << 20, &b, NULL) < 0)
		buf_reset(&b);
	return b.s ? b.s : xstrdup("");
}

static void assert_content(const struct fixture *f, const char *name, const char *want)
{
	auto_free char *text = content(f, name);
	assert_string_equal(text, want);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	f->dir = test_folder();
	buf_addf(&f->config,
		"[s]\nFSTYP=\"xfs\"\nTEST_DEV=\"/dev/t\"\nTEST_DIR=\"/mnt/test\"\n"
		"SCRATCH_DEV=\"/dev/s\"\nRESULT_BASE=\"%s\"\n",
		f->dir);
	f->spec = (struct suite_spec){ .name = "s",
		.config = buf_str(&f->config),
		.logs_max_bytes = 1 << 20,
		.image_max_bytes = 64 << 10 };
	static const char *const folders[] = { "bin", "hook", "s", "s/generic" };
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		auto_free char *path = xasprintf("%s/%s", f->dir, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	put(f, "bin/fsqa-test", "#!/bin/sh\necho \"$@\" >>\"$DIR/told\"\n", 0755);
	put(f, "bin/logger", "#!/bin/sh\necho \"$@\" >>\"$DIR/logged\"\n", 0755);
	put(f, "bin/zstd", "#!/bin/sh\nexec cat\n", 0755);
	put(f, "bin/xfs_metadump",
		"#!/bin/sh\necho \"$1 of $2\" >\"$3\"\necho \"image of $2\" >>\"$DIR/done\"\n",
		0755);
	put(f, "bin/mount", "#!/bin/sh\necho \"mount $*\" >>\"$DIR/done\"\n", 0755);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	buf_clear(&f->config);
	free(f->dir);
	free(f);
	return 0;
}

/* As check does it: found by PATH, and what it prints is check's own output. */
static void call(struct fixture *f, const char *word)
{
	auto_buf struct buf text = { 0 };
	auto_buf struct buf out = { 0 };
	auto_strv struct strv env = { 0 };
	fstests_hook_text(&f->spec, &text);
	put(f, "hook/logger", buf_str(&text), 0755);
	strv_addf(&env, "PATH=.:%s/hook:%s/bin:%s", f->dir, f->dir, getenv("PATH"));
	strv_addf(&env, "DIR=%s", f->dir);
	strv_addf(&env, "TMPDIR=%s", f->dir);
	static const char check[] =
		"ln -sf times \"$DIR/$$.time\"; logger \"$0\" 2>&1; rm \"$DIR/$$.time\"";
	const char *const argv[] = { "/bin/sh", "-c", check, word, NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.env = strv_get(&env),
		.cwd = f->dir,
		.in = PROC_NULL,
		.out = PROC_PIPE,
		.err = PROC_OUT,
		.deadline_us = 100u * 1000000,
	};
	struct err e = { 0 };
	if (proc_check(&spec, &out, 1 << 20, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(buf_str(&out), "");
}

/* What check keeps of those that passed. */
static void passed(struct fixture *f, const char *times)
{
	put(f, "times", times, 0644);
}

static void test_a_test_begins_when_the_host_knows_and_the_log_has_it_too(void **state)
{
	struct fixture *f = *state;
	call(f, "run xfstest generic/001");
	call(f, "run xfstest generic/002-name");
	call(f, "--over");
	call(f, "what somebody else logs");
	assert_content(f, "told", "--begins generic.001\n--begins generic.002-name\n");
	assert_content(f, "logged",
		"run xfstest generic/001\nrun xfstest generic/002-name\nwhat somebody else logs\n");
}

static void test_what_check_mounted_and_made_is_noted_before_its_first_test(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->config);
	buf_addf(&f->config,
		"[s]\nFSTYP=\"xfs\"\nTEST_DIR=\"/proc\"\nRESULT_BASE=\"%s\"\n"
		"SCRATCH_DEV_POOL=\"/dev/s /dev/u\"\n",
		f->dir);
	f->spec.config = buf_str(&f->config);
	put(f, "bin/fsqa-test", "#!/bin/sh\ncp \"$DIR/s/applied\" \"$DIR/told\"\n", 0755);
	put(f, "bin/xfs_info", "#!/bin/sh\necho \"meta-data=$1\"; echo more; echo >&2 no\n", 0755);
	call(f, "run xfstest generic/001");
	auto_free char *found = content(f, "told");
	assert_non_null(strstr(found, " /proc proc "));
	auto_free char *super = xstrdup(strchr(found, '\n'));
	assert_string_equal(super, "\n---- superblock\nmeta-data=/dev/s\nmore\n");
	/* Once. */
	put(f, "bin/xfs_info", "#!/bin/sh\ntouch \"$DIR/again\"\nexit 1\n", 0755);
	call(f, "run xfstest generic/002");
	assert_content(f, "s/applied", found);
	/* In another machine, whose tool reads what is mounted alone. */
	auto_free char *applied = xasprintf("%s/s/applied", f->dir);
	assert_int_equal(unlink(applied), 0);
	call(f, "run xfstest generic/003");
	found[strcspn(found, "\n") + 1] = '\0';
	assert_content(f, "s/applied", found);
}

static void test_what_failed_leaves_images_before_the_next_begins(void **state)
{
	struct fixture *f = *state;
	put(f, "bin/fsqa-test", "#!/bin/sh\nls \"$DIR/s/generic\" >\"$DIR/told\"\n", 0755);
	call(f, "run xfstest generic/001");
	call(f, "run xfstest generic/002");
	assert_content(
		f, "told", "001.images\n001.scratch.xfs_metadump.zst\n001.test.xfs_metadump.zst\n");
	assert_content(f, "s/generic/001.scratch.xfs_metadump.zst", "-o of /dev/s\n");
	assert_content(f, "done",
		"mount -o remount,ro /mnt/test\nimage of /dev/t\n"
		"mount -o remount,rw /mnt/test\nimage of /dev/s\n");
	assert_content(f, "s/generic/001.images",
		"test device /dev/t: 13 bytes: 001.test.xfs_metadump.zst\n"
		"scratch device /dev/s: 13 bytes: 001.scratch.xfs_metadump.zst\n");
	call(f, "--over");
	assert_content(f, "s/generic/002.test.xfs_metadump.zst", "-o of /dev/t\n");
	assert_content(f, "s/ended", "generic/001 -\ngeneric/002 -\n");
}

static void test_what_passed_leaves_none(void **state)
{
	struct fixture *f = *state;
	call(f, "run xfstest generic/001");
	passed(f, "generic/001 4\n");
	call(f, "run xfstest generic/002");
	put(f, "s/generic/002.notrun", "why\n", 0644);
	call(f, "run xfstest generic/003");
	passed(f, "generic/001 4\ngeneric/003 60\n");
	call(f, "run xfstest generic/004");
	put(f, "s/check.time", "generic/003 60\ngeneric/004 1\n", 0644);
	call(f, "--over");
	call(f, "run xfstest generic/005");
	f->spec.image_max_bytes = 0;
	call(f, "--over");
	assert_content(f, "s/ended",
		"generic/001 4\ngeneric/002 -\ngeneric/003 60\ngeneric/004 1\ngeneric/005 -\n");
	for (int i = 1; i <= 5; i++) {
		auto_free char *name = xasprintf("s/generic/%03d.images", i);
		assert_content(f, name, "");
	}
}

/* What NAME.images says of one that failed. */
static char *said(struct fixture *f)
{
	call(f, "run xfstest generic/001");
	call(f, "--over");
	return content(f, "s/generic/001.images");
}

static void test_a_device_that_does_not_open_is_said(void **state)
{
	struct fixture *f = *state;
	put(f, "bin/xfs_metadump", "#!/bin/sh\necho \"bad magic of $2\" >&2\nexit 3\n", 0755);
	auto_free char *why = said(f);
	assert_string_equal(why,
		"test device /dev/t: no image: xfs_metadump (exit code 3): bad magic of /dev/t \n"
		"scratch device /dev/s: no image: xfs_metadump (exit code 3): bad magic of /dev/s "
		"\n");
	assert_content(f, "s/generic/001.test.xfs_metadump.zst", "");
}

static void test_a_tool_that_is_missing_is_said(void **state)
{
	struct fixture *f = *state;
	auto_free char *no_image = NULL;
	buf_reset(&f->config);
	buf_addf(&f->config, "[s]\nFSTYP=btrfs\nTEST_DEV=/dev/t\nRESULT_BASE=%s\n", f->dir);
	f->spec.config = buf_str(&f->config);
	if (proc_find("btrfs-image", &no_image) == 0)
		skip();
	auto_free char *why = said(f);
	assert_non_null(strstr(
		why, "test device /dev/t: no image: there is no btrfs-image in the target\n"));
}

static void test_what_is_too_large_is_not_kept(void **state)
{
	struct fixture *f = *state;
	put(f, "bin/xfs_metadump",
		"#!/bin/sh\nexec head -c $([ $2 = /dev/t ] && echo 4200000 || echo 70000) "
		"/dev/zero >\"$3\"\n",
		0755);
	auto_free char *why = said(f);
	assert_string_equal(why,
		"test device /dev/t: no image: xfs_metadump made more than 4194304 bytes "
		"(fstests.imageMax)\n"
		"scratch device /dev/s: no image: zstd -q -c made more than 65536 bytes "
		"(fstests.imageMax)\n");
	assert_content(f, "s/generic/001.scratch.xfs_metadump.zst", "");
}

static void test_all_images_together_leave_room_for_verdicts(void **state)
{
	struct fixture *f = *state;
	f->spec.logs_max_bytes = 20; /* half of it is less than one image */
	auto_free char *why = said(f);
	assert_string_equal(why,
		"test device /dev/t: 13 bytes: 001.test.xfs_metadump.zst\n"
		"scratch device /dev/s: no image: those before have their share of log.maxBytes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_test_begins_when_the_host_knows_and_the_log_has_it_too),
		T(test_what_failed_leaves_images_before_the_next_begins),
		T(test_what_check_mounted_and_made_is_noted_before_its_first_test),
		T(test_what_passed_leaves_none),
		T(test_a_device_that_does_not_open_is_said),
		T(test_a_tool_that_is_missing_is_said),
		T(test_what_is_too_large_is_not_kept),
		T(test_all_images_together_leave_room_for_verdicts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
