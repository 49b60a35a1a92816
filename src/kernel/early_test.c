/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/strv.h"
#include "base/test.h"
#include "kernel/early.h"
#include "kernel/test_image.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A folder of modules in a fresh folder of the test's own. */
struct place {
	char *dir, *modules, *early;
};

static struct place make_place(void)
{
	struct place p = { .dir = test_folder() };
	p.modules = path_join(p.dir, "modules");
	p.early = path_join(p.dir, "early");
	assert_int_equal(mkdir(p.modules, 0755), 0);
	return p;
}

static void drop_place(struct place *p)
{
	assert_int_equal(file_remove_tree(p->dir, NULL), 0);
	free(p->dir);
	free(p->modules);
	free(p->early);
}
#define auto_place __attribute__((cleanup(drop_place)))

static void put_text(const char *dir, const char *name, const char *text)
{
	struct buf b = { .s = (char *)text, .len = strlen(text) };
	free(test_file(dir, name, &b));
}

static void put_module(const char *dir, const char *name, const char *release, bool xz)
{
	auto_buf struct buf b = { 0 };
	auto_buf struct buf packed = { 0 };
	buf_addf(&b, "ELF of %s, vermagic=%s SMP preempt", name, release);
	if (xz)
		test_pack(archive_write_add_filter_xz, b.s, b.len, &packed);
	free(test_file(dir, name, xz ? &packed : &b));
}

/* All that is wanted, but built in: what `dep` names is a module. */
static void put_tables(const char *dir, const char *dep)
{
	put_text(dir, "modules.dep", dep);
	put_text(dir, "modules.builtin",
		"virtio_console.ko\nerofs.ko\next4.ko\noverlay.ko\nvirtio_pci.ko\n");
}

static void test_modules_are_numbered_in_load_order_and_unpacked(void **unused)
{
	auto_place struct place p = make_place();
	put_tables(
		p.modules, "virtio_blk.ko.xz: virtio.ko\nvirtio.ko:\nvirtio-rng.ko: virtio.ko\n");
	put_module(p.modules, "virtio_blk.ko.xz", "6.1.0-test", true);
	put_module(p.modules, "virtio.ko", "6.1.0-test", false);
	put_module(p.modules, "virtio-rng.ko", "6.1.0-test", false);
	assert_int_equal(early_modules(p.modules, NULL, "6.1.0-test", p.early, NULL), 0);
	static const char *const names[] = { "00-virtio.ko", "01-virtio_blk.ko",
		"02-virtio_rng.ko" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_buf struct buf b = { 0 };
		auto_free char *path = path_join(p.early, names[i]);
		assert_int_equal(file_read(path, 1000, &b, NULL), 0);
		assert_memory_equal(buf_str(&b), "ELF of ", 7);
	}
}

static void test_what_cannot_reach_the_root_disk_is_told_by_its_option(void **unused)
{
	struct err e = { 0 };
	auto_place struct place p = make_place();
	put_tables(p.modules, "");
	assert_int_equal(early_modules(p.modules, NULL, "6.1.0-test", p.early, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "kernel 6.1.0-test cannot reach its root disk: "
				      "CONFIG_VIRTIO_BLK is not built in, and no module in "));
}

static void test_a_kernel_without_modules_must_have_them_built_in(void **unused)
{
	static const char all[] = "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\n"
				  "CONFIG_VIRTIO_BLK=y\nCONFIG_EROFS_FS=y\nCONFIG_EXT4_FS=y\n"
				  "CONFIG_OVERLAY_FS=y\n";
	struct err e = { 0 };
	auto_place struct place p = make_place();
	auto_free char *config = path_join(p.dir, "config");
	put_text(p.dir, "config", all);
	assert_int_equal(early_modules(NULL, config, "6.1.0-test", p.early, NULL), 0);
	assert_int_equal(rmdir(p.early), 0);
	put_text(p.dir, "config", "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=m\n");
	assert_int_equal(early_modules(NULL, config, "6.1.0-test", p.early, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "CONFIG_VIRTIO_CONSOLE is not built in (no folder of "));
}

static void test_modules_of_another_kernel_are_refused(void **unused)
{
	struct err e = { 0 };
	auto_place struct place p = make_place();
	put_tables(p.modules, "virtio_blk.ko:\n");
	put_module(p.modules, "virtio_blk.ko", "6.1.0-tes", false);
	assert_int_equal(early_modules(p.modules, NULL, "6.1.0-test", p.early, &e), -ENOEXEC);
	assert_string_equal(
		e.msg, "module 00-virtio_blk.ko is of kernel 6.1.0-tes, not of 6.1.0-test");
}

static void test_a_module_outside_of_the_folder_is_not_read(void **unused)
{
	auto_place struct place p = make_place();
	put_module(p.dir, "virtio_blk.ko", "6.1.0-test", false);
	put_tables(p.modules, "../virtio_blk.ko:\n");
	assert_int_equal(early_modules(p.modules, NULL, "6.1.0-test", p.early, NULL), -EXDEV);
}

/* ---- the initramfs ---- */

struct found {
	struct strv names;
	struct buf list, init, module;
	mode_t init_mode;
	dev_t console;
};

static void read_entry(struct archive *a, struct archive_entry *entry, struct found *f)
{
	const char *name = archive_entry_pathname(entry);
	struct buf *to = strcmp(name, "modules.list") == 0      ? &f->list
			 : strcmp(name, "init") == 0            ? &f->init
			 : strcmp(name, "modules/00-a.ko") == 0 ? &f->module
								: NULL;
	strv_add(&f->names, name);
	assert_int_equal(archive_entry_uid(entry), 0);
	assert_int_equal(archive_entry_mtime(entry), 0);
	if (strcmp(name, "init") == 0)
		f->init_mode = archive_entry_mode(entry);
	if (strcmp(name, "dev/console") == 0)
		f->console = archive_entry_rdev(entry);
	char chunk[4096];
	la_ssize_t n;
	while ((n = archive_read_data(a, chunk, sizeof chunk)) > 0)
		if (to)
			buf_add(to, chunk, (size_t)n);
	assert_int_equal(n, 0);
}

static void read_back(const char *path, struct found *f)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	assert_int_equal(archive_read_support_format_cpio(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, path, 4096), ARCHIVE_OK);
	int rc;
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK)
		read_entry(a, entry, f);
	assert_int_equal(rc, ARCHIVE_EOF);
	assert_int_equal(archive_format(a), ARCHIVE_FORMAT_CPIO_SVR4_NOCRC);
	archive_read_free(a);
}

static void test_initramfs_reads_back_with_init_list_and_console(void **unused)
{
	auto_place struct place p = make_place();
	auto_free char *guest = path_join(p.dir, "guest");
	auto_free char *to = path_join(p.dir, "initramfs.cpio");
	assert_int_equal(mkdir(p.early, 0755), 0);
	put_text(p.dir, "guest", "the guest");
	put_text(p.early, "01-b.ko", "module b");
	put_text(p.early, "00-a.ko", "module a");
	assert_int_equal(early_initramfs(p.early, guest, to, NULL), 0);
	struct found f = { 0 };
	read_back(to, &f);
	auto_free char *names = strv_shell(strv_get(&f.names));
	assert_string_equal(names, "dev dev/console init modules modules/00-a.ko modules/01-b.ko "
				   "modules.list");
	assert_string_equal(buf_str(&f.list), "/modules/00-a.ko\n/modules/01-b.ko\n");
	assert_string_equal(buf_str(&f.init), "the guest");
	assert_string_equal(buf_str(&f.module), "module a");
	assert_int_equal(f.init_mode, S_IFREG | 0755);
	assert_int_equal(f.console, makedev(5, 1));
	strv_clear(&f.names);
	buf_clear(&f.list);
	buf_clear(&f.init);
	buf_clear(&f.module);
}

static void test_a_missing_guest_leaves_no_file_behind(void **unused)
{
	struct err e = { 0 };
	auto_place struct place p = make_place();
	auto_free char *to = path_join(p.early, "initramfs.cpio");
	assert_int_equal(mkdir(p.early, 0755), 0);
	assert_int_equal(early_initramfs(p.modules, "/no/such/guest", to, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/no/such/guest"));
	assert_int_equal(rmdir(p.early), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules_are_numbered_in_load_order_and_unpacked),
		cmocka_unit_test(test_what_cannot_reach_the_root_disk_is_told_by_its_option),
		cmocka_unit_test(test_a_kernel_without_modules_must_have_them_built_in),
		cmocka_unit_test(test_modules_of_another_kernel_are_refused),
		cmocka_unit_test(test_a_module_outside_of_the_folder_is_not_read),
		cmocka_unit_test(test_initramfs_reads_back_with_init_list_and_console),
		cmocka_unit_test(test_a_missing_guest_leaves_no_file_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
