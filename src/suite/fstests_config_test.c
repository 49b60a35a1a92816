/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/config.h"
#include "suite/fstests_config.h"
#include <errno.h>

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct fstests_places places = {
	.fstyp = "btrfs",
	.test_dev = "/dev/xvdb",
	.test_dir = "/mnt/test",
	.scratch = (const char *const[]){ "/dev/xvdc", "/dev/xvdd", NULL },
	.scratch_mnt = "/mnt/scratch",
	.result_base = "/results",
};

static void test_a_section_is_rendered_whole(void **unused)
{
	auto_buf struct buf out = { 0 };
	struct fstests_section s = { .name = "zstd",
		.mkfs = "-O ^no-holes",
		.mount = "compress=zstd,noatime",
		.set = LIST("SOAK_DURATION=3m") };
	assert_int_equal(fstests_config_render(&places, &s, &out, NULL), 0);
	assert_string_equal(out.s,
		"[zstd]\nFSTYP=\"btrfs\"\nTEST_DEV=\"/dev/xvdb\"\nTEST_DIR=\"/mnt/test\"\n"
		"SCRATCH_DEV_POOL=\"/dev/xvdc /dev/xvdd\"\nSCRATCH_MNT=\"/mnt/scratch\"\n"
		"RESULT_BASE=\"/results\"\nMKFS_OPTIONS=\"-O ^no-holes\"\n"
		"MOUNT_OPTIONS=\"-o compress=zstd,noatime\"\n"
		"TEST_FS_MOUNT_OPTS=\"-o compress=zstd,noatime\"\n"
		"SOAK_DURATION=\"3m\"\n");
	auto_buf struct buf one = { 0 };
	struct fstests_places p = places;
	p.scratch = LIST("/dev/xvdc");
	s = (struct fstests_section){ .name = "default", .fstyp = "xfs" };
	assert_int_equal(fstests_config_render(&p, &s, &one, NULL), 0);
	assert_non_null(strstr(one.s, "FSTYP=\"xfs\"\n"));
	assert_non_null(strstr(one.s, "\nSCRATCH_DEV=\"/dev/xvdc\"\n"));
	assert_null(strstr(one.s, "MOUNT"));
	auto_free char *value = fstests_config_value(out.s, out.len, "zstd", "TEST_FS_MOUNT_OPTS");
	assert_string_equal(value, "-o compress=zstd,noatime");
}

static void test_what_fstests_would_read_otherwise_is_refused(void **unused)
{
	const struct {
		struct fstests_section s;
		const char *message;
	} cases[] = {
		{ { .name = "a-b" }, "letters, digits and _" },
		{ { .name = "" }, "letters, digits and _" },
		{ { .name = "a", .mkfs = "-L \"x\"" }, "has a '\"'" },
		{ { .name = "a", .mkfs = "-L $(id)" }, "has a '$'" },
		{ { .name = "a", .mount = "-o a\nB=c" }, "has a '?'" },
		{ { .name = "a", .mount = "-o space_cache=v2 o compress=zstd" },
			"'o' is out of place" },
		{ { .name = "a", .mount = "-o a -o" }, "'-o' is out of place" },
		{ { .name = "a", .mount = "--bind" }, "'--bind' is out of place" },
		{ { .name = "a", .fstyp = "x y" }, "no filesystem's name" },
		{ { .name = "a", .set = LIST("1A=b") }, "want NAME=VALUE" },
		{ { .name = "a", .set = LIST("A") }, "want NAME=VALUE" },
		{ { .name = "a", .set = LIST("A=`b`") }, "has a '`'" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = { 0 };
		auto_buf struct buf out = { 0 };
		assert_int_equal(fstests_config_render(&places, &cases[i].s, &out, &e), -EINVAL);
		assert_non_null(strstr(e.msg, cases[i].message));
		assert_int_equal(out.len, 0);
	}
}

static void test_sections_come_from_the_configuration(void **unused)
{
	struct config *c = NULL;
	struct err e = { 0 };
	assert_int_equal(
		config_load(NULL,
			LIST("section.zstd.mount=-o compress=zstd", "section.zstd.set=A=b",
				"section.plain.mkfs=-O ^no-holes", "section.bad.mount=-o a o b"),
			&c, &e),
		0);
	struct fstests_section s;
	assert_int_equal(fstests_section_read(c, "zstd", &s, &e), 0);
	assert_string_equal(s.name, "zstd");
	assert_string_equal(s.mount, "-o compress=zstd");
	assert_string_equal(s.set[0], "A=b");
	assert_null(s.mkfs);
	assert_int_equal(fstests_section_read(c, "plain", &s, &e), 0);
	assert_string_equal(s.mkfs, "-O ^no-holes");
	assert_int_equal(fstests_section_read(c, "bad", &s, &e), -EINVAL);
	assert_int_equal(fstests_section_read(c, "zstt", &s, &e), -ENOENT);
	assert_string_equal(e.msg, "no section 'zstt' (did you mean zstd?)");
	config_free(c);
}

static void test_a_local_config_is_read_as_it_is(void **unused)
{
	static const char text[] =
		"# mine\n[default]\nTEST_DEV=/dev/vdb # disk\n FSTYP = btrfs\n\n[compress-zstd]\n"
		"MOUNT_OPTIONS=\"-o compress=zstd\"\n[no good]\n[ext4_1k]\nFSTYP='ext4'\n";
	size_t n = strlen(text);
	auto_strv struct strv names = { 0 };
	fstests_config_sections(text, n, &names);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[1], "compress-zstd");
	auto_free char *fstyp = fstests_config_value(text, n, "compress-zstd", "FSTYP");
	auto_free char *ext4 = fstests_config_value(text, n, "ext4_1k", "FSTYP");
	auto_free char *mount = fstests_config_value(text, n, "compress-zstd", "MOUNT_OPTIONS");
	auto_free char *dev = fstests_config_value(text, n, "default", "TEST_DEV");
	assert_string_equal(fstyp, "btrfs");
	assert_string_equal(ext4, "ext4");
	assert_string_equal(mount, "-o compress=zstd");
	assert_string_equal(dev, "/dev/vdb");
	assert_null(fstests_config_value(text, n, "default", "MOUNT_OPTIONS"));
	assert_null(fstests_config_value(text, n, "absent", "FSTYP"));
	static const char plain[] = "export TEST_DIR=/mnt/test\nFSTYP=xfs";
	auto_strv struct strv none = { 0 };
	fstests_config_sections(plain, strlen(plain), &none);
	assert_int_equal(none.n, 0);
	auto_free char *dir = fstests_config_value(plain, strlen(plain), "", "TEST_DIR");
	auto_free char *xfs = fstests_config_value(plain, strlen(plain), "", "FSTYP");
	assert_string_equal(dir, "/mnt/test");
	assert_string_equal(xfs, "xfs");
}

static void test_the_last_mount_at_a_folder_counts(void **unused)
{
	static const char mounts[] = "/dev/vda / ext4 rw 0 0\n"
				     "/dev/vdb /mnt/a\\040b btrfs rw,noatime,compress=zstd:3 0 0\n"
				     "/dev/vdc /mnt/a\\040b xfs ro 0 0\nbroken\n";
	char *fstype = NULL;
	char *options = NULL;
	struct err e = { 0 };
	assert_int_equal(
		fstests_mounted(mounts, strlen(mounts), "/mnt/a b", &fstype, &options, &e), 0);
	assert_string_equal(fstype, "xfs");
	assert_string_equal(options, "ro");
	free(fstype);
	free(options);
	assert_int_equal(
		fstests_mounted(mounts, strlen(mounts), "/mnt", &fstype, &options, &e), -ENOENT);
	assert_string_equal(e.msg, "nothing is mounted at /mnt");
}

static void test_options_that_were_not_applied_are_found(void **unused)
{
	static const char btrfs[] = "rw,noatime,compress=zstd:3,ssd,discard=async,space_cache=v2,"
				    "subvolid=5,subvol=/";
	static const struct {
		const char *fstyp, *wanted, *shown, *missing;
	} cases[] = {
		{ "btrfs", "", btrfs, "" },
		{ "btrfs", "-o compress=zstd,noatime", btrfs, "" },
		{ "btrfs", "compress", btrfs, "" },
		{ "btrfs", "-o compress=zstd:3 -odatacow", btrfs, "" },
		{ "btrfs", "-o compress=zstd:9", btrfs, "compress=zstd:9 " },
		{ "btrfs", "-o compress=lzo,nodatacow", btrfs, "compress=lzo nodatacow " },
		{ "btrfs", "-o compress-force=zstd", btrfs, "compress-force=zstd " },
		{ "btrfs", "-o datacow", "rw,nodatacow", "datacow " },
		{ "btrfs", "-o rw,atime", "ro,noatime", "rw atime " },
		{ "btrfs", "-o noautodefrag", "rw,autodefrag", "noautodefrag " },
		{ "btrfs", "-o space_cache=v1", btrfs, "space_cache=v1 " },
		{ "btrfs", "-o noatime o compress=lzo", btrfs, "o " },
		{ "xfs", "-o uquota,logbsize=256k", "rw,usrquota,logbsize=262144", "" },
		{ "xfs", "-o pquota,logbsize=256k", "rw,usrquota,logbsize=32k",
			"pquota logbsize=256k " },
		{ "ext4", "-o data=ordered,acl,barrier=0", "rw,relatime,nobarrier", "" },
		{ "ext4", "-o data=ordered", "rw,data=journal", "data=ordered " },
		{ "ext4", "-o data=journal,dioread_nolock", "rw,dioread_nolock", "data=journal " },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_strv struct strv missing = { 0 };
		auto_buf struct buf got = { 0 };
		fstests_mount_missing(cases[i].fstyp, cases[i].wanted, cases[i].shown, &missing);
		for (size_t k = 0; k < missing.n; k++)
			buf_addf(&got, "%s ", missing.v[k]);
		assert_string_equal(buf_str(&got), cases[i].missing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_section_is_rendered_whole),
		cmocka_unit_test(test_what_fstests_would_read_otherwise_is_refused),
		cmocka_unit_test(test_sections_come_from_the_configuration),
		cmocka_unit_test(test_a_local_config_is_read_as_it_is),
		cmocka_unit_test(test_the_last_mount_at_a_folder_counts),
		cmocka_unit_test(test_options_that_were_not_applied_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
