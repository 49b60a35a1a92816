/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "suite/fstests_xunit.h"
#include "suite/fstests_xunit_apart.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>

static void on_case(void *ctx, const struct fstests_case *c)
{
	static const char *const names[] = { "pass", "skipped", "failed" };
	buf_addf(ctx, "%s:%s %s %" PRIu64 " '%s'\n", c->section, c->name, names[c->status],
		c->seconds, c->message);
}

static int read_text(
	const char *text, size_t n, struct buf *out, struct fstests_xunit *x, struct err *e)
{
	auto_close int fd = memfd_create("xml", MFD_CLOEXEC);
	assert_int_equal(fd_write_all(fd, text, n, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fstests_xunit_read(fd, on_case, out, x, e);
}

static int read_sample(const char *name, struct buf *out, struct fstests_xunit *x)
{
	auto_free char *path = xasprintf("%s/testdata/%s", getenv("FSQA_TEST_DATA"), name);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fstests_xunit_read(fd, on_case, out, x, NULL);
}

static void test_a_real_file_is_read(void **unused)
{
	auto_buf struct buf out = { 0 };
	struct fstests_xunit x;
	assert_int_equal(read_sample("xfstests-fail.result.xml", &out, &x), 0);
	assert_true(x.complete);
	assert_int_equal(x.n_tests, 27);
	assert_int_equal(x.n_failures, 1);
	assert_int_equal(x.n_skipped, 11);
	assert_int_equal(x.n_cases, 27);
	assert_non_null(strstr(out.s, ":generic/748 pass 232 ''\n"));
	assert_non_null(strstr(out.s,
		":btrfs/325 failed 3 '- output mismatch (see /results/btrfs/325.out.bad)'\n"));
	assert_non_null(strstr(out.s, ":generic/786 skipped 1 'Require fcntl setdeleg support'\n"));
}

static void test_a_crash_leaves_it_incomplete_and_sections_are_named(void **unused)
{
	auto_buf struct buf out = { 0 };
	auto_buf struct buf compress = { 0 };
	struct fstests_xunit x;
	assert_int_equal(read_sample("xfstests-crash.result.xml", &out, &x), 0);
	assert_false(x.complete);
	assert_null(strstr(out.s, "generic/906"));
	assert_int_equal(read_sample("xfstests-sections-compress.result.xml", &compress, &x), 0);
	assert_non_null(strstr(compress.s, "compress:generic/005 pass 2 ''\n"));
	assert_non_null(strstr(compress.s, "'synthetic: requires <nothing> & \"quotes\"'"));
}

#define refuse(text, code, message)                                                                \
	do {                                                                                       \
		auto_buf struct buf out_ = { 0 };                                                  \
		struct fstests_xunit x_;                                                           \
		struct err e_ = { 0 };                                                             \
		assert_int_equal(read_text(text, strlen(text), &out_, &x_, &e_), -(code));         \
		assert_non_null(strstr(e_.msg, message));                                          \
	} while (0)

static void test_what_check_never_writes_is_refused(void **unused)
{
	refuse("", EBADMSG, "result.xml:");
	refuse("no xml", EBADMSG, "result.xml:1:");
	refuse("<testsuite><testcase name='a'/>", EBADMSG, "result.xml:1:");
	refuse("<html></html>", EBADMSG, "not <testsuite>");
	refuse("<testsuite>\n<testcase name='&x;'/></testsuite>", EBADMSG, "result.xml:2:");
	refuse("<?xml version=\"1.0\"?>\n<!DOCTYPE testsuite SYSTEM \"file:///etc/passwd\">\n"
	       "<testsuite/>",
		EBADMSG, "result.xml:2: it has a document type");
	refuse("<!DOCTYPE t [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
	       "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><testsuite tests=\"&c;\"/>",
		EBADMSG, "document type");
	refuse("<testsuite><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></"
	       "testsuite>",
		EBADMSG, "deeply");
}

static void test_cases_before_the_fault_are_told(void **unused)
{
	static const char text[] = "<testsuite time=''><testcase name='generic/001' time='1'/>"
				   "<testcase name='generic/002'><failure mess";
	auto_buf struct buf out = { 0 };
	struct fstests_xunit x;
	assert_int_equal(read_text(text, strlen(text), &out, &x, NULL), -EBADMSG);
	assert_string_equal(out.s, ":generic/001 pass 1 ''\n");
	assert_int_equal(x.n_cases, 1);
}

static void test_control_bytes_and_odd_numbers_do_no_harm(void **unused)
{
	static const char text[] =
		"<?xml version=\"1.0\" encoding=\"UTF-16\"?>"
		"<testsuite tests='99999999999999' time='soon'><testcase name='a\x01\xff&#10;b' "
		"time='-1'><skipped message='x'/><failure message='y'/></testcase>"
		"<testcase><system-out><![CDATA[\f\v\0\x1b<![CDATA[<x>]]]]><![CDATA[>]]]></"
		"system-out>"
		"</testcase></testsuite>";
	auto_buf struct buf out = { 0 };
	struct fstests_xunit x;
	assert_int_equal(read_text(text, sizeof text - 1, &out, &x, NULL), 0);
	assert_string_equal(out.s, ":a?? b failed 0 'y'\n: pass 0 ''\n");
	assert_false(x.complete);
	assert_int_equal(x.n_tests, 0);
}

/* 200 MB of a test's own output, with far less memory. */
static void test_a_large_text_is_not_held(void **unused)
{
	static const char head[] = "<testsuite time='1'><testcase name='a'><system-out><![CDATA[\n";
	static const char tail[] = "]]></system-out></testcase></testsuite>";
	auto_close int fd = memfd_create("xml", MFD_CLOEXEC);
	auto_free char *piece = xmalloc(1u << 20);
	memset(piece, 'x', 1u << 20);
	assert_int_equal(fd_write_all(fd, head, strlen(head), NULL), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(fd_write_all(fd, piece, 1u << 20, NULL), 0);
	assert_int_equal(fd_write_all(fd, tail, strlen(tail), NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	struct rusage before;
	struct rusage after;
	auto_buf struct buf out = { 0 };
	struct fstests_xunit x;
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	assert_int_equal(fstests_xunit_read(fd, on_case, &out, &x, NULL), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_string_equal(out.s, ":a pass 0 ''\n");
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
}

/* What both readers say of the file in `fd`: their words, error and counts. */
static void expect_same(int fd)
{
	auto_buf struct buf out = { 0 };
	auto_buf struct buf apart = { 0 };
	struct fstests_xunit x;
	struct fstests_xunit y;
	struct err e = { 0 };
	struct err f = { 0 };
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	int rc = fstests_xunit_read(fd, on_case, &out, &x, &e);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fstests_xunit_read_apart(fd, on_case, &apart, &y, &f), rc);
	assert_string_equal(buf_str(&apart), buf_str(&out));
	assert_string_equal(f.msg, e.msg);
	assert_memory_equal(&x, &y, sizeof x);
}

static void test_a_process_without_rights_reads_the_same(void **unused)
{
	static const char *const texts[] = {
		"",
		"<testsuite",
		"<testsuite tests=\"2\" time=\"7\"><testcase name=\"a\" time=\"4\"/></testsuite>",
		"<testsuite><testcase classname=\"xfstests.x\" name=\"a&#9;b\"><skipped "
		"message=\"no&#10;way\"/></testcase><testcase name=\"b\"></testsuite>",
		"<!DOCTYPE x [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;\">]><testsuite>&b;"
		"</testsuite>",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_close int fd = memfd_create("xml", MFD_CLOEXEC);
		assert_int_equal(fd_write_all(fd, texts[i], strlen(texts[i]), NULL), 0);
		expect_same(fd);
	}
	auto_free char *path =
		xasprintf("%s/testdata/xfstests-fail.result.xml", getenv("FSQA_TEST_DATA"));
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	expect_same(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_without_rights_reads_the_same),
		cmocka_unit_test(test_a_large_text_is_not_held),
		cmocka_unit_test(test_a_real_file_is_read),
		cmocka_unit_test(test_a_crash_leaves_it_incomplete_and_sections_are_named),
		cmocka_unit_test(test_what_check_never_writes_is_refused),
		cmocka_unit_test(test_cases_before_the_fault_are_told),
		cmocka_unit_test(test_control_bytes_and_odd_numbers_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
