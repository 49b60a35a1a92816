/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strv.h"
#include "store/store_test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static struct buf listing;
static size_t listing_skip;

static int list_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_F)
		buf_addf(&listing, "%s\n", path + listing_skip);
	return 0;
}

/* All files below `dir`, sorted, one a line; the caller's. */
static char *list_files(const char *dir)
{
	buf_reset(&listing);
	listing_skip = strlen(dir) + 1;
	assert_int_equal(nftw(dir, list_one, 16, FTW_PHYS), 0);
	auto_strv struct strv v = { 0 };
	strv_split(&v, buf_str(&listing), "\n");
	strv_sort(&v);
	struct buf b = { 0 };
	for (size_t i = 0; i < v.n; i++)
		buf_addf(&b, "%s\n", v.v[i]);
	buf_clear(&listing);
	return buf_take(&b);
}

static size_t entries(const char *dir)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *ent; (ent = readdir(d));)
		n += strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void file_is(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_buf struct buf b = { 0 };
	ok(file_read(path, 1 << 20, &b, e));
	assert_string_equal(buf_str(&b), text);
}

static struct run_info *read_fixture(void)
{
	const char *here = getenv("FSQA_TEST_DATA");
	auto_free char *state =
		xasprintf("%s/../../tests/fixtures/store", here ? here : "src/store");
	return test_read(state, "latest");
}

static void test_a_run_becomes_the_folder_that_btrfsqa_made(void **state)
{
	auto_run_info struct run_info *r = read_fixture();
	auto_free char *path = NULL;
	ok(store_export_btrfsqa(r, *state, &path, e));
	auto_free char *want_path = path_join(*state, "results_2026-11-21_11:13");
	assert_string_equal(path, want_path);
	auto_free char *files = list_files(path);
	assert_string_equal(files, "001_kernel.script\n"
				   "002_btrfsprogs.script\n"
				   "logs/002_btrfsprogs/out.txt\n"
				   "logs/console.log\n"
				   "logs/deep/\xc3\xa9.bin\n"
				   "logs/kernel.log\n"
				   "logs/out.txt\n"
				   "logs/release.txt\n"
				   "screencasts/001_kernel.cast\n"
				   "screencasts/002_btrfsprogs.cast\n"
				   "status.json\n");
	file_is(path, "logs/out.txt", "of 001\n");
	file_is(path, "logs/002_btrfsprogs/out.txt", "of 002\n");
	file_is(path, "001_kernel.script",
		"Script started on Sat 21 Nov 2026 11:13:32 AM UTC\n"
		"+ uname -r\r\n6.1.0\r\n\033[32mok\033[0m\r\n"
		"\nScript done on Sat 21 Nov 2026 11:13:33 AM UTC\n");
	auto_free char *status = path_join(path, "status.json");
	auto_json json_t *j = NULL;
	ok(json_read_object(status, &j, e));
	assert_string_equal(json_str_or(j, "status", ""), "FAIL");
	const json_t *stages = json_object_get(j, "stages");
	assert_int_equal(json_array_size(stages), 3);
	const json_t *last = json_array_get(stages, 2);
	assert_string_equal(json_str_or(last, "script", ""), "003_fsops");
	assert_string_equal(json_str_or(last, "status", ""), "SKIP");
	assert_string_equal(json_str_or(last, "reason", ""), "002_btrfsprogs did not pass");
}

static void test_a_folder_that_is_there_is_never_overwritten(void **state)
{
	auto_run_info struct run_info *r = read_fixture();
	auto_free char *there = path_join(*state, "results_2026-11-21_11:13");
	assert_int_equal(mkdir(there, 0755), 0);
	struct err why = { 0 };
	assert_int_equal(store_export_btrfsqa(r, *state, NULL, &why), -EEXIST);
	assert_non_null(strstr(why.msg, "is there already, and is not overwritten"));
	assert_int_equal(entries(there), 0);
	assert_int_equal(entries(*state), 1);
}

static void test_what_fails_leaves_nothing_behind(void **state)
{
	auto_run_info struct run_info *r = read_fixture();
	r->artifacts[3].sha256[0] ^= 1;
	struct err why = { 0 };
	assert_int_equal(store_export_btrfsqa(r, *state, NULL, &why), -EBADMSG);
	assert_non_null(strstr(why.msg, "SHA-256"));
	assert_int_equal(entries(*state), 0);
}

static void test_names_of_a_guest_stay_in_the_folder(void **state)
{
	static const char *const names[] = { "../../evil", "/etc/evil", "a/../../evil", "a//b", "",
		".", "a", "a/b", "new\nline" };
	struct run_writer *w = test_create(*state, "x");
	test_start(w, "script.001_a", 1, "001_a");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		test_artifact(w, "script.001_a", names[i], "file", names[i], strlen(names[i]));
	test_end(w, "script.001_a", 1, "PASS");
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	auto_free char *dir = path_join(*state, "out");
	auto_free char *path = NULL;
	ok(store_export_btrfsqa(r, dir, &path, e));
	auto_free char *logs = path_join(path, "logs");
	auto_free char *files = list_files(logs);
	assert_string_equal(files, "001_a/a/b\n"
				   "a\n"
				   "line\nnew\n" /* sorted, it is one name */
				   "unnamed-0\nunnamed-1\nunnamed-2\nunnamed-3\nunnamed-4\n"
				   "unnamed-5\n");
	file_is(logs, "unnamed-0", "../../evil");
	file_is(logs, "new\nline", "new\nline");
}

static void test_a_log_that_two_stages_collected_stands_once(void **state)
{
	struct run_writer *w = test_create(*state, "x");
	for (int i = 1; i <= 3; i++) {
		auto_free char *stage = xasprintf("00%d_s", i);
		auto_free char *test = xasprintf("script.%s", stage);
		test_start(w, test, 1, stage);
		test_artifact(w, test, "same.log", "file", "same", 4);
		test_artifact(w, test, "grown.log", "file", "12345", (size_t)i);
		test_end(w, test, 1, "PASS");
	}
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	auto_free char *dir = path_join(*state, "out");
	auto_free char *path = NULL;
	ok(store_export_btrfsqa(r, dir, &path, e));
	auto_free char *files = list_files(path);
	assert_string_equal(files, "logs/002_s/grown.log\n"
				   "logs/003_s/grown.log\n"
				   "logs/grown.log\n"
				   "logs/same.log\n"
				   "status.json\n");
}

#define each(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(test_a_run_becomes_the_folder_that_btrfsqa_made),
		each(test_a_folder_that_is_there_is_never_overwritten),
		each(test_what_fails_leaves_nothing_behind),
		each(test_names_of_a_guest_stay_in_the_folder),
		each(test_a_log_that_two_stages_collected_stands_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
