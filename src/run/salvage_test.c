/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real fsqa-salvage on images good and bad; and one that is none of ours. */
#include "base/buf.h"
#include "base/test.h"
#include "build_config.h"
#include "run/salvage.h"
#include "salvage/fixture.h"
#include <errno.h>

#define PROGRAM FSQA_BUILD_DIR "/src/salvage/fsqa-salvage"
#define FLIPS   150

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

struct result {
	struct buf files, skipped;
	uint64_t bytes;
	unsigned n_files, dones;
	char why[256];
};

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct result *r = ctx;
	buf_addf(&r->files, "%s %d%s\n", path, (int)size, cut ? " cut" : "");
	r->bytes += size;
	r->n_files++;
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct result *r = ctx;
	buf_addf(&r->skipped, "%s: %s\n", name, why);
}

static void on_done(void *ctx, const char *why)
{
	struct result *r = ctx;
	r->dones++;
	(void)snprintf(r->why, sizeof r->why, "%s", why ? why : "");
}

static void clear(struct result *r)
{
	buf_clear(&r->files);
	buf_clear(&r->skipped);
	*r = (struct result){ 0 };
}

/* Run to its end; what was fetched lies in DIR/out. */
static void fetch(
	const char *program, const char *image, uint64_t bytes, uint32_t files, struct result *r)
{
	static const char *const paths[] = { "/tmp/logs", "/tmp/alone", "/nowhere", NULL };
	uv_loop_t loop;
	struct salvage *s = NULL;
	struct err e = { 0 };
	auto_free char *out = path_join(dir, "out");
	assert_int_equal(file_remove_tree(out, NULL), 0);
	fixture_folder(dir, "out");
	auto_close int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct salvage_spec spec = { program, image, paths, fd, bytes, files, on_file,
		on_skipped, on_done, r };
	assert_int_equal(uv_loop_init(&loop), 0);
	if (salvage_start(&loop, &spec, &s, &e) < 0)
		fail_msg("%s", e.msg);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(r->dones, 1);
}

static void test_logs_come_out_of_an_image_as_from_a_guest(void **unused)
{
	struct result r = { 0 };
	auto_buf struct buf text = { 0 };
	auto_free char *image = path_join(dir, "image");
	auto_free char *file = path_join(dir, "out/deep/deeper/b.log");
	if (!have)
		skip();
	fetch(PROGRAM, image, 1 << 20, 100, &r);
	assert_string_equal(r.why, "");
	assert_string_equal(buf_str(&r.files),
		"a.log 6\nlarge 300000\ndeep/two\\x0alines 6\ndeep/deeper/b.log 7\nalone 7\n");
	assert_string_equal(buf_str(&r.skipped),
		"link: a link to /etc/shadow\n/nowhere: /upper/nowhere: not on the disk\n");
	assert_int_equal(file_read(file, 100, &text, NULL), 0);
	assert_string_equal(buf_str(&text), "second\n");
	clear(&r);
	fetch(PROGRAM, image, 10, 100, &r);
	assert_int_equal(r.bytes, 10);
	assert_string_equal(r.why, "");
	clear(&r);
}

/* DIR/bad: the image with some bits changed where there is something, but for every fourth behind
 * the superblock, without which nothing is read at all. */
static void damage(const struct buf *good, const struct buf *used, unsigned seed)
{
	auto_buf struct buf b = { 0 };
	auto_free char *path = path_join(dir, "bad");
	const uint32_t *at = (const void *)used->s;
	size_t n = used->len / sizeof *at;
	size_t first = 0;
	unsigned state = seed * 2654435761u + 1;
	while (seed % 4 && at[first] < 4096)
		first++;
	buf_add(&b, good->s, good->len);
	for (unsigned i = 0; i < 1 + seed % 40; i++) {
		state = state * 1664525u + 1013904223u;
		size_t k = at[first + (state >> 4) % (n - first)];
		state = state * 1664525u + 1013904223u;
		b.s[k] = (char)(b.s[k] ^ (char)(1u << (state >> 13) % 8));
	}
	if (seed % 10 == 0)
		b.len = b.len / (1 + seed % 7);
	assert_int_equal(file_replace(path, b.s, b.len, 0600, NULL), 0);
}

static void test_a_damaged_image_hurts_nobody_and_is_told(void **unused)
{
	auto_buf struct buf good = { 0 };
	auto_buf struct buf used = { 0 };
	auto_free char *image = path_join(dir, "image");
	auto_free char *bad = path_join(dir, "bad");
	unsigned told = 0;
	unsigned read = 0;
	if (!have)
		skip();
	assert_int_equal(file_read(image, 4 << 20, &good, NULL), 0);
	for (uint32_t at = 0; at < good.len; at++)
		if (good.s[at])
			buf_add(&used, &at, sizeof at);
	for (unsigned seed = 1; seed <= FLIPS; seed++) {
		struct result r = { 0 };
		damage(&good, &used, seed);
		fetch(PROGRAM, bad, 400000, 30, &r);
		assert_true(r.bytes <= 400000 && r.n_files <= 30);
		told += r.why[0] || r.skipped.len > 70;
		read += r.n_files > 0;
		clear(&r);
	}
	print_message("# of %d images %u had files, of %u something was told\n", FLIPS, read, told);
	assert_true(told > FLIPS / 20 && read > FLIPS / 20);
	auto_close int left = open(bad, O_RDONLY | O_CLOEXEC);
	assert_true(left >= 0);
}

static void test_no_image_and_a_program_that_lies_are_told(void **unused)
{
	static const struct {
		const char *script, *why;
	} cases[] = {
		{ "#!/bin/sh\necho this is no frame >&3\nsleep 60\n",
			"the other end sent what is no frame" },
		{ "#!/bin/sh\necho oh no >&2\nexit 7\n", "oh no" },
		{ "#!/bin/sh\nkill -SYS $$\n", "killed by signal 31 (Bad system call)" },
	};
	auto_free char *program = path_join(dir, "liar");
	auto_free char *image = path_join(dir, "tree");
	auto_free char *empty = path_join(dir, "empty");
	struct result r = { 0 };
	fixture_folder(dir, "tree");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(
			file_replace(program, cases[i].script, strlen(cases[i].script), 0700, NULL),
			0);
		fetch(program, image, 100, 100, &r);
		assert_non_null(strstr(r.why, cases[i].why));
		assert_int_equal(r.n_files, 0);
		clear(&r);
	}
	assert_int_equal(file_replace(empty, "", 0, 0600, NULL), 0);
	fetch(PROGRAM, empty, 100, 100, &r);
	assert_non_null(strstr(r.why, "open the disk's filesystem: the filesystem is damaged"));
	clear(&r);
}

static void test_one_that_is_stopped_says_so(void **unused)
{
	static const char script[] = "#!/bin/sh\nsleep 60\n";
	static const char *const paths[] = { "/tmp/logs", NULL };
	uv_loop_t loop;
	struct salvage *s = NULL;
	struct result r = { 0 };
	auto_free char *program = path_join(dir, "sleeper");
	assert_int_equal(file_replace(program, script, sizeof script - 1, 0700, NULL), 0);
	const struct salvage_spec spec = { program, "/dev/null", paths, -1, 1, 1, on_file,
		on_skipped, on_done, &r };
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(salvage_start(&loop, &spec, &s, NULL), 0);
	salvage_stop(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(r.dones, 1);
	assert_string_equal(r.why, "stopped");
	struct err e = { 0 };
	const struct salvage_spec none = { program, "/nonexistent/image", paths, -1, 1, 1, on_file,
		on_skipped, on_done, &r };
	assert_int_equal(salvage_start(&loop, &none, &s, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs_come_out_of_an_image_as_from_a_guest),
		cmocka_unit_test(test_a_damaged_image_hurts_nobody_and_is_told),
		cmocka_unit_test(test_no_image_and_a_program_that_lies_are_told),
		cmocka_unit_test(test_one_that_is_stopped_says_so),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
