/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "target/snapshot.h"
#include "target/target.h"
#include "wire/agent.h"
#include <errno.h>

static void test_two_identities_share_nothing_but_the_name(void **unused)
{
	struct agent_wake a;
	struct agent_wake b;
	assert_int_equal(snapshot_identity("vm", &a, NULL), 0);
	assert_int_equal(snapshot_identity("vm", &b, NULL), 0);
	assert_memory_not_equal(a.seed, b.seed, sizeof a.seed);
	assert_string_not_equal(a.machine_id, b.machine_id);
	assert_string_not_equal(a.boot_id, b.boot_id);
	assert_string_equal(a.hostname, "vm");
	assert_int_equal(strlen(a.machine_id), 32);
	assert_int_equal(strspn(a.machine_id, "0123456789abcdef"), 32);
	/* A random UUID of version 4, variant 1. */
	assert_int_equal(strlen(a.boot_id), 36);
	assert_int_equal(a.boot_id[14], '4');
	assert_non_null(strchr("89ab", a.boot_id[19]));
	assert_true(a.wall_us > 0 && a.wall_us <= clock_wall_us());
}

/* What the monitor said last to its owner. */
static struct err told;
static int times;

static void on_done(void *ctx, const struct err *why)
{
	told = *why;
	times++;
}

static void event(struct snapshot *s, const char *name, const char *status, bool ours)
{
	auto_json json_t *data = json_pack("{s:s}", "status", status);
	assert_int_equal(snapshot_event(s, name, data), ours);
}

static void test_only_the_event_of_the_end_ends_it_and_once(void **unused)
{
	struct snapshot s = { .qmp = (struct qmp *)&s, .on_done = on_done };
	times = 0;
	event(&s, "STOP", "", true);
	event(&s, "MIGRATION", "active", true);
	event(&s, "SHUTDOWN", "completed", false);
	assert_int_equal(times, 0);
	event(&s, "MIGRATION", "completed", true);
	assert_int_equal(times, 1);
	assert_int_equal(told.code, 0);
	event(&s, "MIGRATION", "completed", false);
	event(&s, "STOP", "", false);
	assert_int_equal(times, 1);
	struct snapshot none = { 0 };
	event(&none, "STOP", "", false);
}

static void test_only_disks_of_another_size_are_resized(void **unused)
{
	static const struct target_disk disks[] = {
		{ .serial = "a", .size_bytes = 1 << 20 },
		{ .serial = "b", .size_bytes = 1 << 20, .saved_bytes = 1 << 20 },
		{ .serial = "c", .size_bytes = 1 << 20, .saved_bytes = 1 << 21 },
	};
	struct target_spec spec = { .disks = disks, .n_disks = 3, .clone_of = "/x" };
	auto_json json_t *some = snapshot_resizes(&spec);
	auto_free char *text = json_line(some);
	assert_string_equal(text, "[{\"node-name\":\"disk-c\",\"size\":1048576}]");
	spec.clone_of = NULL;
	auto_json json_t *none = snapshot_resizes(&spec);
	assert_int_equal(json_array_size(none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_identities_share_nothing_but_the_name),
		cmocka_unit_test(test_only_the_event_of_the_end_ends_it_and_once),
		cmocka_unit_test(test_only_disks_of_another_size_are_resized),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
