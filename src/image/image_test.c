/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store, with stubs for the programs that would need a network or root; mke2fs is real. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "image/image.h"
#include "image/recipe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char status[] = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n"
			     "Architecture: amd64\nDescription: a\n Package: no\n\n"
			     "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
			     "Architecture: all\n\n"
			     "Package: udev\nStatus: install ok installed\nVersion: 252\n"
			     "Architecture: amd64\n";

/* mmdebstrap's stub notes its arguments in $STUBS/args and makes the root it is asked for (the
 * second word that is no option), or fails as $STUBS/fail says. */
static const char mmdebstrap[] =
	"#!/bin/sh\n"
	"[ $1 = --version ] && exit 0\n"
	"printf '%s\\n' \"epoch=$SOURCE_DATE_EPOCH\" \"$@\" >>$STUBS/args\n"
	"[ -f $STUBS/fail ] && { cat $STUBS/fail >&2; exit 25; }\n"
	"echo 'I: running apt-get update...' >&2\n"
	"for a; do case $a in -*) ;; *) [ \"$suite\" ] && : ${root:=$a}; "
	": ${suite:=$a};; esac; done\n"
	"cp -r $STUBS/root $root\n";

/* The spaces need root, or subordinate users. */
static const char unshare[] = "#!/bin/sh\n"
			      "[ $1 = --version ] && exit 0\n"
			      "while :; do case $1 in -*) shift;; *) exec \"$@\";; esac; done\n";

static char *dir, *state_dir, *bin;

static void put(const char *path, const char *text, mode_t mode)
{
	auto_free char *whole = path_join(dir, path);
	auto_free char *parent = xstrndup(whole, (size_t)(path_base(whole) - whole));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(whole, text, strlen(text), mode, NULL), 0);
}

static int set_up(void **unused)
{
	dir = test_folder();
	state_dir = path_join(dir, "state");
	bin = path_join(dir, "bin");
	put("bin/mmdebstrap", mmdebstrap, 0755);
	put("bin/unshare", unshare, 0755);
	put("bin/newuidmap", "#!/bin/sh\n", 0755);
	put("bin/mkfs.erofs",
		"#!/bin/sh\n[ $1 = --quiet ] || exit 0\necho \"$@\" >>$STUBS/args\n"
		"while [ $# -gt 2 ]; do shift; done; echo erofs >$1\n",
		0755);
	put("bin/apt-get", "#!/bin/sh\n[ -f $STUBS/targets ] && cat $STUBS/targets\nexit 0\n",
		0755);
	put("bin/apt-config", "#!/bin/sh\necho 'Acquire::http::Proxy \"http://u:secret@p/\";'\n",
		0755);
	put("bin/targets",
		"Codename: bookworm\nOrigin: Debian\nArchitecture: amd64\nComponent: main\n"
		"Release: bookworm\nRepo-URI: http://m/\n",
		0644);
	put("bin/root/var/lib/dpkg/status", status, 0644);
	put("bin/root/bin/sh", "the shell", 0755);
	auto_free char *path = xasprintf("%s:/usr/bin:/bin:/usr/sbin:/sbin", bin);
	setenv("PATH", path, 1);
	setenv("STUBS", bin, 1);
	return 0;
}

static int tear_down(void **unused)
{
	int rc = file_remove_tree(dir, NULL);
	free(dir);
	free(state_dir);
	free(bin);
	return rc;
}

static int resolve(const char *fstype, const char *package, struct image **ret, struct err *e)
{
	const char *const packages[] = { package, NULL };
	const struct image_spec spec = { package ? packages : NULL, NULL, fstype };
	return image_resolve(state_dir, &spec, NULL, NULL, ret, e);
}

static struct image *must(const char *fstype, const char *package)
{
	struct err e = { 0 };
	struct image *i = NULL;
	if (resolve(fstype, package, &i, &e) < 0)
		fail_msg("%s", e.msg);
	return i;
}

static int refused(const char *package, struct err *e)
{
	struct image *i = NULL;
	int rc = resolve("erofs", package, &i, e);
	assert_null(i);
	return rc;
}

/* What lies in STATE/images beside locks and logs: entries and what is half made. */
static unsigned entries(void)
{
	auto_free char *images = path_join(state_dir, "images");
	DIR *d = opendir(images);
	unsigned n = 0;
	const struct dirent *entry;
	while (d && (entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');
		n += entry->d_name[0] != '.' && !(dot && strcmp(dot, ".log") == 0);
		n += dot && strcmp(dot, ".tmp") == 0;
	}
	if (d)
		closedir(d);
	return n;
}

static void read_text(const char *a, const char *b, struct buf *out)
{
	auto_free char *path = path_join(a, b);
	assert_int_equal(file_read(path, 1 << 20, out, NULL), 0);
}

static void test_an_image_is_made_once_with_its_list(void **unused)
{
	auto_buf struct buf args = { 0 };
	auto_buf struct buf list = { 0 };
	struct image *a = must("erofs", "xfsprogs");
	struct image *b = must("erofs", "xfsprogs");
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->fstype, "erofs");
	assert_non_null(strstr(a->source, ", 2 packages"));
	auto_free char *folder = xstrndup(a->path, (size_t)(path_base(a->path) - a->path));
	read_text(folder, "packages.txt", &list);
	assert_string_equal(buf_str(&list), "bash 5.2-1 amd64\nudev 252 amd64\n");
	auto_free char *tar = path_join(folder, "root");
	assert_int_equal(access(tar, F_OK), -1);
	read_text(bin, "args", &args);
	char *once = strstr(buf_str(&args), "--variant=essential\n");
	assert_non_null(once);
	assert_null(strstr(once + 1, "--variant=essential\n"));
	assert_non_null(strstr(once, ",xfsprogs\n"));
	image_free(a);
	image_free(b);
}

static void test_other_packages_are_another_image_in_any_order(void **unused)
{
	const char *const ab[] = { "xfsprogs", "btrfs-progs", NULL };
	const char *const ba[] = { "btrfs-progs", "xfsprogs", "bash", "xfsprogs", NULL };
	struct image *i[3] = { NULL };
	i[0] = must("erofs", NULL);
	assert_int_equal(
		image_resolve(state_dir, &(struct image_spec){ ab }, NULL, NULL, &i[1], NULL), 0);
	assert_int_equal(
		image_resolve(state_dir, &(struct image_spec){ ba }, NULL, NULL, &i[2], NULL), 0);
	assert_string_not_equal(i[0]->key, i[1]->key);
	assert_string_equal(i[1]->key, i[2]->key);
	for (int n = 0; n < 3; n++)
		image_free(i[n]);
}

static struct image *of_moment(const char *moment, const char *source, struct err *e)
{
	struct image *i = NULL;
	const char *const sources[] = { source, NULL };
	const struct image_spec spec = { .arch = "arm64", .snapshot = moment, .sources = sources };
	return image_resolve(state_dir, &spec, NULL, NULL, &i, e) == 0 ? i : NULL;
}

static void test_a_snapshot_is_another_image_with_its_own_time_and_packages(void **unused)
{
	struct err e = { 0 };
	auto_buf struct buf args = { 0 };
	put("bin/arch-test", "#!/bin/sh\n", 0755);
	struct image *a = of_moment("20260101T000000Z", "http://s/%/debian", &e);
	struct image *b = of_moment("20260102T000000Z", "http://s/%/debian-security", &e);
	struct image *c = of_moment("20260102T000000Z", "http://t/%/debian-security", &e);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_string_not_equal(a->key, b->key);
	assert_string_not_equal(b->key, c->key);
	assert_non_null(strstr(a->key, "-arm64-"));
	read_text(bin, "args", &args);
	static const char *const words[] = { "epoch=1767225600\n", "--architectures=arm64\n",
		"] http://s/20260101T000000Z/debian bookworm main\n", " -T1767225600 -U ",
		"epoch=1767312000\n",
		"] http://s/20260102T000000Z/debian-security bookworm-security main\n",
		"--aptopt=" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strstr(buf_str(&args), words[i]))
			fail_msg("%s is not in\n%s", words[i], buf_str(&args));
	assert_null(strstr(buf_str(&args), "http://m/")); /* what the host's apt has */
	image_free(a);
	image_free(b);
	image_free(c);
	assert_null(of_moment(NULL, "http://s/%/debian", &e));
	assert_int_equal(e.code, -EINVAL);
	assert_null(of_moment("yesterday", "http://s/%/debian", &e));
	assert_int_equal(e.code, -EINVAL);
}

static char *key_with(const char *file, struct err *e)
{
	char *key = NULL;
	const char *const files[] = { file, NULL };
	const struct image_spec spec = { .files = files };
	return image_key(&spec, &key, e) == 0 ? key : NULL;
}

static void test_a_file_more_or_another_content_is_another_image(void **unused)
{
	put("in/a b", "one", 0644);
	auto_free char *spec = xasprintf("%s/in:/opt/", dir);
	auto_free char *none = key_with(NULL, NULL);
	auto_free char *one = key_with(spec, NULL);
	auto_free char *same = key_with(spec, NULL);
	assert_string_not_equal(none, one);
	assert_string_equal(one, same);
	put("in/a b", "two", 0644);
	auto_free char *two = key_with(spec, NULL);
	assert_string_not_equal(one, two);
	put("in/a b", "one", 0600);
	auto_free char *mode = key_with(spec, NULL);
	assert_string_not_equal(one, mode);
	put("in/a b", "one", 0644);
	auto_free char *elsewhere = xasprintf("%s/in:/opt/x", dir);
	auto_free char *other = key_with(elsewhere, NULL);
	assert_string_not_equal(one, other);
}

static void test_files_that_cannot_be_added_are_refused(void **unused)
{
	static const char *const bad[] = { "/etc/passwd", "/etc/passwd:x", ":/x",
		"/etc/passwd:", "/dev/null:/x", "/nonexistent:/x", "/etc/passwd:/a/../b" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };
		assert_null(key_with(bad[i], &e));
		assert_int_equal(e.code, -EINVAL);
		assert_non_null(strstr(e.msg, "image.files: "));
	}
}

static void test_files_are_put_by_a_hook_that_no_name_breaks(void **unused)
{
	auto_buf struct buf args = { 0 };
	put("in/it's", "one", 0640);
	auto_free char *text = xasprintf("%s/in/it's:/x $(y)'z/", dir);
	const char *const files[] = { text, NULL };
	struct image *i = NULL;
	assert_int_equal(image_resolve(state_dir, &(struct image_spec){ .files = files }, NULL,
				 NULL, &i, NULL),
		0);
	image_free(i);
	read_text(bin, "args", &args);
	assert_non_null(strstr(buf_str(&args), " sh '/x $(y)'\\''z/it'\\''s' 640 <'"));
}

static void test_what_is_listed_can_be_removed_when_nobody_uses_it(void **unused)
{
	uint64_t bytes = 0;
	struct image *i = must("erofs", NULL);
	auto_free char *key = xstrdup(i->key);
	assert_true(i->made);
	auto_json json_t *all = image_list(state_dir);
	assert_int_equal(json_array_size(all), 1);
	assert_string_equal(json_str_or(json_array_get(all, 0), "key", ""), key);
	assert_true(json_bool_or(json_array_get(all, 0), "held", false));
	assert_int_equal(image_remove(state_dir, key, &bytes, NULL), -EBUSY);
	image_free(i);
	assert_int_equal(image_remove(state_dir, key, &bytes, NULL), 0);
	assert_int_equal(bytes, json_i64_or(json_array_get(all, 0), "bytes", 0));
	assert_int_equal(entries(), 0);
	assert_int_equal(image_remove(state_dir, key, &bytes, NULL), -ENOENT);
}

static void test_a_proxys_password_is_on_no_command_line(void **unused)
{
	auto_buf struct buf args = { 0 };
	image_free(must("erofs", NULL));
	read_text(bin, "args", &args);
	assert_null(strstr(buf_str(&args), "secret"));
	assert_non_null(strstr(buf_str(&args), "--aptopt="));
	assert_non_null(strstr(buf_str(&args), "99mmdebstrap"));
}

static void test_ext4_is_made_without_a_mount(void **unused)
{
	auto_buf struct buf fs = { 0 };
	struct image *i = must("ext4", NULL);
	assert_int_equal(file_read(i->path, 64 << 20, &fs, NULL), 0);
	assert_memory_equal(fs.s + 1024 + 56, "\x53\xef", 2); /* s_magic */
	assert_non_null(memmem(fs.s, fs.len, "the shell", 9));
	image_free(i);
}

static void test_what_is_no_package_name_is_refused_before_anything(void **unused)
{
	static const char *const bad[] = { "a,b", "-x", "x y", "../x", "X11", "a", "" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };
		assert_int_equal(refused(bad[i], &e), -EINVAL);
		assert_non_null(strstr(e.msg, "is no name of a Debian package"));
	}
	assert_int_equal(entries(), 0);
}

static void failing(const char *says, int code, const char *what)
{
	struct err e = { 0 };
	put("bin/fail", says, 0644);
	assert_int_equal(refused("xfsprogs", &e), code);
	if (!strstr(e.msg, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.msg);
	assert_int_equal(entries(), 0);
}

static void test_failures_tell_the_first_complaint_and_leave_nothing(void **unused)
{
	failing("I: installing\nE: Unable to locate package xfsprogs\nE: setup failed\n", -ENOENT,
		"mmdebstrap: Unable to locate package xfsprogs (all it said: ");
	failing("E: no answer\n", -EIO, "mmdebstrap: no answer");
	failing("tar: x: Cannot write: No space left on device\nE: tar failed\n", -ENOSPC,
		"no room left");
	failing("\xff\n", -EIO, "mmdebstrap: exit code 25");
	auto_free char *images = path_join(state_dir, "images");
	auto_free char *pattern = xstrdup("");
	DIR *d = opendir(images);
	const struct dirent *entry;
	while ((entry = readdir(d)))
		if (strstr(entry->d_name, ".log")) {
			free(pattern);
			pattern = xstrdup(entry->d_name);
		}
	closedir(d);
	assert_non_null(strstr(pattern, ".log"));
}

static void test_missing_programs_are_told_with_their_package(void **unused)
{
	struct err e = { 0 };
	auto_free char *mkfs = path_join(bin, "mkfs.erofs");
	auto_free char *strap = path_join(bin, "mmdebstrap");
	auto_free char *cat = path_join(bin, "cat"); /* for the other stubs */
	assert_int_equal(symlink("/bin/cat", cat), 0);
	setenv("PATH", bin, 1);
	assert_int_equal(unlink(strap), 0);
	assert_int_equal(refused("xfsprogs", &e), -ENOENT);
	assert_non_null(strstr(e.msg, "mmdebstrap is not installed: "));
	assert_non_null(strstr(e.msg, "apt-get install mmdebstrap"));
	assert_int_equal(unlink(mkfs), 0);
	assert_int_equal(refused("xfsprogs", &e), -ENOENT);
	assert_non_null(strstr(e.msg, "mkfs.erofs is not installed: "));
	assert_non_null(strstr(e.msg, "apt-get install erofs-utils"));
}

static void test_an_unknown_filesystem_is_refused(void **unused)
{
	struct err e = { 0 };
	struct image *i = NULL;
	assert_int_equal(resolve("ntfs", NULL, &i, &e), -EINVAL);
	assert_string_equal(e.msg, "a root image as \"ntfs\": it can be erofs or ext4");
	assert_int_equal(entries(), 0);
}

static void test_progress_is_for_people(void **unused)
{
	assert_string_equal(recipe_progress_line("I: downloading packages with apt..."),
		"root image: downloading packages");
	assert_null(recipe_progress_line("I: running --customize-hook in shell: sh -c 'x'"));
	assert_null(recipe_progress_line("downloading packages"));
	assert_null(recipe_progress_line(""));
}

#define with_stubs(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_stubs(test_an_image_is_made_once_with_its_list),
		with_stubs(test_other_packages_are_another_image_in_any_order),
		with_stubs(test_a_snapshot_is_another_image_with_its_own_time_and_packages),
		with_stubs(test_a_file_more_or_another_content_is_another_image),
		with_stubs(test_files_that_cannot_be_added_are_refused),
		with_stubs(test_files_are_put_by_a_hook_that_no_name_breaks),
		with_stubs(test_what_is_listed_can_be_removed_when_nobody_uses_it),
		with_stubs(test_a_proxys_password_is_on_no_command_line),
		with_stubs(test_ext4_is_made_without_a_mount),
		with_stubs(test_what_is_no_package_name_is_refused_before_anything),
		with_stubs(test_failures_tell_the_first_complaint_and_leave_nothing),
		with_stubs(test_missing_programs_are_told_with_their_package),
		with_stubs(test_an_unknown_filesystem_is_refused),
		cmocka_unit_test(test_progress_is_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
