/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "kernel/symbols.h"
#include <elf.h>
#include <errno.h>

static const char example[] = "0000000000000000 A fixed_percpu_data\n"
			      "ffffffff81000000 T _text\n"
			      "ffffffff81000000 T startup_64\n"
			      "ffffffff81000040 t local_one\n"
			      "ffffffff82000000 D linux_banner\n"
			      "ffffffffc0123450 t btrfs_search_slot\t[btrfs]\n"
			      "not a line\n"
			      "ffffffff8300000 \n"
			      "ffffffffffffffff0 T too_long\n"
			      "ffffffff83000000 T";

/* The symbol of this name in the file, or NULL. */
static const Elf64_Sym *find(const struct buf *b, const char *name, size_t *ret_at)
{
	const Elf64_Ehdr *h = (const void *)b->s;
	const Elf64_Shdr *s = (const void *)(b->s + h->e_shoff);
	const Elf64_Sym *sym = (const void *)(b->s + s[2].sh_offset);
	const char *names = b->s + s[3].sh_offset;
	for (size_t i = 1; i < s[2].sh_size / sizeof *sym; i++) {
		assert_true(sym[i].st_name < s[3].sh_size);
		if (strcmp(names + sym[i].st_name, name) != 0)
			continue;
		*ret_at = i;
		return &sym[i];
	}
	return NULL;
}

static void test_what_the_kernel_knows_becomes_a_symbol_table(void **unused)
{
	auto_buf struct buf b = { 0 };
	size_t at = 0;
	assert_int_equal(symbols_elf(example, sizeof example - 1, EM_X86_64, &b, NULL), 0);
	const Elf64_Ehdr *h = (const void *)b.s;
	const Elf64_Shdr *s = (const void *)(b.s + h->e_shoff);
	assert_int_equal(s[4].sh_offset + s[4].sh_size, b.len);
	assert_int_equal(s[2].sh_size / sizeof(Elf64_Sym), 6); /* the first is empty */
	const Elf64_Sym *text = find(&b, "_text", &at);
	assert_non_null(text);
	assert_int_equal(text->st_value, 0xffffffff81000000);
	assert_int_equal(text->st_size, 0x40); /* to the next address, not the next name */
	assert_int_equal(ELF64_ST_TYPE(text->st_info), STT_FUNC);
	assert_true(at >= s[2].sh_info); /* elf(5): locals first */
	const Elf64_Sym *local = find(&b, "btrfs_search_slot", &at);
	assert_non_null(local);
	assert_int_equal(local->st_value, 0xffffffffc0123450);
	assert_true(at < s[2].sh_info);
	const Elf64_Sym *data = find(&b, "linux_banner", &at);
	assert_non_null(data);
	assert_int_equal(ELF64_ST_TYPE(data->st_info), STT_OBJECT);
	assert_null(find(&b, "fixed_percpu_data", &at));
	assert_null(find(&b, "too_long", &at));
}

static void test_hidden_addresses_are_no_symbols(void **unused)
{
	static const char hidden[] = "0000000000000000 T _text\n0000000000000000 D linux_banner\n";
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };
	assert_int_equal(symbols_elf(hidden, sizeof hidden - 1, EM_X86_64, &b, &e), -ENODATA);
	assert_int_equal(symbols_elf("", 0, EM_X86_64, &b, &e), -ENODATA);
	assert_int_equal(symbols_elf(example, sizeof example - 1, EM_386, &b, &e), -ENOTSUP);
	assert_int_equal(b.len, 0);
}

static void test_a_file_is_looked_at_for_its_symbols(void **unused)
{
	auto_buf struct buf b = { 0 };
	auto_free char *dir = test_folder();
	auto_free char *path = path_join(dir, "elf");
	uint16_t machine = 0;
	int has = 0;
	assert_int_equal(symbols_elf(example, sizeof example - 1, EM_AARCH64, &b, NULL), 0);
	assert_int_equal(file_replace(path, b.s, b.len, 0644, NULL), 0);
	assert_int_equal(symbols_look(path, &machine, &has, NULL), 0);
	assert_int_equal(machine, EM_AARCH64);
	assert_int_equal(has, 1);
	((Elf64_Ehdr *)(void *)b.s)->e_shnum = 2; /* cut off before the table */
	assert_int_equal(file_replace(path, b.s, b.len, 0644, NULL), 0);
	assert_int_equal(symbols_look(path, &machine, &has, NULL), 0);
	assert_int_equal(has, 0);
	Elf32_Shdr table = { .sh_type = SHT_SYMTAB, .sh_size = 2 * sizeof(Elf32_Sym) };
	Elf32_Ehdr narrow = { .e_machine = EM_386, .e_shoff = sizeof narrow, .e_shnum = 1 };
	memcpy(narrow.e_ident, b.s, EI_NIDENT);
	narrow.e_ident[EI_CLASS] = ELFCLASS32;
	buf_clear(&b);
	buf_add(&b, &narrow, sizeof narrow);
	buf_add(&b, &table, sizeof table);
	assert_int_equal(file_replace(path, b.s, b.len, 0644, NULL), 0);
	assert_int_equal(symbols_look(path, &machine, &has, NULL), 0);
	assert_int_equal(machine, EM_386);
	assert_int_equal(has, 1);
	assert_int_equal(file_replace(path, "#!/bin/sh\n", 10, 0644, NULL), 0);
	assert_int_equal(symbols_look(path, &machine, &has, NULL), -ENOEXEC);
	(void)file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_kernel_knows_becomes_a_symbol_table),
		cmocka_unit_test(test_hidden_addresses_are_no_symbols),
		cmocka_unit_test(test_a_file_is_looked_at_for_its_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
