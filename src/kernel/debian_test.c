/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/test.h"
#include "kernel/debian.h"
#include <errno.h>

static void test_a_package_that_follows_the_newest_stands_for_its_kernel(void **unused)
{
	static const char text[] =
		"Package: linux-image-cloud-amd64\nSource: linux-signed-amd64 (6.1.192+2)\n"
		"Version: 6.1.192-2\nDepends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-3)\n"
		"Description: Linux\n more: of it\n\n"
		"Package: linux-image-cloud-amd64\nVersion: 1\n";
	auto_debian_package struct debian_package p = { 0 };
	assert_int_equal(debian_parse_show(text, "linux-image-cloud-amd64", &p, NULL), 0);
	assert_string_equal(p.name, "linux-image-6.1.0-56-cloud-amd64");
	assert_string_equal(p.version, "6.1.192-3");
}

static void test_a_kernel_stands_for_itself(void **unused)
{
	static const char text[] =
		"Package: linux-image-6.1.0-56-cloud-amd64\n"
		"Version: 1:6.1.192-2~bpo+1\n"
		"Depends: kmod, linux-base (>= 4.3~), initramfs-tools | dracut\n";
	auto_debian_package struct debian_package p = { 0 };
	assert_int_equal(debian_parse_show(text, "linux-image-6.1.0-56-cloud-amd64", &p, NULL), 0);
	assert_string_equal(p.name, "linux-image-6.1.0-56-cloud-amd64");
	assert_string_equal(p.version, "1:6.1.192-2~bpo+1");
}

static void refuse(const char *text, int code, const char *what)
{
	struct err e = { 0 };
	struct debian_package p = { 0 };
	assert_int_equal(debian_parse_show(text, "linux-image-x", &p, &e), code);
	if (!strstr(e.msg, what))
		fail_msg("\"%s\" is not in \"%s\"", what, e.msg);
	assert_null(p.name);
}

static void test_an_answer_that_is_none_is_refused(void **unused)
{
	refuse("", -ENOENT, "no package linux-image-x");
	refuse("\n\nPackage: linux-image-x\nVersion: 1\n", -ENOENT, "no package linux-image-x");
	refuse("Package: other\nVersion: 1\n", -ENOENT, "no package linux-image-x");
	refuse("Package: linux-image-x\n", -EINVAL, "version \"\"");
	refuse("Package: linux-image-x\nVersion: -oDir::State=/x\n", -EINVAL, "-oDir");
	refuse("Package: linux-image-x\nVersion: 1 2\n", -EINVAL, "1 2");
	refuse("Package: linux-image-x\nVersion: 1\nDepends: linux-image-../../x (= 1)\n", -EINVAL,
		"../..");
}

static void test_a_name_that_apt_would_take_for_an_option_is_not_asked_for(void **unused)
{
	struct err e = { 0 };
	struct debian_package p = { 0 };
	assert_int_equal(debian_find(&(struct debian_apt){ 0 }, "-oX", &p, &e), -ENOENT);
	assert_string_equal(e.msg, "\"-oX\" is no name of a Debian package");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_package_that_follows_the_newest_stands_for_its_kernel),
		cmocka_unit_test(test_a_kernel_stands_for_itself),
		cmocka_unit_test(test_an_answer_that_is_none_is_refused),
		cmocka_unit_test(test_a_name_that_apt_would_take_for_an_option_is_not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
