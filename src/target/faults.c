/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/faults.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "target/command.h"
#include "target/qmp.h"
#include "target/target.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_PREFIX  "fault-" /* of a blkdebug node's name */
#define UNPLUG_MS     10000    /* the guest's, to let go of a disk */
#define STEPS         8
#define NO_SECTOR     ((json_int_t)1 << 50) /* past every disk's end */
#define SECTORS_LIMIT ((uint64_t)1 << 40)

enum step {
	STEP_ADD, /* the nodes that fail */
	STEP_PUT_IN,
	STEP_TAKE_OUT,
	STEP_DELETE,
	STEP_THROTTLE,
	STEP_UNPLUG,
	STEP_PLUG,
};

struct disk {
	char *serial;
	json_t *node,
		*device; /* as they were made at the start; device NULL: cannot be unplugged */
	bool plugged, slow;
	bool has_fault;   /* the blkdebug node is there */
	bool fault_is_in; /* and in use */
};

struct request {
	struct request *next;
	struct target_fault fault;
	char *serial;
	void (*on_done)(void *ctx, const struct err *why);
	void *ctx;
};

struct faults {
	uv_loop_t *loop;
	struct qmp *qmp;
	struct disk *disks;
	size_t n_disks;
	struct request *first; /* it is under way */
	size_t n_requests;
	struct disk *disk; /* of the first */
	json_t *rules;     /* of the first */
	enum step steps[STEPS];
	size_t n_steps, step;
	bool replied, gone; /* of an unplug: QEMU took the command; the guest let go */
	uv_timer_t timer;
	bool over, muted, freed;
};

/* ---- rules ---- */

static json_t *error_rule(const char *event, const char *type, json_int_t sector)
{
	json_t *j = json_pack("{s:s, s:s}", "event", event, "iotype", type);
	if (sector >= 0)
		json_object_set_new(j, "sector", json_integer(sector));
	return j;
}

/* One of `every` requests: blkdebug counts by going through as many states. An error once in force
 * stays it until there is another rule: one for a sector that no disk has. */
static void add_every(json_t *errors, json_t *states, const char *type, unsigned every)
{
	const char *event = strcmp(type, "read") == 0    ? "read_aio"
			    : strcmp(type, "write") == 0 ? "write_aio"
							 : "flush_to_os";
	json_t *hit = error_rule(event, type, -1);
	json_t *miss = error_rule(event, type, NO_SECTOR);
	json_object_set_new(hit, "state", json_integer(every));
	json_object_set_new(miss, "state", json_integer(1));
	json_array_append_new(errors, hit);
	json_array_append_new(errors, miss);
	for (unsigned i = 1; i <= every; i++)
		json_array_append_new(states, json_pack("{s:s, s:i, s:i}", "event", event, "state",
						      (int)i, "new_state", (int)(i % every + 1)));
}

static void add_errors(json_t *errors, const char *type, const struct target_fault *f)
{
	for (uint64_t s = 0; s < (f->n_sectors ? f->n_sectors : 1); s++)
		for (unsigned k = 0; k < (f->count ? f->count : 1); k++) {
			json_t *rule = error_rule(
				"none", type, f->n_sectors ? (json_int_t)(f->sector + s) : -1);
			if (f->count)
				json_object_set_new(rule, "once", json_true());
			json_array_append_new(errors, rule);
		}
}

int faults_rules(const struct target_fault *f, json_t **ret, struct err *e)
{
	const char *const types[] = { f->reads ? "read" : NULL, f->writes ? "write" : NULL,
		f->flushes ? "flush" : NULL };
	uint64_t n = f->n_sectors ? f->n_sectors : 1;
	if (!f->reads && !f->writes && !f->flushes)
		return err_set(e, EINVAL, "an error of neither reads, writes nor flushes");
	if (f->flushes && f->n_sectors)
		return err_set(e, EINVAL, "a flush touches no sectors: leave one of both out");
	if (f->every > 1 && (f->count || f->n_sectors))
		return err_set(e, EINVAL, "one of so many requests, with sectors or a count");
	if (n > TARGET_FAULT_MANY || f->count > TARGET_FAULT_MANY ||
		n * (f->count ? f->count : 1) > TARGET_FAULT_MANY || f->every > TARGET_FAULT_MANY)
		return err_set(e, EINVAL,
			"at most %d sectors, %d times, both multiplied, and one of %d requests",
			TARGET_FAULT_MANY, TARGET_FAULT_MANY, TARGET_FAULT_MANY);
	if (f->n_sectors && f->sector > SECTORS_LIMIT)
		return err_set(e, EINVAL, "no disk has so many sectors");
	json_t *errors = json_array();
	json_t *states = json_array();
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i] && f->every > 1)
			add_every(errors, states, types[i], f->every);
		else if (types[i])
			add_errors(errors, types[i], f);
	}
	*ret = json_pack("{s:s, s:o}", "driver", "blkdebug", "inject-error", errors);
	if (json_array_size(states))
		json_object_set(*ret, "set-state", states);
	json_decref(states);
	return 0;
}

/* ---- what a request is made of ---- */

static void plan(struct faults *x, enum step step)
{
	assert(x->n_steps < STEPS);
	x->steps[x->n_steps++] = step;
}

static void plan_no_error(struct faults *x)
{
	if (x->disk->fault_is_in)
		plan(x, STEP_TAKE_OUT);
	if (x->disk->has_fault)
		plan(x, STEP_DELETE);
}

static int plan_error(struct faults *x, const struct target_fault *f, struct err *e)
{
	int rc = faults_rules(f, &x->rules, e);
	if (rc < 0)
		return rc;
	plan_no_error(x);
	plan(x, STEP_ADD);
	plan(x, STEP_PUT_IN);
	return 0;
}

static int plan_unplug(struct faults *x, const struct target_fault *f, struct err *e)
{
	const struct target_fault dead = { .reads = true, .writes = true, .flushes = true };
	if (!x->disk->device)
		return err_set(e, EINVAL, "%s has zones, and cannot be unplugged", f->disk);
	int rc = f->surprise ? plan_error(x, &dead, e) : 0;
	/* The guest's driver waits for requests that wait here. */
	if (rc == 0 && x->disk->slow)
		plan(x, STEP_THROTTLE);
	if (rc == 0)
		plan(x, STEP_UNPLUG);
	return rc;
}

static int plan_request(struct faults *x, const struct target_fault *f, struct err *e)
{
	const struct disk *d = x->disk;
	if (!d)
		return err_set(e, ENODEV, "there is no scratch disk %.40s", f->disk);
	if (!d->plugged && f->kind != TARGET_FAULT_PLUG && f->kind != TARGET_FAULT_HEAL)
		return err_set(e, EINVAL, "%s is not plugged in", f->disk);
	switch (f->kind) {
	case TARGET_FAULT_UNPLUG:
		return plan_unplug(x, f, e);
	case TARGET_FAULT_ERROR:
		return plan_error(x, f, e);
	case TARGET_FAULT_SLOW:
		plan(x, STEP_THROTTLE);
		return 0;
	case TARGET_FAULT_PLUG:
		if (d->plugged)
			return err_set(e, EINVAL, "%s is plugged in already", f->disk);
		break;
	case TARGET_FAULT_HEAL:
		break;
	}
	plan_no_error(x);
	if (!d->plugged)
		plan(x, STEP_PLUG);
	else if (d->slow)
		plan(x, STEP_THROTTLE);
	return 0;
}

/* ---- the monitor's commands ---- */

static json_t *names(const char *prefix, const struct disk *d)
{
	auto_free char *name = xasprintf("%s%s", prefix, d->serial);
	return json_string(name);
}

/* A raw node above the rules, for some events are its word to them; and all of it above the disk's
 * own nodes, for who takes out a node below flushes it first, which the rules may make fail. */
static json_t *fault_node(const struct faults *x)
{
	/* What a filter of ours passes on it treats as the node below would; but flushes, which
	 * that may drop, have to come to its rules first. */
	auto_json json_t *cache = json_copy(json_object_get(x->disk->node, "cache"));
	json_t *discard = json_object_get(x->disk->node, "discard");
	json_object_set_new(cache, "no-flush", json_false());
	json_object_set_new(x->rules, "image", names(COMMAND_NODE_PREFIX, x->disk));
	json_object_set(x->rules, "discard", discard);
	json_object_set(x->rules, "cache", cache);
	return json_pack("{s:s, s:o, s:O, s:O, s:O}", "driver", "raw", "node-name",
		names(FAULT_PREFIX, x->disk), "discard", discard, "cache", cache, "file", x->rules);
}

/* virtio-blk's backend belongs to a device within the device. */
static char *backend_of(const struct disk *d)
{
	return xasprintf("/machine/peripheral/" COMMAND_DEVICE_PREFIX "%s%s", d->serial,
		d->device ? "/virtio-backend" : "");
}

static json_t *use_node(const struct disk *d, const char *prefix)
{
	auto_free char *path = backend_of(d);
	return json_pack(
		"{s:s, s:s, s:o}", "path", path, "property", "drive", "value", names(prefix, d));
}

static json_t *throttle(const struct faults *x, const struct target_fault *f)
{
	auto_free char *id = backend_of(x->disk);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "id", id, "bps",
		(json_int_t)f->bytes_per_s, "bps_rd", (json_int_t)0, "bps_wr", (json_int_t)0,
		"iops", (json_int_t)f->requests_per_s, "iops_rd", (json_int_t)0, "iops_wr",
		(json_int_t)0);
}

static json_t *one(const char *key, json_t *value)
{
	return json_pack("{s:o}", key, value);
}

static const char *command_of(const struct faults *x, json_t **ret_arguments)
{
	struct disk *d = x->disk;
	switch (x->steps[x->step]) {
	case STEP_ADD:
		*ret_arguments = fault_node(x);
		return "blockdev-add";
	case STEP_PUT_IN:
		*ret_arguments = use_node(d, FAULT_PREFIX);
		return "qom-set";
	case STEP_TAKE_OUT:
		*ret_arguments = use_node(d, COMMAND_NODE_PREFIX);
		return "qom-set";
	case STEP_DELETE:
		*ret_arguments = one("node-name", names(FAULT_PREFIX, d));
		return "blockdev-del";
	case STEP_THROTTLE:
		*ret_arguments = throttle(x, &x->first->fault);
		return "block_set_io_throttle";
	case STEP_UNPLUG:
		*ret_arguments = one("id", names(COMMAND_DEVICE_PREFIX, d));
		return "device_del";
	case STEP_PLUG:
		*ret_arguments = json_incref(d->device);
		return "device_add";
	}
	return NULL;
}

static void note_step(struct faults *x)
{
	struct disk *d = x->disk;
	switch (x->steps[x->step]) {
	case STEP_ADD:
	case STEP_DELETE:
		d->has_fault = x->steps[x->step] == STEP_ADD;
		break;
	case STEP_PUT_IN:
	case STEP_TAKE_OUT:
		d->fault_is_in = x->steps[x->step] == STEP_PUT_IN;
		break;
	case STEP_THROTTLE:
		d->slow = x->first->fault.kind == TARGET_FAULT_SLOW;
		break;
	case STEP_UNPLUG:
		break; /* its event says so */
	case STEP_PLUG:
		d->plugged = true;
		break;
	}
}

/* ---- one after the other ---- */

static void start_first(struct faults *x);

static void finish(struct faults *x, const struct err *why)
{
	struct request *r = x->first;
	x->first = r->next;
	x->n_requests--;
	uv_timer_stop(&x->timer);
	json_decref(x->rules);
	x->rules = NULL;
	x->disk = NULL;
	if (!x->freed && !x->muted)
		r->on_done(r->ctx, why);
	free(r->serial);
	free(r);
}

static void next_step(struct faults *x);

static void step_is_done(struct faults *x)
{
	note_step(x);
	x->step++;
	next_step(x);
}

static struct disk *find(struct faults *x, const char *prefix, const char *name)
{
	size_t n = strlen(prefix);
	for (size_t i = 0; i < x->n_disks; i++)
		if (strncmp(name, prefix, n) == 0 && strcmp(x->disks[i].serial, name + n) == 0)
			return &x->disks[i];
	return NULL;
}

static void on_unplug_deadline(uv_timer_t *timer)
{
	struct faults *x = timer->data;
	struct err e = { 0 };
	(void)err_set(&e, ETIMEDOUT, "the guest does not let go of %s", x->first->serial);
	finish(x, &e);
	start_first(x);
}

static void on_reply(void *ctx, const json_t *ret, const struct err *why)
{
	struct faults *x = ctx;
	struct err e = { 0 };
	if (x->freed || x->over || !x->first)
		return;
	if (!ret) {
		(void)err_set(&e, why->code == -ENOTCONN ? ENOTCONN : EIO, "%s: QEMU: %s",
			x->first->serial, why->msg);
		finish(x, &e);
		start_first(x);
	} else if (x->steps[x->step] == STEP_UNPLUG && !x->gone) {
		x->replied = true;
		uv_update_time(x->loop);
		(void)uv_timer_start(&x->timer, on_unplug_deadline, UNPLUG_MS, 0); /* has one */
	} else {
		step_is_done(x);
	}
}

static void next_step(struct faults *x)
{
	struct err e = { 0 };
	json_t *arguments = NULL;
	x->replied = x->gone = false;
	if (x->step < x->n_steps) {
		const char *command = command_of(x, &arguments);
		if (qmp_command(x->qmp, command, arguments, on_reply, x, &e) == 0)
			return;
	}
	finish(x, &e);
	start_first(x);
}

static void start_first(struct faults *x)
{
	struct err e = { 0 };
	if (!x->first || x->disk || x->over || x->freed)
		return;
	x->n_steps = x->step = 0;
	x->disk = find(x, "", x->first->serial);
	if (plan_request(x, &x->first->fault, &e) == 0) {
		next_step(x);
		return;
	}
	finish(x, &e);
	start_first(x);
}

int faults_add(struct faults *x, const struct target_fault *f,
	void (*on_done)(void *ctx, const struct err *why), void *ctx, struct err *e)
{
	if (x->over)
		return err_set(e, ENOTCONN, "the target ends");
	if (x->n_requests == FAULTS_WAITING)
		return err_set(e, EAGAIN, "%d faults are waiting", FAULTS_WAITING);
	struct request *r = xcalloc(1, sizeof *r);
	r->fault = *f;
	r->serial = xstrdup(f->disk);
	r->fault.disk = r->serial;
	r->on_done = on_done;
	r->ctx = ctx;
	struct request **last = &x->first;
	while (*last)
		last = &(*last)->next;
	*last = r;
	if (x->n_requests++ == 0)
		start_first(x);
	return 0;
}

static void device_is_gone(struct faults *x, struct disk *d)
{
	if (!d)
		return;
	/* The throttle went with the device's backend, and so did the use of a node. */
	d->plugged = d->slow = d->fault_is_in = false;
	if (d != x->disk || x->steps[x->step] != STEP_UNPLUG)
		return; /* it was given up before */
	x->gone = true;
	if (x->replied) {
		uv_timer_stop(&x->timer);
		step_is_done(x);
	}
}

bool faults_event(struct faults *x, const char *name, const json_t *data)
{
	if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		const char *node = json_str_or(data, "node-name", "");
		return find(x, FAULT_PREFIX, node) &&
		       strcmp(json_str_or(data, "action", ""), "report") == 0;
	}
	if (strcmp(name, "DEVICE_DELETED") != 0)
		return false;
	device_is_gone(x, find(x, COMMAND_DEVICE_PREFIX, json_str_or(data, "device", "")));
	return true;
}

/* ---- birth and death ---- */

struct faults *faults_new(uv_loop_t *loop, struct qmp *qmp, const struct target_spec *spec)
{
	struct faults *x = xcalloc(1, sizeof *x);
	x->loop = loop;
	x->qmp = qmp;
	x->n_disks = spec->n_disks;
	x->disks = xcalloc(spec->n_disks, sizeof *x->disks);
	for (size_t i = 0; i < spec->n_disks; i++) {
		const struct target_disk *d = &spec->disks[i];
		x->disks[i] = (struct disk){ .serial = xstrdup(d->serial),
			.node = command_disk_node(spec, d),
			.device = d->zone_bytes ? NULL : command_disk_device(d, true),
			.plugged = true };
	}
	(void)uv_timer_init(loop, &x->timer); /* cannot fail */
	x->timer.data = x;
	return x;
}

void faults_mute(struct faults *x)
{
	x->muted = true;
}

void faults_end(struct faults *x)
{
	struct err e = { 0 };
	x->over = true;
	(void)err_set(&e, ENOTCONN, "the target ends");
	while (x->first && !x->freed)
		finish(x, &e);
}

static void on_closed(uv_handle_t *h)
{
	struct faults *x = h->data;
	while (x->first)
		finish(x, NULL);
	for (size_t i = 0; i < x->n_disks; i++) {
		free(x->disks[i].serial);
		json_decref(x->disks[i].node);
		json_decref(x->disks[i].device);
	}
	free(x->disks);
	free(x);
}

void faults_free(struct faults *x)
{
	if (!x || x->freed)
		return;
	x->freed = true;
	uv_close((uv_handle_t *)&x->timer, on_closed);
}
