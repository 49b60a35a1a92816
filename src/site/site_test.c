/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "record/recording.h"
#include "site/site.h"
#include "site/site_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void append(struct run_writer *w, const char *type, json_t *fields)
{
	struct err e = { 0 };
	assert_non_null(fields);
	if (run_append(w, type, fields, true, &e) < 0)
		fail_msg("%s", e.msg);
	json_decref(fields);
}

static void text_artifact(struct run_writer *w, const char *test, const char *name,
	const char *kind, const char *text)
{
	assert_int_equal(run_artifact_begin(w, test, 1, name, kind, NULL), 0);
	assert_int_equal(run_artifact_add(w, text, strlen(text), NULL), 0);
	assert_int_equal(run_artifact_end(w, false, NULL), 0);
}

#define CAST                                                                                       \
	"{\"version\": 2, \"width\": 80, \"height\": 24}\n"                                        \
	"[0.5, \"m\", \"quota\"]\n[1.0, \"o\", \"over \\\"quota\\\" </script>\"]\n"

static void start(struct run_writer *w, const char *test, const char *stage)
{
	append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", stage));
}

static void end(struct run_writer *w, const char *test, const char *status, const char *reason)
{
	append(w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:[{s:s}, {s:s}]}", "test",
			test, "attempt", 1, "status", status, "reason", reason, "duration_us",
			1500000, "marker_us", 500000, "log_from", 6, "log_to", 24, "causes", "text",
			"exit status 1", "text", "output mismatch"));
}

/* A run of one stage with one test in it. Its id, the caller's. */
static char *make_run(const char *state, const char *stage, const char *sub)
{
	struct run_writer *w = NULL;
	auto_json json_t *first = json_pack("{s:s}", "command", "fsqa run x");
	assert_int_equal(run_create(state, "btrfs/demo", first, &w, NULL), 0);
	auto_free char *test = xasprintf("script.%s", stage);
	auto_free char *below = xasprintf("script.%s.%s", stage, sub);
	append(w, "plan", json_pack("{s:[sss]}", "tests", "boot", test, "script.009_never"));
	start(w, test, stage);
	start(w, below, stage);
	end(w, below, "FAIL", "because <b>");
	append(w, "witness",
		json_pack("{s:s, s:i, s:s, s:s, s:s, s:b}", "test", below, "attempt", 1, "status",
			"FAIL", "reason", "", "diff", "-a\n+<b>\n", "diff_cut", true));
	text_artifact(w, test, "terminal.cast", "cast", CAST);
	text_artifact(w, test, "terminal.log", "log", "first\n\033[31mred\033[0m\rover\n\nlast\n");
	auto_free char *big = xasprintf("%0300000d", 0);
	text_artifact(w, test, "logs/big", "log", big);
	end(w, test, "FAIL", "1 test failed");
	append(w, "run_end", json_pack("{s:s}", "status", "FAIL"));
	char *id = xstrdup(run_writer_id(w));
	assert_int_equal(run_writer_close(&w, NULL), 0);
	return id;
}

static char *page_of(const char *state, const char *id)
{
	struct err e = { 0 };
	auto_free char *path = NULL;
	if (site_write_run(state, id, &path, &e) < 0)
		fail_msg("%s", e.msg);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(path, 1u << 20, &b, NULL), 0);
	return buf_take(&b);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static char *read_below(const char *state, const char *id, const char *name)
{
	auto_free char *path = xasprintf("%s/site/runs/%s/%s", state, id, name);
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	if (file_read(path, 1u << 20, &b, &e) < 0)
		fail_msg("%s", e.msg);
	return buf_take(&b);
}

static void test_page_has_rows_recording_logs_and_evidence(void **state)
{
	auto_free char *id = make_run(*state, "003_fsops", "quota");
	auto_free char *page = page_of(*state, id);
	assert_true(has(page, "<span class=\"name\">003_fsops</span>"));
	assert_true(has(page, "data-cast=\"003_fsops\""));
	assert_true(has(page, "data-status=\"FAIL\" data-at=\"0.500\""));
	assert_true(has(page, "because &lt;b&gt;"));
	assert_true(has(page, "<pre tabindex=\"0\">over</pre>"));
	assert_true(has(page, "(+) output</figcaption><pre tabindex=\"0\">-a\n+&lt;b&gt;\n...<"));
	assert_true(has(page, "in order</figcaption><pre tabindex=\"0\">exit status 1\noutput "
			      "mismatch\n</pre>"));
	assert_true(has(page, "<code id=\"command\">fsqa run x</code>"));
	assert_true(has(page, "<span class=\"name\">009_never</span>"));
	assert_true(has(page, "never reached"));
	auto_free char *cast = read_below(*state, id, "casts/003_fsops.cast");
	assert_string_equal(cast, CAST);
	auto_free char *script = read_below(*state, id, "casts/003_fsops.cast.js");
	assert_true(has(script, "fsqaCast(\"003_fsops\", \"{\\\"version\\\": 2,"));
	assert_true(has(script, "\\\\\\\"quota\\\\\\\" </script>\\\"]\\n\");\n"));
	auto_free char *svg = read_below(*state, id, "casts/003_fsops.svg");
	assert_true(has(svg, "over &quot;quota&quot; &lt;/script&gt;"));
	auto_free char *log = read_below(*state, id, "logs/003_fsops/terminal.log.txt");
	assert_true(has(log, "first\n"));
	auto_free char *index = xasprintf("%s/site/index.html", (char *)*state);
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(index, 1u << 20, &b, NULL), 0);
	auto_free char *link = xasprintf("<a href=\"runs/%s/index.html\">", id);
	assert_true(has(buf_str(&b), link));
}

static void test_markup_in_names_stays_text(void **state)
{
	auto_free char *id = make_run(*state, "1<script>x", "\"><img src=x onerror=y>");
	auto_free char *page = page_of(*state, id);
	assert_false(has(page, "<script>x"));
	assert_false(has(page, "<img src=x"));
	assert_true(has(page, "1&lt;script&gt;x"));
	assert_true(has(page, "&quot;&gt;&lt;img src=x onerror=y&gt;"));
}

static void test_page_is_renewed_whole_and_what_a_killed_writer_left_goes(void **state)
{
	auto_free char *id = make_run(*state, "001_a", "t");
	free(page_of(*state, id));
	auto_free char *old = xasprintf("%s/site/runs/%s/logs/old.txt", (char *)*state, id);
	auto_free char *left = xasprintf("%s/site/runs/.new-%s", (char *)*state, id);
	auto_free char *junk = path_join(left, "junk");
	assert_int_equal(file_replace(old, "x", 1, 0644, NULL), 0);
	assert_int_equal(mkdir(left, 0755), 0);
	assert_int_equal(file_replace(junk, "x", 1, 0644, NULL), 0);
	free(page_of(*state, id));
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(left, F_OK), -1);
}

/* A limit on a file's size stands for a disk without room: the largest log meets it. */
static void test_without_room_the_old_page_stands_and_nothing_partial_is_left(void **state)
{
	auto_free char *id = make_run(*state, "001_a", "t");
	auto_free char *before = page_of(*state, id);
	struct err e = { 0 };
	struct rlimit was;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	struct rlimit small = { .rlim_cur = 200000, .rlim_max = was.rlim_max };
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = site_write_run(*state, id, NULL, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, handler);
	assert_int_equal(rc, -EFBIG);
	assert_true(has(e.msg, "page of run "));
	auto_free char *after = read_below(*state, id, "index.html");
	assert_string_equal(after, before);
	auto_free char *left = xasprintf("%s/site/runs/.new-%s", (char *)*state, id);
	assert_int_equal(access(left, F_OK), -1);
}

static void test_what_is_damaged_in_the_store_is_told_on_the_page(void **state)
{
	auto_free char *id = make_run(*state, "001_a", "t");
	auto_free char *pack = xasprintf("%s/runs/%s/pack", (char *)*state, id);
	int fd = open(pack, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 20), 0);
	close(fd);
	auto_free char *page = page_of(*state, id);
	assert_true(has(page, "<span class=\"trouble\">"));
	assert_false(has(page, "terminal.log.txt"));
	auto_free char *log = xasprintf("%s/site/runs/%s/casts/001_a.cast", (char *)*state, id);
	assert_int_equal(access(log, F_OK), -1);
}

static void test_ten_thousand_files_do_not_flood_the_page(void **state)
{
	struct run_writer *w = NULL;
	assert_int_equal(run_create(*state, "btrfs/demo", NULL, &w, NULL), 0);
	start(w, "script.001_a", "001_a");
	for (int i = 0; i < 300; i++) {
		auto_free char *name = xasprintf("logs/../%d", i);
		text_artifact(w, "script.001_a", name, "log", i % 2 ? "text" : "");
	}
	text_artifact(w, "script.001_a", "logs/terminal.log", "log", "not the terminal");
	end(w, "script.001_a", "PASS", "");
	auto_free char *id = xstrdup(run_writer_id(w));
	assert_int_equal(run_writer_close(&w, NULL), 0);
	auto_free char *page = page_of(*state, id);
	assert_true(has(page, "297 more</summary>"));
	assert_true(has(page, "And 201 that are not laid out here"));
	auto_free char *outside = xasprintf("%s/site/runs/%s/logs/001_a/1.txt", (char *)*state, id);
	assert_int_equal(access(outside, F_OK), -1);
}

static void test_names_of_files_are_safe_and_their_own(void **unused)
{
	static const struct {
		const char *in, *out;
	} same[] = { { "002_btrfsprogs", "002_btrfsprogs" }, { "a.b-c", "a.b-c" } };
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		auto_free char *s = site_safe_name(same[i].in);
		assert_string_equal(s, same[i].out);
	}
	static const char *const odd[] = { "", ".", "..", "a/b", "a_b/", "../x", "a\nb", "a\xff",
		".hidden", "a b", "a?b" };
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		auto_free char *s = site_safe_name(odd[i]);
		assert_true(strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(s));
		assert_true(*s && *s != '.' && strlen(s) <= 80);
		for (size_t k = 0; k < i; k++) {
			auto_free char *other = site_safe_name(odd[k]);
			assert_string_not_equal(s, other);
		}
	}
	char longest[500];
	memset(longest, 'x', sizeof longest);
	longest[499] = '\0';
	auto_free char *s = site_safe_name(longest);
	assert_int_equal(strlen(s), 80);
}

static void test_excerpt_is_the_last_lines_as_they_were_left_standing(void **state)
{
	auto_free char *path = path_join(*state, "log");
	static const char text[] = "one\ntwo\n\033]0;title\athree 10%\rthree 99%\n"
				   "\033[1;31mfo\033[0mur\bUR\n\n \n";
	assert_int_equal(file_replace(path, text, sizeof text - 1, 0644, NULL), 0);
	auto_buf struct buf b = { 0 };
	site_excerpt_file(path, 2, &b);
	assert_string_equal(buf_str(&b), "three 99%\nfouUR");
	auto_buf struct buf many = { 0 };
	for (int i = 0; i < 100000; i++)
		buf_addf(&many, "%d\n", i);
	assert_int_equal(file_replace(path, many.s, many.len, 0644, NULL), 0);
	buf_reset(&b);
	site_excerpt_file(path, 3, &b);
	assert_string_equal(buf_str(&b), "99997\n99998\n99999");
	buf_reset(&b);
	site_excerpt_file("/nonexistent", 3, &b);
	assert_int_equal(b.len, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, test_make_folder, test_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_page_has_rows_recording_logs_and_evidence),
		T(test_markup_in_names_stays_text),
		T(test_page_is_renewed_whole_and_what_a_killed_writer_left_goes),
		T(test_without_room_the_old_page_stands_and_nothing_partial_is_left),
		T(test_what_is_damaged_in_the_store_is_told_on_the_page),
		T(test_ten_thousand_files_do_not_flood_the_page),
		cmocka_unit_test(test_names_of_files_are_safe_and_their_own),
		T(test_excerpt_is_the_last_lines_as_they_were_left_standing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
