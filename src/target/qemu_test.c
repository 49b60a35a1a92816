/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole target against a QEMU of our own making (qemu_fake.c); real guests are booted by the
 * tests of the command line. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "target/qemu_fake.h"
#include "target/target.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char self[4096]; /* this program */

static const struct target_disk disks[] = {
	{ "SCRATCH1", "xvdb", 10ULL << 30 },
	{ "SCRATCH2", NULL, 1ULL << 20 },
};

struct fixture {
	uv_loop_t loop;
	struct target *target;
	struct target_spec spec;
	char *dir, *append;
	struct buf console;
	int sessions, hellos, ends;
	enum target_end end;
	char *detail;
	bool free_in_end;
	/* To do in on_session: */
	bool kill, hang;
	int helds;
	uint64_t shutdown_us;
};

static void on_console(void *ctx, const void *data, size_t n)
{
	struct fixture *f = ctx;
	assert_int_equal(f->ends, 0);
	buf_add(&f->console, data, n);
}

static void on_session(void *ctx, struct session *s)
{
	struct fixture *f = ctx;
	assert_non_null(s);
	f->sessions++;
	if (f->kill)
		target_kill(f->target);
	else if (f->hang)
		target_hang(f->target, "stuck");
	else if (f->shutdown_us)
		target_shutdown(f->target, f->shutdown_us);
}

static void on_end(void *ctx, enum target_end end, const char *detail)
{
	struct fixture *f = ctx;
	f->ends++;
	f->end = end;
	f->detail = xstrdup(detail);
	if (f->free_in_end) {
		target_free(f->target);
		f->target = NULL;
	}
}

static void on_hello(void *ctx, const json_t *hello)
{
	struct fixture *f = ctx;
	assert_int_equal(f->sessions, 1);
	assert_string_equal(json_string_value(json_object_get(hello, "release")), "6.1");
	f->hellos++;
}

static void on_held(void *ctx, enum target_end end, const char *detail)
{
	struct fixture *f = ctx;
	assert_int_equal(f->ends, 0);
	f->helds++;
	f->end = end;
	f->detail = xstrdup(detail);
	uv_stop(&f->loop);
}

static const struct target_handler handler = { on_console, on_session, on_end, on_held };
static const struct session_handler session_handler = { .on_hello = on_hello };

static void setup(struct fixture *f, const char *behaviour)
{
	*f = (struct fixture){ .free_in_end = true };
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->dir = test_folder();
	f->append = xasprintf("fake=%s", behaviour);
	f->spec = (struct target_spec){
		.arch = "x86_64",
		.accel = "tcg",
		.qemu = self,
		.kernel = "/k/vmlinux",
		.root = "/i/root.erofs",
		.root_fstype = "erofs",
		.append = f->append,
		.work_dir = f->dir,
		.hostname = "vm",
		.disks = disks,
		.n_disks = 2,
		.memory_bytes = 64 << 20,
		.state_bytes = 64 << 20,
		.cpus = 1,
		.boot_deadline_us = 20000000,
	};
}

static void teardown(struct fixture *f)
{
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	buf_clear(&f->console);
	free(f->detail);
	free(f->append);
	free(f->dir);
}

static void start(struct fixture *f)
{
	struct err e = { 0 };
	if (target_open(&f->loop, &f->spec, &handler, &session_handler, f, &f->target, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Run to the end, which must be this one. */
static void ends(struct fixture *f, enum target_end end, const char *detail)
{
	start(f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->ends, 1);
	assert_string_equal(f->detail, detail);
	assert_string_equal(target_end_name(f->end), target_end_name(end));
}

#define LAST_WORDS "the guest powered off; last on the console: " QEMU_FAKE_LAST

static void test_poweroff_with_the_console_to_its_last_byte(void **unused)
{
	struct fixture f;
	setup(&f, "poweroff");
	ends(&f, TARGET_POWEROFF, LAST_WORDS);
	assert_int_equal(f.console.len, 9 + QEMU_FAKE_CONSOLE + sizeof QEMU_FAKE_LAST - 1);
	assert_string_equal(f.console.s + 9 + QEMU_FAKE_CONSOLE, QEMU_FAKE_LAST);
	assert_int_equal(f.sessions, 0);
	teardown(&f);
}

static void test_ends_are_told_apart(void **unused)
{
	static const struct {
		const char *behaviour;
		enum target_end end;
		const char *detail;
	} cases[] = {
		{ "reset", TARGET_REBOOT, "the guest reset itself; last on the console: booting" },
		{ "panic", TARGET_PANIC, "Kernel panic - not syncing: oh no" },
		{ "panic-device", TARGET_PANIC, "the guest's kernel panicked, unprinted" },
		{ "refuse", TARGET_QEMU_ERROR,
			"QEMU does not start: exit code 1: qemu: -device x: no such device" },
		{ "crash", TARGET_DIED,
			"QEMU crashed: killed by signal 6 (Aborted): qemu: assertion failed" },
		{ "killed", TARGET_QEMU_KILLED,
			"QEMU was ended from outside: killed by signal 9 (Killed)" },
		{ "signal", TARGET_QEMU_KILLED, "QEMU was ended by a signal from outside" },
		{ "garbage", TARGET_DIED,
			"QMP line is no JSON object (line 1, column 4: '[' or '{' expected near "
			"'HTTP')" },
		{ "broken-disk", TARGET_DIED,
			"the host cannot read disk SCRATCH1: Input/output error" },
		{ "stop", TARGET_DIED,
			"QEMU stopped the guest: internal-error: KVM internal error. Suberror: 1" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		setup(&f, cases[i].behaviour);
		ends(&f, cases[i].end, cases[i].detail);
		teardown(&f);
	}
}

static void test_one_that_hangs_or_panicked_is_held_until_it_is_killed(void **unused)
{
	static const struct {
		const char *behaviour;
		enum target_end end;
		const char *detail;
	} cases[] = {
		{ "stays-panic", TARGET_PANIC, "Kernel panic - not syncing: oh no" },
		{ "hello-hung-deaf", TARGET_HUNG,
			"stuck; the kernel does not answer SysRq either" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		setup(&f, cases[i].behaviour);
		f.hang = f.spec.hold = true;
		start(&f);
		uv_run(&f.loop, UV_RUN_DEFAULT);
		assert_int_equal(f.helds, 1);
		assert_string_equal(target_end_name(f.end), target_end_name(cases[i].end));
		assert_string_equal(f.detail, cases[i].detail);
		free(f.detail);
		target_kill(f.target);
		uv_run(&f.loop, UV_RUN_DEFAULT);
		assert_int_equal(f.helds, 1);
		assert_int_equal(f.ends, 1);
		teardown(&f);
	}
	struct fixture f;
	setup(&f, "stays-reset");
	f.spec.hold = true;
	ends(&f, TARGET_REBOOT, "the guest reset itself; last on the console: booting");
	assert_int_equal(f.helds, 0);
	teardown(&f);
}

static void test_kvm_that_gives_up_is_told_from_a_qemu_that_does(void **unused)
{
	struct fixture f;
	setup(&f, "stop");
	f.spec.accel = "kvm";
	ends(&f, TARGET_NO_ACCEL,
		"QEMU stopped the guest: internal-error: KVM internal error. Suberror: 1");
	teardown(&f);
}

static void test_host_without_room_is_not_the_guests_fault(void **unused)
{
	struct fixture f;
	setup(&f, "full");
	auto_free char *detail =
		xasprintf("no room left on the host for disk SCRATCH1, in %s", f.dir);
	ends(&f, TARGET_HOST_FULL, detail);
	teardown(&f);
}

static void test_guest_that_never_comes_up_is_ended(void **unused)
{
	static const struct {
		const char *behaviour, *detail;
		uint64_t deadline_us;
	} cases[] = {
		{ "never",
			"no agent after 4.00s (state: booting); no task dump: QEMU does "
			"not answer; last on the console: booting",
			4000000 /* in which a busy host has started it */ },
		{ "mute", "no agent after 0.50s (state: preparing)", 500000 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		setup(&f, cases[i].behaviour);
		f.spec.boot_deadline_us = cases[i].deadline_us;
		ends(&f, TARGET_NEVER_UP, cases[i].detail);
		teardown(&f);
	}
}

static void test_a_guest_that_hangs_is_looked_at_before_it_is_ended(void **unused)
{
	struct fixture f;
	setup(&f, "hello-hung");
	auto_free char *core = path_join(f.dir, "core");
	f.hang = true;
	f.spec.core = core;
	f.spec.core_max_bytes = 1 << 20;
	ends(&f, TARGET_HUNG, "stuck");
	assert_string_equal(buf_str(&f.console), "booting\r\nHELP : show-all-locks(d) sync(s)<h>\n"
						 "<8>\n<w>\n<l>\n<m>\n<d>\n<t>\n");
	auto_buf struct buf b = { 0 };
	assert_int_equal(file_read(core, 100, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "core");
	teardown(&f);
}

static void test_what_a_hung_guest_does_not_give_is_told(void **unused)
{
	static const struct {
		const char *behaviour, *detail;
	} cases[] = {
		{ "hello-hung-deaf", "stuck; the kernel does not answer SysRq either" },
		{ "hello-stubborn", "stuck; no task dump: QEMU does not answer" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		setup(&f, cases[i].behaviour);
		f.hang = true;
		ends(&f, TARGET_HUNG, cases[i].detail);
		teardown(&f);
	}
}

static void test_shutdown_is_asked_of_the_agent_and_waited_for(void **unused)
{
	struct fixture f;
	setup(&f, "hello");
	f.shutdown_us = 20000000;
	ends(&f, TARGET_POWEROFF, "the guest powered off");
	assert_int_equal(f.sessions, 1);
	assert_int_equal(f.hellos, 1);
	teardown(&f);
}

static void test_shutdown_that_is_not_heeded_ends_in_a_kill(void **unused)
{
	struct fixture f;
	setup(&f, "hello-stubborn");
	f.shutdown_us = 200000;
	ends(&f, TARGET_KILLED, "killed: did not power off in 0.20s");
	teardown(&f);
}

static void test_kill_ends_it_now(void **unused)
{
	struct fixture f;
	setup(&f, "hello-stubborn");
	f.kill = true;
	f.free_in_end = false;
	uint64_t then = clock_mono_us();
	ends(&f, TARGET_KILLED, "killed");
	assert_true(clock_mono_us() - then < 8000000);
	target_kill(f.target);
	target_shutdown(f.target, 1);
	target_free(f.target);
	teardown(&f);
}

static void test_agent_that_breaks_the_protocol_is_ended(void **unused)
{
	static const char *const behaviours[] = { "lie", "hello-lie" };
	for (size_t i = 0; i < ARRAY_LEN(behaviours); i++) {
		struct fixture f;
		setup(&f, behaviours[i]);
		ends(&f, TARGET_LIED,
			"the agent broke the protocol: the other end sent what is no frame");
		assert_int_equal(f.sessions, (int)i);
		teardown(&f);
	}
}

static void test_disks_are_there_sparse_and_the_state_disk_formatted(void **unused)
{
	struct fixture f;
	struct stat st;
	uint8_t magic[2] = { 0 };
	setup(&f, "poweroff");
	ends(&f, TARGET_POWEROFF, LAST_WORDS);
	auto_free char *scratch = path_join(f.dir, "SCRATCH1.img");
	auto_free char *state = path_join(f.dir, "fsqa-state.img");
	assert_int_equal(stat(scratch, &st), 0);
	assert_int_equal(st.st_size, 10ULL << 30);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	auto_close int fd = open(state, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 64 << 20);
	assert_true(st.st_blocks < 2048);
	assert_int_equal(pread(fd, magic, 2, 1024 + 56), 2);
	assert_true(magic[0] == 0x53 && magic[1] == 0xef);
	teardown(&f);
}

static void test_a_free_before_the_end_kills_in_silence(void **unused)
{
	struct fixture f;
	setup(&f, "never");
	start(&f);
	target_free(f.target);
	uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_int_equal(f.ends, 0);
	teardown(&f);
}

static void test_what_is_sure_to_fail_is_refused_before_anything_starts(void **unused)
{
	struct fixture f;
	struct err e = { 0 };
	const struct target_handler *h = &handler;
	setup(&f, "never");
	struct target_spec s = f.spec;
	s.memory_bytes = 1ULL << 50;
	assert_int_equal(target_open(&f.loop, &s, h, &session_handler, &f, &f.target, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "vm.memory is 1024.0 TiB, but this host has "));
	s = f.spec;
	s.work_dir = "/nonexistent/x";
	assert_int_equal(target_open(&f.loop, &s, h, &session_handler, &f, &f.target, &e), -ENOENT);
	s = f.spec;
	s.arch = "pdp11";
	assert_int_equal(
		target_open(&f.loop, &s, h, &session_handler, &f, &f.target, &e), -ENOTSUP);
	s = f.spec;
	s.qemu = "fsqa-no-such-qemu";
	assert_int_equal(target_open(&f.loop, &s, h, &session_handler, &f, &f.target, &e), -ENOENT);
	/* That made the disks: a second machine in the same folder would share them. */
	assert_int_equal(
		target_open(&f.loop, &f.spec, h, &session_handler, &f, &f.target, &e), -EEXIST);
	assert_null(f.target);
	assert_int_equal(f.ends, 0);
	teardown(&f);
}

static void test_command_can_be_shown_without_a_start(void **unused)
{
	struct fixture f;
	auto_free char *command = NULL;
	auto_free char *of_target = NULL;
	setup(&f, "poweroff");
	f.free_in_end = false;
	assert_int_equal(target_spec_command(&f.spec, &command, NULL), 0);
	assert_int_equal(strncmp(command, self, strlen(self)), 0);
	assert_non_null(strstr(command, "'console=ttyS0 panic=-1 quiet sysrq_always_enabled "));
	start(&f);
	of_target = target_command(f.target);
	assert_string_equal(of_target, command);
	uv_run(&f.loop, UV_RUN_DEFAULT);
	target_free(f.target);
	teardown(&f);
}

/* Last, for it leaves this process in a mount namespace of its own. */
static void test_full_disk_is_refused(void **unused)
{
	struct fixture f;
	struct err e = { 0 };
	setup(&f, "never");
	if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", f.dir, "tmpfs", 0, "size=16m") < 0)
		skip();
	assert_int_equal(
		target_open(&f.loop, &f.spec, &handler, &session_handler, &f, &f.target, &e),
		-ENOSPC);
	assert_non_null(strstr(e.msg, "has 16.0 MiB free, and at least 256.0 MiB is needed"));
	assert_int_equal(umount(f.dir), 0);
	teardown(&f);
}

int main(int argc, char **argv)
{
	if (qemu_fake_wanted(argc, argv))
		return qemu_fake_main(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poweroff_with_the_console_to_its_last_byte),
		cmocka_unit_test(test_ends_are_told_apart),
		cmocka_unit_test(test_one_that_hangs_or_panicked_is_held_until_it_is_killed),
		cmocka_unit_test(test_kvm_that_gives_up_is_told_from_a_qemu_that_does),
		cmocka_unit_test(test_host_without_room_is_not_the_guests_fault),
		cmocka_unit_test(test_guest_that_never_comes_up_is_ended),
		cmocka_unit_test(test_a_guest_that_hangs_is_looked_at_before_it_is_ended),
		cmocka_unit_test(test_what_a_hung_guest_does_not_give_is_told),
		cmocka_unit_test(test_shutdown_is_asked_of_the_agent_and_waited_for),
		cmocka_unit_test(test_shutdown_that_is_not_heeded_ends_in_a_kill),
		cmocka_unit_test(test_kill_ends_it_now),
		cmocka_unit_test(test_agent_that_breaks_the_protocol_is_ended),
		cmocka_unit_test(test_disks_are_there_sparse_and_the_state_disk_formatted),
		cmocka_unit_test(test_a_free_before_the_end_kills_in_silence),
		cmocka_unit_test(test_what_is_sure_to_fail_is_refused_before_anything_starts),
		cmocka_unit_test(test_command_can_be_shown_without_a_start),
		cmocka_unit_test(test_full_disk_is_refused),
	};
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
