/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "kernel/modules.h"
#include <errno.h>

static const char dep[] = "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko\n"
			  "kernel/lib/libcrc32c.ko:\n"
			  "kernel/arch/x86/crypto/crc32c-intel.ko.xz:\n"
			  "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko "
			  "kernel/drivers/virtio/virtio_ring.ko\n"
			  "kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko\n"
			  "kernel/drivers/virtio/virtio_ring.ko:\n"
			  "kernel/drivers/char/hw_random/virtio-rng.ko.zst: "
			  "kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko\n";

/* The files that `names` (separated by blanks) need, as one line. */
static char *need(struct modules *m, const char *names)
{
	auto_strv struct strv words = { 0 };
	auto_strv struct strv files = { 0 };
	strv_split(&words, names, " ");
	for (size_t i = 0; i < words.n; i++)
		assert_int_equal(modules_need(m, words.v[i], &files, NULL), 0);
	char *line = xstrdup("");
	for (size_t i = 0; i < files.n; i++) {
		char name[MODULE_NAME_SIZE];
		assert_int_equal(module_name(files.v[i], strlen(files.v[i]), name), 0);
		char *more = xasprintf("%s%s%s", line, i ? " " : "", name);
		free(line);
		line = more;
	}
	return line;
}

static void test_what_is_needed_comes_first_and_once(void **unused)
{
	auto_modules struct modules *m = NULL;
	assert_int_equal(modules_parse(dep, NULL, NULL, NULL, &m, NULL), 0);
	auto_free char *line = need(m, "virtio_pci virtio-rng virtio_rng erofs");
	assert_string_equal(line, "virtio_ring virtio virtio_pci virtio_rng libcrc32c erofs");
}

static void test_a_softdep_comes_first_also_by_its_alias(void **unused)
{
	auto_modules struct modules *m = NULL;
	assert_int_equal(
		modules_parse(dep, "# comment\nsoftdep libcrc32c pre: crc32c post: virtio\n",
			"alias pci:v* virtio_pci\nalias crc32c crc32c_intel\n"
			"alias crc32c no_such_module\n",
			NULL, &m, NULL),
		0);
	auto_free char *line = need(m, "erofs");
	assert_string_equal(line, "crc32c_intel libcrc32c erofs");
}

static void test_what_is_built_in_needs_nothing(void **unused)
{
	auto_modules struct modules *m = NULL;
	auto_strv struct strv files = { 0 };
	struct err e = { 0 };
	assert_int_equal(modules_parse(dep, NULL, NULL, "kernel/fs/ext4/ext4.ko\n", &m, NULL), 0);
	assert_int_equal(modules_need(m, "ext4", &files, NULL), 0);
	assert_int_equal(files.n, 0);
	assert_int_equal(modules_need(m, "overlay", &files, &e), -ENOENT);
	assert_string_equal(e.msg, "module overlay is neither there nor built in");
}

static void test_a_loop_is_an_error_and_no_endless_walk(void **unused)
{
	auto_modules struct modules *m = NULL;
	auto_strv struct strv files = { 0 };
	assert_int_equal(modules_parse("a.ko: b.ko\nb.ko: a.ko\n", NULL, NULL, NULL, &m, NULL), 0);
	assert_int_equal(modules_need(m, "a", &files, NULL), -ELOOP);
	assert_int_equal(files.n, 0);
}

static void test_a_needed_file_that_is_not_listed_is_named(void **unused)
{
	auto_modules struct modules *m = NULL;
	auto_strv struct strv files = { 0 };
	struct err e = { 0 };
	assert_int_equal(modules_parse("a.ko: gone.ko\n", NULL, NULL, NULL, &m, NULL), 0);
	assert_int_equal(modules_need(m, "a", &files, &e), -EINVAL);
	assert_string_equal(e.msg, "module a needs gone.ko, which is not there");
}

static void test_lines_that_are_none_are_told_by_number(void **unused)
{
	struct modules *m = NULL;
	struct err e = { 0 };
	assert_int_equal(modules_parse("a.ko:\nrubbish\n", NULL, NULL, NULL, &m, &e), -EINVAL);
	assert_string_equal(e.msg, "modules.dep:2: not \"FILE.ko: FILE.ko ...\"");
	assert_int_equal(modules_parse("/etc/a.ko:\n", NULL, NULL, NULL, &m, &e), -EINVAL);
	assert_string_equal(e.msg, "modules.dep:1: module outside of the folder");
	assert_null(m);
}

static void test_an_empty_modules_dep_has_no_module(void **unused)
{
	auto_modules struct modules *m = NULL;
	auto_strv struct strv files = { 0 };
	assert_int_equal(modules_parse("", NULL, NULL, NULL, &m, NULL), 0);
	assert_int_equal(modules_need(m, "a", &files, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_needed_comes_first_and_once),
		cmocka_unit_test(test_a_softdep_comes_first_also_by_its_alias),
		cmocka_unit_test(test_what_is_built_in_needs_nothing),
		cmocka_unit_test(test_a_loop_is_an_error_and_no_endless_walk),
		cmocka_unit_test(test_a_needed_file_that_is_not_listed_is_named),
		cmocka_unit_test(test_lines_that_are_none_are_told_by_number),
		cmocka_unit_test(test_an_empty_modules_dep_has_no_module),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
