/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store, with real files and stubs for the programs that would need a network or root. */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "base/test.h"
#include "kernel/kernel.h"
#include "kernel/test_image.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Each stub notes its call in $STUBS/calls; the stub of dpkg-deb unpacks $STUBS/package. */
static const struct {
	const char *name, *text;
} stubs[] = {
	{ "apt-cache", "echo apt-cache >>$STUBS/calls; echo \"$*\" >>$STUBS/args; [ -f $STUBS/show "
		       "] && cat $STUBS/show\n" },
	{ "apt-get",
		"echo apt-get >>$STUBS/calls; echo \"$*\" >>$STUBS/args; [ -f $STUBS/offline ] && "
		"{ echo 'E: Failed to fetch' >&2; exit 100; }; : >a.deb\n" },
	{ "dpkg-deb", "cp -r $STUBS/package $3\n" },
	{ "depmod", "printf 'virtio_blk.ko:\\n' >$2/lib/modules/$3/modules.dep\n" },
	{ "mkfs.erofs", "echo mkfs.erofs >>$STUBS/calls; echo disk >$3\n" },
};

static const char builtin[] = "virtio_pci.ko\nvirtio_console.ko\nerofs.ko\next4.ko\noverlay.ko\n";
static const char module[] = "ELF vermagic=6.1.0-1-cloud SMP";

static const struct kernel_arch amd64 = { "amd64", EM_X86_64, false };
static const struct kernel_arch i386 = { "i386", EM_386, true };
static const struct kernel_arch arm64 = { "arm64", EM_AARCH64, true };

static char *dir, *state_dir, *bin;

static void put(const char *path, const void *p, size_t n, mode_t mode)
{
	auto_free char *whole = path_join(dir, path);
	auto_free char *parent = xstrndup(whole, (size_t)(path_base(whole) - whole));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(whole, p, n, mode, NULL), 0);
}

static void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text), 0644);
}

static void put_kernel_of(const char *path, const char *release, const char *config)
{
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	test_vmlinux_of(release, true, config, &elf);
	test_bzimage(release, archive_write_add_filter_gzip, &elf, &image);
	put(path, image.s, image.len, 0644);
}

static void put_kernel(const char *path, const char *release)
{
	put_kernel_of(path, release, TEST_CONFIG);
}

static int set_up(void **unused)
{
	dir = test_folder();
	state_dir = path_join(dir, "state");
	bin = path_join(dir, "bin");
	for (size_t i = 0; i < ARRAY_LEN(stubs); i++) {
		auto_free char *name = path_join("bin", stubs[i].name);
		auto_free char *text = xasprintf("#!/bin/sh\n%s", stubs[i].text);
		put(name, text, strlen(text), 0755);
	}
	auto_free char *path = xasprintf("%s:/usr/bin:/bin", bin);
	setenv("PATH", path, 1);
	setenv("STUBS", bin, 1);
	put_kernel("bin/package/boot/vmlinuz-6.1.0-1-cloud", "6.1.0-1-cloud");
	put_text("bin/package/boot/config-6.1.0-1-cloud", "CONFIG_X=y\n");
	put_text("bin/package/lib/modules/6.1.0-1-cloud/virtio_blk.ko", module);
	put_text("bin/package/lib/modules/6.1.0-1-cloud/modules.builtin", builtin);
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

static void apt_knows(const char *name, const char *version)
{
	auto_free char *text = xasprintf("Package: %s\nVersion: %s\n", name, version);
	put_text("bin/show", text);
}

static void apt_follows(const char *version)
{
	auto_free char *text = xasprintf("Package: linux-image-cloud-amd64\nVersion: %s\n"
					 "Depends: linux-image-6.1.0-1-cloud (= %s)\n",
		version, version);
	put_text("bin/show", text);
}

/* How often a stub was called. */
static unsigned calls(const char *name)
{
	auto_buf struct buf b = { 0 };
	auto_strv struct strv lines = { 0 };
	auto_free char *path = path_join(bin, "calls");
	(void)file_read(path, 65536, &b, NULL); /* absent: none */
	strv_split(&lines, buf_str(&b), "\n");
	unsigned n = 0;
	for (size_t i = 0; i < lines.n; i++)
		n += strcmp(lines.v[i], name) == 0;
	return n;
}

static void keep_last(void *ctx, const char *text)
{
	char **last = ctx;
	free(*last);
	*last = xstrdup(text);
}

static struct kernel *resolve(const char *spec, const char *modules)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	if (kernel_resolve(state_dir, spec, modules, &amd64, NULL, NULL, &k, &e) < 0)
		fail_msg("%s", e.msg);
	return k;
}

static int refused(const char *spec, const char *modules, struct err *e)
{
	struct kernel *k = NULL;
	int rc = kernel_resolve(state_dir, spec, modules, &amd64, NULL, NULL, &k, e);
	assert_null(k);
	return rc;
}

static bool exists(const char *a, const char *b)
{
	auto_free char *path = path_join(a, b);
	return access(path, F_OK) == 0;
}

static void test_a_debian_kernel_is_unpacked_into_the_store(void **unused)
{
	apt_follows("6.1.1-1");
	struct kernel *k = resolve("debian", NULL);
	assert_string_equal(k->release, "6.1.0-1-cloud");
	assert_string_equal(k->source, "Debian linux-image-6.1.0-1-cloud 6.1.1-1");
	assert_string_equal(path_base(k->boot), "vmlinux");
	assert_string_equal(k->build_id, TEST_BUILD_ID);
	assert_string_equal(path_base(k->modules), "modules.erofs");
	assert_string_equal(path_base(k->config), "config");
	assert_true(exists(k->dir, "bzImage"));
	assert_true(exists(k->dir, "modules.dep"));
	assert_true(exists(k->dir, "early/00-virtio_blk.ko"));
	assert_false(exists(k->dir, "work"));
	kernel_free(k);
}

static void test_the_newest_is_asked_for_once_a_day(void **unused)
{
	apt_follows("6.1.1-1");
	kernel_free(resolve(NULL, NULL));
	kernel_free(resolve("debian", NULL));
	assert_int_equal(calls("apt-cache"), 1);
	assert_int_equal(calls("apt-get"), 1);
	auto_free char *memo = path_join(state_dir, "kernels/linux-image-cloud-amd64.json");
	struct stat st;
	assert_int_equal(stat(memo, &st), 0);
	assert_int_equal(unlink(memo), 0); /* a day later */
	kernel_free(resolve("debian", NULL));
	assert_int_equal(calls("apt-cache"), 2);
	assert_int_equal(calls("apt-get"), 1);
}

static void test_a_version_that_the_store_has_asks_nobody(void **unused)
{
	apt_follows("6.1.1-1");
	kernel_free(resolve("debian", NULL));
	kernel_free(resolve("6.1.0-1-cloud", NULL));
	kernel_free(resolve("linux-image-6.1.0-1-cloud", NULL));
	assert_int_equal(calls("apt-cache"), 1);
}

static void test_without_apts_answer_the_stores_newest_serves(void **unused)
{
	apt_follows("6.1.1-1");
	kernel_free(resolve("debian", NULL));
	auto_free char *memo = path_join(state_dir, "kernels/linux-image-cloud-amd64.json");
	auto_free char *show = path_join(bin, "show");
	auto_free char *last = NULL;
	for (int i = 0; i < 2; i++) {
		struct kernel *k = NULL;
		assert_int_equal(unlink(memo), 0);
		if (i == 0) {
			assert_int_equal(unlink(show), 0);
		} else { /* knows of a newer one, and cannot fetch it */
			apt_follows("6.1.2-1");
			put_text("bin/offline", "");
		}
		assert_int_equal(kernel_resolve(state_dir, "debian", NULL, &amd64, keep_last, &last,
					 &k, NULL),
			0);
		assert_string_equal(k->source, "Debian linux-image-6.1.0-1-cloud 6.1.1-1");
		assert_non_null(strstr(last, "using Debian linux-image-6.1.0-1-cloud 6.1.1-1"));
		kernel_free(k);
		put_text("state/kernels/linux-image-cloud-amd64.json", "{}");
	}
}

static void test_empty_lists_name_the_command_and_run_nothing(void **unused)
{
	struct err e = { 0 };
	assert_int_equal(refused("debian", NULL, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "apt knows no package linux-image-cloud-amd64"));
	assert_non_null(strstr(e.msg, "apt-get update"));
	assert_int_equal(calls("apt-get"), 0);
}

static void test_a_failed_download_leaves_nothing(void **unused)
{
	struct err e = { 0 };
	apt_knows("linux-image-6.1.0-1-cloud", "6.1.1-1");
	put_text("bin/offline", "");
	assert_int_equal(refused("6.1.0-1-cloud", NULL, &e), -EIO);
	assert_non_null(strstr(e.msg, "E: Failed to fetch"));
	auto_free char *kernels = path_join(state_dir, "kernels");
	assert_false(exists(kernels, "linux-image-6.1.0-1-cloud_6.1.1-1_r2"));
	assert_false(exists(kernels, ".linux-image-6.1.0-1-cloud_6.1.1-1_r2.tmp"));
}

static char *file_kernel(const char *name, const char *release)
{
	put_kernel(name, release);
	return path_join(dir, name);
}

static void test_a_file_becomes_an_entry_once(void **unused)
{
	auto_free char *file = file_kernel("bzImage", "6.19.0-rc1");
	put_text("m/modules.dep", "virtio_blk.ko:\n");
	put_text("m/modules.builtin", builtin);
	put_text("m/virtio_blk.ko", "ELF vermagic=6.19.0-rc1 SMP");
	auto_free char *modules = path_join(dir, "m");
	struct kernel *a = resolve(file, modules);
	struct kernel *b = resolve(file, modules);
	assert_string_equal(a->release, "6.19.0-rc1");
	assert_string_equal(a->source, file);
	assert_string_equal(a->key, b->key);
	assert_int_equal(calls("mkfs.erofs"), 1);
	kernel_free(b);
	put_text("m/other.ko", "a module was built again");
	b = resolve(file, modules);
	assert_string_not_equal(a->key, b->key);
	assert_int_equal(calls("mkfs.erofs"), 2);
	kernel_free(a);
	kernel_free(b);
	assert_int_equal(calls("apt-cache"), 0);
}

static void test_an_entry_is_named_by_its_key_and_stays_while_it_is_used(void **unused)
{
	uint64_t bytes = 0;
	auto_free char *file = file_kernel("bzImage", "6.19.0-rc1");
	put_text("m/modules.dep", "virtio_blk.ko:\n");
	put_text("m/modules.builtin", builtin);
	put_text("m/virtio_blk.ko", "ELF vermagic=6.19.0-rc1 SMP");
	auto_free char *modules = path_join(dir, "m");
	struct kernel *k = resolve(file, modules);
	auto_free char *key = xstrdup(k->key);
	struct kernel *same = resolve(key, NULL);
	assert_string_equal(same->dir, k->dir);
	kernel_free(same);
	auto_json json_t *all = kernel_list(state_dir);
	assert_int_equal(json_array_size(all), 1);
	assert_true(json_bool_or(json_array_get(all, 0), "held", false));
	assert_int_equal(kernel_remove(state_dir, key, &bytes, NULL), -EBUSY);
	kernel_free(k);
	assert_int_equal(kernel_remove(state_dir, key, &bytes, NULL), 0);
	assert_true(bytes > 0);
	assert_int_equal(kernel_remove(state_dir, key, &bytes, NULL), -ENOENT);
}

static void test_installed_modules_are_found_below_their_prefix(void **unused)
{
	auto_free char *file = file_kernel("bzImage", "6.1.0-1-cloud");
	put_text("p/lib/modules/6.1.0-1-cloud/modules.dep", "virtio_blk.ko:\n");
	put_text("p/lib/modules/6.1.0-1-cloud/modules.builtin", builtin);
	put_text("p/lib/modules/6.1.0-1-cloud/virtio_blk.ko", module);
	auto_free char *prefix = path_join(dir, "p");
	struct kernel *k = resolve(file, prefix);
	assert_non_null(k->modules);
	kernel_free(k);
	struct err e = { 0 };
	assert_int_equal(refused(file, bin, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "no modules.dep in "));
}

static void enters_by(const char *boot, const char *config)
{
	auto_free char *file = path_join(dir, "bzImage");
	auto_free char *text = xasprintf(TEST_CONFIG "%s\n", config);
	put_kernel_of("bzImage", "6.3.0", text);
	struct kernel *k = resolve(file, NULL);
	assert_string_equal(path_base(k->boot), boot);
	kernel_free(k);
}

static void test_an_instrumented_kernel_is_not_entered_by_pvh(void **unused)
{
	enters_by("vmlinux", "# CONFIG_KASAN is not set");
	enters_by("bzImage", "CONFIG_KASAN=y");
	enters_by("bzImage", "CONFIG_KCSAN=y");
}

static void test_an_elf_boots_only_with_its_pvh_entry(void **unused)
{
	struct err e = { 0 };
	auto_buf struct buf with = { 0 };
	auto_buf struct buf without = { 0 };
	auto_free char *file = path_join(dir, "vmlinux");
	auto_buf struct buf config = { 0 };
	put_text("config-6.2.0", "CONFIG_ANOTHER=y\n");
	test_vmlinux("6.2.0", true, &with);
	put("vmlinux", with.s, with.len, 0644);
	struct kernel *k = resolve(file, NULL);
	assert_null(k->modules);
	assert_string_equal(k->release, "6.2.0");
	assert_string_equal(k->build_id, TEST_BUILD_ID);
	/* What the guest's /proc/config.gz will say, not what lies beside the file. */
	assert_int_equal(file_read(k->config, 65536, &config, NULL), 0);
	assert_string_equal(buf_str(&config), TEST_CONFIG);
	kernel_free(k);
	test_vmlinux("6.2.0", false, &without);
	put("vmlinux", without.s, without.len, 0644);
	assert_int_equal(refused(file, NULL, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "PVH"));
}

static void test_an_image_of_arm64_becomes_a_flat_entry(void **unused)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	auto_buf struct buf flat = { 0 };
	auto_buf struct buf packed = { 0 };
	auto_free char *file = path_join(dir, "Image.gz");
	test_arm64_image("6.3.0", &flat);
	test_pack(archive_write_add_filter_gzip, flat.s, flat.len, &packed);
	put("Image.gz", packed.s, packed.len, 0644);
	if (kernel_resolve(state_dir, file, NULL, &arm64, NULL, NULL, &k, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(k->release, "6.3.0");
	assert_string_equal(k->build_id, TEST_BUILD_ID);
	assert_string_equal(path_base(k->boot), "Image");
	struct stat st;
	assert_int_equal(stat(k->boot, &st), 0);
	assert_int_equal(st.st_size, flat.len);
	assert_false(exists(k->dir, "vmlinux"));
	kernel_free(k);
	assert_int_equal(calls("apt-get"), 0);
}

static void test_a_kernel_of_i386_is_told_from_one_of_amd64(void **unused)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf image = { 0 };
	auto_free char *file = path_join(dir, "bzImage");
	test_vmlinux_386("6.1.0", true, &elf);
	test_bzimage("6.1.0", archive_write_add_filter_gzip, &elf, &image);
	put("bzImage", image.s, image.len, 0644);
	assert_int_equal(refused(file, NULL, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "another architecture than amd64"));
	if (kernel_resolve(state_dir, file, NULL, &i386, NULL, NULL, &k, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(k->build_id, TEST_BUILD_ID);
	assert_string_equal(path_base(k->boot), "vmlinux");
	auto_free char *key = xstrdup(k->key);
	kernel_free(k);
	/* Nor does the store give it to the other's machine. */
	assert_int_equal(refused(key, NULL, &e), -ENOENT);
	test_put(&image, TEST_XLOADFLAGS, 1, 2);
	put("bzImage", image.s, image.len, 0644);
	assert_int_equal(refused(file, NULL, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "of another machine than its header says"));
}

static void test_debians_newest_of_i386_is_no_cloud_kernel(void **unused)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	assert_int_equal(
		kernel_resolve(state_dir, "debian", NULL, &i386, NULL, NULL, &k, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "apt knows no package linux-image-686-pae"));
}

static void test_a_kernel_of_another_architecture_is_refused(void **unused)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	auto_free char *file = file_kernel("bzImage", "6.19.0-rc1");
	assert_int_equal(
		kernel_resolve(state_dir, file, NULL, &arm64, NULL, NULL, &k, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "another architecture than arm64: --arch says"));
}

/* Lines of the stubs' arguments that have `word`. */
static unsigned asked(const char *word)
{
	auto_buf struct buf b = { 0 };
	auto_strv struct strv lines = { 0 };
	auto_free char *path = path_join(bin, "args");
	assert_int_equal(file_read(path, 65536, &b, NULL), 0);
	strv_split(&lines, buf_str(&b), "\n");
	unsigned n = 0;
	for (size_t i = 0; i < lines.n; i++)
		n += strstr(lines.v[i], word) != NULL;
	return n;
}

static void test_for_another_architecture_apt_works_in_a_folder_of_ours(void **unused)
{
	struct err e = { 0 };
	struct kernel *k = NULL;
	auto_buf struct buf flat = { 0 };
	auto_free char *last = NULL;
	auto_free char *own = xasprintf("Dir::State=%s/apt/arm64", state_dir);
	test_arm64_image("6.1.0-1-cloud", &flat);
	put("bin/package/boot/vmlinuz-6.1.0-1-cloud", flat.s, flat.len, 0644);
	put_text("bin/show", "Package: linux-image-cloud-arm64\nVersion: 6.1.1-1\n"
			     "Depends: linux-image-6.1.0-1-cloud (= 6.1.1-1)\n");
	if (kernel_resolve(state_dir, NULL, NULL, &arm64, keep_last, &last, &k, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(k->release, "6.1.0-1-cloud");
	kernel_free(k);
	/* update, show, download: none asks or changes what the host has. */
	assert_int_equal(asked("APT::Architecture=arm64"), 3);
	assert_int_equal(asked(own), 3);
	assert_int_equal(asked(" update"), 1);
	/* Lists of today serve for another question, those of yesterday where none can be had. */
	k = NULL;
	auto_free char *memo = path_join(state_dir, "kernels/linux-image-cloud-arm64.json");
	auto_free char *stamp = path_join(state_dir, "apt/arm64/updated");
	assert_int_equal(unlink(memo), 0);
	assert_int_equal(kernel_resolve(state_dir, NULL, NULL, &arm64, NULL, NULL, &k, &e), 0);
	kernel_free(k);
	assert_int_equal(asked(" update"), 1);
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	put_text("bin/offline", "");
	assert_int_equal(unlink(memo), 0);
	assert_int_equal(utimensat(AT_FDCWD, stamp, old, 0), 0);
	k = NULL;
	assert_int_equal(
		kernel_resolve(state_dir, NULL, NULL, &arm64, keep_last, &last, &k, &e), 0);
	kernel_free(k);
	assert_int_equal(asked(" update"), 2);
	assert_string_equal(last, "no new package lists; going on with the old ones");
}

static void test_what_is_no_kernel_is_refused_with_its_name(void **unused)
{
	struct err e = { 0 };
	auto_free char *file = path_join(dir, "notes.txt");
	put_text("notes.txt", "no kernel");
	assert_int_equal(refused(file, NULL, &e), -ENOEXEC);
	assert_non_null(strstr(e.msg, "notes.txt: not a bzImage"));
	assert_int_equal(refused(dir, NULL, &e), -ENOEXEC);
	assert_int_equal(refused("/no/such/kernel", NULL, &e), -ENOENT);
	assert_string_equal(e.msg, "kernel /no/such/kernel: No such file or directory");
	assert_false(exists(state_dir, "kernels"));
}

static void test_a_damaged_entry_is_made_again(void **unused)
{
	apt_follows("6.1.1-1");
	struct kernel *k = resolve("debian", NULL);
	assert_int_equal(truncate(k->boot, 100), 0);
	struct kernel *again = resolve("debian", NULL);
	assert_int_equal(calls("apt-get"), 2);
	struct stat st;
	assert_int_equal(stat(again->boot, &st), 0);
	assert_true(st.st_size > 100);
	kernel_free(k);
	kernel_free(again);
}

static void test_what_a_killed_maker_left_goes_at_the_next_start(void **unused)
{
	put_text("state/kernels/.old_r1.tmp/work/half", "half");
	apt_follows("6.1.1-1");
	kernel_free(resolve("debian", NULL));
	auto_free char *kernels = path_join(state_dir, "kernels");
	assert_false(exists(kernels, ".old_r1.tmp"));
}

static void test_two_at_once_make_it_once(void **unused)
{
	apt_follows("6.1.1-1");
	pid_t pid[2];
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			struct kernel *k = NULL;
			int rc = kernel_resolve(
				state_dir, "debian", NULL, &amd64, NULL, NULL, &k, NULL);
			_exit(rc == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(calls("apt-get"), 1);
}

static void test_initramfs_is_made_once_for_each_guest(void **unused)
{
	apt_follows("6.1.1-1");
	struct kernel *k = resolve("debian", NULL);
	auto_free char *guest = path_join(dir, "guest");
	put_text("guest", "one");
	auto_free char *one = NULL;
	auto_free char *same = NULL;
	auto_free char *two = NULL;
	assert_int_equal(kernel_initramfs(k, guest, &one, NULL), 0);
	assert_int_equal(kernel_initramfs(k, guest, &same, NULL), 0);
	assert_string_equal(one, same);
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 90000 },
		{ .tv_sec = time(NULL) - 90000 } };
	assert_int_equal(utimensat(AT_FDCWD, one, old, 0), 0);
	put_text("guest", "two");
	assert_int_equal(kernel_initramfs(k, guest, &two, NULL), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(access(one, F_OK), -1);
	assert_int_equal(access(two, F_OK), 0);
	kernel_free(k);
}

#define with_stubs(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_stubs(test_a_debian_kernel_is_unpacked_into_the_store),
		with_stubs(test_the_newest_is_asked_for_once_a_day),
		with_stubs(test_a_version_that_the_store_has_asks_nobody),
		with_stubs(test_without_apts_answer_the_stores_newest_serves),
		with_stubs(test_empty_lists_name_the_command_and_run_nothing),
		with_stubs(test_a_failed_download_leaves_nothing),
		with_stubs(test_a_file_becomes_an_entry_once),
		with_stubs(test_an_entry_is_named_by_its_key_and_stays_while_it_is_used),
		with_stubs(test_installed_modules_are_found_below_their_prefix),
		with_stubs(test_an_elf_boots_only_with_its_pvh_entry),
		with_stubs(test_an_instrumented_kernel_is_not_entered_by_pvh),
		with_stubs(test_an_image_of_arm64_becomes_a_flat_entry),
		with_stubs(test_a_kernel_of_i386_is_told_from_one_of_amd64),
		with_stubs(test_debians_newest_of_i386_is_no_cloud_kernel),
		with_stubs(test_a_kernel_of_another_architecture_is_refused),
		with_stubs(test_for_another_architecture_apt_works_in_a_folder_of_ours),
		with_stubs(test_what_is_no_kernel_is_refused_with_its_name),
		with_stubs(test_a_damaged_entry_is_made_again),
		with_stubs(test_what_a_killed_maker_left_goes_at_the_next_start),
		with_stubs(test_two_at_once_make_it_once),
		with_stubs(test_initramfs_is_made_once_for_each_guest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
