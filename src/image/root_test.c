/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots from elsewhere, with the real tar and mke2fs. */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "image/image.h"
#include "proc/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *dir, *state_dir;

static void shell(const char *script)
{
	struct err e = { 0 };
	const char *argv[] = { "sh", "-ec", script, NULL };
	const struct proc_spec spec = {
		.argv = argv, .cwd = dir, .in = PROC_NULL, .out = PROC_PIPE, .err = PROC_PIPE
	};
	if (proc_check(&spec, NULL, 0, &e) < 0)
		fail_msg("%s: %s", script, e.msg);
}

static int set_up(void **unused)
{
	dir = test_folder();
	state_dir = path_join(dir, "state");
	shell("mkdir -p state/images root/usr/bin; cp /bin/sh root/usr/bin/sh; ln -s usr/bin "
	      "root/bin");
	return 0;
}

static int tear_down(void **unused)
{
	int rc = file_remove_tree(dir, NULL);
	free(dir);
	free(state_dir);
	return rc;
}

static struct image *get(const char *name, struct err *e)
{
	struct image *i = NULL;
	auto_free char *path = path_join(dir, name);
	return image_root(state_dir, path, "ext4", NULL, NULL, &i, e) == 0 ? i : NULL;
}

static void refused(const char *name, int code, const char *why)
{
	struct err e = { 0 };
	assert_null(get(name, &e));
	assert_int_equal(e.code, code);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" is not in \"%s\"", why, e.msg);
	auto_json json_t *all = image_list(state_dir);
	assert_int_equal(json_array_size(all), 0);
}

/* Whether this user has subordinate users, or is root. */
static bool can_unpack(void)
{
	const char *argv[] = { "unshare", "--map-root-user", "--map-auto", "true", NULL };
	const struct proc_spec spec = { .argv = argv, .out = PROC_PIPE, .err = PROC_PIPE };
	return geteuid() == 0 || proc_check(&spec, NULL, 0, NULL) == 0;
}

static void test_a_tar_is_made_an_image_once_whatever_its_name(void **unused)
{
	struct err e = { 0 };
	if (!can_unpack())
		skip();
	shell("tar --force-local -C root -czf 'a:b.qcow2' .; cp a:b.qcow2 other");
	struct image *a = get("a:b.qcow2", &e);
	if (!a)
		fail_msg("%s", e.msg);
	struct image *b = get("other", NULL);
	struct image *named = get(a->key, NULL);
	assert_true(a->made);
	assert_false(b->made);
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->path, named->path);
	assert_string_equal(a->fstype, "ext4");
	assert_string_equal(a->format, "raw");
	image_free(a);
	image_free(b);
	image_free(named);
}

/* The key of a tar by what is remembered of it, or by its content. */
static char *key_of(const char *name)
{
	char *key = NULL;
	auto_free char *path = path_join(dir, name);
	assert_int_equal(image_root_key(state_dir, path, "ext4", &key, NULL), 0);
	return key;
}

static void test_a_tar_is_read_again_only_when_it_changed(void **unused)
{
	shell("tar -C root -cf memo.tar .");
	auto_free char *first = key_of("memo.tar");
	shell("for f in state/images/.tar-*; do printf '%064d' 7 >$f; done");
	auto_free char *remembered = key_of("memo.tar");
	assert_string_equal(remembered, "tar-0000000000000000-ext4_r1");
	shell("cp -p memo.tar old; echo x | dd of=memo.tar bs=1 seek=9000 conv=notrunc "
	      "2>/dev/null; "
	      "touch -r old memo.tar");
	auto_free char *changed = key_of("memo.tar");
	assert_string_not_equal(changed, remembered);
	assert_string_not_equal(changed, first);
	shell("for f in state/images/.tar-*; do echo damaged >$f; done");
	auto_free char *again = key_of("memo.tar");
	assert_string_equal(again, changed);
	shell("rm state/images/.tar-*");
}

static void test_a_tar_that_is_no_root_is_refused_and_leaves_nothing(void **unused)
{
	if (!can_unpack())
		skip();
	shell("tar -czf below.tar.gz root; tar -C root -cf - . | head -c 30000 >cut; mkdir out; "
	      "ln -s /bin out/bin; tar -C out -cf outside.tar .; head -c 99999 /dev/urandom | gzip "
	      ">junk.gz");
	refused("below.tar.gz", -EINVAL, "has no /bin/sh");
	refused("cut", -EINVAL, "tar: ");
	refused("outside.tar", -EINVAL, "has no /bin/sh"); /* the host's does not count */
	refused("junk.gz", -EINVAL, "tar: ");
}

static void test_what_is_no_file_is_refused(void **unused)
{
	refused("root", -EINVAL, "is a folder");
	refused("absent", -ENOENT, "nor is there an image of that name");
	shell("mkfifo fifo; echo hello >text");
	refused("fifo", -EINVAL, "not a regular file");
	refused("text", -EINVAL, "text: it is of no known kind");
}

static void test_an_image_is_used_as_it_is_and_told_from_a_changed_one(void **unused)
{
	struct err e = { 0 };
	shell("truncate -s 4M fs; mke2fs -qF -t ext4 -d root fs");
	struct image *a = get("fs", &e);
	if (!a)
		fail_msg("%s", e.msg);
	assert_null(a->key);
	assert_string_equal(a->fstype, "ext4");
	assert_string_equal(a->format, "raw");
	shell("touch -d 2001-01-01 fs");
	struct image *b = get("fs", NULL);
	assert_string_not_equal(a->stamp, b->stamp);
	image_free(a);
	image_free(b);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_tar_is_made_an_image_once_whatever_its_name),
		in_folder(test_a_tar_is_read_again_only_when_it_changed),
		in_folder(test_a_tar_that_is_no_root_is_refused_and_leaves_nothing),
		in_folder(test_what_is_no_file_is_refused),
		in_folder(test_an_image_is_used_as_it_is_and_told_from_a_changed_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
