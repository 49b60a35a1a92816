/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "kernel/bzimage.h"
#include "kernel/test_image.h"
#include "kernel/unpack.h"
#include <errno.h>
#include <fcntl.h>

static int parse(const struct buf *b, struct bzimage *ret, struct err *e)
{
	size_t n = b->len < BZIMAGE_HEAD_BYTES ? b->len : BZIMAGE_HEAD_BYTES;
	/* A copy of its own, so that a sanitizer sees a read behind its end. */
	auto_free char *head = xmalloc(n);
	memcpy(head, b->s, n);
	return bzimage_parse(head, n, b->len, ret, e);
}

static int extract(const char *dir, const struct buf *image, struct buf *out, struct err *e)
{
	struct bzimage b;
	assert_int_equal(parse(image, &b, e), 0);
	auto_free char *path = test_file(dir, "bzImage", image);
	auto_free char *to = path_join(dir, "vmlinux");
	auto_close int fd = open(path, O_RDONLY);
	int rc = bzimage_extract(fd, &b, to, e);
	return rc < 0 ? rc : file_read(to, 16 << 20, out, e);
}

static void test_every_compression_of_the_kernel_gives_vmlinux_back(void **state)
{
	int (*const filters[])(struct archive * a) = { archive_write_add_filter_gzip,
		archive_write_add_filter_bzip2, archive_write_add_filter_lzma,
		archive_write_add_filter_xz, archive_write_add_filter_lz4,
		archive_write_add_filter_zstd };
	auto_buf struct buf elf = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct err e = { 0 };
		auto_buf struct buf image = { 0 };
		auto_buf struct buf out = { 0 };
		test_bzimage("6.1.0-test", filters[i], &elf, &image);
		assert_int_equal(extract(*state, &image, &out, &e), 0);
		assert_int_equal(out.len, elf.len);
		assert_memory_equal(out.s, elf.s, elf.len);
	}
}

/* The frame of the kernel's own `lz4 -l`, which libarchive does not write: magic, then blocks
 * of {u32 length, bytes}. One block of literals: token 0xf0, lengths, text. */
static void test_legacy_lz4_gives_vmlinux_back(void **state)
{
	static const char text[] = "a vmlinux of 24 letters.";
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	auto_buf struct buf packed = { 0 };
	auto_buf struct buf out = { 0 };
	buf_adds(&elf, text);
	buf_add(&packed, "\x02\x21\x4c\x18\x1a\0\0\0\xf0\x09", 10);
	buf_adds(&packed, text);
	/* The uncompressed form of the helper, with the compressed bytes as content. */
	test_bzimage("6.1.0-test", NULL, &packed, &image);
	test_put(&image, TEST_PAYLOAD_AT + packed.len, elf.len, 4);
	assert_int_equal(extract(*state, &image, &out, NULL), 0);
	assert_string_equal(buf_str(&out), text);
}

static void test_release_comes_from_the_header(void **unused)
{
	struct bzimage b;
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-49-cloud-amd64", archive_write_add_filter_gzip, &elf, &image);
	assert_int_equal(parse(&image, &b, NULL), 0);
	assert_string_equal(b.release, "6.1.0-49-cloud-amd64");
}

static void test_the_header_tells_32_bits_from_64(void **unused)
{
	struct bzimage b;
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	test_vmlinux_386("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-test", archive_write_add_filter_gzip, &elf, &image);
	assert_int_equal(parse(&image, &b, NULL), 0);
	assert_int_equal(b.machine, EM_386);
	test_put(&image, TEST_XLOADFLAGS, 1 | 8, 2); /* XLF_KERNEL_64, XLF_EFI_HANDOVER_64 */
	assert_int_equal(parse(&image, &b, NULL), 0);
	assert_int_equal(b.machine, EM_X86_64);
	test_put(&image, TEST_XLOADFLAGS, 0, 2);
	test_put(&image, 0x206, 0x20b, 2); /* has no such flags yet */
	assert_int_equal(parse(&image, &b, NULL), 0);
	assert_int_equal(b.machine, EM_X86_64);
}

static void test_a_file_cut_anywhere_is_refused(void **state)
{
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-test", archive_write_add_filter_gzip, &elf, &image);
	size_t whole = image.len - strlen("what is behind the payload");
	for (size_t n = 0; n < whole; n++) {
		struct bzimage b;
		struct err e = { 0 };
		image.len = n;
		assert_int_equal(parse(&image, &b, &e), -ENOEXEC);
		assert_true(e.msg[0]);
	}
	struct bzimage b;
	image.len = whole;
	assert_int_equal(parse(&image, &b, NULL), 0);
}

static void refuse(const char *what, size_t at, uint64_t v, size_t n)
{
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-test", archive_write_add_filter_gzip, &elf, &image);
	test_put(&image, at, v, n);
	struct bzimage b;
	struct err e = { 0 };
	assert_int_equal(parse(&image, &b, &e), -ENOEXEC);
	if (!strstr(e.msg, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.msg);
}

static void test_headers_that_point_outside_are_refused(void **unused)
{
	refuse("HdrS", 0x202, 0, 4);
	refuse("HdrS", 0x1fe, 0, 2);
	refuse("2.07", 0x206, 0x207, 2);
	refuse("cut short", 0x1f1, 255, 1);
	refuse("cut short", 0x248, 0xffffffff, 4);
	refuse("cut short", 0x24c, 0xffffffff, 4);
	refuse("cut short", 0x24c, 0, 4);
	refuse("without a kernel version", 0x20e, 0xffff, 2);
	refuse("without a kernel version", 0x20e, TEST_SETUP_BYTES - 0x200 - 1, 2);
	refuse("no release name", 0x300, '/', 1);
	refuse("no release name", 0x300, '.', 1);
	refuse("no release name", 0x301, '\n', 1);
	refuse("without a kernel version", 0x300, ' ', 1);
}

static void test_a_damaged_payload_is_refused(void **state)
{
	struct err e = { 0 };
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	auto_buf struct buf out = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-test", archive_write_add_filter_xz, &elf, &image);
	image.s[TEST_PAYLOAD_AT + 200] ^= 0x55;
	assert_int_equal(extract(*state, &image, &out, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "damaged"));
}

static void test_a_payload_of_another_length_than_told_is_refused(void **state)
{
	struct err e = { 0 };
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	auto_buf struct buf out = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_bzimage("6.1.0-test", archive_write_add_filter_zstd, &elf, &image);
	test_put(&image, image.len - strlen("what is behind the payload") - 4, elf.len + 1, 4);
	assert_int_equal(extract(*state, &image, &out, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "and says"));
}

static void test_an_unknown_compression_is_told_by_its_bytes(void **state)
{
	struct err e = { 0 };
	auto_buf struct buf lzo = { 0 };
	auto_buf struct buf image = { 0 };
	auto_buf struct buf out = { 0 };
	buf_add(&lzo, "\x89LZO\0\r\n\x1a\n-------------", 20);
	test_bzimage("6.1.0-test", NULL, &lzo, &image);
	assert_int_equal(extract(*state, &image, &out, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "starts 89 4c 5a 4f"));
}

static void test_a_bomb_stops_at_the_limit(void **state)
{
	auto_buf struct buf packed = { 0 };
	auto_free char *big = xcalloc(1, 4 << 20);
	test_pack(archive_write_add_filter_gzip, big, 4 << 20, &packed);
	auto_free char *path = test_file(*state, "bomb.gz", &packed);
	auto_free char *to = path_join(*state, "out");
	auto_close int fd = open(path, O_RDONLY);
	struct unpack_range range = { fd, 0, packed.len };
	uint64_t bytes = 7;
	assert_int_equal(unpack_file(&range, UNPACK_GZIP, to, 1 << 20, &bytes, NULL), -EFBIG);
	assert_int_equal(bytes, 7);
	assert_int_equal(unpack_file(&range, UNPACK_GZIP, to, 4 << 20, &bytes, NULL), 0);
	assert_int_equal(bytes, 4 << 20);
}

static void test_full_disk_is_told(void **state)
{
	struct err e = { 0 };
	auto_buf struct buf packed = { 0 };
	auto_free char *big = xcalloc(1, 4 << 20);
	test_pack(archive_write_add_filter_gzip, big, 4 << 20, &packed);
	auto_free char *path = test_file(*state, "zeros.gz", &packed);
	auto_close int fd = open(path, O_RDONLY);
	struct unpack_range range = { fd, 0, packed.len };
	uint64_t bytes;
	assert_int_equal(
		unpack_file(&range, UNPACK_GZIP, "/dev/full", 4 << 20, &bytes, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "/dev/full"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_compression_of_the_kernel_gives_vmlinux_back),
		cmocka_unit_test(test_legacy_lz4_gives_vmlinux_back),
		cmocka_unit_test(test_release_comes_from_the_header),
		cmocka_unit_test(test_the_header_tells_32_bits_from_64),
		cmocka_unit_test(test_a_file_cut_anywhere_is_refused),
		cmocka_unit_test(test_headers_that_point_outside_are_refused),
		cmocka_unit_test(test_a_damaged_payload_is_refused),
		cmocka_unit_test(test_a_payload_of_another_length_than_told_is_refused),
		cmocka_unit_test(test_an_unknown_compression_is_told_by_its_bytes),
		cmocka_unit_test(test_a_bomb_stops_at_the_limit),
		cmocka_unit_test(test_full_disk_is_told),
	};
	return cmocka_run_group_tests(tests, test_make_folder, test_remove_folder);
}
