/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "target/faults.h"
#include "target/qmp.h"
#include "target/target.h"
#include <errno.h>
#include <sys/socket.h>

static const struct target_disk disks[] = {
	{ .serial = "a", .size_bytes = 1 << 20 },
	{ .serial = "z", .size_bytes = 1 << 20, .zone_bytes = 1 << 20 },
};
static const struct target_spec spec = {
	.work_dir = "/w", .disks = disks, .n_disks = 2, .faults = true
};

/* QEMU's place is this test's; what is told is written down. */
struct fixture {
	uv_loop_t loop;
	struct qmp *qmp;
	struct faults *faults;
	int peer;
	int64_t id; /* of the command seen last */
	struct buf told;
};

static void on_ready(void *ctx, const char *version)
{
}

static void on_event(void *ctx, const char *name, const json_t *data)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "%s;", faults_event(f->faults, name, data) ? "ours" : "not ours");
}

static void on_closed(void *ctx, const struct err *why)
{
	struct fixture *f = ctx;
	faults_end(f->faults);
}

static const struct qmp_handler handler = { on_ready, on_event, on_closed };

static void on_done(void *ctx, const struct err *why)
{
	struct fixture *f = ctx;
	buf_addf(&f->told, "done %d %s;", why->code, why->msg);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn(f);
}

static int setup(void **state)
{
	int pair[2];
	char line[256];
	struct fixture *f = xcalloc(1, sizeof *f);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->peer = pair[1];
	assert_int_equal(qmp_open(&f->loop, pair[0], &handler, f, &f->qmp, NULL), 0);
	f->faults = faults_new(&f->loop, f->qmp, &spec);
	say(f, "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": "
	       "7}}}}\n");
	assert_true(recv(f->peer, line, sizeof line, 0) > 0);
	say(f, "{\"return\": {}, \"id\": 1}\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	faults_free(f->faults);
	qmp_close(f->qmp);
	close_fd(&f->peer);
	turn(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_clear(&f->told);
	free(f);
	return 0;
}

static void ask(struct fixture *f, const struct target_fault *fault)
{
	assert_int_equal(faults_add(f->faults, fault, on_done, f, NULL), 0);
	turn(f);
}

/* The command under way is `name`, and has this text in its arguments. */
static void expect(struct fixture *f, const char *name, const char *has)
{
	char line[4096] = "";
	auto_json json_t *j = NULL;
	assert_true(recv(f->peer, line, sizeof line - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(json_parse_object(line, strlen(line), &j, NULL), 0);
	assert_string_equal(json_str_or(j, "execute", ""), name);
	if (!strstr(line, has))
		fail_msg("no %s in %s", has, line);
	f->id = json_i64_or(j, "id", -1);
}

static void reply(struct fixture *f)
{
	auto_free char *text = xasprintf("{\"return\": {}, \"id\": %d}\n", (int)f->id);
	say(f, text);
}

static void silent(struct fixture *f)
{
	char c;
	assert_int_equal(recv(f->peer, &c, 1, MSG_DONTWAIT), -1);
}

static void told(struct fixture *f, const char *text)
{
	assert_string_equal(buf_str(&f->told), text);
	buf_reset(&f->told);
}

#define GONE "{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"dev-a\"}}\n"

static void test_an_error_goes_above_the_disk_and_away_again(void **state)
{
	struct fixture *f = *state;
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_ERROR, .disk = "a", .reads = true });
	expect(f, "blockdev-add",
		"{\"driver\":\"raw\",\"node-name\":\"fault-a\",\"discard\":\"unmap\","
		"\"cache\":{\"no-flush\":false,\"direct\":false},\"file\":{\"driver\":\"blkdebug\","
		"\"inject-error\":[{\"event\":\"none\",\"iotype\":\"read\"}],"
		"\"image\":\"disk-a\",\"discard\":\"unmap\","
		"\"cache\":{\"no-flush\":false,\"direct\":false}}}");
	reply(f);
	expect(f, "qom-set",
		"{\"path\":\"/machine/peripheral/dev-a/virtio-backend\",\"property\":\"drive\","
		"\"value\":\"fault-a\"}");
	told(f, "");
	reply(f);
	told(f, "done 0 ;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_HEAL, .disk = "a" });
	expect(f, "qom-set", "\"value\":\"disk-a\"");
	reply(f);
	expect(f, "blockdev-del", "\"fault-a\"");
	reply(f);
	told(f, "done 0 ;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_HEAL, .disk = "a" });
	silent(f);
	told(f, "done 0 ;");
}

static void test_an_unplug_is_over_when_the_guest_let_go_in_either_order(void **state)
{
	struct fixture *f = *state;
	const struct target_fault unplug = { .kind = TARGET_FAULT_UNPLUG, .disk = "a" };
	const struct target_fault plug = { .kind = TARGET_FAULT_PLUG, .disk = "a" };
	ask(f, &unplug);
	expect(f, "device_del", "\"dev-a\"");
	reply(f);
	told(f, "");
	say(f, GONE);
	told(f, "done 0 ;ours;");
	ask(f, &plug);
	expect(f, "device_add", "\"serial\":\"a\"");
	reply(f);
	ask(f, &unplug);
	expect(f, "device_del", "\"dev-a\"");
	say(f, GONE);
	told(f, "done 0 ;ours;");
	reply(f);
	told(f, "done 0 ;");
	ask(f, &unplug);
	told(f, "done -22 a is not plugged in;");
}

static void test_a_surprise_fails_all_requests_before_the_disk_goes(void **state)
{
	struct fixture *f = *state;
	ask(f, &(struct target_fault){
		       .kind = TARGET_FAULT_UNPLUG, .disk = "a", .surprise = true });
	expect(f, "blockdev-add", "\"read\"");
	reply(f);
	expect(f, "qom-set", "\"fault-a\"");
	reply(f);
	expect(f, "device_del", "\"dev-a\"");
	reply(f);
	say(f, GONE);
	told(f, "done 0 ;ours;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_PLUG, .disk = "a" });
	expect(f, "blockdev-del", "\"fault-a\"");
	reply(f);
	expect(f, "device_add", "\"dev-a\"");
	reply(f);
	told(f, "done 0 ;");
}

static void test_requests_wait_for_each_other_and_all_are_answered_at_the_end(void **state)
{
	struct fixture *f = *state;
	const struct target_fault slow = {
		.kind = TARGET_FAULT_SLOW, .disk = "z", .bytes_per_s = 1000
	};
	ask(f, &slow);
	ask(f, &slow);
	expect(f, "block_set_io_throttle", "{\"id\":\"/machine/peripheral/dev-z\",\"bps\":1000,");
	silent(f);
	auto_free char *refusal = xasprintf(
		"{\"error\": {\"class\": \"C\", \"desc\": \"no\"}, \"id\": %d}\n", (int)f->id);
	say(f, refusal);
	told(f, "done -5 z: QEMU: no;");
	expect(f, "block_set_io_throttle", "dev-z");
	ask(f, &slow);
	close_fd(&f->peer);
	turn(f);
	told(f, "done -107 z: QEMU: QMP connection is closed;"
		"done -107 block_set_io_throttle: QMP is not connected;");
	assert_int_equal(faults_add(f->faults, &slow, on_done, f, NULL), -ENOTCONN);
}

static void test_only_an_error_that_was_injected_is_ours(void **state)
{
	struct fixture *f = *state;
	static const char event[] = "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"node-name\": "
				    "\"fault-a\", \"action\": \"report\"}}\n";
	say(f, "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"node-name\": \"disk-a\", "
	       "\"action\": \"report\"}}\n");
	told(f, "not ours;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_ERROR, .disk = "a", .writes = true });
	expect(f, "blockdev-add", "\"write\"");
	reply(f);
	say(f, event);
	told(f, "ours;");
	say(f, "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"node-name\": \"fault-a\", "
	       "\"action\": \"stop\"}}\n"); /* the host is full */
	told(f, "not ours;");
}

static void test_what_cannot_be_is_refused_before_anything_changes(void **state)
{
	struct fixture *f = *state;
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_SLOW, .disk = "fsqa-root" });
	told(f, "done -19 there is no scratch disk fsqa-root;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_UNPLUG, .disk = "z" });
	told(f, "done -22 z has zones, and cannot be unplugged;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_PLUG, .disk = "a" });
	told(f, "done -22 a is plugged in already;");
	ask(f, &(struct target_fault){ .kind = TARGET_FAULT_ERROR, .disk = "a" });
	told(f, "done -22 an error of neither reads, writes nor flushes;");
	silent(f);
}

static char *rules(const struct target_fault *fault)
{
	auto_json json_t *j = NULL;
	assert_int_equal(faults_rules(fault, &j, NULL), 0);
	return json_line(j);
}

static void test_rules_are_as_blkdebug_reads_them(void **state)
{
	auto_free char *sectors = rules(
		&(struct target_fault){ .reads = true, .sector = 8, .n_sectors = 2, .count = 1 });
	assert_string_equal(sectors,
		"{\"driver\":\"blkdebug\",\"inject-error\":["
		"{\"event\":\"none\",\"iotype\":\"read\",\"sector\":8,\"once\":true},"
		"{\"event\":\"none\",\"iotype\":\"read\",\"sector\":9,\"once\":true}]}");
	auto_free char *flush = rules(&(struct target_fault){ .flushes = true, .every = 2 });
	assert_string_equal(flush,
		"{\"driver\":\"blkdebug\",\"inject-error\":["
		"{\"event\":\"flush_to_os\",\"iotype\":\"flush\",\"state\":2},"
		"{\"event\":\"flush_to_os\",\"iotype\":\"flush\",\"sector\":1125899906842624,"
		"\"state\":1}],\"set-state\":["
		"{\"event\":\"flush_to_os\",\"state\":1,\"new_state\":2},"
		"{\"event\":\"flush_to_os\",\"state\":2,\"new_state\":1}]}");
	auto_free char *every = rules(&(struct target_fault){ .writes = true, .every = 2 });
	assert_string_equal(every,
		"{\"driver\":\"blkdebug\",\"inject-error\":["
		"{\"event\":\"write_aio\",\"iotype\":\"write\",\"state\":2},"
		"{\"event\":\"write_aio\",\"iotype\":\"write\",\"sector\":1125899906842624,"
		"\"state\":1}],\"set-state\":["
		"{\"event\":\"write_aio\",\"state\":1,\"new_state\":2},"
		"{\"event\":\"write_aio\",\"state\":2,\"new_state\":1}]}");
}

static void test_more_rules_than_there_may_be_are_refused(void **state)
{
	static const struct target_fault bad[] = {
		{ .reads = true, .n_sectors = 65 },
		{ .reads = true, .n_sectors = UINT64_MAX },
		{ .reads = true, .count = 65 },
		{ .reads = true, .count = 9, .n_sectors = 8 },
		{ .reads = true, .every = 65 },
		{ .reads = true, .every = 2, .count = 1 },
		{ .reads = true, .sector = UINT64_MAX, .n_sectors = 1 },
		{ .flushes = true, .n_sectors = 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *j = NULL;
		assert_int_equal(faults_rules(&bad[i], &j, NULL), -EINVAL);
	}
}

#define rig_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_an_error_goes_above_the_disk_and_away_again),
		rig_test(test_an_unplug_is_over_when_the_guest_let_go_in_either_order),
		rig_test(test_a_surprise_fails_all_requests_before_the_disk_goes),
		rig_test(test_requests_wait_for_each_other_and_all_are_answered_at_the_end),
		rig_test(test_only_an_error_that_was_injected_is_ours),
		rig_test(test_what_cannot_be_is_refused_before_anything_changes),
		cmocka_unit_test(test_rules_are_as_blkdebug_reads_them),
		cmocka_unit_test(test_more_rules_than_there_may_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
