/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/test.h"
#include "salvage/fixture.h"
#include "salvage/image.h"
#include <errno.h>

static char *dir;
static bool have;

static int set_up(void **unused)
{
	dir = test_folder();
	have = fixture_image(dir);
	return 0;
}

static int tear_down(void **unused)
{
	int rc = file_remove_tree(dir, NULL);
	free(dir);
	return rc;
}

struct told {
	struct buf text;
	uint64_t bytes;
	size_t of_file;
	size_t room;
};

static void on_entry(void *ctx, const struct image_entry *n)
{
	struct told *t = ctx;
	t->of_file = 0;
	buf_addf(&t->text, "%c %s", n->kind, n->path);
	if (n->kind == 'f')
		buf_addf(&t->text, " %d", (int)n->size);
	if (n->target)
		buf_addf(&t->text, " -> %s", n->target);
	buf_addc(&t->text, '\n');
}

static size_t room(void *ctx)
{
	const struct told *t = ctx;
	return t->room;
}

static void on_data(void *ctx, const void *p, size_t n)
{
	struct told *t = ctx;
	const char *s = p;
	assert_true(n > 0 && n <= t->room);
	if (t->of_file == 0 && n < 100 && s[0])
		buf_add(&t->text, p, n);
	t->of_file += n;
	t->bytes += n;
}

static int get(const char *path, uint64_t bytes, uint64_t entries, struct told *t,
	uint64_t *skipped, struct err *e)
{
	struct image *m = NULL;
	const struct image_sink sink = { on_entry, room, on_data, t };
	auto_free char *image = path_join(dir, "image");
	auto_close int fd = open(image, O_RDONLY | O_CLOEXEC);
	int rc = image_open(fd, &m, e);
	if (rc == 0)
		rc = image_get(m, path, bytes, entries, &sink, skipped, e);
	image_close(m);
	return rc;
}

static void test_a_folder_is_told_in_order_with_its_contents_and_no_link_followed(void **unused)
{
	struct told t = { .room = 4096 };
	struct err e = { 0 };
	uint64_t skipped = 9;
	if (!have)
		skip();
	assert_int_equal(get("/upper/tmp/logs", 1 << 20, 100, &t, &skipped, &e), 0);
	assert_string_equal(buf_str(&t.text),
		"f a.log 6\nfirst\nf large 300000\nl link -> /etc/shadow\nd deep\n"
		"f deep/two\nlines 6\nthird\nd deep/deeper\nf deep/deeper/b.log 7\nsecond\n");
	assert_int_equal(t.bytes, 6 + 7 + 6 + FIXTURE_LARGE);
	assert_int_equal(skipped, 0);
	buf_clear(&t.text);
}

static void test_limits_hold_and_what_is_left_out_is_counted(void **unused)
{
	struct told t = { .room = 4096 };
	uint64_t skipped = 0;
	if (!have)
		skip();
	assert_int_equal(get("/upper/tmp/logs", 8, 2, &t, &skipped, NULL), 0);
	assert_string_equal(buf_str(&t.text), "f a.log 6\nfirst\nd deep\n");
	assert_true(skipped > 0);
	buf_reset(&t.text);
	t.bytes = 0;
	assert_int_equal(get("/upper/tmp/logs", 8, 100, &t, &skipped, NULL), 0);
	assert_int_equal(t.bytes, 8);
	t.room = 0; /* the one who asked has gone */
	buf_reset(&t.text);
	assert_int_equal(get("/upper/tmp/logs", 1 << 20, 100, &t, &skipped, NULL), 0);
	assert_string_equal(buf_str(&t.text), "f a.log 6\n");
	buf_clear(&t.text);
}

static void test_one_file_has_its_own_name(void **unused)
{
	struct told t = { .room = 4096 };
	uint64_t skipped = 0;
	if (!have)
		skip();
	assert_int_equal(get("/upper/tmp/alone", 100, 100, &t, &skipped, NULL), 0);
	assert_string_equal(buf_str(&t.text), "f alone 7\nfourth\n");
	buf_clear(&t.text);
}

static void test_what_is_not_there_is_told_and_links_lead_nowhere(void **unused)
{
	static const struct {
		const char *path, *why;
		int rc;
	} cases[] = {
		{ "/upper/nowhere/x", "/upper/nowhere/x: not on the disk", -ENOENT },
		{ "/upper/tmp/alone/x", "/upper/tmp/alone/x: not on the disk", -ENOENT },
		{ "/upper/away/logs", "/upper/away/logs: there is a link on the way", -ELOOP },
		{ "upper", "upper: not an absolute path", -EINVAL },
	};
	if (!have)
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct told t = { .room = 4096 };
		struct err e = { 0 };
		uint64_t skipped = 0;
		assert_int_equal(get(cases[i].path, 100, 100, &t, &skipped, &e), cases[i].rc);
		assert_string_equal(e.msg, cases[i].why);
		assert_int_equal(t.text.len, 0);
	}
}

static void test_what_is_no_filesystem_is_refused(void **unused)
{
	struct image *m = NULL;
	struct err e = { 0 };
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_open(fd, &m, &e), -EUCLEAN);
	assert_int_equal(
		strncmp(e.msg, "open the disk's filesystem: the filesystem is damaged", 53), 0);
	auto_close int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_open(nothing, &m, NULL), -EUCLEAN);
	assert_null(m);
	image_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_folder_is_told_in_order_with_its_contents_and_no_link_followed),
		cmocka_unit_test(test_limits_hold_and_what_is_left_out_is_counted),
		cmocka_unit_test(test_one_file_has_its_own_name),
		cmocka_unit_test(test_what_is_not_there_is_told_and_links_lead_nowhere),
		cmocka_unit_test(test_what_is_no_filesystem_is_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
