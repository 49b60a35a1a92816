/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"
#include "store/journal.h"
#include "store/read.h"
#include "store/store_test.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KILLS 100
#define FLIPS 3000

/* Keeps a child's writer open until it is killed, telling each acknowledged record's number. */
static void write_until_killed(const char *state, int tell)
{
	static const char text[] = "some bytes of a log that belongs to a test\n";
	struct run_writer *w = test_create(state, "kill");
	for (uint32_t n = 1;; n++) {
		auto_free char *test = xasprintf("t%u", n);
		auto_json json_t *start = json_pack("{s:s, s:i}", "test", test, "attempt", 1);
		if (n % 4 == 0)
			test_artifact(w, test, "log", "log", text, sizeof text - 1);
		if (run_append(w, "attempt_start", start, true, NULL) < 0)
			_exit(1);
		if (write(tell, &n, sizeof n) != sizeof n)
			_exit(1);
	}
}

/* `started`: not before its first record is acknowledged. */
static uint32_t kill_one(const char *state, bool started, uint32_t *seed)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_until_killed(state, fds[1]);
	close(fds[1]);
	struct pollfd wait = { .fd = fds[0], .events = POLLIN };
	if (started)
		assert_int_equal(poll(&wait, 1, 60000), 1);
	(void)usleep(test_random(seed) % 12000);
	assert_int_equal(kill(pid, SIGKILL), 0);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	uint32_t n = 0;
	uint32_t last = 0;
	while (read(fds[0], &n, sizeof n) == sizeof n)
		last = n;
	close(fds[0]);
	return last;
}

static void test_what_was_acknowledged_survives_sigkill_at_any_moment(void **state)
{
	uint32_t seed = 20261121;
	unsigned with_records = 0;
	for (int i = 0; i < KILLS; i++) {
		auto_free char *dir = test_folder();
		uint32_t acked = kill_one(dir, i % 2, &seed);
		auto_run_info struct run_info *r = NULL;
		int rc = run_read(dir, "latest", &r, NULL);
		if (rc == -ENOENT) { /* killed before its journal had a name */
			assert_int_equal(acked, 0);
		} else {
			assert_int_equal(rc, 0);
			assert_null(r->damage);
			assert_false(r->live);
			assert_true(r->n_attempts >= acked);
			assert_true(r->n_artifacts >= acked / 4);
			for (size_t k = 0; k < r->n_artifacts; k++) {
				auto_buf struct buf b = { 0 };
				test_artifact_read(r, k, &b);
				assert_int_equal(b.len, 43);
			}
			with_records += acked > 0;
		}
		ok(store_recover(dir, &(struct store_recovery){ 0 }, e));
		if (r) {
			auto_run_info struct run_info *after = test_read(dir, r->id);
			assert_non_null(after->last);
			assert_int_equal(after->n_attempts, r->n_attempts);
		}
		assert_int_equal(file_remove_tree(dir, NULL), 0);
	}
	assert_true(with_records >= KILLS / 2);
}

/* A journal with every type of record; its bytes. */
static void make_journal(const char *state, struct buf *out)
{
	struct run_writer *w = test_create(state, "btrfs/demo");
	test_append(w, "plan", json_pack("{s:[s, s]}", "tests", "boot", "script.001_a"));
	test_append(w, "target", json_pack("{s:s, s:s}", "release", "6.1.0", "accel", "tcg"));
	for (int i = 0; i < 10; i++) {
		auto_free char *test = xasprintf("script.001_a.sub%d", i);
		test_start(w, test, 1, "001_a");
		test_artifact(w, test, "log", "log", "text", 4);
		test_end(w, test, 1, i % 2 ? "PASS" : "FAIL");
	}
	test_append(w, "note", json_pack("{s:s, s:s}", "level", "warning", "text", "caf\u00e9"));
	auto_free char *path = path_join(run_writer_dir(w), "journal");
	free(test_finish(w, "FAIL"));
	ok(file_read(path, 1 << 20, out, e));
}

/* The journal `b` read as one that lies in a file. */
static void load(const struct buf *b, struct run_info *r, struct journal_scan *s)
{
	auto_close int fd = memfd_create("journal", MFD_CLOEXEC);
	assert_true(fd >= 0);
	ok(fd_write_all(fd, buf_str(b), b->len, e));
	ok(run_info_load(r, fd, s, e));
}

static size_t lines_before(const struct buf *b, size_t at)
{
	size_t n = 0;
	for (size_t i = 0; i < at; i++)
		n += b->s[i] == '\n';
	return n;
}

static void test_a_changed_byte_anywhere_costs_only_what_is_behind_it_and_is_told(void **state)
{
	auto_buf struct buf b = { 0 };
	make_journal(*state, &b);
	uint32_t seed = 7;
	for (int i = 0; i < FLIPS; i++) {
		size_t at = test_random(&seed) % b.len;
		char was = b.s[at];
		b.s[at] ^= (char)(1 + test_random(&seed) % 255);
		struct run_info *r = run_info_new("x", "x");
		struct journal_scan s;
		load(&b, r, &s);
		assert_int_equal(s.seq, lines_before(&b, at));
		/* Without its newline the last line counts as never acknowledged. */
		assert_int_equal(s.damage[0] != '\0', at != b.len - 1);
		if (at != b.len - 1) {
			auto_free char *line = xasprintf("line %zu: ", (size_t)s.seq + 1);
			assert_int_equal(strncmp(r->damage, line, strlen(line)), 0);
			assert_true(run_info_status(r) <= VERDICT_MISS);
		}
		run_info_free(r);
		b.s[at] = was;
	}
}

static void test_a_journal_cut_anywhere_has_all_whole_lines_and_no_damage(void **state)
{
	auto_buf struct buf b = { 0 };
	make_journal(*state, &b);
	for (size_t n = b.len; n > 0; n--) {
		b.len = n;
		struct run_info *r = run_info_new("x", "x");
		struct journal_scan s;
		load(&b, r, &s);
		assert_int_equal(s.seq, lines_before(&b, n));
		assert_string_equal(s.damage, "");
		run_info_free(r);
	}
}

static void test_lines_that_lie_are_damage_although_their_checksum_is_right(void **state)
{
	static const struct {
		const char *body, *damage;
	} cases[] = {
		{ "{\"seq\":1,\"type\":\"plan\",\"tests\":[]",
			"line 1: record plan is out of place" },
		{ "{\"seq\":2,\"type\":\"run\",\"id\":\"x\",\"profile\":\"y\"",
			"line 1: record 2 where 1 is due" },
		{ "{\"seq\":1,\"type\":\"run\",\"id\":7,\"profile\":\"y\"",
			"line 1: record run: member \"id\" missing or wrong" },
		{ "{\"seq\":1,\"seq\":1,\"type\":\"run\"", "line 1: duplicate object key" },
		{ "[1", "line 1: " },
		{ "", "line 1: " },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf b = { 0 };
		buf_addf(&b, "%s,\"crc\":\"%08x\"}\n", cases[i].body,
			hash_crc32(cases[i].body, strlen(cases[i].body)));
		struct run_info *r = run_info_new("x", "x");
		struct journal_scan s;
		load(&b, r, &s);
		assert_int_equal(s.seq, 0);
		assert_int_equal(strncmp(s.damage, cases[i].damage, strlen(cases[i].damage)), 0);
		run_info_free(r);
	}
}

static void test_a_line_without_end_is_told_and_not_held(void **state)
{
	auto_buf struct buf b = { 0 };
	for (int i = 0; i < 3 << 20; i++)
		buf_addc(&b, 'x');
	struct run_info *r = run_info_new("x", "x");
	struct journal_scan s;
	load(&b, r, &s);
	assert_string_equal(s.damage, "line 1: longer than 1048576 bytes");
	run_info_free(r);
}

static void test_records_that_a_reader_could_not_take_are_refused(void **state)
{
	struct run_writer *w = test_create(*state, "x");
	struct err e = { 0 };
	auto_json json_t *big = json_object();
	auto_free char *text = xmalloc(JOURNAL_LINE_MAX + 1);
	memset(text, 'x', JOURNAL_LINE_MAX);
	text[JOURNAL_LINE_MAX] = '\0';
	json_object_set_new(big, "text", json_string(text));
	json_object_set_new(big, "level", json_string("info"));
	assert_int_equal(run_append(w, "note", big, false, &e), -EMSGSIZE);
	auto_json json_t *own = json_pack("{s:s, s:s, s:i}", "level", "a", "text", "b", "seq", 7);
	assert_int_equal(run_append(w, "note", own, false, &e), -EINVAL);
	assert_string_equal(e.msg, "record note: member \"seq\" is the journal's own");
	auto_json json_t *half = json_pack("{s:s}", "level", "a");
	assert_int_equal(run_append(w, "note", half, false, &e), -EINVAL);
	assert_int_equal(run_append(w, "nonsense", half, false, &e), -EINVAL);
	auto_json json_t *odd = json_pack("{s:s, s:i, s:s, s:i}", "test", "t", "attempt", 1,
		"status", "pass", "duration_us", 1);
	assert_int_equal(run_append(w, "attempt_end", odd, false, &e), -EINVAL);
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	assert_int_equal(json_array_size(r->notes), 0);
}

static void test_zero_bytes_in_text_come_back(void **state)
{
	struct run_writer *w = test_create(*state, "x");
	test_append(w, "note",
		json_pack("{s:s, s:o}", "level", "info", "text", json_bytes("a\0b\xff", 4)));
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_null(r->damage);
	const json_t *text = json_object_get(json_array_get(r->notes, 0), "text");
	assert_int_equal(json_string_length(text), 6);
	assert_memory_equal(json_string_value(text), "a\0b\xef\xbf\xbd", 6);
}

/* ---- a disk that is full ---- */

static json_t *long_note(void)
{
	char text[900];
	memset(text, 'n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	return json_pack("{s:s, s:s}", "level", "info", "text", text);
}

static void ends_with_newline(const char *dir)
{
	auto_free char *path = path_join(dir, "journal");
	auto_buf struct buf b = { 0 };
	ok(file_read(path, 1 << 20, &b, e));
	assert_int_equal(b.s[b.len - 1], '\n');
}

/* Fills the disk, makes room by `make_room`, goes on: what was acknowledged is all there. */
static void fill_and_go_on(const char *state, int full, void (*make_room)(const char *state))
{
	struct run_writer *w = test_create(state, "full");
	auto_free char *id = xstrdup(run_writer_id(w));
	struct err why = { 0 };
	size_t n = 0;
	int rc;
	auto_json json_t *note = long_note();
	while ((rc = run_append(w, "note", note, true, &why)) == 0)
		n++;
	assert_int_equal(rc, full);
	assert_non_null(strstr(why.msg, "/journal: "));
	assert_non_null(strstr(why.msg, strerror(-full)));
	assert_int_equal(run_append(w, "note", note, true, NULL), full);
	auto_run_info struct run_info *r = test_read(state, id);
	assert_null(r->damage);
	assert_int_equal(json_array_size(r->notes), n);
	make_room(state);
	ends_with_newline(run_writer_dir(w));
	ok(run_append(w, "note", note, true, e));
	free(test_finish(w, "PASS"));
	auto_run_info struct run_info *after = test_read(state, id);
	assert_null(after->damage);
	assert_non_null(after->last);
	assert_int_equal(json_array_size(after->notes), n + 1);
}

static void remove_filler(const char *state)
{
	auto_free char *path = path_join(state, "filler");
	assert_int_equal(unlink(path), 0);
}

static void test_a_full_filesystem_is_told_and_the_journal_stays_valid(void **state)
{
	auto_free char *dir = path_join(*state, "tmpfs");
	assert_int_equal(mkdir(dir, 0755), 0);
	if (mount("none", dir, "tmpfs", 0, "size=256k") < 0) {
		print_message("# SKIP cannot mount a tmpfs: %s\n", strerror(errno));
		skip();
	}
	char filler[100 << 10] = { 0 };
	test_write_file(dir, "filler", filler, sizeof filler);
	fill_and_go_on(dir, -ENOSPC, remove_filler);
	assert_int_equal(umount(dir), 0);
}

static void lift_limit(const char *state)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void test_a_line_that_was_written_half_is_cut_off(void **state)
{
	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	/* Cuts a write in the middle, where a full disk may cut between pages only. */
	const struct rlimit limit = { 10000, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fill_and_go_on(*state, -EFBIG, lift_limit);
}

static void test_the_pack_gives_back_the_room_of_an_artifact_that_failed(void **state)
{
	struct run_writer *w = test_create(*state, "full");
	test_artifact(w, "t", "before", "log", "kept", 4);
	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	const struct rlimit limit = { 100000, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	uint32_t noise[4096];
	uint32_t seed = 5;
	struct err e = { 0 };
	int rc = run_artifact_begin(w, "t", 1, "big", "log", &e);
	for (int i = 0; rc == 0 && i < 1000; i++) {
		for (size_t k = 0; k < ARRAY_LEN(noise); k++)
			noise[k] = test_random(&seed);
		rc = run_artifact_add(w, noise, sizeof noise, &e);
	}
	assert_int_equal(rc, -EFBIG);
	assert_non_null(strstr(e.msg, "/pack: "));
	assert_int_equal(run_artifact_end(w, false, NULL), -EINVAL);
	auto_free char *pack = path_join(run_writer_dir(w), "pack");
	struct stat st;
	assert_int_equal(stat(pack, &st), 0);
	assert_true(st.st_size < 100);
	test_artifact(w, "t", "after", "log", "too", 3);
	lift_limit(*state);
	auto_free char *id = test_finish(w, "PASS");
	auto_run_info struct run_info *r = test_read(*state, id);
	assert_int_equal(r->n_artifacts, 2);
	auto_buf struct buf b = { 0 };
	test_artifact_read(r, 0, &b);
	test_artifact_read(r, 1, &b);
	assert_string_equal(buf_str(&b), "kepttoo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_acknowledged_survives_sigkill_at_any_moment),
		cmocka_unit_test(
			test_a_changed_byte_anywhere_costs_only_what_is_behind_it_and_is_told),
		cmocka_unit_test(test_a_journal_cut_anywhere_has_all_whole_lines_and_no_damage),
		cmocka_unit_test(test_lines_that_lie_are_damage_although_their_checksum_is_right),
		cmocka_unit_test(test_a_line_without_end_is_told_and_not_held),
		cmocka_unit_test(test_records_that_a_reader_could_not_take_are_refused),
		cmocka_unit_test(test_zero_bytes_in_text_come_back),
		cmocka_unit_test(test_a_full_filesystem_is_told_and_the_journal_stays_valid),
		cmocka_unit_test(test_a_line_that_was_written_half_is_cut_off),
		cmocka_unit_test(test_the_pack_gives_back_the_room_of_an_artifact_that_failed),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
