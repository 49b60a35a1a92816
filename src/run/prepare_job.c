/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was prepared, as the worker and the journal get it (run/protocol.h). */
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"
#include "build_config.h"
#include "config/config.h"
#include "config/profile.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "run/capacity.h"
#include "run/disk_plan.h"
#include "run/prepare_priv.h"
#include "run/suite_tree.h"
#include "target/machine.h"
#include <string.h>
#include <sys/utsname.h>

#define CONFIG_LIMIT (4u << 20)
#define STAGE_DIR    "/root/btrfsqe"

static void set_text(json_t *j, const char *key, const char *s)
{
	if (s)
		json_object_set_new(j, key, json_string(s));
}

bool prepare_has_init(const struct config *c)
{
	return strcmp(config_str(c, "vm.init"), "system") == 0;
}

/* "a,b"; none of them: left out. */
static void set_list(json_t *j, const char *key, const char *const *words)
{
	auto_buf struct buf b = { 0 };
	for (; *words; words++)
		buf_addf(&b, "%s%s", b.len ? "," : "", *words);
	set_text(j, key, b.s);
}

static void set_number(json_t *j, const char *key, uint64_t v)
{
	json_object_set_new(j, key, json_integer((json_int_t)v));
}

static json_t *texts(const struct strv *v)
{
	json_t *a = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(a, json_string(v->v[i]));
	return a;
}

static json_t *target_json(const struct prepared *p, const struct config *c)
{
	json_t *t = json_object();
	set_text(t, "arch", p->machine->arch);
	set_text(t, "accel", p->accel.name);
	set_text(t, "qemu", config_str(c, "vm.qemu"));
	set_text(t, "kernel", p->kernel->boot);
	set_text(t, "initramfs", p->initramfs);
	set_text(t, "modules", p->kernel->modules);
	set_text(t, "load", p->load);
	set_text(t, "root", p->image->path);
	set_text(t, "root_fstype", p->image->fstype);
	set_text(t, "root_format", p->image->format);
	set_text(t, "root_stamp", p->image->stamp); /* another is another snapshot */
	json_object_set_new(t, "network", json_boolean(p->network));
	set_text(t, "append", config_str(c, "vm.append"));
	set_text(t, "hostname", config_str(c, "vm.hostname"));
	set_list(t, "users", config_list(c, "vm.users"));
	json_object_set_new(t, "system_init", json_boolean(prepare_has_init(c)));
	set_number(t, "memory_bytes", config_num(c, "vm.memory"));
	set_number(t, "state_bytes", config_num(c, "vm.stateSize"));
	set_number(t, "cpus", capacity_cpus(c, p->accel.name));
	set_number(t, "boot_deadline_us", config_num(c, "vm.bootTimeout"));
	json_object_set(t, "disks", p->disks);
	if (strcmp(config_str(c, "disk.faults"), "true") == 0 || json_array_size(p->faults))
		json_object_set_new(t, "faults", json_true());
	if (json_array_size(p->shares))
		json_object_set(t, "shares", p->shares);
	return t;
}

static json_t *control_json(const struct prepared *p)
{
	json_t *j = json_object();
	set_text(j, "kernel", p->control->boot);
	set_text(j, "initramfs", p->control_initramfs);
	set_text(j, "modules", p->control->modules);
	set_text(j, "load", p->control_load);
	set_text(j, "release", p->control->release);
	return j;
}

/* For the proof in the guest: run/proof.h. */
static json_t *kernel_json(const struct kernel *k)
{
	auto_buf struct buf config = { 0 };
	json_t *j = json_object();
	set_text(j, "release", k->release);
	set_text(j, "build_id", k->build_id);
	if (k->config && file_read(k->config, CONFIG_LIMIT, &config, NULL) == 0) {
		set_number(j, "config_crc", hash_crc32(config.s, config.len));
		set_number(j, "config_bytes", config.len);
	}
	return j;
}

/* The profile's own, then those of suites that list their tests. */
static json_t *stages_json(const struct profile *p, const json_t *listed)
{
	json_t *a = json_array();
	for (size_t i = 0; i < p->n_stages; i++) {
		const struct profile_stage *s = &p->stages[i];
		json_t *j = json_object();
		set_text(j, "name", s->name);
		set_text(j, "script", s->path);
		set_number(j, "timeout_us", s->timeout_us);
		json_object_set_new(j, "requires", texts(&s->requires));
		json_object_set_new(j, "logs", texts(&s->logs));
		json_array_append_new(a, j);
	}
	json_array_extend(a, (json_t *)listed);
	return a;
}

/* The profile's config/ files, as BTRFSQA places them: all in ~/btrfsqe, bashrc also in /etc. */
static json_t *files_json(const struct profile *p)
{
	json_t *a = json_array();
	for (size_t i = 0; i < p->files.n; i++) {
		const char *base = path_base(p->files.v[i]);
		auto_free char *dest = xasprintf(STAGE_DIR "/%s", base);
		json_array_append_new(a, json_pack("{s:s, s:s, s:i}", "path", p->files.v[i], "dest",
						 dest, "mode", 0644));
		if (strcmp(base, "bashrc") == 0)
			json_array_append_new(a, json_pack("{s:s, s:s, s:i}", "path", p->files.v[i],
							 "dest", "/etc/bashrc", "mode", 0644));
	}
	return a;
}

static json_t *env_json(const struct prepared *p, const struct profile *profile)
{
	auto_strv struct strv env = { 0 };
	auto_buf struct buf disks = { 0 };
	for (unsigned i = 0; i < config_num(profile->config, "disk.count"); i++) {
		auto_free char *name = disk_plan_name(profile->config, i);
		buf_addf(&disks, "%s/dev/%s", i ? " " : "", name);
	}
	strv_add(&env, "FSQA=1");
	strv_addf(&env, "FSQA_PROFILE=%s", profile->name);
	strv_addf(&env, "FSQA_KERNEL_RELEASE=%s", p->kernel->release);
	strv_addf(&env, "FSQA_DISKS=%s", buf_str(&disks));
	return texts(&env);
}

static json_t *copies_json(const struct prepare_copy *c, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "from", json_string(c[i].from));
		json_object_set_new(one, "to", json_string(c[i].to));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *shell_json(const struct prepare_request *q)
{
	json_t *argv = json_array();
	for (size_t i = 0; q->shell_argv[i]; i++)
		json_array_append_new(argv, json_string(q->shell_argv[i]));
	return json_pack("{s:o, s:b, s:i, s:i, s:o, s:o}", "argv", argv, "pty", q->shell_pty,
		"cols", (int)q->shell_cols, "rows", (int)q->shell_rows, "put",
		copies_json(q->put, q->n_put), "fetch", copies_json(q->fetch, q->n_fetch));
}

json_t *prepare_job(const struct prepare_request *q, const struct prepared *p)
{
	const struct config *c = q->profile->config;
	json_t *j = json_object();
	json_object_set_new(j, "target", target_json(p, c));
	json_object_set_new(j, "kernel", kernel_json(p->kernel));
	json_object_set_new(
		j, "stages", q->shell_argv ? json_array() : stages_json(q->profile, p->listed));
	json_object_set_new(j, "files", files_json(q->profile));
	json_object_set_new(j, "env", env_json(p, q->profile));
	set_number(j, "logs_max_bytes", config_num(c, "log.maxBytes"));
	set_number(j, "logs_max_files", config_num(c, "log.maxFiles"));
	set_number(j, "image_max_bytes", config_num(c, "fstests.imageMax"));
	set_number(j, "record_limit", config_num(c, "record.limit"));
	set_number(j, "hang_timeout_us", config_num(c, "vm.hangTimeout"));
	json_object_set_new(j, "keep", json_boolean(q->keep));
	if (q->keep)
		json_object_set_new(j, "hold",
			json_pack("{s:I}", "idle_us", (json_int_t)config_num(c, "vm.keepFor")));
	json_object_set_new(
		j, "isolate", json_boolean(strcmp(config_str(c, "vm.isolate"), "test") == 0));
	json_object_set_new(
		j, "may_emulate", json_boolean(strcmp(config_str(c, "vm.accel"), "auto") == 0));
	if (strcmp(config_str(c, "vm.core"), "true") == 0)
		set_number(json_object_get(j, "target"), "core_max_bytes",
			config_num(c, "vm.coreMax"));
	set_text(j, "salvage", p->salvage);
	set_text(j, "kernel_source", p->kernel->source);
	if (p->faults)
		json_object_set(j, "faults", p->faults);
	if (p->control)
		json_object_set_new(j, "control", control_json(p));
	if (q->shell_argv)
		json_object_set_new(j, "shell", shell_json(q));
	return j;
}

json_t *prepare_run(
	const struct prepare_request *q, const struct prepared *p, const struct utsname *host)
{
	const struct config *c = q->profile->config;
	const struct kernel *k = p->kernel;
	json_t *origin = p->made.story.origin;
	return json_pack(
		"{s:s, s:s, s:s, s:s*, s:s*, s:s, s:O*, s:O*, s:s*, s:s*, s:s*, s:s, s:{s:s, "
		"s:s, s:s, s:s, "
		"s:i, s:I, s:I, s:I}}",
		"profile", q->profile->name, "fsqa", FSQA_VERSION, "host", host->nodename, "kernel",
		k ? k->release : NULL, "kernel_build_id", k ? k->build_id : NULL, "kernel_source",
		k ? k->source : json_str_or(origin, "source", ""), "kernel_origin", origin,
		"fstests", p->tree ? p->tree->about : NULL, "kernel_key", k ? k->key : NULL,
		"image_key", p->image ? p->image->key : NULL, "image",
		p->image ? p->image->source : NULL, "accel", p->accel.name, "environment",
		"accel_reason", p->accel.reason, "qemu", p->accel.version, "arch", p->machine->arch,
		"host_kernel", host->release, "cpus", (int)capacity_cpus(c, p->accel.name),
		"memory_bytes", (json_int_t)config_num(c, "vm.memory"), "disks",
		(json_int_t)config_num(c, "disk.count"), "disk_bytes",
		(json_int_t)config_num(c, "disk.size"));
}

void prepare_place_job(json_t *job, const char *work_dir)
{
	auto_free char *vm = path_join(work_dir, "vm");
	auto_free char *core = path_join(work_dir, "core");
	json_t *target = json_copy(json_object_get(job, "target"));
	set_text(job, "work_dir", work_dir);
	set_text(target, "work_dir", vm);
	if (json_object_get(target, "core_max_bytes"))
		set_text(target, "core", core);
	json_object_set_new(job, "target", target);
}

void prepare_place(struct prepared *p, const char *work_dir)
{
	prepare_place_job(p->job, work_dir);
}
