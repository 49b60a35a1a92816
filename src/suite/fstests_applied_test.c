/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "suite/fstests_applied.h"
#include "suite/fstests_mkfs.h"

#define DUMP                                                                                       \
	"superblock: bytenr=65536, device=/dev/vdc\n"                                              \
	"csum_type\t\t1 (xxhash64)\n"                                                              \
	"sectorsize\t\t4096\n"                                                                     \
	"nodesize\t\t16384\n"                                                                      \
	"compat_ro_flags\t\t0xb\n"                                                                 \
	"\t\t\t( FREE_SPACE_TREE |\n\t\t\t  FREE_SPACE_TREE_VALID |\n\t\t\t  BLOCK_GROUP_TREE )\n" \
	"incompat_flags\t\t0x341\n"                                                                \
	"\t\t\t( MIXED_BACKREF |\n\t\t\t  EXTENDED_IREF |\n\t\t\t  SKINNY_METADATA |\n"            \
	"\t\t\t  NO_HOLES )\n"                                                                     \
	"Data, RAID1: total=102.38MiB, used=0.00B\n"                                               \
	"System, RAID1: total=8.00MiB, used=16.00KiB\n"                                            \
	"Metadata, RAID1: total=102.38MiB, used=144.00KiB\n"                                       \
	"GlobalReserve, single: total=5.50MiB, used=0.00B\n"

#define XFS_INFO                                                                                   \
	"meta-data=/dev/vdc               isize=512    agcount=4, agsize=65536 blks\n"             \
	"         =                       sectsz=512   attr=2, projid32bit=1\n"                    \
	"         =                       crc=1        finobt=1, sparse=1, rmapbt=0\n"             \
	"         =                       reflink=0    bigtime=1 inobtcount=1 nrext64=0\n"         \
	"data     =                       bsize=1024   blocks=262144, imaxpct=25\n"                \
	"         =                       sunit=0      swidth=0 blks\n"                            \
	"naming   =version 2              bsize=8192   ascii-ci=0, ftype=1\n"                      \
	"log      =internal log           bsize=1024   blocks=16384, version=2\n"                  \
	"         =                       sectsz=512   sunit=0 blks, lazy-count=1\n"               \
	"realtime =none                   extsz=4096   blocks=0, rtextents=0\n"

#define DUMPE2FS                                                                                   \
	"dumpe2fs 1.47.0 (5-Feb-2023)\n"                                                           \
	"Filesystem features:      has_journal ext_attr resize_inode dir_index fast_commit "       \
	"filetype extent 64bit flex_bg bigalloc metadata_csum\n"                                   \
	"Inode count:              65536\n"                                                        \
	"Block size:               1024\n"                                                         \
	"Cluster size:             16384\n"                                                        \
	"Inode size:\t          256\n"

/* What is missing, and behind "unread:" what cannot be told, joined. */
static char *missing_of(const char *fstyp, const char *options, const char *found, bool mounted)
{
	auto_strv struct strv missing = { 0 };
	auto_strv struct strv unread = { 0 };
	struct buf b = { 0 };
	fstests_mkfs_missing(fstyp, options, found, mounted, &missing, &unread);
	for (size_t i = 0; i < missing.n; i++)
		buf_addf(&b, "%s%s", i ? "; " : "", missing.v[i]);
	for (size_t i = 0; i < unread.n; i++)
		buf_addf(&b, "%s%s", i ? ", " : " unread: ", unread.v[i]);
	return b.s ? b.s : xstrdup("");
}

#define expect(fstyp, options, found, text)                                                        \
	do {                                                                                       \
		auto_free char *got_ = missing_of(fstyp, options, found, true);                    \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_what_btrfs_was_made_with_is_in_its_superblock(void **unused)
{
	expect("btrfs", "-f -n 16k --csum xxhash -O block-group-tree,no-holes,^raid56 -R fst", DUMP,
		"");
	expect("btrfs", "-d raid1 -mraid1", DUMP, "");
	expect("btrfs", "-n 4096 -s4k", DUMP, "-n 4096: nodesize is 16384");
	expect("btrfs", "--checksum=sha256", DUMP,
		"--checksum sha256: csum_type is   1 (xxhash64)");
	expect("btrfs", "-O ^no-holes,zoned", DUMP,
		"-O ^no-holes: NO_HOLES is set; -O zoned: ZONED is not set");
	expect("btrfs", "-d raid1c3 -m single", DUMP,
		"-d raid1c3: Data is RAID1; -m single: Metadata is RAID1");
	expect("btrfs", "-L label -O quota", DUMP, " unread: -L label, -O quota");
	expect("btrfs", "-n 4096 -d dup", "",
		"-n 4096: nodesize is not told; -d dup: Data is not told");
	auto_free char *unmounted = missing_of("btrfs", "-n 4096 -d raid1c3", DUMP, false);
	assert_string_equal(unmounted, "-n 4096: nodesize is 16384 unread: -d raid1c3");
}

static void test_what_xfs_was_made_with_is_in_its_geometry(void **unused)
{
	expect("xfs", "-f -m crc=1,reflink=0,rmapbt=0 -b size=1k -n size=8k -i sparse=1,size=512",
		XFS_INFO, "");
	expect("xfs", "-m reflink=1,rmapbt", XFS_INFO,
		"-m reflink=1: reflink is 0; -m rmapbt: rmapbt is 0");
	expect("xfs", "-b size=4096", XFS_INFO, "-b size=4096: bsize is 1024");
	expect("xfs", "-i exchange=1", XFS_INFO, "-i exchange=1: exchange is not told");
	expect("xfs", "-d su=64k,sw=2", XFS_INFO, " unread: -d su=64k, -d sw=2");
}

static void test_what_ext4_was_made_with_is_in_its_superblock(void **unused)
{
	expect("ext4", "-F -b 1024 -O bigalloc,^quota,extents -C 16k -I 256", DUMPE2FS, "");
	expect("ext4", "-O ^has_journal,encrypt -b 4096", DUMPE2FS,
		"-O ^has_journal: has_journal is set; -O encrypt: encrypt is not set; "
		"-b 4096: Block size is 1024");
	expect("ext4", "-E stride=4 -j", DUMPE2FS, " unread: -E stride=4");
	expect("f2fs", "-O encrypt", "", " unread: -O encrypt");
}

#define CONFIG                                                                                     \
	"[s]\nFSTYP=\"btrfs\"\nTEST_DEV=\"/dev/xvdb\"\nTEST_DIR=\"/mnt/test\"\n"                   \
	"SCRATCH_DEV_POOL=\"/dev/xvdc /dev/xvdd\"\nSCRATCH_MNT=\"/mnt/scratch\"\n"
#define MOUNTED(options)                                                                           \
	"proc /proc proc rw 0 0\n/dev/xvdc /mnt/scratch btrfs " options " 0 0\n"                   \
	"---- superblock\n" DUMP

static char *fault_of(const char *config, const char *printed, int code)
{
	char *fault = fstests_applied_fault(config, "s", printed, strlen(printed), code);
	return fault ? fault : xstrdup("");
}

#define expect_fault(config, printed, code, text)                                                  \
	do {                                                                                       \
		auto_free char *got_ = fault_of(config, printed, code);                            \
		assert_string_equal(got_, text);                                                   \
	} while (0)

static void test_a_section_that_did_not_apply_says_what_was_asked_and_found(void **unused)
{
	expect_fault(CONFIG, MOUNTED("rw,relatime,space_cache=v2"), 0, "");
	expect_fault(CONFIG "MOUNT_OPTIONS=\"-o compress=zstd\"\nMKFS_OPTIONS=\"-n 16k\"\n",
		MOUNTED("rw,relatime,compress=zstd:3"), 0, "");
	expect_fault(CONFIG
		"MOUNT_OPTIONS=\"-o compress=zstd,nodatacow\"\nMKFS_OPTIONS=\"-n 4k\"\n",
		MOUNTED("rw,relatime,nodatasum,nodatacow"), 0,
		"section 's' is not applied: asked mount compress=zstd, found "
		"rw,relatime,nodatasum,nodatacow; asked mkfs -n 4k: nodesize is 16384");
	expect_fault(CONFIG, "proc /proc proc rw 0 0\n---- superblock\n", 0,
		"section 's' is not applied: nothing is mounted at /mnt/scratch");
	expect_fault(CONFIG, "mkfs.btrfs -Q: unknown\x1b[31m option\n -Q", 9,
		"section 's' cannot be applied: mkfs.btrfs -Q: unknown [31m option -Q");
	expect_fault(
		CONFIG, "", 1, "section 's' cannot be applied: trying it failed without a word");
}

#define TEST_DEV(options) "/dev/xvdb /mnt/test btrfs " options " 0 0\n"
#define SUPER             "---- superblock\n" DUMP

static void expect_own_fault(const char *config, const char *found, const char *want)
{
	auto_free char *fault = fstests_checks_own_fault(config, "s", found);
	assert_string_equal(fault ? fault : "", want);
}

static void test_what_check_itself_mounted_and_made_is_held_to_the_section(void **unused)
{
#define MOUNT(options) "MOUNT_OPTIONS=\"" options "\"\nTEST_FS_MOUNT_OPTS=\"" options "\"\n"
	static const char zstd[] =
		CONFIG MOUNT("-o compress=zstd") "MKFS_OPTIONS=\"-n 16k -d dup\"\n";
	static const char small[] = CONFIG "MKFS_OPTIONS=\"-n 4k\"\n";
	expect_own_fault(zstd, TEST_DEV("rw,compress=zstd:3") SUPER, "");
	expect_own_fault(zstd, TEST_DEV("rw") SUPER,
		"section 's' is not what check ran with: asked mount compress=zstd, found rw");
	expect_own_fault(small, TEST_DEV("rw") SUPER,
		"section 's' is not what check ran with: asked mkfs -n 4k: nodesize is 16384");
	expect_own_fault(zstd, "/dev/xvdb /mnt/test ext4 rw,compress=zstd 0 0\n",
		"section 's' is not what check ran with: asked for btrfs, found ext4 at /mnt/test");
	/* Nothing that could be read: an older xfs_info, no test device, another filesystem. */
	expect_own_fault(small, TEST_DEV("rw"), "");
	expect_own_fault(small, "", "");
	expect_own_fault("[s]\nFSTYP=nfs\nTEST_DIR=/m\n", "x", "");
	/* Some versions mount the test device with the one, some with the other. */
	expect_own_fault(CONFIG "MOUNT_OPTIONS=\"-o compress\"\n", TEST_DEV("rw"), "");
}

static char *words(const char *config)
{
	auto_strv struct strv argv = { 0 };
	struct buf b = { 0 };
	if (!fstests_applied_argv(config, "s", &argv))
		return xstrdup("none");
	for (size_t i = 4; i < argv.n; i++)
		buf_addf(&b, "<%s>", argv.v[i]);
	return buf_take(&b);
}

static void test_it_is_tried_on_the_scratch_devices(void **unused)
{
	auto_free char *one = words(CONFIG "MOUNT_OPTIONS=\"-o compress\"\n");
	assert_string_equal(one, "<btrfs><><-o compress></mnt/scratch></dev/xvdc>");
	auto_free char *pool = words(CONFIG "MKFS_OPTIONS=\"-d raid1\"\n");
	assert_string_equal(pool, "<btrfs><-d raid1><></mnt/scratch></dev/xvdc></dev/xvdd>");
	auto_free char *none = words("[s]\nFSTYP=nfs\nSCRATCH_DEV=host:/x\nSCRATCH_MNT=/mnt/s\n");
	assert_string_equal(none, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_btrfs_was_made_with_is_in_its_superblock),
		cmocka_unit_test(test_what_xfs_was_made_with_is_in_its_geometry),
		cmocka_unit_test(test_what_ext4_was_made_with_is_in_its_superblock),
		cmocka_unit_test(test_a_section_that_did_not_apply_says_what_was_asked_and_found),
		cmocka_unit_test(test_what_check_itself_mounted_and_made_is_held_to_the_section),
		cmocka_unit_test(test_it_is_tried_on_the_scratch_devices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
