/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "guest/params.h"
#include <arpa/inet.h>
#include <errno.h>

static void test_the_hosts_words_are_found_among_the_kernels(void **unused)
{
	struct params p;
	assert_int_equal(
		params_parse("console=ttyS0 fsqa.root=root:erofs panic=-1 fsqa.state=state "
			     "fsqa.modules=mods fsqa.hostname=vm-1 quiet fsqa.users=a,b-2 "
			     "fsqa.links=scratch1=xvdb,scratch2=xvdc\n",
			&p, NULL),
		0);
	assert_string_equal(p.root, "root");
	assert_string_equal(p.root_fstype, "erofs");
	assert_string_equal(p.state, "state");
	assert_string_equal(p.modules, "mods");
	assert_string_equal(p.hostname, "vm-1");
	assert_int_equal(p.n_links, 2);
	assert_string_equal(p.links[1].serial, "scratch2");
	assert_string_equal(p.links[1].name, "xvdc");
	assert_int_equal(p.n_users, 2);
	assert_string_equal(p.users[1], "b-2");
}

static void test_what_is_left_out_has_a_default(void **unused)
{
	struct params p;
	assert_int_equal(params_parse("fsqa.root=r:ext4", &p, NULL), 0);
	assert_string_equal(p.state, "");
	assert_string_equal(p.modules, "");
	assert_string_equal(p.hostname, "fsqa");
	assert_int_equal(p.n_links, 0);
}

static void assert_refused(const char *cmdline, const char *why)
{
	struct params p;
	struct err e = { 0 };
	assert_int_equal(params_parse(cmdline, &p, &e), -EINVAL);
	assert_non_null(strstr(e.msg, why));
}

static void test_a_wrong_word_is_quoted_back(void **unused)
{
	assert_refused("quiet", "no fsqa.root");
	assert_refused("fsqa.root=r:ext4 fsqa.rot=x", "unknown parameter \"fsqa.rot=x\"");
	assert_refused("fsqa.root=r", "SERIAL:FSTYPE");
	assert_refused("fsqa.root=r:ext4 fsqa.users=a,-b", "user \"-b\"");
	assert_refused("fsqa.root=r:ext4 fsqa.init=sys", "want fsqa.init=system");
	assert_refused("fsqa.root=:ext4", "root disk \"\"");
	assert_refused("fsqa.root=123456789012345678901:ext4", "more than 20 characters");
	assert_refused("fsqa.root=r:ext4 fsqa.links=a=../b", "link \"../b\"");
	assert_refused("fsqa.root=r:ext4 fsqa.links=a=b\"c", "link \"b\"c\"");
	assert_refused("fsqa.root=r:ext4 fsqa.links=a", "SERIAL=NAME");
}

static void test_modules_to_load_are_paths_below_their_folder(void **unused)
{
	struct params p;
	assert_int_equal(
		params_parse("fsqa.root=r:auto fsqa.load=kernel/fs/a.ko,kernel/b.ko", &p, NULL), 0);
	assert_string_equal(p.load, "kernel/fs/a.ko,kernel/b.ko");
	assert_refused("fsqa.root=r:auto fsqa.load=a/../b.ko", "no path");
	assert_refused("fsqa.root=r:auto fsqa.load=/a.ko", "no path");
	assert_refused("fsqa.root=r:auto fsqa.load=a.ko,,b.ko", "no path");
	assert_refused("fsqa.root=r:auto fsqa.load=a//b.ko", "no path");
}

static void test_disks_turn_as_the_host_says(void **unused)
{
	struct params p;
	assert_int_equal(params_parse("fsqa.root=r:ext4 fsqa.links=s1=b,s2=c,s3=d "
				      "fsqa.rotational=s3=0,s1=1",
				 &p, NULL),
		0);
	assert_int_equal(p.links[0].rotational, '1');
	assert_int_equal(p.links[1].rotational, 0);
	assert_int_equal(p.links[2].rotational, '0');
	assert_refused("fsqa.root=r:ext4 fsqa.links=s1=b fsqa.rotational=s2=0", "no link of disk");
	assert_refused("fsqa.root=r:ext4 fsqa.links=s1=b fsqa.rotational=s1=2", "SERIAL=0");
	assert_refused("fsqa.root=r:ext4 fsqa.links=s1=b fsqa.rotational=s1", "SERIAL=0");
}

static void test_shares_have_tag_filesystem_and_name(void **unused)
{
	struct params p;
	assert_int_equal(params_parse("fsqa.root=fsqa-root:9p "
				      "fsqa.shares=s-0:9p=linux-6.1,s-1:erofs=b",
				 &p, NULL),
		0);
	assert_int_equal(p.n_shares, 2);
	assert_string_equal(p.shares[0].serial, "s-0");
	assert_string_equal(p.shares[0].fstype, "9p");
	assert_string_equal(p.shares[0].name, "linux-6.1");
	assert_string_equal(p.shares[1].fstype, "erofs");
	assert_refused("fsqa.root=r:9p fsqa.shares=s=b", "SERIAL:FSTYPE=NAME");
	assert_refused("fsqa.root=r:9p fsqa.shares=s:9p", "SERIAL:FSTYPE=NAME");
	assert_refused("fsqa.root=r:9p fsqa.shares=s:9p=../b", "share \"../b\"");
	assert_refused("fsqa.root=r:9p fsqa.shares=s:9p=..", "share \"..\"");
	assert_int_equal(params_parse("fsqa.root=r:9p fsqa.shares="
				      "s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,"
				      "s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a,s:e=a",
				 &p, NULL),
		-E2BIG);
}

static void test_the_network_has_address_gateway_and_resolver(void **unused)
{
	struct params p;
	assert_int_equal(params_parse("fsqa.root=r:9p", &p, NULL), 0);
	assert_false(p.net.used);
	assert_int_equal(
		params_parse("fsqa.root=r:9p fsqa.net=10.0.2.15/24,10.0.2.2,10.0.2.3", &p, NULL),
		0);
	assert_true(p.net.used);
	assert_int_equal(p.net.address, inet_addr("10.0.2.15"));
	assert_int_equal(p.net.mask, inet_addr("255.255.255.0"));
	assert_int_equal(p.net.gateway, inet_addr("10.0.2.2"));
	assert_int_equal(p.net.dns, inet_addr("10.0.2.3"));
	static const char *const wrong[] = { "", "10.0.2.15", "10.0.2.15/24",
		"10.0.2.15/24,10.0.2.2", "10.0.2.15,10.0.2.2,10.0.2.3",
		"10.0.2.15/0,10.0.2.2,10.0.2.3", "10.0.2.15/31,10.0.2.2,10.0.2.3",
		"10.0.2.15/2x,10.0.2.2,10.0.2.3", "10.0.2.15/024,10.0.2.2,10.0.2.3",
		"10.0.2/24,10.0.2.2,10.0.2.3", "10.0.2.15/24,10.0.2.2,10.0.2.3,",
		"10.0.2.15/24,10.0.2.2,300.0.2.3" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char line[100];
		(void)snprintf(line, sizeof line, "fsqa.root=r:9p fsqa.net=%s", wrong[i]);
		assert_refused(line, "want ADDRESS/BITS,GATEWAY,DNS");
	}
}

static void test_more_links_than_fit_are_an_error(void **unused)
{
	char line[1024] = "fsqa.root=r:ext4 fsqa.links=";
	size_t n = strlen(line);
	for (int i = 0; i < PARAMS_LINKS + 1; i++)
		n += (size_t)snprintf(line + n, sizeof line - n, "s%d=d%d,", i, i);
	struct params p;
	assert_int_equal(params_parse(line, &p, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_hosts_words_are_found_among_the_kernels),
		cmocka_unit_test(test_what_is_left_out_has_a_default),
		cmocka_unit_test(test_a_wrong_word_is_quoted_back),
		cmocka_unit_test(test_modules_to_load_are_paths_below_their_folder),
		cmocka_unit_test(test_disks_turn_as_the_host_says),
		cmocka_unit_test(test_shares_have_tag_filesystem_and_name),
		cmocka_unit_test(test_the_network_has_address_gateway_and_resolver),
		cmocka_unit_test(test_more_links_than_fit_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
