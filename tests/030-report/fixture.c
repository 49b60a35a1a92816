/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture STATE: runs for looking at the pages, made by the store's writer and
 * the recorder as a real run makes them: a history, one run with a test that fails, one with
 * hostile names, one interrupted, one whose journal is damaged. Prints the page of the run with the
 * failure. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "record/recording.h"
#include "site/site.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

static struct err trouble;

static void ok(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "fixture: %s\n", trouble.msg);
	exit(3);
}

static void append(struct run_writer *w, const char *type, json_t *fields)
{
	if (!fields)
		abort();
	ok(run_append(w, type, fields, false, &trouble));
	json_decref(fields);
}

/* A stage under way: its recording and its raw log, as the worker keeps them. */
struct stage {
	struct run_writer *w;
	const char *name;
	char *test, *cast_path, *log_path;
	struct recording *cast;
	int log;
	uint64_t now_us;
	uint64_t log_bytes;
};

static void begin(struct stage *s, struct run_writer *w, const char *name, const char *test)
{
	*s = (struct stage){ .w = w, .name = name, .test = xstrdup(test) };
	s->cast_path = xasprintf("%s/fixture.cast", run_writer_dir(w));
	s->log_path = xasprintf("%s/fixture.log", run_writer_dir(w));
	int fd = open(s->cast_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	s->log = open(s->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct recording_spec spec = { 100, 30, 1763719533, name, 0 };
	ok(recording_open(fd, &spec, &s->cast, &trouble));
	append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage",
			strcmp(test, "boot") == 0 ? "" : name));
}

/* What the terminal shows next, after a while. */
static void shows(struct stage *s, uint64_t after_ms, const char *text)
{
	s->now_us += after_ms * 1000;
	ok(recording_output(s->cast, s->now_us, text, strlen(text), &trouble));
	ok(fd_write_all(s->log, text, strlen(text), &trouble));
	s->log_bytes += strlen(text);
}

struct sub {
	const char *name, *status, *reason, *kernel;
	unsigned ms;
	const char *prints;
};

static void run_sub(struct stage *s, const struct sub *t)
{
	auto_free char *test = xasprintf("%s.%s", s->test, t->name);
	append(s->w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", test, "attempt", 1, "stage", s->name));
	uint64_t marker = s->now_us;
	uint64_t from = s->log_bytes;
	ok(recording_mark(s->cast, marker, t->name, &trouble));
	auto_free char *head = xasprintf("\x1b[1;36m== %s\x1b[0m\r\n", t->name);
	shows(s, 20, head);
	if (t->prints)
		shows(s, t->ms / 2, t->prints);
	const char *color = strcmp(t->status, "PASS") == 0   ? "32"
			    : strcmp(t->status, "FAIL") == 0 ? "31"
							     : "33";
	auto_free char *tail = xasprintf("\x1b[%sm%s\x1b[0m %s\r\n", color, t->status, t->name);
	shows(s, t->ms - t->ms / 2, tail);
	append(s->w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "test", test, "attempt",
			1, "status", t->status, "reason", t->reason ? t->reason : "", "duration_us",
			(json_int_t)(s->now_us - marker), "marker_us", (json_int_t)marker,
			"log_from", (json_int_t)from, "log_to", (json_int_t)s->log_bytes,
			"kernel_log", t->kernel ? json_pack("[s]", t->kernel) : json_array()));
}

static void end(struct stage *s, const char *status, const char *reason)
{
	bool boot = strcmp(s->test, "boot") == 0;
	ok(recording_close(&s->cast, &trouble));
	close(s->log);
	ok(run_artifact_file(s->w, s->test, 1, boot ? "console.cast" : "terminal.cast", "cast",
		s->cast_path, false, &trouble));
	ok(run_artifact_file(s->w, s->test, 1, boot ? "console.log" : "terminal.log",
		boot ? "console" : "log", s->log_path, false, &trouble));
	append(s->w, "attempt_end",
		json_pack("{s:s, s:i, s:s, s:s, s:I}", "test", s->test, "attempt", 1, "status",
			status, "reason", reason, "duration_us", (json_int_t)s->now_us));
	unlink(s->cast_path);
	unlink(s->log_path);
	free(s->test);
	free(s->cast_path);
	free(s->log_path);
}

static void text_artifact(struct run_writer *w, const char *test, const char *name,
	const char *kind, const char *text)
{
	ok(run_artifact_begin(w, test, 1, name, kind, &trouble));
	ok(run_artifact_add(w, text, strlen(text), &trouble));
	ok(run_artifact_end(w, false, &trouble));
}

static struct run_writer *create(const char *state, const char *profile)
{
	struct run_writer *w = NULL;
	json_t *first = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:i, s:I}}", "command",
		"fsqa run btrfs/demo --kernel 6.1.0-49-cloud-amd64 -c vm.memory=2G", "host",
		"build-7", "fsqa", "0.1.0", "kernel", "6.1.0-49-cloud-amd64", "kernel_source",
		"Debian linux-image-6.1.0-49-cloud-amd64 6.1.192-2", "image",
		"Debian bookworm, 143 packages", "accel", "tcg", "environment", "accel_reason",
		"/dev/kvm opens, but a guest did not start in 5 s", "qemu", "7.2.19", "host_kernel",
		"6.8.12", "cpus", 2, "memory_bytes", (json_int_t)2 << 30);
	ok(run_create(state, profile, first, &w, &trouble));
	json_decref(first);
	append(w, "plan",
		json_pack("{s:[sssss]}", "tests", "boot", "script.001_kernel",
			"script.002_btrfsprogs", "script.003_fsops", "script.004_raid5_scrub"));
	append(w, "target",
		json_pack("{s:s, s:i, s:s}", "release", "6.1.0-49-cloud-amd64", "boot_us", 2300000,
			"accel", "tcg"));
	return w;
}

static void boot(struct run_writer *w)
{
	struct stage s;
	begin(&s, w, "boot", "boot");
	shows(&s, 400,
		"[    0.000000] Linux version 6.1.0-49-cloud-amd64 "
		"(debian-kernel@lists.debian.org)\r\n"
		"[    0.000000] Command line: console=ttyS0 panic=-1\r\n");
	shows(&s, 900,
		"[    0.614120] virtio_blk virtio3: [vda] 393216 512-byte logical blocks\r\n"
		"[    0.802257] erofs: (device vda): mounted with root inode @ nid 36.\r\n");
	shows(&s, 1000, "[    1.911203] fsqa-guest: serving\r\n");
	end(&s, "PASS", "");
	text_artifact(w, "boot", "kernel.log", "kernel",
		"[    0.000000] Linux version 6.1.0-49-cloud-amd64\n"
		"[    0.614120] virtio_blk virtio3: [vda] 393216 512-byte logical blocks\n"
		"[   48.202117] BTRFS info (device vdb): using crc32c (crc32c-generic) checksum "
		"algorithm\n"
		"[   63.071992] WARNING: CPU: 1 PID: 1187 at fs/btrfs/qgroup.c:2742\n");
}

static void kernel_stage(struct run_writer *w)
{
	struct stage s;
	begin(&s, w, "001_kernel", "script.001_kernel");
	shows(&s, 100, "+ uname -r\r\n6.1.0-49-cloud-amd64\r\n");
	static const struct sub subs[] = {
		{ "release", "PASS", NULL, NULL, 200, NULL },
		{ "btrfs-loads", "PASS", NULL, NULL, 900, "btrfs  1728512  0\r\n" },
	};
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		run_sub(&s, &subs[i]);
	end(&s, "PASS", "");
}

static void progs_stage(struct run_writer *w)
{
	struct stage s;
	begin(&s, w, "002_btrfsprogs", "script.002_btrfsprogs");
	static const struct sub subs[] = {
		{ "mkfs.single", "PASS", NULL, NULL, 700,
			"btrfs-progs v6.2\r\nLabel:              (null)\r\nNode size:          "
			"16384\r\n" },
		{ "mkfs.raid1", "PASS", NULL, NULL, 800, NULL },
		{ "mkfs.raid10", "PASS", NULL, NULL, 1100, NULL },
		{ "check.clean", "PASS", NULL, NULL, 900, "no error found\r\n" },
		{ "inspect.dump-tree", "PASS", NULL, NULL, 500, NULL },
		{ "send-receive", "PASS", NULL, NULL, 2100, "At subvol /mnt/snap\r\n" },
		{ "convert.ext4", "SKIP", "btrfs-convert is not in this build of btrfs-progs", NULL,
			60, NULL },
		{ "damaged.superblock", "PASS", NULL, NULL, 1300, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		run_sub(&s, &subs[i]);
	end(&s, "PASS", "");
}

#define KERNEL_WARNING                                                                             \
	"WARNING: CPU: 1 PID: 1187 at fs/btrfs/qgroup.c:2742 "                                     \
	"btrfs_qgroup_account_extents+0x1f5/0x240 [btrfs]"

static void fsops_stage(struct run_writer *w, bool fails)
{
	struct stage s;
	begin(&s, w, "003_fsops", "script.003_fsops");
	const struct sub subs[] = {
		{ "create", "PASS", NULL, NULL, 400, "1000 files in 0.21 s\r\n" },
		{ "xattr", "PASS", NULL, NULL, 300, NULL },
		{ "acl", "PASS", NULL, NULL, 350, NULL },
		{ "quota", fails ? "FAIL" : "PASS",
			fails ? "kernel warning during the test: btrfs_qgroup_account_extents"
			      : NULL,
			fails ? KERNEL_WARNING : NULL, 1900,
			"+ btrfs quota enable /mnt\r\n+ btrfs qgroup limit 10M /mnt/sub\r\n"
			"writing \x1b[33m 40%\x1b[0m\rwriting \x1b[33m100%\x1b[0m\r\n"
			"qgroupid         rfer         excl\r\n"
			"0/5          16.00KiB     16.00KiB\r\n"
			"0/256        10.00MiB     10.00MiB\r\n" },
		{ "snapshot", "PASS", NULL, NULL, 600, NULL },
		{ "reflink", "PASS", NULL, NULL, 450, NULL },
		{ "compression.zstd", "PASS", NULL, NULL, 1500,
			"Processed 64 files, 62 regular extents.\r\nzstd        31%      "
			"4.2M\r\n" },
		{ "checksum", fails ? "ERROR" : "PASS",
			fails ? "fsqa-test: dd: command not found (exit code 127)" : NULL, NULL,
			500, fails ? "./003_fsops: line 88: dd: command not found\r\n" : NULL },
		{ "device.add", "PASS", NULL, NULL, 1200, NULL },
		{ "device.replace", "PASS", NULL, NULL, 2500, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		run_sub(&s, &subs[i]);
	end(&s, fails ? "FAIL" : "PASS", fails ? "1 test failed, 1 broken" : "");
	text_artifact(w, "script.003_fsops", "logs/fsops.trace", "log", "open /mnt/a = 3\n");
	text_artifact(w, "script.003_fsops", "logs/qgroup-show.txt", "log", "0/5 16384 16384\n");
}

static void raid_stage(struct run_writer *w, bool skipped)
{
	if (skipped) {
		append(w, "attempt_start",
			json_pack("{s:s, s:i, s:s}", "test", "script.004_raid5_scrub", "attempt", 1,
				"stage", "004_raid5_scrub"));
		append(w, "attempt_end",
			json_pack("{s:s, s:i, s:s, s:s, s:i}", "test", "script.004_raid5_scrub",
				"attempt", 1, "status", "SKIP", "reason", "003_fsops did not pass",
				"duration_us", 0));
		return;
	}
	struct stage s;
	begin(&s, w, "004_raid5_scrub", "script.004_raid5_scrub");
	static const struct sub subs[] = {
		{ "scrub.repairs", "PASS", NULL, NULL, 4000,
			"csum=512 verify=0 corrected=512\r\n" },
		{ "content", "PASS", NULL, NULL, 800, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		run_sub(&s, &subs[i]);
	end(&s, "PASS", "");
}

static char *finish(struct run_writer *w, const char *state, const char *status)
{
	auto_free char *id = xstrdup(run_writer_id(w));
	if (status)
		append(w, "run_end", json_pack("{s:s}", "status", status));
	ok(run_writer_close(&w, &trouble));
	char *path = NULL;
	ok(site_write_run(state, id, &path, &trouble));
	return path;
}

static char *whole_run(const char *state, bool fails)
{
	struct run_writer *w = create(state, "btrfs/demo");
	boot(w);
	kernel_stage(w);
	progs_stage(w);
	fsops_stage(w, fails);
	raid_stage(w, fails);
	if (fails)
		append(w, "note",
			json_pack("{s:s, s:s}", "level", "warning", "text",
				"stage 003_fsops has no timeout; the default, 30m, is taken"));
	return finish(w, state, fails ? "FAIL" : "PASS");
}

/* Names and texts that would break a page which does not escape them. */
static void hostile_run(const char *state)
{
	static const char evil[] = "<script>alert(\"x\")</script>&'\n\x1b]0;t\a\x7f";
	struct run_writer *w = create(state, evil);
	struct stage s;
	auto_free char *test = xasprintf("script.%s", evil);
	begin(&s, w, evil, test);
	const struct sub t = { evil, "FAIL", evil, evil, 100, evil };
	run_sub(&s, &t);
	auto_buf struct buf junk = { 0 };
	for (int i = 0; i < 600; i++)
		buf_addc(&junk, (char)(i * 37 % 255 + 1));
	shows(&s, 10, buf_str(&junk));
	end(&s, "FAIL", evil);
	for (int i = 0; i < 130; i++) {
		auto_free char *name = xasprintf("logs/../%d <b>/\n.html", i);
		text_artifact(w, test, name, "log", "<h1>not a page</h1>\n");
	}
	append(w, "note", json_pack("{s:s, s:s}", "level", evil, "text", evil));
	free(finish(w, state, "FAIL"));
}

static void interrupted_run(const char *state)
{
	struct run_writer *w = create(state, "btrfs/demo");
	boot(w);
	kernel_stage(w);
	append(w, "attempt_start",
		json_pack("{s:s, s:i, s:s}", "test", "script.002_btrfsprogs", "attempt", 1, "stage",
			"002_btrfsprogs"));
	free(finish(w, state, NULL));
}

/* One letter of a journal's line is turned; the page stays, and says so. */
static void damaged_run(const char *state)
{
	struct run_writer *w = create(state, "xfs/smoke");
	auto_free char *id = xstrdup(run_writer_id(w));
	auto_free char *journal = xasprintf("%s/journal", run_writer_dir(w));
	boot(w);
	kernel_stage(w);
	append(w, "run_end", json_pack("{s:s}", "status", "PASS"));
	ok(run_writer_close(&w, &trouble));
	auto_buf struct buf text = { 0 };
	ok(file_read(journal, 1u << 20, &text, &trouble));
	char *at = strstr(text.s, "btrfs-loads");
	if (!at)
		abort();
	*at = 'B';
	ok(file_replace(journal, text.s, text.len, 0644, &trouble));
	ok(site_write_run(state, id, NULL, &trouble));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fixture STATE\n");
		return 2;
	}
	const char *state = argv[1];
	for (int i = 0; i < 8; i++)
		free(whole_run(state, i == 3));
	hostile_run(state);
	interrupted_run(state);
	damaged_run(state);
	auto_free char *path = whole_run(state, true);
	puts(path);
	return 0;
}
