/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target of a batch from its start to its end, and who is to blame when it does not come up:
 * the accelerator, the kernel under test, or the host. */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "record/recording.h"
#include "run/batch_priv.h"
#include "run/disk_faults.h"
#include "run/outbox.h"
#include "run/protocol.h"
#include "run/spool_log.h"
#include "wire/session.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZES_US 20000000

static void end_boot(struct batch *b, enum verdict v, const char *reason)
{
	if (b->boot.test[0] == '\0')
		return;
	outbox_record(
		b->out, "attempt_end", trial_end_record(&b->boot, v, reason, 0, NULL), NULL, NULL);
	trial_clear(&b->boot);
}

/* ---- a clone whose disks have other sizes than the saved machine's ---- */

static void came_up(struct batch *b);

static void on_sized(void *ctx, const struct session_exit *x)
{
	struct batch *b = ctx;
	b->sizing = false;
	if (x->lost || b->state != BATCH_BOOTING)
		return;
	if (x->code != 0 || x->error[0]) {
		target_kill(b->target); /* it boots instead */
		return;
	}
	b->sized = true;
	came_up(b);
}

/* Its kernel was told, and has to have taken it in before anybody looks. */
static bool wait_for_sizes(struct batch *b)
{
	struct err e = { 0 };
	struct session_job *job;
	auto_strv struct strv argv = { 0 };
	strv_addl(&argv, "/usr/bin/fsqa-disk", "wait", NULL);
	for (size_t i = 0; b->spec.clone_of && i < b->spec.n_disks; i++) {
		const struct target_disk *d = &b->spec.disks[i];
		if (d->saved_bytes && d->saved_bytes != d->size_bytes)
			strv_addf(&argv, "%s=%" PRIu64, d->serial, d->size_bytes);
	}
	if (argv.n == 2 || b->sized)
		return false;
	struct session_exec x = {
		.argv = strv_get(&argv), .deadline_us = SIZES_US, .on_exit = on_sized, .ctx = b
	};
	b->sizing = true;
	if (session_exec(b->session, &x, &job, &e) < 0)
		target_kill(b->target);
	return true;
}

static void came_up(struct batch *b)
{
	if (b->sizing || wait_for_sizes(b))
		return;
	batch_unwatch(b);
	end_boot(b, VERDICT_PASS, NULL);
	b->state = BATCH_BETWEEN;
	batch_go_on(b);
}

/* Before anything runs in it, however it came up. */
static bool is_asked(struct batch *b, const json_t *hello)
{
	auto_free char *why = proof_check(&b->job->proof, hello);
	if (!why)
		return true;
	(void)snprintf(b->wrong, sizeof b->wrong, "%s", why); /* may be cut */
	target_kill(b->target);
	return false;
}

static void on_hello(void *ctx, const json_t *hello)
{
	struct batch *b = ctx;
	if (b->state == BATCH_CONTROL || !is_asked(b, hello) || b->state == BATCH_REBOOTING)
		return;
	(void)snprintf(b->release, sizeof b->release, "%s",
		json_str_or(hello, "release", "?")); /* may be cut */
	json_t *record = json_pack("{s:i, s:s, s:s, s:s*, s:I}", "boot", b->boots, "accel",
		b->spec.accel, "release", b->release, "build_id", b->job->proof.build_id,
		"hello_us", (json_int_t)(clock_mono_us() - b->boot.started_us));
	if (b->kvm_broke)
		json_object_set_new(
			record, "accel_reason", json_bytes(b->kvm_broke, strlen(b->kvm_broke)));
	outbox_record(b->out, "target", record, NULL, NULL);
	/* A person's command waits for nothing but the agent; udevd may still be naming devices. */
	if (b->job->shell_argv && b->state == BATCH_BOOTING)
		came_up(b);
}

static void on_session(void *ctx, struct session *s)
{
	struct batch *b = ctx;
	b->session = s;
}

static void on_ready(void *ctx)
{
	struct batch *b = ctx;
	if (b->hung || b->wrong[0])
		return;
	if (b->state == BATCH_CONTROL) {
		b->control_up = true;
		target_kill(b->target);
	}
	if (b->state == BATCH_BOOTING) /* else one that says it twice */
		came_up(b);
	else if (b->state == BATCH_REBOOTING)
		stage_again(b);
}

static void on_kmsg(void *ctx, const struct session_kmsg *k)
{
	const struct batch *b = ctx;
	if (b->state != BATCH_CONTROL && b->state != BATCH_KEPT)
		subtest_kernel(ctx, k);
}

/* In a machine that is kept, a test tried by hand: nobody records it. */
static void answer_by_hand(const struct batch *b, uint32_t stream, const char *event)
{
	if (strcmp(event, "start") == 0 || strcmp(event, "end") == 0)
		session_event_ack(b->session, stream, NULL);
	else if (strcmp(event, "collect") != 0) /* which wants no answer */
		session_event_ack(b->session, stream, "the run is over, and the machine kept");
}

static void on_event(void *ctx, uint32_t stream, const json_t *event)
{
	const struct batch *b = ctx;
	if (b->held)
		return;
	if (b->state == BATCH_KEPT)
		answer_by_hand(b, stream, json_str_or(event, "event", ""));
	else if (b->state != BATCH_CONTROL)
		subtest_event(ctx, stream, event);
}

static const struct session_handler session_handler = {
	.on_hello = on_hello,
	.on_ready = on_ready,
	.on_kmsg = on_kmsg,
	.on_event = on_event,
};

static void on_console(void *ctx, const void *data, size_t n)
{
	struct batch *b = ctx;
	struct err e = { 0 };
	uint64_t at = clock_mono_us() - b->start_us;
	if (b->state == BATCH_KEPT) { /* its recording is closed */
		if (b->kept_log)
			(void)spool_log_add(b->kept_log, data, n, NULL);
		return;
	}
	if (!b->hung) { /* what it says when asked is no news */
		splat_console(&b->console_splat, data, n);
		batch_kernel_said(b, &b->console_splat);
	}
	if (recording_output(b->console_cast, at, data, n, &e) < 0 ||
		spool_log_add(b->console_log, data, n, &e) < 0)
		batch_spool_failed(b, &e);
}

static void no_boot(struct batch *b, enum verdict v, const char *why)
{
	end_boot(b, v, b->stopping ? b->stop_why : why);
	auto_free char *text =
		xasprintf("%s%s", b->wrong[0] ? "" : "the target did not come up: ", why);
	if (v == VERDICT_MISS)
		batch_error(b, text);
	batch_miss_the_rest(b, b->stopping ? b->stop_why : text);
	batch_over(b);
}

static void open_target(struct batch *b, const struct target_spec *spec);

/* What a kernel known to boot does in its place says who is to blame: the kernel or the host. */
static void boot_failed(struct batch *b)
{
	const struct job_control *c = &b->job->control;
	if (batch_end_is_infra(b)) {
		no_boot(b, VERDICT_MISS, b->end_detail);
	} else if (!c->kernel) {
		no_boot(b, VERDICT_FAIL, b->end_detail);
	} else if (strcmp(c->kernel, b->spec.kernel) == 0) {
		auto_free char *why = xasprintf(
			"%s (and this is the known-good kernel: look at the host and the settings)",
			b->end_detail);
		no_boot(b, VERDICT_MISS, why);
	} else {
		struct target_spec spec = b->spec;
		spec.kernel = c->kernel;
		spec.initramfs = c->initramfs;
		spec.modules = c->modules;
		spec.load = c->load;
		spec.core = NULL;
		(void)snprintf(b->boot_why, sizeof b->boot_why, "%s", b->end_detail); /* as long */
		b->state = BATCH_CONTROL;
		b->control_up = false;
		auto_free char *text = xasprintf("%s did not come up: trying %s, which is known to",
			"the kernel under test", c->release);
		batch_note(b, "info", text);
		open_target(b, &spec);
	}
}

static void control_ended(struct batch *b)
{
	const char *release = b->job->control.release;
	auto_free char *fail = xasprintf("%s (%s boots here)", b->boot_why, release);
	auto_free char *miss = xasprintf(
		"%s; nor does %s, which is known to: %s", b->boot_why, release, b->end_detail);
	if (b->control_up)
		no_boot(b, VERDICT_FAIL, fail);
	else
		no_boot(b, VERDICT_MISS, miss);
}

/* KVM broke where nobody insisted on it: from here on without. */
static bool fall_back(struct batch *b)
{
	if (!b->job->may_emulate || b->stopping)
		return false;
	auto_free char *text =
		xasprintf("KVM does not work here, going on under TCG: %s", b->end_detail);
	free(b->kvm_broke);
	b->kvm_broke = xstrdup(b->end_detail);
	b->spec.accel = "tcg";
	batch_note(b, "warning", text);
	return true;
}

/* The memory of a guest that hung, where it was asked for: whose evidence it is. */
static void send_core(struct batch *b)
{
	if (!b->spec.core)
		return;
	auto_free char *path = xasprintf("%s-%d", b->spec.core, b->boots);
	if (rename(b->spec.core, path) < 0)
		return; /* there is none; why not was told with the end */
	bool of_stage = batch_in_stage(b);
	outbox_artifact(b->out, of_stage ? b->trial.test : "boot",
		of_stage ? b->trial.attempt : b->boots, "core.kdump", "core", path, false,
		b->job->keep);
}

/* A snapshot that does not load serves nobody: the controller drops it, and we boot. */
static bool boot_instead(struct batch *b)
{
	if (b->stopping || b->end == TARGET_HOST_FULL)
		return false;
	auto_free char *text = xasprintf("the snapshot does not load, booting: %s", b->end_detail);
	b->spec.clone_of = NULL;
	batch_note(b, "warning", text);
	return true;
}

static void tell_end(struct batch *b, enum target_end end, const char *detail)
{
	const struct splat *s = batch_splat(b);
	auto_free char *reason = b->wrong[0] ? xstrdup(b->wrong) : splat_reason(s, end, detail);
	json_t *record = json_pack("{s:i, s:s, s:o, s:b}", "boot", b->boots, "end",
		b->wrong[0] ? "wrong-kernel" : splat_end_name(s, end, detail), "detail",
		json_bytes(reason, strlen(reason)), "bad_clone",
		b->spec.clone_of && b->state == BATCH_BOOTING);
	(void)snprintf(b->end_detail, sizeof b->end_detail, "%s", reason); /* may be cut */
	if (s->n_lines)
		json_object_set_new(record, "splat", json_bytes(buf_str(&s->text), s->text.len));
	outbox_record(b->out, "target_end", record, NULL, NULL);
}

/* The reboot that the stage asked for: the same machine, on the disks it left. */
static void come_again(struct batch *b)
{
	struct target_spec spec = b->spec;
	spec.clone_of = NULL;
	spec.again = true;
	b->state = BATCH_REBOOTING;
	open_target(b, &spec);
}

static void on_end(void *ctx, enum target_end end, const char *detail)
{
	struct batch *b = ctx;
	b->end = end;
	b->hung = false;
	uv_timer_stop(&b->stuck);
	b->session = NULL;
	target_free(take(&b->target));
	batch_unwatch(b);
	b->h->on_gone(b->ctx);
	if (b->state == BATCH_KEPT) {
		b->state = BATCH_OVER;
		b->h->on_released(b->ctx);
		return;
	}
	send_core(b);
	tell_end(b, end, detail);
	if (b->state == BATCH_RESETTING && end == TARGET_REBOOT && !b->stopping)
		come_again(b);
	else if (!batch_in_stage(b) || !evidence_salvage(b))
		boot_after_end(b);
}

/* As its end, but for the machine. */
static void on_held(void *ctx, enum target_end end, const char *detail)
{
	struct batch *b = ctx;
	b->session = NULL;
	if (b->stopping || !batch_in_stage(b)) {
		target_kill(b->target);
		return;
	}
	b->end = end;
	b->held = true;
	b->hung = false;
	uv_timer_stop(&b->stuck);
	batch_unwatch(b);
	b->h->on_gone(b->ctx);
	send_core(b);
	tell_end(b, end, detail);
	if (!evidence_salvage(b))
		boot_after_end(b);
}

void boot_after_end(struct batch *b)
{
	enum target_end end = b->end;
	enum batch_state was = b->state;
	/* At once, and not at the end: where they filled the host, what follows needs the room. */
	if (!b->job->keep)
		(void)file_remove_tree(b->job->target.work_dir, NULL); /* the next boot tells */
	b->sizing = b->sized = false;
	bool fell_back = end == TARGET_NO_ACCEL && fall_back(b);
	if (was == BATCH_BOOTING && (fell_back || (b->spec.clone_of && boot_instead(b)))) {
		open_target(b, &b->spec);
		return;
	}
	if (was == BATCH_BOOTING) {
		boot_failed(b);
		return;
	}
	if (was == BATCH_CONTROL) {
		control_ended(b);
		return;
	}
	if (batch_in_stage(b)) {
		stage_target_ended(b);
		if (b->state == BATCH_KEPT)
			return;
	} else if (was == BATCH_SHELL && b->job->shell_pty && end == TARGET_POWEROFF) {
		b->shell_code = 0; /* a person's way to leave */
	} else if (was == BATCH_SHELL) {
		auto_free char *text = xasprintf("the target ended: %s", b->end_detail);
		batch_error(b, text);
	}
	if (was == BATCH_ENDING && b->spec.save_to && end != TARGET_SAVED) {
		auto_free char *text = xasprintf("the machine was not saved: %s", b->end_detail);
		batch_error(b, text);
	}
	bool host_broke = end == TARGET_HOST_FULL || end == TARGET_LIED ||
			  (end == TARGET_NO_ACCEL && !fell_back);
	if (host_broke)
		batch_error(b, b->end_detail);
	if (b->stopping || host_broke || b->next_stage >= b->job->n_stages)
		batch_over(b);
	else
		boot_start(b);
}

static const struct target_handler target_handler = {
	.on_console = on_console,
	.on_session = on_session,
	.on_held = on_held,
	.on_end = on_end,
};

static int fresh_vm_folder(struct batch *b, struct err *e)
{
	int rc = file_remove_tree(b->job->target.work_dir, e);
	return rc < 0 ? rc : file_mkdirs(b->job->target.work_dir, 0700, e);
}

static void cannot_open(struct batch *b, const char *why)
{
	b->end = TARGET_QEMU_ERROR;
	(void)snprintf(b->end_detail, sizeof b->end_detail, "%s", why); /* may be cut */
	if (batch_in_stage(b))
		stage_target_ended(b);
	end_boot(b, VERDICT_MISS, why);
	batch_error(b, why);
	batch_over(b);
}

/* For who attaches, and for the curious: what runs now. */
static void describe_target(const struct batch *b, const struct target_spec *spec)
{
	auto_free char *command = target_command(b->target);
	auto_free char *path = path_join(b->job->work_dir, RUN_MACHINE);
	json_t *source = json_object_get(b->job->json, "kernel_source");
	auto_json json_t *j =
		json_pack("{s:o, s:o, s:O*, s:s*}", "command", json_bytes(command, strlen(command)),
			"kernel", json_bytes(spec->kernel, strlen(spec->kernel)), "kernel_source",
			source, "build_id", b->job->proof.build_id);
	auto_free char *line = json_line(j);
	(void)file_replace(path, line, strlen(line), 0644, NULL); /* it only serves to look at */
}

static void open_target(struct batch *b, const struct target_spec *spec)
{
	struct err e = { 0 };
	splat_reset(&b->console_splat);
	splat_reset(&b->kernel_splat);
	disk_faults_forget(b);
	b->wrong[0] = '\0';
	batch_status(b, "boot", spec->accel);
	int rc = spec->again ? 0 : fresh_vm_folder(b, &e);
	if (rc == 0)
		rc = target_open(
			b->loop, spec, &target_handler, &session_handler, b, &b->target, &e);
	if (rc < 0) {
		cannot_open(b, e.msg);
		return;
	}
	describe_target(b, spec);
	/* The target watches the time to hello; this, that the devices settle. */
	batch_deadline(
		b, 2 * spec->boot_deadline_us, "the target hangs: its devices do not settle");
}

static void boot_durable(void *ctx)
{
	struct batch *b = ctx;
	if (b->stopping) {
		batch_over(b);
		return;
	}
	open_target(b, &b->spec);
	if (b->target && b->boots == 1) {
		auto_free char *command = target_command(b->target);
		outbox_record(b->out, "command", json_pack("{s:s}", "qemu", command), NULL, NULL);
	}
}

void boot_start(struct batch *b)
{
	b->boots++;
	bool renewed = b->state == BATCH_RENEWING;
	b->state = BATCH_BOOTING;
	b->used = b->renew = false;
	if (b->boots > 1 && !renewed) {
		auto_free char *text = xasprintf("resumed with %zu stages in a fresh target (%s)",
			b->job->n_stages - b->next_stage, b->end_detail);
		batch_note(b, "info", text);
	}
	trial_begin(&b->boot, b->tally, "", "boot");
	outbox_record(b->out, "attempt_start", trial_start_record(&b->boot), boot_durable, b);
}
