/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/guest_test.h"
#include <sys/stat.h>
#include <sys/xattr.h>

struct transfer {
	struct rig *rig;
	struct buf files, skipped; /* "PATH SIZE[ cut]\n", "NAME: WHY\n" */
	unsigned n_files, n_skipped;
	bool done;
	struct session_exit x;
};

static void on_file(void *ctx, const char *path, uint64_t size, bool cut)
{
	struct transfer *t = ctx;
	t->n_files++;
	if (t->files.len < 100000)
		buf_addf(&t->files, "%s %llu%s\n", path, (unsigned long long)size,
			cut ? " cut" : "");
}

static void on_skipped(void *ctx, const char *name, const char *why)
{
	struct transfer *t = ctx;
	t->n_skipped++;
	buf_addf(&t->skipped, "%s: %s\n", name, why);
}

static void on_exit_transfer(void *ctx, const struct session_exit *x)
{
	struct transfer *t = ctx;
	assert_false(t->done);
	t->done = true;
	t->x = *x;
}

static void transfer_clear(struct transfer *t)
{
	buf_clear(&t->files);
	buf_clear(&t->skipped);
}
#define auto_transfer __attribute__((cleanup(transfer_clear)))

static void get_as(struct rig *r, struct transfer *t, const char *path, uint64_t max_bytes,
	uint32_t max_entries, bool whole)
{
	struct err e = { 0 };
	auto_free char *to = path_join(r->folder, "got");
	(void)mkdir(to, 0755);
	auto_close int dirfd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct session_get g = {
		.path = path,
		.dirfd = dirfd,
		.max_bytes = max_bytes,
		.max_entries = max_entries,
		.whole = whole,
		.on_file = on_file,
		.on_skipped = on_skipped,
		.on_exit = on_exit_transfer,
		.ctx = t,
	};
	t->rig = r;
	if (session_get(r->session, &g, &e) < 0)
		fail_msg("%s", e.msg);
	rig_run_until(r, &t->done);
	assert_false(t->x.lost);
}

/* Get `path` into the rig's folder "got", which is made. */
static void get(struct rig *r, struct transfer *t, const char *path, uint64_t max_bytes,
	uint32_t max_entries)
{
	get_as(r, t, path, max_bytes, max_entries, false);
}

static void put_tree(struct rig *r, struct transfer *t, const char *from, const char *path)
{
	struct err e = { 0 };
	const struct session_put p = { .from = from,
		.path = path,
		.owners = geteuid() == 0,
		.on_exit = on_exit_transfer,
		.ctx = t };
	if (session_put(r->session, &p, &e) < 0)
		fail_msg("%s", e.msg);
	rig_run_until(r, &t->done);
	assert_false(t->x.lost);
}

static void put(struct rig *r, struct transfer *t, int fd, const char *path, unsigned mode)
{
	struct err e = { 0 };
	const struct session_put p = {
		.fd = fd, .mode = mode, .path = path, .on_exit = on_exit_transfer, .ctx = t
	};
	if (session_put(r->session, &p, &e) < 0)
		fail_msg("%s", e.msg);
	rig_run_until(r, &t->done);
	assert_false(t->x.lost);
}

static void sh(struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void sh(struct rig *r, const char *fmt, ...)
{
	auto_command struct command c = { 0 };
	char script[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(script, sizeof script, fmt, ap);
	va_end(ap);
	command_sh(r, &c, script);
	if (c.x.code != 0)
		fail_msg("%s: %s", script, buf_str(&c.err));
}

static int make_local(struct rig *r, const char *name, size_t n)
{
	auto_free char *path = path_join(r->folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	auto_free char *data = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 31 + i / 257);
	assert_int_equal(fd_write_all(fd, data, n, NULL), 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void test_a_file_goes_there_and_back_unchanged(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer there = { 0 };
	auto_transfer struct transfer back = { 0 };
	auto_close int fd = make_local(r, "local", 3000001);
	auto_free char *path = path_join(r->folder, "new/folders/remote");
	put(r, &there, fd, path, 0750);
	assert_string_equal(there.x.error, "");
	assert_int_equal(there.x.code, 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	get(r, &back, path, 1 << 30, 10);
	assert_string_equal(back.x.error, "");
	assert_string_equal(buf_str(&back.files), "remote 3000001\n");
	sh(r, "cmp %s/local %s/got/remote && test $(ls %s/new/folders | wc -l) = 1", r->folder,
		r->folder, r->folder);
}

static void test_an_empty_file_is_put_too(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_close int fd = make_local(r, "local", 0);
	auto_free char *path = path_join(r->folder, "empty");
	put(r, &t, fd, path, 0644);
	assert_int_equal(t.x.code, 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void test_a_put_that_fails_leaves_nothing(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_close int fd = make_local(r, "local", 1000);
	auto_free char *path = path_join(r->folder, "dir");
	sh(r, "mkdir %s", path);
	put(r, &t, fd, path, 0644); /* a folder has its name */
	assert_non_null(strstr(t.x.error, "Is a directory"));
	sh(r, "test \"$(ls %s | grep -c fsqa-)\" = 0", r->folder);
	auto_transfer struct transfer bad = { 0 };
	auto_free char *local = path_join(r->folder, "local");
	auto_close int write_only = open(local, O_WRONLY | O_CLOEXEC);
	auto_free char *other = path_join(r->folder, "other");
	put(r, &bad, write_only, other, 0644); /* our own end fails to read */
	assert_non_null(strstr(bad.x.error, "Bad file descriptor"));
	assert_int_equal(access(other, F_OK), -1);
	sh(r, "test \"$(ls %s | grep -c fsqa-)\" = 0", r->folder);
}

static void test_what_does_not_exist_is_an_error_with_its_name(void **state)
{
	auto_transfer struct transfer t = { 0 };
	get(*state, &t, "/nonexistent/logs", 1000, 10);
	assert_string_equal(t.x.error, "/nonexistent/logs: No such file or directory");
	assert_int_equal(t.n_files, 0);
}

static void test_a_tree_comes_without_what_is_no_file(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *path = path_join(r->folder, "logs");
	sh(r,
		"mkdir -p %s/a/b %s/empty; cd %s; echo one >a/b/one; echo 2 >two; "
		"ln -s /etc/passwd secret; ln -s ../../.. up; mkfifo pipe; "
		"printf x >\"new\nline\"; printf y >\"$(printf 'bad\\377')\"; printf z >ümlaut",
		path, path, path);
	get(r, &t, path, 1 << 20, 1000);
	assert_string_equal(t.x.error, "");
	assert_string_equal(
		buf_str(&t.files), "bad\\xff 1\nnew\\x0aline 1\ntwo 2\nümlaut 1\na/b/one 4\n");
	assert_string_equal(buf_str(&t.skipped),
		"pipe: a device, socket, FIFO or mount point\n"
		"secret: a link to /etc/passwd\nup: a link to ../../..\n");
	sh(r,
		"cd %s/got; test -d empty; cmp a/b/one %s/a/b/one; test ! -e secret; test ! -L up; "
		"test \"$(find . -type f | wc -l)\" = 5; test -z \"$(find . -type l -o -type p)\"",
		r->folder, path);
}

static void test_ten_thousand_files_are_cut_and_the_rest_is_counted(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *path = path_join(r->folder, "logs");
	sh(r, "mkdir %s; cd %s; i=0; while [ $i -lt 10000 ]; do : >f$i; i=$((i+1)); done", path,
		path);
	get(r, &t, path, 1 << 20, 1000);
	assert_string_equal(t.x.error, "");
	assert_int_equal(t.n_files, 1000);
	assert_string_equal(
		buf_str(&t.skipped), "9000 more: over the limit of entries, too deep, or gone\n");
	sh(r, "test $(ls %s/got | wc -l) = 1000", r->folder);
}

static void test_bytes_over_the_limit_are_cut_and_said(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *path = path_join(r->folder, "logs");
	sh(r,
		"mkdir %s; head -c 600000 /dev/zero >%s/a; head -c 600000 /dev/zero >%s/b; "
		"echo c >%s/c",
		path, path, path, path);
	get(r, &t, path, 1000000, 10);
	assert_string_equal(buf_str(&t.files), "a 600000\nb 400000 cut\nc 0 cut\n");
}

static void test_a_file_that_grows_or_shrinks_meanwhile_has_an_end(void **state)
{
	struct rig *r = *state;
	auto_command struct command c = { 0 };
	auto_free char *path = path_join(r->folder, "logs");
	auto_free char *script = xasprintf(
		"mkdir -p %s; cd %s; head -c 20000000 /dev/zero >grows; echo go; "
		"while :; do head -c 100000 /dev/zero >>grows; truncate -s 9000000 shrinks; "
		"truncate -s 10 shrinks; done",
		path, path);
	const char *argv[] = { "sh", "-c", script, NULL };
	command_start(r, &c, (struct session_exec){ .argv = argv });
	while (!strstr(buf_str(&c.out), "go"))
		uv_run(&r->loop, UV_RUN_ONCE);
	for (int i = 0; i < 5; i++) {
		auto_transfer struct transfer t = { 0 };
		get(r, &t, path, 1 << 30, 10);
		assert_string_equal(t.x.error, "");
		assert_true(t.n_files >= 1);
		sh(r, "rm -r %s/got", r->folder);
	}
	session_job_signal(c.job, SIGKILL);
	command_wait(&c);
}

static void test_a_file_of_proc_comes_though_it_has_no_size(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	get(r, &t, "/proc/version", 1 << 20, 10);
	assert_int_equal(t.n_files, 1);
	assert_null(strstr(buf_str(&t.files), "cut"));
	sh(r, "cmp /proc/version %s/got/version", r->folder);
}

static void test_a_name_that_is_there_already_is_not_overwritten(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *path = path_join(r->folder, "logs");
	sh(r,
		"mkdir %s %s/got; echo new >%s/a; echo ours >%s/outside; "
		"ln -s %s/outside %s/got/a; mkdir %s/d; echo x >%s/d/f; ln -s / %s/got/d",
		path, r->folder, path, r->folder, r->folder, r->folder, path, path, r->folder);
	get(r, &t, path, 1 << 20, 10);
	assert_int_equal(t.n_files, 0);
	assert_int_equal(t.n_skipped, 3);
	sh(r, "grep -qx ours %s/outside; test ! -e /f", r->folder);
}

/* Mode, owner, size and blocks, time, name, link's target of all below; blocks tell holes. */
#define TREE "find . -printf '%%p %%m %%U:%%G %%s %%b %%T@ %%l\\n' | sort"

static void test_a_tree_goes_there_and_back_as_it_is(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer there = { 0 };
	auto_transfer struct transfer back = { 0 };
	auto_free char *from = path_join(r->folder, "from");
	auto_free char *to = path_join(r->folder, "new/to");
	sh(r,
		"mkdir -p %s/a/b/empty; cd %s; echo one >a/one; chmod 640 a/one; ln -s ../nowhere "
		"a/link; "
		"echo x >'a/new\nline'; : >a/none; truncate -s 1G a/sparse; "
		"printf middle | dd of=a/sparse bs=1M seek=512 conv=notrunc status=none; "
		"test $(id -u) != 0 || chown -h 1234:4321 a/one a/b a/link; "
		"touch -h -d @1000000000.5 a/one a/link a/b; chmod 2750 a/b; chmod 4755 a/none; "
		"sync",
		from, from);
	auto_free char *one = path_join(from, "a/one");
	bool xattrs = setxattr(one, "user.fsqa", "value", 5, 0) == 0;
	put_tree(r, &there, from, to);
	assert_string_equal(there.x.error, "");
	assert_string_equal(there.x.warning, "");
	sh(r,
		"sync; cd %s; " TREE " >../tree-from; cd %s; " TREE " >../../tree-to; "
		"diff ../../tree-from ../../tree-to; cmp a/sparse %s/a/sparse",
		from, to, from);
	char value[8] = "";
	auto_free char *copy = path_join(to, "a/one");
	assert_true(!xattrs || getxattr(copy, "user.fsqa", value, sizeof value) == 5);
	/* On the way back set-ID is lost and an odd name is told; the rest stays. */
	get_as(r, &back, to, 2 << 20, 100, true);
	assert_string_equal(back.x.error, "");
	assert_string_equal(buf_str(&back.skipped), "");
	sh(r,
		"sync; cd %s; chmod -s a/none a/b; mv 'a/new\nline' 'a/new\\x0aline'; "
		"touch -r %s/a a; " TREE " >../tree-from; "
		"cd ../got; chmod 755 .; touch -r ../from .; " TREE " >../tree-back; "
		"diff ../tree-from ../tree-back; cmp a/sparse ../from/a/sparse",
		from, to);
	auto_free char *got = xasprintf("%s/got/a/one", r->folder);
	assert_true(!xattrs || getxattr(got, "user.fsqa", value, sizeof value) == 5);
}

static void test_ten_thousand_small_files_are_put(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *from = path_join(r->folder, "from");
	auto_free char *to = path_join(r->folder, "to");
	sh(r, "mkdir %s; cd %s; seq 10000 | split -l 1 -a 4", from, from);
	put_tree(r, &t, from, to);
	assert_string_equal(t.x.error, "");
	sh(r, "diff -r %s %s && test $(ls %s | wc -l) = 10000", from, to, to);
}

static void test_a_tree_that_cannot_be_sent_whole_is_an_error(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *from = path_join(r->folder, "from");
	auto_free char *to = path_join(r->folder, "to");
	struct err e = { 0 };
	const struct session_put none = { .from = "/nonexistent", .path = to };
	assert_int_equal(session_put(r->session, &none, &e), -ENOENT);
	assert_string_equal(e.msg, "/nonexistent: No such file or directory");
	sh(r, "mkdir %s; mkfifo %s/pipe", from, from);
	put_tree(r, &t, from, to);
	assert_non_null(strstr(t.x.error, "from/pipe: a device, socket, FIFO"));
}

static void test_a_put_merges_folders_and_replaces_files(void **state)
{
	struct rig *r = *state;
	auto_transfer struct transfer t = { 0 };
	auto_free char *from = path_join(r->folder, "from");
	auto_free char *to = path_join(r->folder, "to");
	sh(r,
		"mkdir -p %s/lib %s/usr/lib; echo new >%s/file; echo new >%s/lib/x; ln -s y %s/z; "
		"cd %s; echo old >file; echo old >usr/lib/old; ln -s usr/lib lib; ln -s q z",
		from, to, from, from, from, to);
	put_tree(r, &t, from, to);
	assert_string_equal(t.x.error, "");
	sh(r,
		"cd %s; grep -qx new file; grep -qx new usr/lib/x; grep -qx old usr/lib/old; "
		"test -L lib; test $(readlink z) = y",
		to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_a_file_goes_there_and_back_unchanged),
		rig_test(test_an_empty_file_is_put_too),
		rig_test(test_a_put_that_fails_leaves_nothing),
		rig_test(test_what_does_not_exist_is_an_error_with_its_name),
		rig_test(test_a_tree_comes_without_what_is_no_file),
		rig_test(test_ten_thousand_files_are_cut_and_the_rest_is_counted),
		rig_test(test_bytes_over_the_limit_are_cut_and_said),
		rig_test(test_a_file_that_grows_or_shrinks_meanwhile_has_an_end),
		rig_test(test_a_file_of_proc_comes_though_it_has_no_size),
		rig_test(test_a_name_that_is_there_already_is_not_overwritten),
		rig_test(test_a_tree_goes_there_and_back_as_it_is),
		rig_test(test_ten_thousand_small_files_are_put),
		rig_test(test_a_tree_that_cannot_be_sent_whole_is_an_error),
		rig_test(test_a_put_merges_folders_and_replaces_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
