/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/test.h"
#include "target/command.h"
#include "target/machine.h"
#include "target/target.h"
#include <errno.h>

static const struct target_disk disks[] = {
	{ "SCRATCH1", "xvdb", 10ULL << 30 },
	{ "SCRATCH2", NULL, 512 },
	{ "log-dev_3", "xvdc", 1ULL << 40 },
};

static const struct target_spec plain = {
	.arch = "x86_64",
	.accel = "tcg",
	.kernel = "/k/vmlinux",
	.initramfs = "/k/initramfs.cpio",
	.modules = "/k/modules.erofs",
	.root = "/i/root, a \"b\".erofs",
	.root_fstype = "erofs",
	.append = "loglevel=7 fsqa.x",
	.work_dir = "/w",
	.hostname = "fsqa-vm",
	.disks = disks,
	.n_disks = 3,
	.memory_bytes = 1ULL << 30,
	.state_bytes = 4ULL << 30,
	.cpus = 2,
};

/* The command as one line a word, so that a difference shows where it is. */
static char *make(const struct target_spec *spec)
{
	auto_strv struct strv v = { 0 };
	const struct machine *m;
	size_t len = 0;
	char *text = NULL;
	assert_int_equal(machine_find(spec->arch, &m, NULL), 0);
	assert_int_equal(command_make(m, spec, &v, NULL), 0);
	FILE *out = open_memstream(&text, &len);
	for (size_t i = 0; i < v.n; i++)
		fprintf(out, "%s%s", v.v[i], i + 1 < v.n && v.v[i + 1][0] != '-' ? " " : "\n");
	fclose(out);
	return text;
}

#define DISK(node, ro, path)                                                                       \
	"-blockdev {\"node-name\":\"disk-" node "\",\"driver\":\"raw\",\"read-only\":" ro          \
	",\"discard\":\"unmap\",\"cache\":{\"no-flush\":true,\"direct\":false},\"file\":"          \
	"{\"driver\":\"file\",\"filename\":\"" path "\",\"aio\":\"threads\"}}\n"                   \
	"-device virtio-blk-pci-non-transitional,drive=disk-" node ",serial=" node                 \
	",werror=stop,rerror=stop,bus=pcie.0,addr="

static void test_command_of_x86_under_tcg(void **unused)
{
	auto_free char *text = make(&plain);
	assert_string_equal(text,
		"qemu-system-x86_64\n-name fsqa-fsqa-vm\n-nodefaults\n-no-user-config\n"
		"-display none\n-S\n-no-reboot\n-action panic=none\n"
		"-sandbox "
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny\n"
		"-boot strict=on\n-machine q35\n-accel tcg,thread=multi\n-cpu "
		"max,-sse4.2,-pclmulqdq,-erms,-fsrm\n-smp 2\n"
		"-m 1024M\n-kernel /k/vmlinux\n-initrd /k/initramfs.cpio\n"
		"-append console=ttyS0 panic=-1 quiet sysrq_always_enabled cryptomgr.notests "
		"norandmaps "
		"fsqa.root=fsqa-root:erofs fsqa.state=fsqa-state fsqa.modules=fsqa-modules "
		"fsqa.hostname=fsqa-vm fsqa.links=SCRATCH1=xvdb,log-dev_3=xvdc loglevel=7 fsqa.x\n"
		"-chardev socket,id=qmp,fd=3\n-mon chardev=qmp,mode=control\n"
		"-chardev socket,id=console,fd=4\n-serial chardev:console\n"
		"-chardev socket,id=agent,fd=5\n"
		"-device virtio-serial-pci-non-transitional,max_ports=2,bus=pcie.0,addr=1.0\n"
		"-device virtserialport,chardev=agent,name=fsqa.agent.0\n"
		"-device virtio-rng-pci-non-transitional,bus=pcie.0,addr=2.0\n"
		"-device pvpanic-pci,bus=pcie.0,addr=3.0\n"
		"-device vmcoreinfo\n"
		/* clang-format off */
		DISK("fsqa-root", "true", "/i/root, a \\\"b\\\".erofs") "4.0\n"
		DISK("fsqa-modules", "true", "/k/modules.erofs") "5.0\n"
		DISK("fsqa-state", "false", "/w/fsqa-state.img") "6.0\n"
		DISK("SCRATCH1", "false", "/w/SCRATCH1.img") "7.0\n"
		DISK("SCRATCH2", "false", "/w/SCRATCH2.img") "8.0\n"
		DISK("log-dev_3", "false", "/w/log-dev_3.img") "9.0\n"
		/* clang-format on */
	);
}

static void test_a_qcow2_root_may_name_no_other_file(void **unused)
{
	struct target_spec s = plain;
	s.root_format = "qcow2";
	s.root_fstype = "auto";
	s.load = "kernel/a.ko,kernel/b-c.ko";
	auto_free char *text = make(&s);
	assert_non_null(strstr(text, "\"node-name\":\"disk-fsqa-root\",\"driver\":\"qcow2\","
				     "\"read-only\":true,"));
	assert_non_null(strstr(text, "\"backing\":null}\n"));
	assert_non_null(strstr(text, " fsqa.root=fsqa-root:auto "));
	assert_non_null(strstr(text, " fsqa.load=kernel/a.ko,kernel/b-c.ko "));
	struct strv v = { 0 };
	const struct machine *m;
	assert_int_equal(machine_find(s.arch, &m, NULL), 0);
	s.load = "a.ko init=/bin/sh";
	assert_int_equal(command_make(m, &s, &v, NULL), -EINVAL);
	s.load = NULL;
	s.root_format = "vvfat";
	assert_int_equal(command_make(m, &s, &v, NULL), -EINVAL);
}

static void test_folders_are_read_only_whatever_their_name(void **unused)
{
	static const struct target_share shares[] = {
		{ "/a,b/linux", "linux", "9p" },
		{ "/i/root.erofs", "data", "erofs" },
		{ "/c/linux", "linux", "9p" },
	};
	struct target_spec s = plain;
	struct strv v = { 0 };
	const struct machine *m;
	struct err e = { 0 };
	s.root = "/";
	s.root_fstype = s.root_format = "9p";
	s.shares = shares;
	s.n_shares = 2;
	auto_free char *text = make(&s);
	assert_non_null(strstr(text,
		"-fsdev local,id=fsqa-root,path=/,security_model=none,readonly=on,multidevs=remap\n"
		"-device virtio-9p-pci-non-transitional,fsdev=fsqa-root,mount_tag=fsqa-root,"));
	assert_non_null(strstr(
		text, "local,id=fsqa-share-0,path=/a,,b/linux,security_model=none,readonly=on,"));
	assert_non_null(
		strstr(text, "\"disk-fsqa-share-1\",\"driver\":\"raw\",\"read-only\":true"));
	assert_non_null(strstr(text, " fsqa.root=fsqa-root:9p "));
	assert_non_null(
		strstr(text, " fsqa.shares=fsqa-share-0:9p=linux,fsqa-share-1:erofs=data "));
	assert_null(strstr(text, "disk-fsqa-root"));
	assert_int_equal(machine_find(s.arch, &m, NULL), 0);
	s.n_shares = 3;
	assert_int_equal(command_make(m, &s, &v, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "would both be /mnt/linux"));
	const struct target_share bad = { "/x", "a b", "9p" };
	s.shares = &bad;
	s.n_shares = 1;
	assert_int_equal(command_make(m, &s, &v, &e), -EINVAL);
}

static void test_kvm_has_the_hosts_processor_and_no_workarounds(void **unused)
{
	struct target_spec s = plain;
	s.accel = "kvm";
	auto_free char *text = make(&s);
	assert_non_null(strstr(text, "\n-accel kvm\n-cpu host\n"));
	assert_null(strstr(text, "norandmaps"));
	assert_null(strstr(text, "notests"));
}

static void test_a_saved_machine_and_its_clone_differ_only_in_who_may_write_the_memory(
	void **unused)
{
	struct target_spec s = plain;
	s.save_to = "/s, x";
	auto_free char *saver = make(&s);
	s.save_to = NULL;
	s.clone_of = "/s, x";
	auto_free char *clone = make(&s);
	assert_non_null(strstr(saver, "\n-machine q35,memory-backend=ram\n"));
	assert_non_null(strstr(saver, "\"mem-path\":\"/s, x/ram\",\"share\":true,"));
	const char *share =
		strstr(clone, "\"share\":false,\"size\":1073741824}\n-incoming defer\n");
	assert_non_null(share);
	/* The same before and behind. */
	size_t head = (size_t)(share - clone);
	assert_int_equal(strncmp(saver, clone, head), 0);
	assert_string_equal(strstr(saver, "-append"), strstr(clone, "-append"));
}

static void test_disks_have_the_blocks_cache_and_discard_that_were_asked_for(void **unused)
{
	struct target_spec s = plain;
	struct target_disk d = {
		.serial = "d", .size_bytes = 8192, .block_bytes = 4096, .physical_bytes = 4096
	};
	struct err e = { 0 };
	s.disks = &d;
	s.n_disks = 1;
	d.cache = "none";
	d.no_discard = true;
	auto_free char *text = make(&s);
	assert_non_null(strstr(text, "\"discard\":\"ignore\",\"cache\":{\"no-flush\":false,"
				     "\"direct\":true}"));
	assert_non_null(strstr(text, "rerror=stop,logical_block_size=4096,physical_block_size=4096,"
				     "discard=off,bus="));
	d.cache = "writeback";
	auto_free char *other = make(&s);
	assert_non_null(strstr(other, "\"cache\":{\"no-flush\":false,\"direct\":false}"));
	char *line = NULL;
	d.physical_bytes = 512;
	assert_int_equal(target_spec_command(&s, &line, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "the physical not smaller"));
	d.physical_bytes = 4096;
	d.size_bytes = 512;
	assert_int_equal(target_spec_command(&s, &line, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "not a multiple of 4096 bytes"));
}

static void test_another_architecture_is_only_another_line_of_the_table(void **unused)
{
	struct target_spec s = plain;
	s.arch = "aarch64";
	auto_free char *text = make(&s);
	assert_int_equal(strncmp(text, "qemu-system-aarch64\n", 20), 0);
	assert_non_null(strstr(text, "\n-machine virt,gic-version=max\n"));
	assert_non_null(strstr(text, "-append console=ttyAMA0 panic=-1"));
	s.arch = "i686";
	auto_free char *narrow = make(&s);
	assert_int_equal(strncmp(narrow, "qemu-system-i386\n", 17), 0);
	assert_non_null(strstr(narrow, "-append console=ttyS0 panic=-1"));
}

static void test_no_modules_links_or_initramfs_leave_no_trace(void **unused)
{
	struct target_spec s = plain;
	s.modules = NULL;
	s.initramfs = NULL;
	s.append = NULL;
	s.disks = &disks[1];
	s.n_disks = 1;
	auto_free char *text = make(&s);
	assert_null(strstr(text, "fsqa.modules"));
	assert_null(strstr(text, "fsqa.links"));
	assert_null(strstr(text, "-initrd"));
	assert_non_null(strstr(text, " fsqa.hostname=fsqa-vm\n"));
}

#define MANY 300
static struct target_disk many[MANY];
static char many_serials[MANY][8];

static struct target_spec with_disks(size_t n)
{
	struct target_spec s = plain;
	for (size_t i = 0; i < MANY; i++) {
		assert_true(snprintf(many_serials[i], sizeof many_serials[i], "D%zu", i) > 0);
		many[i] = (struct target_disk){ many_serials[i], NULL, 1 << 20 };
	}
	s.disks = many;
	s.n_disks = n;
	return s;
}

static void test_many_disks_share_slots_and_no_address_is_given_twice(void **unused)
{
	struct target_spec s = with_disks(24); /* and 6 of ours: one for each of 30 slots */
	auto_free char *fits = make(&s);
	assert_non_null(strstr(fits, "addr=1e.0\n"));
	assert_null(strstr(fits, "multifunction"));
	s = with_disks(100);
	auto_free char *packed = make(&s);
	assert_non_null(strstr(packed, "virtio-serial-pci-non-transitional,max_ports=2,bus=pcie.0,"
				       "addr=1.0,multifunction=on\n"));
	assert_non_null(strstr(packed, "virtio-rng-pci-non-transitional,bus=pcie.0,addr=1.1\n"));
	for (unsigned n = 0; n < 106; n++) {
		char addr[16];
		assert_true(snprintf(addr, sizeof addr, ",addr=%x.%u%s", 1 + n / 8, n % 8,
				    n % 8 ? "\n" : ",") > 0);
		const char *at = strstr(packed, addr);
		assert_non_null(at);
		assert_null(strstr(at + 1, addr));
	}
	assert_null(strstr(packed, ",addr=e.2"));
}

static int refused(const struct target_spec *s, struct err *e)
{
	auto_strv struct strv v = { 0 };
	const struct machine *m;
	assert_int_equal(machine_find(s->arch, &m, NULL), 0);
	return command_make(m, s, &v, e);
}

static void test_more_than_fits_is_refused_with_the_limit(void **unused)
{
	struct err e = { 0 };
	struct target_spec s = with_disks(101);
	assert_int_equal(refused(&s, &e), -E2BIG);
	assert_string_equal(e.msg, "101 disks, but a virtual machine takes 100 at most");
	s = with_disks(MANY);
	s.n_disks = 100;
	static char links[MANY][32];
	for (size_t i = 0; i < MANY; i++) {
		assert_true(
			snprintf(links[i], sizeof links[i], "a-long-name-for-a-disk-%zu", i) > 0);
		many[i].link = links[i];
	}
	assert_int_equal(refused(&s, &e), -E2BIG);
	assert_non_null(strstr(e.msg, "takes 2047: shorten vm.append or the disks' links"));
}

/* What comes from a profile must not become an option of QEMU's or the kernel's. */
static void test_odd_names_are_refused(void **unused)
{
	static const struct target_disk bad[] = {
		{ "a,b", NULL, 512 },
		{ "", NULL, 512 },
		{ NULL, NULL, 512 },
		{ "../x", NULL, 512 },
		{ "A2345678901234567890B", NULL, 512 },
		{ "fsqa-root", NULL, 512 },
		{ "fsqa-state", NULL, 512 },
		{ "ok", "../sda", 512 },
		{ "ok", "a b", 512 },
		{ "ok", "", 512 },
		{ "ok", "..", 512 },
		{ "ok", NULL, 0 },
		{ "ok", NULL, 513 },
		{ "ok", NULL, UINT64_MAX - 511 },
	};
	static const struct target_disk twice[] = { { "a", NULL, 512 }, { "a", NULL, 512 } };
	static const struct target_disk same_link[] = { { "a", "x", 512 }, { "b", "x", 512 } };
	struct target_spec s = plain;
	s.n_disks = 1;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		s.disks = &bad[i];
		assert_int_equal(refused(&s, NULL), -EINVAL);
	}
	s.n_disks = 2;
	s.disks = twice;
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s.disks = same_link;
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s = plain;
	s.hostname = "a,b";
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s = plain;
	s.root_fstype = "ext4 init=/bin/sh";
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s = plain;
	s.append = "a\nb";
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s = plain;
	s.cpus = 0;
	assert_int_equal(refused(&s, NULL), -EINVAL);
	s = plain;
	s.root = "/i/\xff.erofs";
	assert_int_equal(refused(&s, NULL), -EINVAL);
}

static void test_disks_whose_faults_are_wanted_stand_in_ports_of_their_own(void **unused)
{
	struct target_spec s = plain;
	s.faults = true;
	auto_free char *text = make(&s);
	assert_non_null(
		strstr(text, "\"file\":{\"driver\":\"file\",\"filename\":\"/w/SCRATCH1.img\","
			     "\"aio\":\"threads\"}"));
	assert_non_null(strstr(text,
		"-device pcie-root-port,id=port-SCRATCH1,chassis=1,io-reserve=0,bus=pcie.0,"
		"addr=7.0\n-device virtio-blk-pci-non-transitional,drive=disk-SCRATCH1,"
		"serial=SCRATCH1,werror=enospc,rerror=report,id=dev-SCRATCH1,"
		"bus=port-SCRATCH1\n"));
	/* An error of the root's or state's disk is never the guest's. */
	assert_non_null(strstr(text, "serial=fsqa-root,werror=stop,rerror=stop,"));
	assert_non_null(strstr(text, "serial=fsqa-state,werror=stop,rerror=stop,"));
}

static void test_a_disk_with_zones_is_nvme_and_says_whether_it_turns(void **unused)
{
	static const struct target_disk mixed[] = {
		{ "a", "xvdb", 1 << 30, .zone_bytes = 16 << 20, .block_bytes = 4096,
			.physical_bytes = 4096 },
		{ "b", "xvdc", 1 << 30, .zone_bytes = 16 << 20, .no_rotation = true },
		{ "c", "xvdd", 1 << 30, .no_rotation = true },
		{ "d", "xvde", 1 << 30 },
	};
	struct target_disk odd = mixed[0];
	struct target_spec s = plain;
	s.disks = mixed;
	s.n_disks = 4;
	auto_free char *text = make(&s);
	assert_non_null(strstr(text,
		"-device nvme,id=nvme-a,serial=a,bus=pcie.0,addr=7.0\n"
		"-device nvme-ns,id=dev-a,drive=disk-a,bus=nvme-a,zoned=on,"
		"zoned.zone_size=16777216,logical_block_size=4096,physical_block_size=4096\n"));
	assert_non_null(strstr(text, " fsqa.rotational=a=1,c=0 "));
	s.disks = &odd;
	s.n_disks = 1;
	odd.zone_bytes = 3 << 20;
	assert_int_equal(refused(&s, NULL), -EINVAL);
	odd.zone_bytes = 1ULL << 31;
	assert_int_equal(refused(&s, NULL), -EINVAL);
}

static void test_unknown_architecture_is_told_with_those_there_are(void **unused)
{
	const struct machine *m = NULL;
	struct err e = { 0 };
	assert_int_equal(machine_find("pdp11", &m, &e), -ENOTSUP);
	assert_string_equal(e.msg,
		"no virtual machine for pdp11: there is x86_64 (amd64), aarch64 (arm64), i386");
	assert_null(m);
}

static void test_i386_has_the_names_that_uname_tells_and_runs_on_x86_64(void **unused)
{
	static const char *const names[] = { "i386", "i486", "i586", "i686" };
	const struct machine *wide, *arm, *m;
	assert_int_equal(machine_find("x86_64", &wide, NULL), 0);
	assert_int_equal(machine_find("arm64", &arm, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(machine_find(names[i], &m, NULL), 0);
		assert_string_equal(m->arch, "i386");
		assert_true(machine_runs(wide, m));
		assert_true(machine_runs(m, m));
		assert_false(machine_runs(m, wide));
		assert_false(machine_runs(arm, m));
	}
	assert_int_equal(machine_find("i786", &m, NULL), -ENOTSUP);
}

static void test_a_network_is_there_only_where_it_is_asked_for(void **unused)
{
	struct target_spec spec = plain;
	auto_free char *none = make(&spec);
	assert_null(strstr(none, "net"));
	spec.network = true;
	auto_free char *user = make(&spec);
	assert_non_null(strstr(user, "-netdev user,id=net,ipv6=off\n-device "
				     "virtio-net-pci-non-transitional,netdev=net,romfile=,bus="));
	assert_non_null(strstr(user, " fsqa.net=10.0.2.15/24,10.0.2.2,10.0.2.3 loglevel=7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i386_has_the_names_that_uname_tells_and_runs_on_x86_64),
		cmocka_unit_test(test_a_network_is_there_only_where_it_is_asked_for),
		cmocka_unit_test(test_command_of_x86_under_tcg),
		cmocka_unit_test(test_a_qcow2_root_may_name_no_other_file),
		cmocka_unit_test(test_folders_are_read_only_whatever_their_name),
		cmocka_unit_test(test_kvm_has_the_hosts_processor_and_no_workarounds),
		cmocka_unit_test(
			test_a_saved_machine_and_its_clone_differ_only_in_who_may_write_the_memory),
		cmocka_unit_test(test_disks_have_the_blocks_cache_and_discard_that_were_asked_for),
		cmocka_unit_test(test_another_architecture_is_only_another_line_of_the_table),
		cmocka_unit_test(test_no_modules_links_or_initramfs_leave_no_trace),
		cmocka_unit_test(test_many_disks_share_slots_and_no_address_is_given_twice),
		cmocka_unit_test(test_more_than_fits_is_refused_with_the_limit),
		cmocka_unit_test(test_odd_names_are_refused),
		cmocka_unit_test(test_disks_whose_faults_are_wanted_stand_in_ports_of_their_own),
		cmocka_unit_test(test_a_disk_with_zones_is_nvme_and_says_whether_it_turns),
		cmocka_unit_test(test_unknown_architecture_is_told_with_those_there_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
