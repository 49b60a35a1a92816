/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "kernel/bzimage.h"
#include "kernel/test_image.h"
#include <errno.h>
#include <fcntl.h>

static int open_buf(const char *dir, const struct buf *b)
{
	auto_free char *path = test_file(dir, "vmlinux", b);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int check(const char *dir, const struct buf *b, struct vmlinux *v, struct err *e)
{
	auto_close int fd = open_buf(dir, b);
	return vmlinux_check(fd, v, e);
}

static void test_the_pvh_note_is_found_behind_others(void **state)
{
	for (int pvh = 0; pvh < 2; pvh++) {
		struct vmlinux v;
		auto_buf struct buf elf = { 0 };
		test_vmlinux("6.1.0-test", pvh, &elf);
		assert_int_equal(check(*state, &elf, &v, NULL), 0);
		assert_int_equal(v.pvh, pvh);
		assert_int_equal(v.machine, EM_X86_64);
		assert_string_equal(v.build_id, TEST_BUILD_ID);
	}
}

static void test_a_kernel_of_32_bits_is_read_as_one_of_64(void **state)
{
	for (int pvh = 0; pvh < 2; pvh++) {
		struct vmlinux v;
		auto_buf struct buf elf = { 0 };
		test_vmlinux_386("6.1.0-test", pvh, &elf);
		assert_int_equal(check(*state, &elf, &v, NULL), 0);
		assert_int_equal(v.pvh, pvh);
		assert_int_equal(v.machine, EM_386);
		assert_string_equal(v.build_id, TEST_BUILD_ID);
		/* Cut off within the program headers, and before the notes. */
		elf.len = sizeof(Elf32_Ehdr) + 2 * sizeof(Elf32_Phdr) - 1;
		assert_int_equal(check(*state, &elf, &v, NULL), -ENOEXEC);
		elf.len++;
		assert_int_equal(check(*state, &elf, &v, NULL), 0);
		assert_false(v.pvh || v.build_id[0]);
	}
}

static void refuse(const char *dir, const char *what, size_t at, uint64_t value, size_t n)
{
	struct vmlinux v;
	struct err e = { 0 };
	auto_buf struct buf elf = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	test_put(&elf, at, value, n);
	assert_int_equal(check(dir, &elf, &v, &e), -ENOEXEC);
	if (!strstr(e.msg, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.msg);
}

static void test_an_elf_that_is_no_kernel_is_refused(void **state)
{
	refuse(*state, "not an ELF", 0, 0, 1);
	refuse(*state, "program headers", EI_CLASS, ELFCLASS32, 1);
	refuse(*state, "of 32 or 64 bits", EI_CLASS, 3, 1);
	refuse(*state, "little-endian", EI_DATA, ELFDATA2MSB, 1);
	refuse(*state, "executable", offsetof(Elf64_Ehdr, e_type), ET_REL, 2);
	refuse(*state, "program headers", offsetof(Elf64_Ehdr, e_phnum), 0, 2);
	refuse(*state, "program headers", offsetof(Elf64_Ehdr, e_phnum), 60000, 2);
	refuse(*state, "program headers", offsetof(Elf64_Ehdr, e_phentsize), 8, 2);
	refuse(*state, "cut short", offsetof(Elf64_Ehdr, e_phoff), 1 << 30, 8);
	refuse(*state, "cut short", offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX, 8);
}

static void test_notes_that_run_over_their_end_are_no_entry(void **state)
{
	struct vmlinux v;
	auto_buf struct buf elf = { 0 };
	test_vmlinux("6.1.0-test", true, &elf);
	size_t first = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	test_put(&elf, first, 0xffffffff, 4); /* n_namesz of the first note */
	assert_int_equal(check(*state, &elf, &v, NULL), 0);
	assert_false(v.pvh);
}

static void test_a_flat_kernel_has_the_build_id_that_is_in_none_of_its_vdsos(void **state)
{
	char id[ELF_BUILD_ID_SIZE] = "untouched";
	auto_buf struct buf flat = { 0 };
	auto_buf struct buf vdso = { 0 };
	test_vmlinux("6.1.0-test", false, &vdso);
	memset(vdso.s + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 16, 0x11, 8); /* its id */
	buf_adds(&flat, "GNU     "); /* with nothing before it */
	while (flat.len < 2 * 4096)
		buf_adds(&flat, "code GNU");
	buf_add(&flat, vdso.s, 4096);
	buf_add(&flat, vdso.s, 4096);
	auto_close int without = open_buf(*state, &flat);
	assert_int_equal(vmlinux_flat_build_id(without, id, NULL), 0);
	assert_string_equal(id, "");
	while (flat.len < 10 * 4096)
		buf_adds(&flat, "data");
	test_arm64_image("6.1.0-test", &flat); /* not on a whole page: its ELF header is no file */
	auto_close int fd = open_buf(*state, &flat);
	assert_int_equal(vmlinux_flat_build_id(fd, id, NULL), 0);
	assert_string_equal(id, TEST_BUILD_ID);
}

static void test_release_is_the_banner_and_not_its_format(void **state)
{
	char release[KERNEL_RELEASE_SIZE];
	auto_buf struct buf elf = { 0 };
	test_vmlinux("6.19.0-rc3+", true, &elf);
	/* Where windows of the search meet: wherever it lies, it is found. */
	assert_true(elf.len > 900000);
	for (size_t pad = 0; pad < 400; pad += 7) {
		auto_buf struct buf b = { 0 };
		buf_add(&b, elf.s, 200);
		for (size_t i = 0; i < (1u << 20) - elf.len + pad; i++)
			buf_addc(&b, 'x');
		buf_add(&b, elf.s + 200, elf.len - 200);
		auto_close int fd = open_buf(*state, &b);
		assert_int_equal(vmlinux_release(fd, release, NULL), 0);
		assert_string_equal(release, "6.19.0-rc3+");
	}
}

static void test_no_banner_is_no_linux(void **state)
{
	struct err e = { 0 };
	char release[KERNEL_RELEASE_SIZE] = "untouched";
	auto_buf struct buf b = { 0 };
	buf_adds(&b, "Linux version 6.1.0/../../etc (x) Linux version 6.1");
	auto_close int fd = open_buf(*state, &b);
	assert_int_equal(vmlinux_release(fd, release, &e), -ENOEXEC);
	assert_string_equal(release, "untouched");
}

static void test_configuration_comes_out_of_the_kernel(void **state)
{
	auto_buf struct buf elf = { 0 };
	auto_buf struct buf config = { 0 };
	auto_free char *to = path_join(*state, "config");
	test_vmlinux("6.1.0-test", true, &elf);
	auto_close int fd = open_buf(*state, &elf);
	assert_int_equal(vmlinux_config(fd, to, NULL), 0);
	assert_int_equal(file_read(to, 1000, &config, NULL), 0);
	assert_string_equal(buf_str(&config), TEST_CONFIG);
	elf.len = 1000;
	auto_close int without = open_buf(*state, &elf);
	assert_int_equal(vmlinux_config(without, to, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_pvh_note_is_found_behind_others),
		cmocka_unit_test(test_a_kernel_of_32_bits_is_read_as_one_of_64),
		cmocka_unit_test(test_an_elf_that_is_no_kernel_is_refused),
		cmocka_unit_test(test_notes_that_run_over_their_end_are_no_entry),
		cmocka_unit_test(test_a_flat_kernel_has_the_build_id_that_is_in_none_of_its_vdsos),
		cmocka_unit_test(test_release_is_the_banner_and_not_its_format),
		cmocka_unit_test(test_no_banner_is_no_linux),
		cmocka_unit_test(test_configuration_comes_out_of_the_kernel),
	};
	return cmocka_run_group_tests(tests, test_make_folder, test_remove_folder);
}
