/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "wire/agent.h"
#include "wire/entry.h"
#include <errno.h>
#include <fcntl.h>

static void test_an_entry_is_read_as_it_was_written(void **unused)
{
	const struct entry x = {
		.kind = 'l',
		.mode = 0777,
		.uid = 1000,
		.gid = 100,
		.size = 3,
		.mtime = { 1700000000, 999999999 },
		.path = "a/b",
		.path_len = 3,
		.target = "../c",
		.target_len = 4,
		.xattrs = (const uint8_t *)"user.x\0\1\0\0\0v",
		.xattrs_len = 12,
	};
	auto_buf struct buf b = { 0 };
	struct entry y;
	entry_encode(&x, &b);
	assert_int_equal(entry_decode(b.s, b.len, &y), 0);
	assert_int_equal(y.kind, 'l');
	assert_int_equal(y.mode, 0777);
	assert_int_equal(y.uid, 1000);
	assert_int_equal(y.gid, 100);
	assert_int_equal(y.size, 3);
	assert_int_equal(y.mtime.tv_sec, 1700000000);
	assert_int_equal(y.mtime.tv_nsec, 999999999);
	assert_int_equal(y.path_len, 3);
	assert_memory_equal(y.path, "a/b", 3);
	assert_int_equal(y.target_len, 4);
	assert_memory_equal(y.target, "../c", 4);
	assert_int_equal(y.xattrs_len, 12);
	assert_memory_equal(y.xattrs, x.xattrs, 12);
}

static void test_lengths_that_do_not_fit_are_refused(void **unused)
{
	struct agent_entry h = { .kind = 'f' };
	struct entry y;
	assert_int_equal(entry_decode(&h, sizeof h, &y), 0);
	assert_int_equal(entry_decode(&h, sizeof h - 1, &y), -EPROTO);
	h.path_len = 1;
	assert_int_equal(entry_decode(&h, sizeof h, &y), -EPROTO);
	h = (struct agent_entry){ .kind = 'f', .path_len = UINT32_MAX, .xattrs_len = 1 };
	assert_int_equal(entry_decode(&h, sizeof h, &y), -EPROTO);
	h = (struct agent_entry){ .kind = 'x' };
	assert_int_equal(entry_decode(&h, sizeof h, &y), -EPROTO);
	h = (struct agent_entry){ .kind = 0 };
	assert_int_equal(entry_decode(&h, sizeof h, &y), -EPROTO);
	h = (struct agent_entry){ .kind = 'd', .mtime_ns = 1000000000 };
	assert_int_equal(entry_decode(&h, sizeof h, &y), -EPROTO);
	struct {
		struct agent_entry h;
		char target[3];
	} t = { { .kind = 'f', .target_len = 3 }, "abc" };
	assert_int_equal(entry_decode(&t, sizeof t, &y), -EPROTO);
	t.h.kind = 'e';
	assert_int_equal(entry_decode(&t, sizeof t, &y), 0);
}

static void test_attributes_that_are_none_are_refused(void **unused)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "user.x", 6 },             /* no end of its name */
		{ "user.x\0\1\0\0", 10 },    /* half a length */
		{ "user.x\0\2\0\0\0v", 12 }, /* a value that is too short */
		{ "user.x\0\xff\xff\xff\xffv", 12 },
	};
	auto_free char *folder = test_folder();
	auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };
		const struct entry x = { .xattrs = (const uint8_t *)bad[i].bytes,
			.xattrs_len = bad[i].n };
		assert_int_equal(entry_apply(fd, &x, ENTRY_XATTRS, &e), -EPROTO);
	}
	const struct entry other = { .xattrs = (const uint8_t *)"trusted.x\0\1\0\0\0v",
		.xattrs_len = 15 };
	assert_int_equal(entry_apply(fd, &other, ENTRY_USER_XATTRS, NULL), 0);
	file_remove_tree(folder, NULL);
}

/* Pieces of the file as "D<bytes> H<bytes> ". */
static void pieces(int fd, uint64_t size, bool holes, struct buf *out)
{
	static char chunk[65536];
	struct content c = { .fd = fd, .left = size, .holes = holes };
	uint64_t n;
	int piece;
	buf_clear(out);
	lseek(fd, 0, SEEK_SET);
	while ((piece = content_next(&c, chunk, sizeof chunk, &n)) > CONTENT_END)
		buf_addf(out, "%c%llu ", piece == CONTENT_DATA ? 'D' : 'H', (unsigned long long)n);
	assert_int_equal(piece, CONTENT_END);
}

static void test_holes_are_told_and_made(void **unused)
{
	auto_free char *folder = test_folder();
	auto_free char *path = path_join(folder, "sparse");
	auto_buf struct buf b = { 0 };
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(content_hole(fd, 1 << 20, NULL), 0);
	assert_int_equal(write(fd, "data", 4), 4);
	assert_int_equal(content_hole(fd, (1 << 20) - 4, NULL), 0);
	struct stat st;
	fstat(fd, &st);
	assert_int_equal(st.st_size, 2 << 20);
	pieces(fd, (uint64_t)st.st_size, true, &b);
	assert_string_equal(buf_str(&b), "H1048576 D4096 H1044480 ");
	pieces(fd, 65537, false, &b);
	assert_string_equal(buf_str(&b), "D65536 D1 ");
	pieces(fd, 4 << 20, true, &b); /* it became shorter */
	assert_string_equal(buf_str(&b), "H1048576 D4096 H3141632 ");
	auto_close int proc = open("/proc/version", O_RDONLY | O_CLOEXEC);
	pieces(proc, 5, true, &b);
	assert_string_equal(buf_str(&b), "D5 ");
	struct err e = { 0 };
	assert_true(content_hole(fd, UINT64_MAX, &e) < 0);
	assert_non_null(strstr(e.msg, "leave a hole"));
	file_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_is_read_as_it_was_written),
		cmocka_unit_test(test_lengths_that_do_not_fit_are_refused),
		cmocka_unit_test(test_attributes_that_are_none_are_refused),
		cmocka_unit_test(test_holes_are_told_and_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
