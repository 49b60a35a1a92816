/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "image/kind.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

static uint8_t file[KIND_BYTES];

static int put(size_t at, const char *bytes, size_t n, struct kind *k, struct err *e)
{
	memset(file, 0, sizeof file);
	memcpy(file + at, bytes, n);
	return kind_find(file, sizeof file, k, e);
}

static void assert_refused(size_t at, const char *bytes, size_t n, const char *why)
{
	struct kind k;
	struct err e = { 0 };
	assert_int_equal(put(at, bytes, n, &k, &e), -EINVAL);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" is not in \"%s\"", why, e.msg);
}

static void test_filesystems_are_known_by_their_magic(void **unused)
{
	struct kind k = { 0 };
	assert_int_equal(put(1024, "\xe2\xe1\xf5\xe0", 4, &k, NULL), 0);
	assert_int_equal(k.what, KIND_RAW);
	assert_string_equal(k.fstype, "erofs");
	assert_int_equal(put(1080, "\x53\xef", 2, &k, NULL), 0);
	assert_string_equal(k.fstype, "ext4");
	assert_int_equal(put(0, "hsqs", 4, &k, NULL), 0);
	assert_string_equal(k.fstype, "squashfs");
}

static void test_tars_are_known_packed_or_not(void **unused)
{
	struct kind k = { 0 };
	assert_int_equal(put(257, "ustar  ", 7, &k, NULL), 0);
	assert_int_equal(k.what, KIND_TAR);
	assert_null(k.unpacker);
	assert_int_equal(put(0,
				 "\xfd"
				 "7zXZ",
				 6, &k, NULL),
		0);
	assert_int_equal(k.what, KIND_TAR);
	assert_string_equal(k.unpacker, "xz");
	assert_string_equal(k.package, "xz-utils");
}

static void test_a_qcow2_that_stands_alone_is_taken(void **unused)
{
	struct kind k = { 0 };
	assert_int_equal(put(0, "QFI\xfb\0\0\0\3", 8, &k, NULL), 0);
	assert_int_equal(k.what, KIND_QCOW2);
	assert_refused(0, "QFI\xfb\0\0\0\x09", 8, "unknown version");
	assert_refused(0, "QFI\xfb\0\0\0\3\0\0\0\0\0\0\1\0", 16, "backing file");
	char head[80] = "QFI\xfb\0\0\0\3";
	memcpy(head, "QFI\xfb\0\0\0\3", 8);
	head[35] = 2;
	assert_refused(0, head, sizeof head, "encrypted");
	head[35] = 0;
	head[79] = 4;
	assert_refused(0, head, sizeof head, "another file");
}

static void test_what_cannot_be_a_root_is_named(void **unused)
{
	assert_refused(0, "XFSB", 4, "an XFS filesystem");
	assert_refused(65600, "_BHRfS_M", 8, "a btrfs filesystem");
	assert_refused(510, "\x55\xaa", 2, "partition table");
	assert_refused(0, "hello", 5, "no known kind");
	memset(file, 0, sizeof file);
	file[1080] = 0x53;
	file[1081] = 0xef;
	file[1024 + 0x60] = 4;
	struct kind k;
	struct err e = { 0 };
	assert_int_equal(kind_find(file, sizeof file, &k, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "e2fsck"));
}

static void test_short_files_are_read_no_further_than_they_are(void **unused)
{
	struct kind k;
	static const char start[] = "QFI\xfb\0\0\0\3";
	for (size_t n = 0; n < sizeof start; n++)
		assert_int_equal(kind_find(start, n, &k, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filesystems_are_known_by_their_magic),
		cmocka_unit_test(test_tars_are_known_packed_or_not),
		cmocka_unit_test(test_a_qcow2_that_stands_alone_is_taken),
		cmocka_unit_test(test_what_cannot_be_a_root_is_named),
		cmocka_unit_test(test_short_files_are_read_no_further_than_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
