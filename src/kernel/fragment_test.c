/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h" /* cmocka, and what it wants before it */
#include "kernel/fragment.h"
#include "kernel/kconfig.h"
#include "kernel/kconfig_expr.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_the_last_of_two_wishes_counts(void **unused)
{
	auto_fragments struct fragments f = { 0 };
	auto_buf struct buf b = { 0 };
	assert_int_equal(
		fragments_add(&f, "one", NULL, "# text\nCONFIG_A=y\nCONFIG_B=\"x y\"\n", NULL), 0);
	assert_int_equal(
		fragments_add(&f, "two", NULL, "\n# CONFIG_A is not set\nCONFIG_C=n  \n", NULL), 0);
	fragments_write(&f, &b);
	assert_string_equal(
		buf_str(&b), "# CONFIG_A is not set\nCONFIG_B=\"x y\"\n# CONFIG_C is not set\n");
	assert_string_equal(f.v[0].where, "two:2");
}

static void test_a_line_that_is_no_wish_is_an_error_with_its_place(void **unused)
{
	static const char *const bad[] = { "CONFIG_A", "CONFIG_=y", "A=y",
		"CONFIG_A=", "CONFIG_A y" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		auto_fragments struct fragments f = { 0 };
		struct err e = { 0 };
		auto_free char *text = xasprintf("CONFIG_X=y\n%s\n", bad[i]);
		assert_int_equal(fragments_add(&f, "my", NULL, text, &e), -EINVAL);
		auto_free char *want = xasprintf("my:2: want CONFIG_NAME=VALUE, not '%s'", bad[i]);
		assert_string_equal(e.msg, want);
	}
}

static void test_an_option_is_found_by_its_whole_name(void **unused)
{
	static const char config[] =
		"CONFIG_AB=m\n# CONFIG_A is not set\nCONFIG_XA=y\nCONFIG_B=3\n";
	static const char *const pairs[][2] = { { "A", "n" }, { "AB", "m" }, { "XA", "y" },
		{ "B", "3" }, { "ABSENT", "n" } };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		auto_free char *value = config_value(config, pairs[i][0]);
		assert_string_equal(value, pairs[i][1]);
	}
}

static void test_the_part_of_a_condition_that_fails_is_told(void **unused)
{
	static const char config[] = "CONFIG_Y=y\nCONFIG_M=m\nCONFIG_N4=4\nCONFIG_S=\"text\"\n";
	static const char *const cases[][2] = {
		{ "Y", NULL },
		{ "N", "N" },
		{ "Y && N", "N" },
		{ "Y && !M && N", "N" },
		{ "Y && !Y", "!Y" },
		{ "Y || N", NULL },
		{ "N || N2", "N || N2" },
		{ "Y && (N || N2)", "(N || N2)" },
		{ "(Y || N) && !N", NULL },
		{ "N || N2 && Y", "N || N2 && Y" },
		{ "N4 > 3 && N4<5 && N4 != 5", NULL },
		{ "N4 >= 5", "N4 >= 5" },
		{ "S = \"text\"", NULL },
		{ "S = \"other\"", "S = \"other\"" },
		{ "M != n && M = m", NULL },
		{ "$(success,test (a) -x) && Y", NULL },
		{ "$(cc-option,-x) && N", "N" },
		{ "!$(cc-option,-x)", NULL },
		{ "", NULL },
		{ "&& ||", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		auto_free char *got = kconfig_unmet(cases[i][0], config);
		if (cases[i][1])
			assert_string_equal(got, cases[i][1]);
		else
			assert_null(got);
	}
}

static const char kconfig[] = "menu \"One\"\n"
			      "\tdepends on NET\n"
			      "config IN_MENU\n"
			      "\ttristate \"text\"\n"
			      "\tdepends on Y && \\\n"
			      "\t\tY\n"
			      "\thelp\n"
			      "\t  depends on NOTHING\n"
			      "\n"
			      "\t  config NONE\n"
			      "endmenu\n"
			      "config HIDDEN\n"
			      "\tbool\n"
			      "if Y\n"
			      "choice\n"
			      "\tprompt \"which\"\n"
			      "config FIRST\n"
			      "\tbool \"first\"\n"
			      "endchoice\n"
			      "endif # Y\n"
			      "if NEVER\n"
			      "config IN_IF\n"
			      "\tdef_bool y\n"
			      "endif\n"
			      "config TWICE\n"
			      "\tbool \"here\"\n"
			      "\tdepends on NEVER\n"
			      "config TWICE\n"
			      "\tbool \"there\"\n";

static void test_why_an_option_did_not_hold(void **unused)
{
	static const char config[] = "CONFIG_Y=y\n";
	static const char *const cases[][2] = {
		{ "IN_MENU", ", for it depends on NET (x/Kconfig:2), which is n" },
		{ "HIDDEN", ", for it cannot be chosen (x/Kconfig:12): other options select it" },
		{ "FIRST", ", for another of its choice is set (x/Kconfig:17)" },
		{ "IN_IF", ", for it depends on NEVER (x/Kconfig:21), which is n" },
		{ "TWICE", " (x/Kconfig:28): a later fragment, or another option that selects it" },
	};
	auto_kconfig struct kconfig *k = kconfig_parse("x/Kconfig", kconfig);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		auto_free char *why = kconfig_why(k, cases[i][0], config);
		assert_true(kconfig_knows(k, cases[i][0]));
		assert_string_equal(why, cases[i][1]);
	}
	assert_false(kconfig_knows(k, "NONE"));
	assert_false(kconfig_knows(k, "IN_MEN"));
}

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_free char *parent = xstrndup(path, (size_t)(path_base(path) - path));
	assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static void test_a_configuration_is_checked_against_a_tree(void **unused)
{
	char *dir = test_folder();
	auto_fragments struct fragments f = { 0 };
	struct err e = { 0 };
	put(dir, "Kconfig",
		"source \"arch/$(SRCARCH)/Kconfig\"\nsource \"$(UNKNOWN)/x\"\n"
		"osource \"absent\"\n");
	put(dir, "arch/x86/Kconfig",
		"config A\n\tbool \"a\"\n\tdepends on B\nconfig B\n\tbool \"b\"\n");
	assert_int_equal(fragments_add(&f, "my", NULL, "CONFIG_A=y\nCONFIG_OFF=n\n", NULL), 0);
	assert_int_equal(fragments_check(&f, "CONFIG_A=y\n", dir, "x86", &e), 0);
	/* A module where there are none is built in. */
	auto_fragments struct fragments m = { 0 };
	assert_int_equal(fragments_add(&m, "my", NULL, "CONFIG_A=m\n", NULL), 0);
	assert_int_equal(fragments_check(&m, "CONFIG_A=y\n", dir, "x86", &e), 0);
	assert_int_equal(
		fragments_check(&m, "CONFIG_A=y\nCONFIG_MODULES=y\n", dir, "x86", &e), -EINVAL);
	assert_int_equal(fragments_check(&f, "# nothing\n", dir, "x86", &e), -EINVAL);
	assert_string_equal(e.msg, "my:1: CONFIG_A=y did not hold: it is n, for it depends on B "
				   "(arch/x86/Kconfig:3), which is n");
	assert_int_equal(
		fragments_add(&f, "my2", NULL, "#? 9.9\nCONFIG_U=y\n\nCONFIG_V=y\n", NULL), 0);
	assert_int_equal(fragments_check(&f, "CONFIG_A=y\n", dir, "x86", &e), -EINVAL);
	assert_string_equal(e.msg, "my2:4: CONFIG_V=y: this source knows no such option");
	assert_int_equal(fragments_check(&f, "", dir, "x86", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "(and 1 more)"));
	put(dir, "Kconfig", "source \"Kconfig\"\n");
	assert_int_equal(fragments_check(&f, "", dir, "x86", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "round in a circle"));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
	free(dir);
}

static void test_what_is_wanted_for_a_setting_says_so(void **unused)
{
	auto_fragments struct fragments f = { 0 };
	assert_int_equal(fragments_add(&f, "small", NULL, "CONFIG_A=n\n", NULL), 0);
	assert_int_equal(fragments_add(&f, "network", "vm.network", "\nCONFIG_A=y\n", NULL), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0].value, "y");
	assert_string_equal(f.v[0].where, "network:2 (for vm.network)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_of_two_wishes_counts),
		cmocka_unit_test(test_a_line_that_is_no_wish_is_an_error_with_its_place),
		cmocka_unit_test(test_an_option_is_found_by_its_whole_name),
		cmocka_unit_test(test_the_part_of_a_condition_that_fails_is_told),
		cmocka_unit_test(test_why_an_option_did_not_hold),
		cmocka_unit_test(test_a_configuration_is_checked_against_a_tree),
		cmocka_unit_test(test_what_is_wanted_for_a_setting_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
