/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "store/pack.h"
#include "store/store_test.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MIB (1u << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if !defined(SANITIZED) && defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct pack *open_pack(const char *path, uint64_t end)
{
	struct pack *p = NULL;
	ok(pack_open(path, end, &p, e));
	return p;
}

static void put(struct pack *p, const void *s, size_t n, struct pack_entry *x)
{
	ok(pack_begin(p, 0, e));
	ok(pack_add(p, s, n, e));
	ok(pack_end(p, x, e));
}

static void test_streams_of_every_size_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 65535, 65536, 65537, 1000000 };
	auto_free char *path = path_join(*state, "sizes");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x[ARRAY_LEN(sizes)];
	auto_free char *plain = xmalloc(1000000);
	uint32_t seed = 3;
	for (size_t i = 0; i < 1000000; i++) /* half noise, half text */
		plain[i] = (char)(i % 2000 < 1000 ? test_random(&seed) : 'a' + i % 7);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		put(p, plain, sizes[i], &x[i]);
	ok(pack_sync(p, e));
	pack_close(p);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		auto_buf struct buf b = { 0 };
		assert_int_equal(x[i].size, sizes[i]);
		ok(pack_read(path, &x[i], test_sink, &b, e));
		assert_int_equal(b.len, sizes[i]);
		assert_memory_equal(buf_str(&b), plain, sizes[i]);
		/* One behind the other, nothing between. */
		assert_int_equal(x[i].offset, i ? x[i - 1].offset + x[i - 1].length : 0);
	}
}

static void test_the_hash_is_that_of_the_plain_bytes(void **state)
{
	auto_free char *path = path_join(*state, "hash");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	put(p, "abc", 3, &x);
	pack_close(p);
	assert_string_equal(
		x.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_any_changed_byte_is_found(void **state)
{
	auto_free char *path = path_join(*state, "bytes");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	char text[3000];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "btrfs scrub started\n"[i % 20];
	put(p, "before", 6, &x);
	put(p, text, sizeof text, &x);
	pack_close(p);
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	for (uint64_t i = x.offset; i < x.offset + x.length; i++) {
		for (int bit = 0; bit < 8; bit++) {
			unsigned char c;
			struct err e = { 0 };
			auto_buf struct buf b = { 0 };
			assert_int_equal(pread(fd, &c, 1, (off_t)i), 1);
			c ^= (unsigned char)(1u << bit);
			assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
			int rc = pack_read(path, &x, test_sink, &b, &e);
			/* Bits that say nothing may change: then the bytes are the same. */
			if (rc == 0)
				assert_memory_equal(buf_str(&b), text, sizeof text);
			else
				assert_int_equal(rc, -EBADMSG);
			assert_true(b.len <= sizeof text);
			c ^= (unsigned char)(1u << bit);
			assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
		}
	}
}

static void test_an_entry_that_is_not_what_the_journal_says_is_refused(void **state)
{
	auto_free char *path = path_join(*state, "lies");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	put(p, "some text", 9, &x);
	put(p, "more text", 9, &x);
	pack_close(p);
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };
	struct pack_entry bad = x;
	bad.sha256[0] ^= 1;
	assert_int_equal(pack_read(path, &bad, test_sink, &b, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "its SHA-256 or size differs"));
	bad = x;
	bad.size = 8;
	assert_int_equal(pack_read(path, &bad, test_sink, &b, &e), -EBADMSG);
	bad.size = 10;
	assert_int_equal(pack_read(path, &bad, test_sink, &b, &e), -EBADMSG);
	bad = x;
	bad.length += 1000;
	assert_int_equal(pack_read(path, &bad, test_sink, &b, &e), -EBADMSG);
	bad = x;
	bad.length--;
	assert_int_equal(pack_read(path, &bad, test_sink, &b, &e), -EBADMSG);
	bad = x;
	bad.offset = INT64_MAX;
	assert_true(pack_read(path, &bad, test_sink, &b, &e) < 0);
}

static void test_opening_cuts_what_is_no_records_and_goes_on_behind_the_rest(void **state)
{
	auto_free char *path = path_join(*state, "again");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	struct pack_entry y;
	put(p, "first", 5, &x);
	put(p, "nobody's", 8, &y);
	pack_close(p);
	p = open_pack(path, x.offset + x.length);
	put(p, "second", 6, &y);
	pack_close(p);
	auto_buf struct buf b = { 0 };
	ok(pack_read(path, &x, test_sink, &b, e));
	ok(pack_read(path, &y, test_sink, &b, e));
	assert_string_equal(buf_str(&b), "firstsecond");
	assert_int_equal(y.offset, x.length);
}

static void test_one_stream_at_a_time(void **state)
{
	auto_free char *path = path_join(*state, "busy");
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	assert_int_equal(pack_add(p, "x", 1, NULL), -EINVAL);
	assert_int_equal(pack_end(p, &x, NULL), -EINVAL);
	ok(pack_begin(p, 0, e));
	assert_int_equal(pack_begin(p, 0, NULL), -EBUSY);
	pack_drop(p);
	ok(pack_begin(p, 0, e));
	pack_close(p);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

/* 100 MB of a terminal's log through the pack and back. */
static void big_child(const char *path)
{
	struct pack *p = open_pack(path, 0);
	struct pack_entry x;
	char chunk[65536];
	uint32_t seed = 9;
	ok(pack_begin(p, 0, e));
	for (uint64_t n = 0; n < 100 * (uint64_t)MIB; n += sizeof chunk) {
		for (size_t i = 0; i < sizeof chunk; i += 64) {
			char line[80];
			int len = snprintf(line, sizeof line,
				"[%12u.%06u] BTRFS info (device vdb): scrub at %08x........\n",
				(unsigned)(n >> 20), (unsigned)i, test_random(&seed) & 0xffff);
			assert_true(len >= 64);
			memcpy(chunk + i, line, 64);
		}
		ok(pack_add(p, chunk, sizeof chunk, e));
	}
	ok(pack_end(p, &x, e));
	pack_close(p);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 20 * (off_t)MIB);
	auto_buf struct buf b = { 0 };
	struct pack_entry short_entry = x;
	short_entry.size = MIB; /* ends early: it must not come whole into `b` */
	assert_int_equal(pack_read(path, &short_entry, test_sink, &b, NULL), -EBADMSG);
	assert_true(b.len <= MIB);
}

static void test_a_hundred_megabytes_take_bounded_memory(void **state)
{
	auto_free char *path = path_join(*state, "big");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rusage before;
		struct rusage after;
		getrusage(RUSAGE_SELF, &before);
		big_child(path);
		getrusage(RUSAGE_SELF, &after);
		long kib = after.ru_maxrss - before.ru_maxrss;
		fprintf(stderr, "# 100 MB packed and read: %ld KiB more at the peak\n", kib);
		_exit(kib < 16 << 10 ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!SANITIZED) /* whose own memory is many times that */
		assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_of_every_size_come_back),
		cmocka_unit_test(test_the_hash_is_that_of_the_plain_bytes),
		cmocka_unit_test(test_any_changed_byte_is_found),
		cmocka_unit_test(test_an_entry_that_is_not_what_the_journal_says_is_refused),
		cmocka_unit_test(test_opening_cuts_what_is_no_records_and_goes_on_behind_the_rest),
		cmocka_unit_test(test_one_stream_at_a_time),
		cmocka_unit_test(test_a_hundred_megabytes_take_bounded_memory),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
