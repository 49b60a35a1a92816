/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/elf_note.h"
#include "base/test.h"
#include <elf.h>
#include <string.h>

static void add(struct buf *b, const char *name, uint32_t type, const char *desc, size_t n)
{
	const Elf64_Nhdr h = { (uint32_t)strlen(name) + 1, (uint32_t)n, type };
	static const char zero[4];
	buf_add(b, &h, sizeof h);
	buf_add(b, name, h.n_namesz);
	buf_add(b, zero, (4 - h.n_namesz % 4) % 4);
	buf_add(b, desc, n);
	buf_add(b, zero, (4 - n % 4) % 4);
}

static void test_a_build_id_is_found_behind_other_notes(void **state)
{
	auto_buf struct buf b = { 0 };
	char id[ELF_BUILD_ID_SIZE] = "x";
	add(&b, "Xen", NT_GNU_BUILD_ID, "another's", 9);
	add(&b, "Linux", 0x101, "x", 1);
	assert_false(elf_build_id(b.s, b.len, id));
	assert_string_equal(id, "");
	add(&b, "GNU", NT_GNU_BUILD_ID, "\x01\xab\xff", 3);
	add(&b, "GNU", NT_GNU_BUILD_ID, "later", 5);
	assert_true(elf_build_id(b.s, b.len, id));
	assert_string_equal(id, "01abff");
}

static void test_cut_notes_are_none(void **state)
{
	auto_buf struct buf b = { 0 };
	char id[ELF_BUILD_ID_SIZE];
	add(&b, "GNU", NT_GNU_BUILD_ID, "0123456789abcdef0123", 20);
	for (size_t n = 0; n < b.len; n++) {
		auto_buf struct buf cut = { 0 }; /* of its own, for the sanitizer to see its end */
		buf_add(&cut, b.s, n);
		assert_false(elf_build_id(buf_str(&cut), n, id));
	}
	assert_true(elf_build_id(b.s, b.len, id));
}

static void test_an_id_longer_than_any_is_none(void **state)
{
	auto_buf struct buf b = { 0 };
	char id[ELF_BUILD_ID_SIZE];
	const char desc[33] = { 1 };
	add(&b, "GNU", NT_GNU_BUILD_ID, desc, 32);
	assert_true(elf_build_id(b.s, b.len, id));
	assert_int_equal(strlen(id), 64);
	b.len = 0;
	add(&b, "GNU", NT_GNU_BUILD_ID, desc, 33);
	assert_false(elf_build_id(b.s, b.len, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_build_id_is_found_behind_other_notes),
		cmocka_unit_test(test_cut_notes_are_none),
		cmocka_unit_test(test_an_id_longer_than_any_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
