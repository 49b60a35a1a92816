/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "kernel/debug_info.h"
#include "kernel/decode.h"
#include "proc/proc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_ID "00112233445566778899aabbccddeeff00112233"

static char *dir; /* the tree of a kernel of two functions and a module */

static void put(const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *folder = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

/* cc with these words, in the tree. */
static void compile(const char *words)
{
	struct err e = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf out = { 0 };
	strv_split(&argv, words, " ");
	const struct proc_spec spec = {
		.argv = strv_get(&argv), .cwd = dir, .in = PROC_NULL, .out = PROC_PIPE
	};
	if (proc_check(&spec, &out, 1u << 20, &e) < 0)
		fail_msg("%s", e.msg);
}

static int make_tree(void **state)
{
	dir = test_folder();
	/* One function a line, so that it is the same wherever in it. */
	put("init/main.c", "\nint kernel_init(void) { return 0; }\n");
	put("fs/x.h", "\n\nstatic inline int inner(volatile int *p) { return *p * 3; }\n");
	put("fs/x.c", "#include \"x.h\"\n"
		      "#define KEEP __attribute__((used, noinline))\n"
		      "int outer(volatile int *p);\n"
		      "static int twice(void) KEEP;\n"
		      "int outer(volatile int *p) { return inner(p) + 1; }\n"
		      "\n\n\n"
		      "static int twice(void) { return 7; }\n");
	put("fs/y.c",
		"static int twice(volatile int *p) __attribute__((used, noinline));\n\n"
		"static int twice(volatile int *p) { for (int i = 0; i < 9; i++) *p = *p * *p "
		"+ i; return *p; }\n");
	put("fs/m.c", "int in_module(volatile int *p);\n\n"
		      "int in_module(volatile int *p) { return *p + 5; }\n");
	put("modules.order", "fs/other.o\nfs/m-y.o\n");
	auto_free char *full = xasprintf(
		"cc -g -O1 -nostdlib -static -no-pie -Wl,-e,kernel_init -Wl,--build-id=0x" BUILD_ID
		" -o vmlinux %s/init/main.c %s/fs/x.c %s/fs/y.c",
		dir, dir, dir);
	compile(full);
	compile("cc -O1 -nostdlib -static -no-pie -Wl,-e,kernel_init -Wl,--build-id=0x" BUILD_ID
		" -o plain init/main.c");
	auto_free char *module = xasprintf(
		"cc -g -O1 -nostdlib -r -Wl,--build-id=0x0123abcd -o fs/m-y.ko %s/fs/m.c", dir);
	compile(module);
	return 0;
}

static int remove_tree(void **state)
{
	int rc = file_remove_tree(dir, NULL);
	free(dir);
	return rc;
}

static struct debug_info *open_vmlinux(void)
{
	struct err e = { 0 };
	struct debug_info *d = NULL;
	auto_free char *path = path_join(dir, "vmlinux");
	if (debug_info_open(path, BUILD_ID, &d, &e) < 0)
		fail_msg("%s", e.msg);
	return d;
}

static void check(const char *text, const char *want, unsigned unknown, unsigned modules)
{
	struct err e = { 0 };
	struct decode_counts counts;
	auto_buf struct buf out = { 0 };
	auto_debug_info struct debug_info *d = open_vmlinux();
	if (decode_text(d, text, strlen(text), &out, &counts, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(buf_str(&out), want);
	assert_int_equal(counts.unknown, unknown);
	assert_int_equal(counts.modules, modules);
}

static void test_a_place_has_its_line_and_what_it_is_inlined_into(void **state)
{
	check("[    1.0] RIP: 0010:outer+0x0/0x10\nCall Trace:\n ? kernel_init+0x1/0x10",
		"[    1.0] RIP: 0010:outer+0x0/0x10 (fs/x.h:3 in fs/x.c:5)\nCall Trace:\n"
		" ? kernel_init+0x1/0x10 (init/main.c:2)\n",
		0, 0);
}

static void test_a_return_address_means_the_call_before_it(void **state)
{
	/* The first byte of a function is the line of its name, the instruction itself not. */
	struct decode_place p;
	static const char call[] = " outer+0x5/0x10";
	static const char at[] = "RIP: 0010:outer+0x5/0x10";
	assert_int_equal(decode_find(call, strlen(call), &p), 1);
	assert_false(p.exact);
	assert_int_equal(decode_find(at, strlen(at), &p), 1);
	assert_true(p.exact);
	static const char narrow[] = "EIP: outer+0x5/0x10";
	assert_int_equal(decode_find(narrow, strlen(narrow), &p), 1);
	assert_true(p.exact);
}

static void test_of_two_functions_of_one_name_the_size_decides(void **state)
{
	check("twice+0x0/0x6\ntwice+0x0/0x20\n",
		"twice+0x0/0x6 (fs/x.c:9)\ntwice+0x0/0x20 (fs/y.c:3)\n", 0, 0);
}

/* The host's compiler and addr2line do both. */
static void test_a_kernel_of_32_bits_has_its_lines_too(void **state)
{
#ifdef __x86_64__
	struct err e = { 0 };
	struct decode_counts counts;
	static const char text[] = "EIP: twice+0x0/0x6\ntwice+0x0/0x20\n";
	auto_buf struct buf out = { 0 };
	auto_debug_info struct debug_info *d = NULL;
	auto_free char *path = path_join(dir, "narrow");
	auto_free char *words =
		xasprintf("cc -m32 -g -O1 -nostdlib -static -fno-pic -no-pie "
			  "-Wl,-e,kernel_init -o narrow %s/init/main.c %s/fs/x.c %s/fs/y.c",
			dir, dir, dir);
	compile(words);
	if (debug_info_open(path, NULL, &d, &e) < 0 ||
		decode_text(d, text, strlen(text), &out, &counts, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(
		buf_str(&out), "EIP: twice+0x0/0x6 (fs/x.c:9)\ntwice+0x0/0x20 (fs/y.c:3)\n");
#else
	skip();
#endif
}

static void test_a_module_is_found_in_the_tree_or_said_to_be_missing(void **state)
{
	check("in_module+0x0/0x8 [m_y]\nin_module+0x0/0x8 [m_y 0123abcd] x\nf+0x1/0x8 [btrfs]\n",
		"in_module+0x0/0x8 [m_y] (fs/m.c:3)\n"
		"in_module+0x0/0x8 [m_y 0123abcd] (fs/m.c:3) x\nf+0x1/0x8 [btrfs]\n",
		0, 1);
}

/* Decode with that vmlinux. */
static struct decode_counts decode(const char *vmlinux, const char *text, struct buf *out)
{
	struct err e = { 0 };
	struct decode_counts counts = { 0 };
	auto_free char *path = path_join(dir, vmlinux);
	auto_debug_info struct debug_info *d = NULL;
	if (debug_info_open(path, BUILD_ID, &d, &e) < 0 ||
		decode_text(d, text, strlen(text), out, &counts, &e) < 0)
		fail_msg("%s", e.msg);
	return counts;
}

static void test_a_module_of_another_build_is_not_used(void **state)
{
	auto_buf struct buf out = { 0 };
	const struct decode_counts c = decode("vmlinux",
		"in_module+0x0/0x8 [m_y]\nin_module+0x0/0x8 [m_y 0123abcd]\n"
		"in_module+0x0/0x8 [m_y 99]\n",
		&out);
	assert_string_equal(buf_str(&out), "in_module+0x0/0x8 [m_y] (fs/m.c:3)\n"
					   "in_module+0x0/0x8 [m_y 0123abcd] (fs/m.c:3)\n"
					   "in_module+0x0/0x8 [m_y 99]\n");
	assert_int_equal(c.decoded, 2);
	assert_int_equal(c.unproved, 1);
	assert_int_equal(c.stale, 1);
	assert_int_equal(c.modules, 0);
}

static void copy(const char *name, const char *as)
{
	auto_free char *from = path_join(dir, name);
	auto_buf struct buf b = { 0 };
	auto_free char *to = path_join(dir, as);
	put(as, "");
	assert_int_equal(file_read(from, 1u << 24, &b, NULL), 0);
	assert_int_equal(file_replace(to, b.s, b.len, 0644, NULL), 0);
}

static void test_modules_lie_where_debians_debug_packages_put_them(void **state)
{
	static const char *const vmlinux[] = { "deb/boot/vmlinux-6.1-x",
		"deb/lib/modules/6.1-x/vmlinux" };
	copy("fs/m-y.ko", "deb/lib/modules/6.1-x/kernel/fs/m-y.ko");
	for (size_t i = 0; i < ARRAY_LEN(vmlinux); i++) {
		auto_buf struct buf out = { 0 };
		copy("vmlinux", vmlinux[i]);
		const struct decode_counts c =
			decode(vmlinux[i], "in_module+0x0/0x8 [m_y 0123abcd]\n", &out);
		assert_string_equal(buf_str(&out), "in_module+0x0/0x8 [m_y 0123abcd] (fs/m.c:3)\n");
		assert_int_equal(c.unproved, 0);
	}
}

static void test_what_is_no_place_or_unknown_stays_as_it_is(void **state)
{
	static const char text[] = "nosuch+0x1/0x2\n+0x1/0x2\nouter+0x99/0x10\nouter+0x1\n"
				   "outer+1/2\nouter+0x/0x\n\n1+0x1\n";
	check(text, text, 1, 0);
}

static void test_debug_information_of_another_build_is_refused(void **state)
{
	struct err e = { 0 };
	struct debug_info *d = NULL;
	auto_free char *vmlinux = path_join(dir, "vmlinux");
	auto_free char *plain = path_join(dir, "plain");
	auto_free char *source = path_join(dir, "init/main.c");
	assert_int_equal(debug_info_open(vmlinux, "aa", &d, &e), -ESTALE);
	assert_non_null(strstr(e.msg, "its build id is " BUILD_ID ", not aa"));
	assert_int_equal(debug_info_open(plain, BUILD_ID, &d, &e), -ENODATA);
	assert_non_null(strstr(e.msg, "CONFIG_DEBUG_INFO"));
	assert_int_equal(debug_info_open(source, NULL, &d, &e), -ENOEXEC);
	assert_null(d);
}

static void test_a_damaged_file_is_no_debug_information_and_no_crash(void **state)
{
	auto_buf struct buf whole = { 0 };
	auto_free char *vmlinux = path_join(dir, "vmlinux");
	auto_free char *path = path_join(dir, "damaged");
	assert_int_equal(file_read(vmlinux, 1u << 24, &whole, NULL), 0);
	for (unsigned i = 0; i < 400; i++) {
		uint64_t address;
		struct debug_info *d = NULL;
		auto_buf struct buf b = { 0 };
		buf_add(&b, whole.s, i % 2 ? whole.len : whole.len * i / 400);
		/* A header of a section or of the file, where one may reach out of it. */
		size_t at = i % 4 == 1 ? i % 64 : whole.len - 1 - i * 7 % 2048;
		if (at + 8 < b.len)
			memset(b.s + at, 0xff, 8);
		assert_int_equal(file_replace(path, buf_str(&b), b.len, 0644, NULL), 0);
		if (debug_info_open(path, NULL, &d, NULL) == 0)
			(void)debug_info_find(d, "outer", 16, &address); /* any answer */
		debug_info_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_has_its_line_and_what_it_is_inlined_into),
		cmocka_unit_test(test_a_return_address_means_the_call_before_it),
		cmocka_unit_test(test_of_two_functions_of_one_name_the_size_decides),
		cmocka_unit_test(test_a_kernel_of_32_bits_has_its_lines_too),
		cmocka_unit_test(test_a_module_is_found_in_the_tree_or_said_to_be_missing),
		cmocka_unit_test(test_a_module_of_another_build_is_not_used),
		cmocka_unit_test(test_modules_lie_where_debians_debug_packages_put_them),
		cmocka_unit_test(test_what_is_no_place_or_unknown_stays_as_it_is),
		cmocka_unit_test(test_debug_information_of_another_build_is_refused),
		cmocka_unit_test(test_a_damaged_file_is_no_debug_information_and_no_crash),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
