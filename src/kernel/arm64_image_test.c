/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "kernel/arm64_image.h"
#include "kernel/test_image.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static char *dir;

static int set_up(void **unused)
{
	dir = test_folder();
	return 0;
}

static int tear_down(void **unused)
{
	int rc = file_remove_tree(dir, NULL);
	free(dir);
	return rc;
}

/* What comes out of the file `b`; 0 and *ret, or -errno. */
static int flatten(const struct buf *b, struct buf *ret, struct err *e)
{
	struct arm64_image i;
	auto_free char *from = test_file(dir, "in", b);
	auto_free char *to = path_join(dir, "out");
	auto_close int fd = open(from, O_RDONLY | O_CLOEXEC);
	size_t head = b->len < ARM64_IMAGE_HEAD_BYTES ? b->len : ARM64_IMAGE_HEAD_BYTES;
	if (!arm64_image_parse(b->s, head, b->len, &i))
		return -EINVAL;
	int rc = arm64_image_extract(fd, &i, to, e);
	return rc < 0 ? rc : file_read(to, 16u << 20, ret, e);
}

static void test_each_form_gives_the_flat_one(void **unused)
{
	auto_buf struct buf flat = { 0 };
	struct buf forms[4] = { { 0 } };
	test_arm64_image("6.1.0", &flat);
	buf_add(&forms[0], flat.s, flat.len);
	test_pack(archive_write_add_filter_gzip, flat.s, flat.len, &forms[1]);
	test_zboot(archive_write_add_filter_gzip, &flat, &forms[2]);
	test_zboot(archive_write_add_filter_zstd, &flat, &forms[3]);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct err e = { 0 };
		auto_buf struct buf out = { 0 };
		if (flatten(&forms[i], &out, &e) < 0)
			fail_msg("form %zu: %s", i, e.msg);
		assert_int_equal(out.len, flat.len);
		assert_memory_equal(out.s, flat.s, flat.len);
		buf_clear(&forms[i]);
	}
}

static void test_what_is_none_of_them_is_not_taken_for_one(void **unused)
{
	struct arm64_image i;
	auto_buf struct buf flat = { 0 };
	auto_buf struct buf zboot = { 0 };
	test_arm64_image("6.1.0", &flat);
	assert_false(arm64_image_parse("", 0, 0, &i));
	assert_false(arm64_image_parse(flat.s, ARM64_IMAGE_HEAD_BYTES - 1, flat.len, &i));
	test_zboot(archive_write_add_filter_gzip, &flat, &zboot);
	test_put(&zboot, 12, zboot.len, 4); /* past the file's end */
	assert_false(arm64_image_parse(zboot.s, 64, zboot.len, &i));
	test_put(&zboot, 8, 0xffffffff, 4);
	assert_false(arm64_image_parse(zboot.s, 64, zboot.len, &i));
	flat.s[56] = 'x';
	assert_false(arm64_image_parse(flat.s, 64, flat.len, &i));
}

static void refuse(const struct buf *b, const char *what)
{
	struct err e = { 0 };
	auto_buf struct buf out = { 0 };
	assert_int_equal(flatten(b, &out, &e), -ENOEXEC);
	if (!strstr(e.msg, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.msg);
}

static void test_what_cannot_boot_is_refused_with_the_reason(void **unused)
{
	auto_buf struct buf flat = { 0 };
	auto_buf struct buf other = { 0 };
	auto_buf struct buf plain = { 0 };
	test_pack(archive_write_add_filter_gzip, "only text", 9, &other);
	buf_adds(
		&other, "and more than sixty-four bytes in all, which is as long as the header is");
	refuse(&other, "");
	test_arm64_image("6.1.0", &flat);
	test_zboot(archive_write_add_filter_gzip, &flat, &plain);
	test_put(&plain, 80, 0, 8);
	refuse(&plain, "compression that is not known");
	test_put(&flat, 24, 1, 8);
	refuse(&flat, "big-endian");
}

#define with_folder(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(test_each_form_gives_the_flat_one),
		with_folder(test_what_is_none_of_them_is_not_taken_for_one),
		with_folder(test_what_cannot_boot_is_refused_with_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
