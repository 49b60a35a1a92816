/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "target/accel.h"
#include <errno.h>
#include <sys/stat.h>

/* A QEMU of our own making: a script that writes down each start. Its guest ends as `guest` says:
 * shell words, run in place of it. */
struct fixture {
	char *dir, *qemu, *starts, *cache;
	struct accel_query query;
};

static void write_qemu(struct fixture *f, const char *version, const char *guest)
{
	auto_free char *text =
		xasprintf("#!/bin/sh\necho start >> '%s'\ncase \"$*\" in\n*--version*) %s;;\n"
			  "*) %s;;\nesac\n",
			f->starts, version, guest);
	assert_int_equal(file_replace(f->qemu, text, strlen(text), 0755, NULL), 0);
}

#define VERSION(v) "echo 'QEMU emulator version " v "'; echo 'Copyright (c)'"

static void setup(struct fixture *f, const char *guest)
{
	f->dir = test_folder();
	f->qemu = path_join(f->dir, "qemu");
	f->starts = path_join(f->dir, "starts");
	f->cache = path_join(f->dir, "state/accel.json");
	f->query =
		(struct accel_query){ .qemu = f->qemu, .want = "auto", .kvm_device = "/dev/null" };
	f->query.state_dir = path_join(f->dir, "state");
	f->query.deadline_us = 30000000; /* this host may be busy */
	write_qemu(f, VERSION("7.2.22 (Debian)"), guest);
}

static void teardown(struct fixture *f)
{
	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free((char *)f->query.state_dir);
	free(f->cache);
	free(f->starts);
	free(f->qemu);
	free(f->dir);
}

/* How often QEMU was started since the last call. */
static int starts(struct fixture *f)
{
	struct stat st;
	if (stat(f->starts, &st) < 0)
		return 0;
	assert_int_equal(unlink(f->starts), 0);
	return (int)(st.st_size / 6);
}

static void finds(struct fixture *f, const char *name, const char *reason, bool cached)
{
	struct accel a;
	struct err e = { 0 };
	if (accel_probe(&f->query, &a, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(a.name, name);
	assert_string_equal(a.reason, reason);
	assert_string_equal(a.version, "7.2.22 (Debian)");
	assert_int_equal(a.cached, cached);
}

static void test_guest_that_runs_means_kvm_and_is_remembered(void **unused)
{
	struct fixture f;
	setup(&f, "exit 33");
	finds(&f, "kvm", "", false);
	assert_int_equal(starts(&f), 2);
	finds(&f, "kvm", "", true);
	assert_int_equal(starts(&f), 0);
	f.query.want = "kvm";
	finds(&f, "kvm", "", true);
	teardown(&f);
}

static void test_guest_that_hangs_means_tcg(void **unused)
{
	struct fixture f;
	struct accel a;
	struct err e = { 0 };
	setup(&f, "sleep 100");
	f.query.deadline_us = 0;
	finds(&f, "tcg", "/dev/null opens, but a guest did not run within 2 s", false);
	finds(&f, "tcg", "/dev/null opens, but a guest did not run within 2 s", true);
	f.query.want = "kvm";
	assert_int_equal(accel_probe(&f.query, &a, &e), -ENOTSUP);
	assert_string_equal(e.msg, "vm.accel = kvm, but /dev/null opens, but a guest did not run "
				   "within 2 s; auto or tcg works without");
	teardown(&f);
}

static void test_qemu_that_cannot_means_tcg_with_its_words(void **unused)
{
	struct fixture f;
	setup(&f, "echo one; echo 'failed to initialize kvm' >&2; exit 1");
	finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: failed to initialize kvm",
		false);
	write_qemu(&f, VERSION("7.2.22 (Debian)"), "exit 0");
	finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: exit code 0", false);
	write_qemu(&f, VERSION("7.2.22 (Debian)"), "yes | head -c 1000000; exit 33");
	finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: y", false);
	teardown(&f);
}

static void test_no_device_is_told_without_a_start_and_not_remembered(void **unused)
{
	struct fixture f;
	setup(&f, "exit 33");
	auto_free char *device = path_join(f.dir, "kvm");
	auto_free char *why = xasprintf("no %s: the processor, the firmware's settings or the "
					"host's kernel have no virtualization",
		device);
	f.query.kvm_device = device;
	struct accel a;
	assert_int_equal(accel_probe(&f.query, &a, NULL), 0);
	assert_string_equal(a.name, "tcg");
	assert_int_equal(strncmp(a.reason, why, sizeof a.reason - 1), 0);
	assert_int_equal(starts(&f), 1);
	/* The people mended it. */
	assert_int_equal(symlink("/dev/null", device), 0);
	assert_int_equal(accel_probe(&f.query, &a, NULL), 0);
	assert_string_equal(a.name, "kvm");
	assert_int_equal(starts(&f), 1);
	teardown(&f);
}

static void test_tcg_that_was_asked_for_probes_nothing(void **unused)
{
	struct fixture f;
	setup(&f, "exit 33");
	f.query.want = "tcg";
	finds(&f, "tcg", "tcg was asked for", false);
	assert_int_equal(starts(&f), 1);
	f.query.want = "auto";
	finds(&f, "kvm", "", false);
	assert_int_equal(starts(&f), 1);
	teardown(&f);
}

static void test_guest_of_another_architecture_is_emulated(void **unused)
{
	struct fixture f;
	struct accel a;
	setup(&f, "exit 33");
#ifdef __aarch64__
	f.query.arch = "x86_64";
#else
	f.query.arch = "aarch64";
#endif
	assert_int_equal(accel_probe(&f.query, &a, NULL), 0);
	assert_string_equal(a.name, "tcg");
	assert_non_null(strstr(a.reason, "another architecture"));
#ifdef __x86_64__
	f.query.arch = "i386"; /* the host's processors run it */
	assert_int_equal(accel_probe(&f.query, &a, NULL), 0);
	assert_string_equal(a.name, "kvm");
#endif
	teardown(&f);
}

static void test_another_qemu_another_boot_or_a_spoilt_memory_is_probed_again(void **unused)
{
	static const char *const spoilt[] = { "", "{", "[]", "{\"key\": 1}", "\xff\xff",
		"{\"kvm\": 3}" };
	struct fixture f;
	setup(&f, "exit 33");
	finds(&f, "kvm", "", false);
	(void)starts(&f);
	for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
		assert_int_equal(
			file_replace(f.cache, spoilt[i], strlen(spoilt[i]), 0644, NULL), 0);
		finds(&f, "kvm", "", false);
		assert_int_equal(starts(&f), 2);
	}
	auto_json json_t *j = NULL;
	assert_int_equal(json_read_object(f.cache, &j, NULL), 0);
	json_object_set_new(json_object_get(j, "key"), "boot_id", json_string("another"));
	auto_free char *text = json_line(j);
	assert_int_equal(file_replace(f.cache, text, strlen(text), 0644, NULL), 0);
	finds(&f, "kvm", "", false);
	write_qemu(&f, VERSION("7.2.22 (Debian)"), "exit 1");
	finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: exit code 1", false);
	teardown(&f);
}

static void test_a_no_is_not_believed_for_ever(void **unused)
{
	struct fixture f;
	setup(&f, "exit 1");
	finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: exit code 1", false);
	auto_json json_t *j = NULL;
	assert_int_equal(json_read_object(f.cache, &j, NULL), 0);
	int64_t then = json_i64_or(j, "kvm_time", 0);
	const int64_t times[] = { then - 2 * 86400, then + 86400 };
	for (size_t i = 0; i < 2; i++) {
		json_object_set_new(j, "kvm_time", json_integer(times[i]));
		auto_free char *text = json_line(j);
		assert_int_equal(file_replace(f.cache, text, strlen(text), 0644, NULL), 0);
		(void)starts(&f);
		finds(&f, "tcg", "/dev/null opens, but QEMU cannot use it: exit code 1", false);
		assert_int_equal(starts(&f), 1);
	}
	teardown(&f);
}

static void test_a_kvm_that_broke_later_is_not_trusted_again(void **unused)
{
	struct fixture f;
	setup(&f, "exit 33");
	finds(&f, "kvm", "", false);
	accel_broke(&f.query, "KVM internal error. Suberror: 1");
	finds(&f, "tcg", "KVM internal error. Suberror: 1", true);
	assert_int_equal(unlink(f.cache), 0);
	accel_broke(&f.query, "before anything was known");
	finds(&f, "tcg", "before anything was known", true);
	teardown(&f);
}

static void test_qemu_missing_too_old_or_none_is_an_error_that_says_what_to_do(void **unused)
{
	struct fixture f;
	struct accel a = { .name = "x" };
	struct err e = { 0 };
	setup(&f, "exit 33");
	write_qemu(&f, VERSION("6.1.0"), "exit 33");
	assert_int_equal(accel_probe(&f.query, &a, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "is version 6.1, at least 6.2 is needed"));
	write_qemu(&f, "echo hello", "exit 33");
	assert_int_equal(accel_probe(&f.query, &a, &e), -EIO);
	assert_non_null(strstr(e.msg, "does not tell its version: is it QEMU?"));
	write_qemu(&f, "echo 'cannot open shared object file' >&2; exit 127", "exit 33");
	assert_int_equal(accel_probe(&f.query, &a, &e), -EIO);
	assert_non_null(strstr(e.msg, "cannot open shared object file"));
	f.query.qemu = "fsqa-no-such-qemu";
	f.query.arch = "x86_64";
	assert_int_equal(accel_probe(&f.query, &a, &e), -ENOENT);
	assert_string_equal(e.msg, "fsqa-no-such-qemu is not installed: sudo apt-get install "
				   "qemu-system-x86");
	f.query.want = "fast";
	assert_int_equal(accel_probe(&f.query, &a, &e), -EINVAL);
	assert_string_equal(a.name, "x");
	teardown(&f);
}

static void test_a_state_folder_that_cannot_be_written_only_forgets(void **unused)
{
	struct fixture f;
	setup(&f, "exit 33");
	free((char *)f.query.state_dir);
	f.query.state_dir = xstrdup("/proc/fsqa");
	finds(&f, "kvm", "", false);
	finds(&f, "kvm", "", false);
	assert_int_equal(starts(&f), 4);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest_that_runs_means_kvm_and_is_remembered),
		cmocka_unit_test(test_guest_that_hangs_means_tcg),
		cmocka_unit_test(test_qemu_that_cannot_means_tcg_with_its_words),
		cmocka_unit_test(test_no_device_is_told_without_a_start_and_not_remembered),
		cmocka_unit_test(test_a_kvm_that_broke_later_is_not_trusted_again),
		cmocka_unit_test(test_tcg_that_was_asked_for_probes_nothing),
		cmocka_unit_test(test_guest_of_another_architecture_is_emulated),
		cmocka_unit_test(test_another_qemu_another_boot_or_a_spoilt_memory_is_probed_again),
		cmocka_unit_test(test_a_no_is_not_believed_for_ever),
		cmocka_unit_test(
			test_qemu_missing_too_old_or_none_is_an_error_that_says_what_to_do),
		cmocka_unit_test(test_a_state_folder_that_cannot_be_written_only_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
