/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"
#include "config/config.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define KIB    (UINT64_C(1) << 10)
#define MIB    (UINT64_C(1) << 20)
#define GIB    (UINT64_C(1) << 30)
#define TIB    (UINT64_C(1) << 40)
#define MS     UINT64_C(1000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static int check_hostname(const char *s, struct err *e)
{
	size_t n = strlen(s);
	bool good = n >= 1 && n <= 63 && s[0] != '-' && s[n - 1] != '-';
	for (; good && *s; s++)
		good = isalnum((unsigned char)*s) || *s == '-';
	if (!good)
		return err_set(e, EINVAL, "a host name has 1 to 63 letters, digits and inner '-'");
	return 0;
}

static int check_disk_names(const char *s, struct err *e)
{
	const char *letter = strchr(s, '%');
	size_t n = strlen(s);
	bool good = letter && letter > s && !strchr(letter + 1, '%') && n <= 32;
	for (; good && *s; s++)
		good = isalnum((unsigned char)*s) || *s == '%' || *s == '-' || *s == '_';
	if (!good)
		return err_set(
			e, EINVAL, "a name below /dev with one '%%' for the letter, as xvd%%");
	return 0;
}

static int check_packages(const char *s, struct err *e)
{
	bool start = true; /* of a word: there '-' would make an option of it */
	for (; *s; s++) {
		bool letter = islower((unsigned char)*s) || isdigit((unsigned char)*s);
		if (!letter && (start || !strchr("+-.", *s)) && *s != ' ' && *s != '\t')
			return err_set(e, EINVAL,
				"a package name has lower-case letters, digits, and then + - .");
		start = *s == ' ' || *s == '\t';
	}
	return 0;
}

/* What the guest takes (guest/params.h). */
static int check_users(const char *s, struct err *e)
{
	for (size_t words = 0; *(s += strspn(s, " \t")); words++) {
		size_t n = strcspn(s, " \t");
		bool good = n <= 32 && words < 16 && (isalnum((unsigned char)*s) || *s == '_');
		for (size_t i = 0; i < n && good; i++)
			good = isalnum((unsigned char)s[i]) || strchr("_.-", s[i]);
		if (!good)
			return err_set(e, EINVAL,
				"up to 16 user names, each of at most 32 letters, digits, _ . -");
		s += n;
	}
	return 0;
}

static int check_moment(const char *s, struct err *e)
{
	int64_t unix_s;
	return parse_moment(s, &unix_s, e);
}

static int check_sources(const char *s, struct err *e)
{
	auto_strv struct strv words = { 0 };
	strv_split(&words, s, " \t");
	for (size_t i = 0; i < words.n; i++)
		if (!strchr(words.v[i], ':') || strpbrk(words.v[i], "[]#\"'"))
			return err_set(e, EINVAL, "want URLs of repositories, separated by blanks");
	return 0;
}

/* "SRC:DEST", the destination absolute. */
static int check_image_file(const char *s, struct err *e)
{
	const char *colon = strrchr(s, ':');
	if (!colon || colon == s || colon[1] != '/')
		return err_set(e, EINVAL, "want SRC:DEST, DEST a path in the image from / on");
	return 0;
}

/* Sorted by name (config_test proves it), so that manual and list need no order of their own. */
static const struct setting settings[] = {
	{ "disk.*.rotational", SETTING_CHOICE, .choices = "false|true",
		.help = "disk.rotational of this disk, by its name" },
	{ "disk.*.size", SETTING_SIZE, .min = MIB, .max = 16 * TIB, .example = "20G",
		.help = "disk.size of this disk, by its name" },
	{ "disk.*.zoned", SETTING_CHOICE, .choices = "none|host-managed",
		.help = "disk.zoned of this disk, by its name" },
	{ "disk.blockSize", SETTING_CHOICE, .def = "512", .choices = "512|4096",
		.help = "bytes of a scratch disk's logical block" },
	{ "disk.cache", SETTING_CHOICE, .def = "unsafe", .choices = "unsafe|writeback|none",
		.help = "what a flush in the target does: nothing; reach the host's disk; and "
			"past its page cache (none)" },
	{ "disk.count", SETTING_COUNT, .min = 0, .max = 60, .def = "6",
		.help = "scratch disks that a target gets" },
	{ "disk.discard", SETTING_CHOICE, .def = "true", .choices = "false|true",
		.help = "whether scratch disks give up blocks that are discarded" },
	{ "disk.faults", SETTING_CHOICE, .def = "false", .choices = "false|true",
		.help = "whether scripts may have scratch disks unplugged, failing or slow "
			"(fsqa-disk); then each stands in a port of its own" },
	{ "disk.names", SETTING_TEXT, .def = "xvd%", .check = check_disk_names,
		.help = "names of the scratch disks below /dev; % is a letter, from b on, then aa, "
			"ab and so on" },
	{ "disk.physicalBlockSize", SETTING_CHOICE, .def = "512", .choices = "512|4096",
		.help = "bytes of a scratch disk's physical block, at least the logical one's" },
	{ "disk.rotational", SETTING_CHOICE, .def = "true", .choices = "false|true",
		.help = "whether scratch disks say that they turn" },
	{ "disk.size", SETTING_SIZE, .min = MIB, .max = 16 * TIB, .def = "2G",
		.help = "size of each scratch disk; sparse, so that room is used as it is "
			"written" },
	{ "disk.zoneSize", SETTING_SIZE, .min = MIB, .max = 8 * GIB, .def = "64M",
		.help = "size of the zones of zoned disks, a power of two" },
	{ "disk.zoned", SETTING_CHOICE, .def = "none", .choices = "none|host-managed",
		.help = "whether scratch disks have zones that are only written in order (NVMe "
			"ZNS, made by QEMU); such a machine cannot be saved for clones" },
	{ "fstests.buildTimeout", SETTING_DURATION, .min = SECOND, .max = 7 * DAY,
		.bare_us = SECOND, .def = "1h",
		.help = "of building fstests in a guest; then it is given up" },
	{ "fstests.exclude", SETTING_LIST, .example = "generic/475",
		.help = "tests of fstests that are not run (check -e)" },
	{ "fstests.excludeFiles", SETTING_PATHS, .example = "./exclude.btrfs",
		.help = "files with such tests, one a line (check -E)" },
	{ "fstests.excludeGroups", SETTING_LIST, .example = "dangerous",
		.help = "groups of fstests that are not run (check -x)" },
	{ "fstests.fstyp", SETTING_TEXT, .def = "btrfs",
		.help = "the filesystem that fstests tests (FSTYP)" },
	{ "fstests.groups", SETTING_LIST, .example = "quick",
		.help = "groups of fstests that are run (check -g); unset, and no tests: auto" },
	{ "fstests.imageMax", SETTING_SIZE, .min = 0, .max = 16 * GIB, .def = "8M",
		.help = "after a test of fstests that failed, a metadata image of the test and of "
			"the "
			"scratch device is kept, unless it is larger than this, compressed, or "
			"all of a section have half of log.maxBytes; 0: none is made" },
	{ "fstests.logwrites", SETTING_CHOICE, .def = "false", .choices = "false|true",
		.help = "the last scratch disk is fstests' LOGWRITES_DEV" },
	{ "fstests.loops", SETTING_COUNT, .min = 0, .max = 1000, .def = "0",
		.help = "a test of fstests that failed is run so many times again at once (check "
			"-L); it stays a failure, which says how often it failed" },
	{ "fstests.sections", SETTING_LIST, .example = "default zstd",
		.help = "sections that fstests runs with, default: one without options; unset: all "
			"that are declared" },
	{ "fstests.testTimeout", SETTING_DURATION, .min = SECOND, .max = 30 * DAY,
		.bare_us = SECOND, .def = "20m",
		.help = "of one test that never passed before; then the machine hangs, and the "
			"next goes on" },
	{ "fstests.tests", SETTING_LIST, .example = "generic/001 btrfs/04?",
		.help = "tests of fstests that are run" },
	{ "fstests.timeoutFactor", SETTING_COUNT, .min = 1, .max = 1000, .def = "10",
		.help = "a test that passed before, on the same accelerator, may take so many "
			"times its longest pass (a quarter of fstests.testTimeout at least); a "
			"section's SOAK_DURATION comes on top" },
	{ "fstests.tree", SETTING_PATH, .word = "://", .example = "~/xfstests",
		.help = "fstests: a tree, TREE#REF, a tar or zip file, or a URL of git with "
			"#BRANCH, #TAG or #COMMIT; what is not built is built in a guest, once; "
			"guests see it as /mnt/fstests, read-only" },
	{ "fstests.xunit", SETTING_CHOICE, .def = "false", .choices = "false|true",
		.help = "check writes its own report too (check -R xunit-quiet: result.xml, among "
			"a stage's files), which is read as one more witness; it takes some ten "
			"seconds a test without KVM" },
	{ "gc.maxAge", SETTING_DURATION, .min = 0, .max = 3650 * DAY, .bare_us = DAY, .def = "30d",
		.help = "fsqa gc removes what no result or branch refers to and nobody used for so "
			"long, also where there is room" },
	{ "gc.maxSize", SETTING_SIZE, .min = 0, .max = 1024 * TIB, .def = "50G",
		.help = "what fsqa gc leaves of kernels, their sources and builds, root images, "
			"suites and saved machines together" },
	{ "image.files", SETTING_PATHS, .check = check_image_file,
		.example = "files/my.rules:/etc/udev/rules.d/",
		.help = "files and folders of the host that go into the root image, as SRC:DEST; "
			"several values add up" },
	{ "image.fstype", SETTING_CHOICE, .def = "erofs", .choices = "erofs|ext4",
		.help = "filesystem of the root image" },
	{ "image.packages", SETTING_LIST, .check = check_packages, .example = "xfsprogs attr acl",
		.help = "Debian packages in the root image, beside those that every image has" },
	{ "image.snapshot", SETTING_TEXT, .check = check_moment, .example = "20260101T000000Z",
		.help = "the moment that a reproducible root image is of: all its files get this "
			"time, and it is a part of the image's id" },
	{ "image.sources", SETTING_LIST, .check = check_sources,
		.example = "http://mirror.example/debian/%",
		.help = "repositories of Debian's, instead of those that the host's apt knows; % "
			"stands for image.snapshot; one with \"security\" in it has the security "
			"updates" },
	{ "kernel.buildSilence", SETTING_DURATION, .min = SECOND, .max = 7 * DAY, .bare_us = MINUTE,
		.def = "30m", .help = "a kernel's build that says nothing for so long is killed" },
	{ "kernel.buildTimeout", SETTING_DURATION, .min = SECOND, .max = 7 * DAY, .bare_us = MINUTE,
		.def = "4h", .help = "a kernel's build that takes longer is killed" },
	{ "kernel.compare", SETTING_PATHS, .word = "*", .example = "~/linux",
		.help = "a kernel that fsqa run runs the plan on, as --kernel names it; several "
			"values "
			"add up, the first is the baseline" },
	{ "kernel.compiler", SETTING_CHOICE, .def = "gcc", .choices = "gcc|clang",
		.help = "what builds kernel.source: gcc and binutils, or clang and LLVM" },
	{ "kernel.config", SETTING_PATH, .word = "*", .example = "./kernel.config",
		.help = "configuration that a build of kernel.source begins with: allnoconfig, "
			"tinyconfig, defconfig, kvm_guest.config, localmodconfig, or a file (with "
			"a slash in it); unset: the profile's config/kernel.config, else "
			"allnoconfig" },
	{ "kernel.debug", SETTING_PATH, .example = "~/linux/vmlinux",
		.help = "the kernel's vmlinux with debug information, for source lines in its "
			"oopses; else it is looked for by its build id" },
	{ "kernel.fragments", SETTING_PATHS, .word = "*", .def = "common btrfs xfs fstests",
		.example = "kasan",
		.help = "fragments of configuration on top, by name (fragments/README.md) or as "
			"files (with a slash in it); several values add up; below them comes what "
			"the profile's suites want" },
	{ "kernel.image", SETTING_PATH, .example = "~/linux/arch/x86/boot/bzImage",
		.help = "a kernel file (bzImage, ELF vmlinux or arm64's Image) to test; wins over "
			"kernel.source and kernel.version" },
	{ "kernel.jobs", SETTING_COUNT, .min = 0, .max = 1024, .def = "0",
		.help = "compilers at once; 0: as many as there are CPUs, and memory for" },
	{ "kernel.modules", SETTING_PATH, .example = "~/linux/mods/lib/modules/6.12.0",
		.help = "folder with the modules of kernel.image (its /lib/modules/RELEASE)" },
	{ "kernel.patches", SETTING_PATHS, .word = "*", .example = "./fix.mbox",
		.help = "patches on top of kernel.source: a mbox, a patch, a folder of them (with "
			"a "
			"slash in it), or a message-id; several values add up" },
	{ "kernel.source", SETTING_PATH, .word = "*",
		.example = "https://git.example/linux.git#for-next",
		.help = "the kernel to build and test: a tree, TREE#REF, a tar or zip file, or a "
			"URL of git with #BRANCH, #TAG or #COMMIT; wins over kernel.version" },
	{ "kernel.variants", SETTING_LIST, .example = "plain kasan lockdep+kmemleak",
		.help = "fsqa run runs the plan on each kernel built in each of these: fragments "
			"on "
			"top, joined by +; plain: none. Several values add up" },
	{ "kernel.version", SETTING_TEXT, .def = "debian", .example = "6.1.0-49-cloud-amd64",
		.help = "the kernel to test: debian (its newest cloud kernel), a release or a "
			"package" },
	{ "log.maxBytes", SETTING_SIZE, .min = 64 * KIB, .max = 16 * GIB, .def = "64M",
		.help = "most that is kept of one stage's collected logs" },
	{ "log.maxFiles", SETTING_COUNT, .min = 1, .max = 100000, .def = "2000",
		.help = "most files that are kept of one stage's collected logs" },
	{ "profile.config", SETTING_PATHS, .example = "config",
		.help = "folders whose files a target gets in ~/btrfsqe: of one name the last, and "
			"the profile's own config/ last of all" },
	{ "profile.description", SETTING_TEXT, .example = "btrfs: kernel, btrfs-progs, RAID5",
		.help = "what the profile tests, in one line" },
	{ "profile.scripts", SETTING_PATH, .def = "scripts",
		.help = "folder of the stages' scripts NNN_name" },
	{ "profile.stages", SETTING_LIST, .example = "001_kernel 004_raid5_scrub",
		.help = "only these stages, in this order; unset: every script, in order of name" },
	{ "record.limit", SETTING_SIZE, .min = 64 * KIB, .max = 16 * GIB, .def = "32M",
		.help = "most that is kept of one recording: its head, and then its tail" },
	{ "run.batch", SETTING_DURATION, .min = 0, .max = 30 * DAY, .bare_us = MINUTE, .def = "30m",
		.help = "where tests of fstests are shared out among several machines, no machine "
			"gets more than about so much of them at a time; 0: all of its share" },
	{ "run.slots", SETTING_COUNT, .min = 0, .max = 64, .def = "0",
		.help = "how many machines run tests of fstests at once; 0: as many as the host's "
			"CPUs and memory allow and the tests are worth, by how long they took" },
	{ "section.*.fstyp", SETTING_TEXT, .example = "ext4",
		.help = "filesystem of this section of fstests; unset: the run's own" },
	{ "section.*.mkfs", SETTING_TEXT, .example = "-O ^no-holes",
		.help = "options of mkfs in this section of fstests (MKFS_OPTIONS)" },
	{ "section.*.mount", SETTING_TEXT, .example = "-o compress=zstd",
		.help = "options of mount in this section of fstests (MOUNT_OPTIONS)" },
	{ "section.*.set", SETTING_LIST, .example = "SOAK_DURATION=3m",
		.help = "more of fstests' variables in this section, as NAME=VALUE" },
	{ "snapshot.maxSize", SETTING_SIZE, .min = 0, .max = 16 * TIB, .def = "8G",
		.help = "room for saved machines in state.dir; those used least recently go" },
	{ "stage.*.expect", SETTING_TEXT, .example = "BTRFS.*error",
		.help = "kernel messages that are the stage's purpose, a regular expression; as "
			"fsqa-test --expect" },
	{ "stage.*.faults", SETTING_LIST, .example = "xvdc:error,write,every=10 xvdd:slow,bytes=1M",
		.help = "what is wrong with scratch disks while the stage runs, as fsqa-disk's "
			"words: DISK:unplug,surprise; DISK:error with read, write, flush, "
			"sector=N-M, "
			"count=N, every=N; DISK:slow with bytes=SIZE, requests=N" },
	{ "stage.*.logs", SETTING_LIST, .example = "/var/log/messages",
		.help = "paths in the target that are collected after the stage, beside "
			"/tmp/logs" },
	{ "stage.*.requires", SETTING_LIST, .example = "002_btrfsprogs",
		.help = "stages that must pass first; else this one is skipped" },
	{ "stage.*.timeout", SETTING_DURATION, .min = SECOND, .max = 7 * DAY, .bare_us = MINUTE,
		.example = "30", .help = "time that the stage may take; a bare number is minutes" },
	{ "stage.defaultTimeout", SETTING_DURATION, .min = SECOND, .max = 7 * DAY,
		.bare_us = MINUTE, .def = "30m",
		.help = "time of a stage that has none of its own; a bare number is minutes" },
	{ "state.dir", SETTING_PATH, .example = "/srv/fsqa",
		.help = "folder of runs, kernels and images; unset: ~/.local/state/fsqa" },
	{ "store.minFree", SETTING_SIZE, .min = 0, .max = 16 * TIB, .def = "1G",
		.help = "free room that a run leaves on the filesystem of state.dir" },
	{ "suite.*.testTimeout", SETTING_DURATION, .min = SECOND, .max = 30 * DAY,
		.bare_us = SECOND, .def = "5m",
		.help = "of one test of that suite; then it is stopped" },
	{ "suite.*.tests", SETTING_PATHS, .example = "./selftests",
		.help = "what that suite takes its tests from; tap: folders of programs that print "
			"TAP" },
	{ "test.*.expect", SETTING_TEXT, .example = "BTRFS.*error",
		.help = "as [stage] expect, of the subtests that a glob names: [test "
			"\"script.004_raid5.*\"]" },
	{ "test.*.faults", SETTING_LIST, .example = "xvdc:error,flush",
		.help = "as [stage] faults, of the subtests that a glob names" },
	{ "vm.accel", SETTING_CHOICE, .def = "auto", .choices = "auto|kvm|tcg",
		.help = "how the CPU is made: kvm, tcg (emulated, slow), or the better that "
			"works" },
	{ "vm.append", SETTING_TEXT, .example = "slub_debug=FZPU",
		.help = "more words for the kernel's command line" },
	{ "vm.arch", SETTING_TEXT, .example = "arm64",
		.help = "the target's architecture, by uname's or Debian's name; unset: the "
			"host's. Another one is emulated" },
	{ "vm.bootTimeout", SETTING_DURATION, .min = SECOND, .max = HOUR, .bare_us = SECOND,
		.def = "2m", .help = "time from the start of the VM to its agent's first word" },
	{ "vm.core", SETTING_CHOICE, .def = "false", .choices = "false|true",
		.help = "keep the memory of a VM that hangs, for crash(8): artifact core.kdump" },
	{ "vm.coreMax", SETTING_SIZE, .min = MIB, .max = 16 * TIB, .def = "4G",
		.help = "a core that becomes larger is given up" },
	{ "vm.cpus", SETTING_COUNT, .min = 0, .max = 288, .def = "0",
		.help = "virtual CPUs; 0: as many as the host has, and one under TCG, whose "
			"CPUs race (QEMU before 8.1) and which is no faster with more" },
	{ "vm.hangTimeout", SETTING_DURATION, .min = SECOND, .max = DAY, .bare_us = SECOND,
		.def = "1m",
		.help = "a stage is given up that shows nothing for so long after the kernel "
			"said that a task or CPU hangs" },
	{ "vm.hostname", SETTING_TEXT, .def = "fsqa", .check = check_hostname,
		.help = "the target's host name" },
	{ "vm.init", SETTING_CHOICE, .def = "agent", .choices = "agent|system",
		.help = "what process 1 of the target is: fsqa's agent, or the root's own init "
			"(systemd), with its services and the agent as one of them" },
	{ "vm.isolate", SETTING_CHOICE, .def = "run", .choices = "test|batch|run",
		.help = "what gets a pristine VM, a clone of a saved one: each test (of scripts: "
			"each stage), each batch, or the run" },
	{ "vm.keepFor", SETTING_DURATION, .min = SECOND, .max = 30 * DAY, .bare_us = MINUTE,
		.def = "1h",
		.help = "a VM that fsqa run --keep left is ended so long after the last one who "
			"attached to it went" },
	{ "vm.memory", SETTING_SIZE, .min = 128 * MIB, .max = 16 * TIB, .def = "2G",
		.help = "the virtual machine's memory" },
	{ "vm.network", SETTING_CHOICE, .def = "none", .choices = "none|user",
		.help = "user: the target reaches what the host's user does, its loopback (as "
			"10.0.2.2) too, and nobody reaches it" },
	{ "vm.qemu", SETTING_TEXT, .example = "/opt/qemu/bin/qemu-system-x86_64",
		.help = "the QEMU program; unset: the architecture's own, from PATH" },
	{ "vm.root", SETTING_PATH, .word = "host", .example = "~/alpine-minirootfs.tar.gz",
		.help = "the root, made elsewhere: a disk image (raw or qcow2) of erofs, ext4 or "
			"squashfs, a tar, an image's id, or host: this host's own files, "
			"read-only; unset: made as image.* say" },
	{ "vm.share", SETTING_PATHS, .example = "~/linux",
		.help = "folders of the host that the target sees read-only as /mnt/NAME; several "
			"values add up" },
	{ "vm.stateSize", SETTING_SIZE, .min = 64 * MIB, .max = 16 * TIB, .def = "8G",
		.help = "size of the disk behind the root's writable layer; sparse" },
	{ "vm.users", SETTING_LIST, .check = check_users, .example = "fsgqa fsgqa2",
		.help = "users that the target has beside its root's own; each gets a group of "
			"its name and a home; several values add up" },
};

const struct setting *config_settings(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(settings);
	return settings;
}

/* Whether `name` is what the table calls `known`: "*" stands for one subsection. */
static bool matches(const char *known, const char *name)
{
	const char *star = strchr(known, '*');
	if (!star)
		return strcasecmp(known, name) == 0;
	size_t head = (size_t)(star - known);
	size_t tail = strlen(star + 1);
	size_t n = strlen(name);
	return n > head + tail && strncasecmp(name, known, head) == 0 &&
	       strcasecmp(name + n - tail, star + 1) == 0;
}

const struct setting *config_setting(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (matches(settings[i].name, name))
			return &settings[i];
	return NULL;
}

char *config_hint(const char *name)
{
	/* A subsection is the user's own word: compare around it, and offer it again. */
	const char *dot = strchr(name, '.');
	const char *last = strrchr(name, '.');
	auto_free char *sub = dot < last ? xstrndup(dot + 1, (size_t)(last - dot - 1)) : NULL;
	auto_strv struct strv known = { 0 };
	auto_strv struct strv keys = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *star = strchr(settings[i].name, '*');
		if (star)
			strv_addf(&known, "%.*s%s%s", (int)(star - settings[i].name),
				settings[i].name, sub && *sub && strcmp(sub, "*") != 0 ? sub : "X",
				star + 1);
		else
			strv_add(&known, settings[i].name);
		strv_add(&keys, strrchr(settings[i].name, '.') + 1);
	}
	if (dot)
		return nearest_hint(name, strv_get(&known));
	/* A key without its section. */
	const char *key = nearest(name, strv_get(&keys));
	for (size_t i = 0; key && i < keys.n; i++)
		if (keys.v[i] == key)
			return xasprintf(" (did you mean %s?)", known.v[i]);
	return xstrdup("");
}

const char *config_type_name(enum setting_type type)
{
	static const char *const names[] = {
		[SETTING_TEXT] = "text",
		[SETTING_PATH] = "path",
		[SETTING_COUNT] = "number",
		[SETTING_SIZE] = "size",
		[SETTING_DURATION] = "duration",
		[SETTING_PATHS] = "paths",
		[SETTING_LIST] = "list",
		[SETTING_CHOICE] = "choice",
	};
	return names[type];
}

struct unit {
	const char *name;
	uint64_t value;
};

static char *with_unit(uint64_t n, const struct unit *units)
{
	while (units->value > 1 && n % units->value)
		units++;
	return xasprintf("%" PRIu64 "%s", n / units->value, units->name);
}

char *config_number_text(const struct setting *s, uint64_t n)
{
	static const struct unit sizes[] = { { "T", TIB }, { "G", GIB }, { "M", MIB }, { "K", KIB },
		{ "", 1 } };
	static const struct unit durations[] = { { "d", DAY }, { "h", HOUR }, { "m", MINUTE },
		{ "s", SECOND }, { "ms", MS }, { "us", 1 } };
	if (n == 0 || s->type == SETTING_COUNT)
		return xasprintf("%" PRIu64, n);
	return with_unit(n, s->type == SETTING_SIZE ? sizes : durations);
}
