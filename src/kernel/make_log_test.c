/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/test.h" /* cmocka, and what it wants before it */
#include "kernel/make_log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void feed(struct make_log *l, const char *text)
{
	/* Cut anywhere: nobody promises whole lines. */
	for (size_t n = strlen(text), i = 0; i < n; i += 7)
		make_log_feed(l, text + i, n - i < 7 ? n - i : 7);
	make_log_end(l);
}

static void test_steps_are_counted_and_warnings_are_of_the_last_one(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	feed(&l, "make[1]: Entering directory\n"
		 "  CC      fs/btrfs/inode.o\n"
		 "  CC [M]  fs/xfs/xfs_log.o\n"
		 "  SYSHDR  arch/x86/include/generated/uapi/asm/unistd_32.h\n"
		 "../fs/btrfs/inode.c:12:3: warning: unused variable 'x' [-Wunused-variable]\n"
		 "   12 |  int x;\n"
		 "Kernel: arch/x86/boot/bzImage is ready  (#1)");
	assert_int_equal(l.steps, 3);
	const json_t *of = json_object_get(l.made, "fs/xfs/xfs_log.o");
	assert_int_equal(json_array_size(of), 0);
	assert_non_null(of);
	of = json_object_get(l.made, "arch/x86/include/generated/uapi/asm/unistd_32.h");
	assert_string_equal(json_string_value(json_array_get(of, 0)),
		"../fs/btrfs/inode.c:12:3: warning: unused variable 'x' [-Wunused-variable]");
	assert_null(l.error);
	assert_false(l.killed);
}

static void test_the_first_error_is_cut_out_with_what_stands_around_it(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	feed(&l, "  CC      fs/btrfs/super.o\n"
		 "In file included from ../fs/btrfs/inode.c:3:\n"
		 "../fs/btrfs/ctree.h: In function 'f':\n"
		 "../fs/btrfs/ctree.h:9:1: error: expected ';' before '}' token\n"
		 "    9 | }\n"
		 "      | ^\n"
		 "make[3]: *** [../scripts/Makefile.build:250: fs/btrfs/inode.o] Error 1\n"
		 "../fs/other.c:1:1: error: another\n");
	assert_string_equal(
		l.error, "../fs/btrfs/ctree.h:9:1: error: expected ';' before '}' token");
	assert_string_equal(buf_str(&l.context),
		"In file included from ../fs/btrfs/inode.c:3:\n"
		"../fs/btrfs/ctree.h: In function 'f':\n"
		"../fs/btrfs/ctree.h:9:1: error: expected ';' before '}' token\n"
		"    9 | }\n"
		"      | ^\n");
}

static void test_a_compilers_error_names_its_file_and_others_none(void **unused)
{
	static const struct {
		const char *line, *file;
	} all[] = {
		{ "../fs/a.c:9:1: error: expected ';'\n", "../fs/a.c" },
		{ "/src/fs/a.c:9:1: fatal error: too many\n", "/src/fs/a.c" },
		{ "a.c:9:1: fatal error: b.h: No such file or directory\n", NULL },
		{ "a.c:9: error: of something else\n", NULL },
		{ "a.c:(.text+0x1): undefined reference to `g'\n", NULL },
		{ "ERROR: modpost: \"f\" undefined!\n", NULL },
		{ "make[2]: *** [x:1: a.o] Error 1\n", NULL },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		auto_make_log struct make_log l = { 0 };
		feed(&l, all[i].line);
		assert_non_null(l.error);
		if (all[i].file)
			assert_string_equal(l.error_file, all[i].file);
		else
			assert_null(l.error_file);
	}
}

static void test_the_linkers_word_counts_more_than_that_of_make(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	feed(&l, "make[2]: *** [x:1: a.o] Error 1\n"
		 "  LD      vmlinux\n"
		 "ld: fs/a.o: in function `f':\n"
		 "a.c:(.text+0x1): undefined reference to `g'\n");
	assert_string_equal(l.error, "ld: fs/a.o: in function `f':");
	assert_non_null(strstr(buf_str(&l.context), "undefined reference to `g'"));
}

static void test_only_makes_word_is_better_than_none(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	feed(&l, "sh: 1: bison: not found\nmake[1]: *** [Makefile:9: x] Error 127\n");
	assert_string_equal(l.error, "make[1]: *** [Makefile:9: x] Error 127");
	assert_string_equal(buf_str(&l.context),
		"sh: 1: bison: not found\nmake[1]: *** [Makefile:9: x] Error 127\n");
}

static void test_what_was_killed_for_memory_is_known(void **unused)
{
	static const char *const lines[] = {
		"gcc: fatal error: Killed signal terminated program cc1\n",
		"Killed\n",
		"make[1]: *** [Makefile:1: vmlinux] Error 137\n",
		"make[1]: *** [Makefile:1: vmlinux] Killed\n",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		auto_make_log struct make_log l = { 0 };
		feed(&l, lines[i]);
		assert_true(l.killed);
	}
	auto_make_log struct make_log l = { 0 };
	feed(&l, "  CC      net/Killed\nmake[1]: *** [Makefile:1: vmlinux] Error 1\n");
	assert_false(l.killed);
}

static void test_what_the_host_is_to_blame_for_is_known(void **unused)
{
	static const struct {
		const char *line;
		int code;
	} all[] = {
		{ "cc1: fatal error: error writing to /tmp/x.s: No space left on device\n",
			-ENOSPC },
		{ "{standard input}: Fatal error: can't close x.o: 'Disk quota exceeded'\n",
			-ENOSPC },
		{ "sh: 1: cannot create .x.cmd: Read-only file system\n", -ENOSPC },
		{ "ld: final link failed: Input/output error.\n", -ENOSPC },
		{ "cc1: out of memory allocating 65536 bytes after a total of 1 bytes\n", -ENOMEM },
		{ "virtual memory exhausted: Cannot allocate memory\n", -ENOMEM },
		{ "as: virtual memory exhausted\n", -ENOMEM },
		{ "LLVM ERROR: out of memory\n", -ENOMEM },
		/* a source, and what is not the end */
		{ "   12 |  pr_err(\"No space left on device\");\n", 0 },
		{ "a.c:1:1: warning: \"Input/output error\" is not used\n", 0 },
		{ "  CC      fs/Cannot allocate memory\n", 0 },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		auto_make_log struct make_log l = { 0 };
		feed(&l, all[i].line);
		feed(&l, "make[1]: *** [Makefile:1: a.o] Error 1\n");
		assert_int_equal(l.host_code, all[i].code);
		if (all[i].code)
			assert_memory_equal(l.host, all[i].line, strlen(l.host));
		else
			assert_null(l.host);
	}
}

static void test_a_clock_that_was_set_back_is_known(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	feed(&l, "x: warning: Clock skew detected.\n");
	assert_false(l.skewed);
	feed(&l, "make[2]: warning:  Clock skew detected.  Your build may be incomplete.\n");
	assert_true(l.skewed);
}

static void test_long_lines_and_strange_bytes_do_no_harm(void **unused)
{
	auto_make_log struct make_log l = { 0 };
	char *line = calloc(1, 100001);
	memset(line, 'x', 100000);
	make_log_feed(&l, line, 100000);
	make_log_feed(&l, "\n\xff\x1b[1m: error: \0bad\n", 18);
	free(line);
	make_log_end(&l);
	assert_non_null(l.error);
	assert_null(strchr(l.error, '\x1b'));
	assert_true(l.context.len < MAKE_LOG_LINE * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_are_counted_and_warnings_are_of_the_last_one),
		cmocka_unit_test(test_the_first_error_is_cut_out_with_what_stands_around_it),
		cmocka_unit_test(test_a_compilers_error_names_its_file_and_others_none),
		cmocka_unit_test(test_the_linkers_word_counts_more_than_that_of_make),
		cmocka_unit_test(test_only_makes_word_is_better_than_none),
		cmocka_unit_test(test_what_was_killed_for_memory_is_known),
		cmocka_unit_test(test_what_the_host_is_to_blame_for_is_known),
		cmocka_unit_test(test_a_clock_that_was_set_back_is_known),
		cmocka_unit_test(test_long_lines_and_strange_bytes_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
