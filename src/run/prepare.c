/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/prepare.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "build_config.h"
#include "config/config.h"
#include "config/place.h"
#include "config/profile.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "run/capacity.h"
#include "run/disk_plan.h"
#include "run/fault_plan.h"
#include "run/run_tree.h"
#include "run/suite_tree.h"
#include "target/machine.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define CONFIG_LIMIT    (4u << 20)
#define STAGE_DIR       "/root/btrfsqe"

/* ---- what the host can give ---- */

int prepare_check_memory(const struct config *c, struct err *e)
{
	char want[PARSE_SIZE_TEXT];
	char have[PARSE_SIZE_TEXT];
	uint64_t bytes = config_num(c, "vm.memory");
	uint64_t available = capacity_memory();
	if (available == 0 || bytes <= available)
		return 0;
	return err_set(e, ENOMEM,
		"vm.memory is %s (%s), but this host has %s available: ask for less, e.g. -c "
		"vm.memory=%" PRIu64 "M",
		parse_size_text(bytes, want), config_origin(c, "vm.memory"),
		parse_size_text(available, have), available / 2 >> 20);
}

static int check_room(const char *state_dir, const struct config *c, struct err *e)
{
	char want[PARSE_SIZE_TEXT];
	char have[PARSE_SIZE_TEXT];
	uint64_t free_bytes = 0;
	uint64_t least = config_num(c, "store.minFree");
	int rc = file_mkdirs(state_dir, 0755, e);
	if (rc < 0)
		return rc;
	rc = file_free_bytes(state_dir, &free_bytes, e);
	if (rc < 0 || free_bytes >= least)
		return rc;
	return err_set(e, ENOSPC,
		"%s has %s free, store.minFree asks for %s: make room, or name another folder with "
		"--state",
		state_dir, parse_size_text(free_bytes, have), parse_size_text(least, want));
}

/* ---- the job ---- */

static void set_text(json_t *j, const char *key, const char *s)
{
	if (s)
		json_object_set_new(j, key, json_string(s));
}

static bool has_system_init(const struct config *c)
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
	json_object_set_new(t, "system_init", json_boolean(has_system_init(c)));
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

static json_t *job_json(const struct prepare_request *q, const struct prepared *p)
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

/* Who ran what, on what: enough to say whether two runs can be compared. */
static json_t *run_json(
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

int prepare_machine(const struct config *c, const struct machine **ret, struct err *e)
{
	struct err why = { 0 };
	const char *arch = config_str(c, "vm.arch");
	int rc = machine_find(arch, ret, &why);
	return rc < 0 ? err_set(e, rc, "%s%s", arch ? "vm.arch: " : "", why.msg) : 0;
}

struct accel_query prepare_accel(const char *state_dir, const struct config *c)
{
	return (struct accel_query){
		.state_dir = state_dir,
		.arch = config_str(c, "vm.arch"),
		.qemu = config_str(c, "vm.qemu"),
		.want = config_str(c, "vm.accel"),
	};
}

int prepare_image(const struct config *c, struct image_spec *ret, struct err *e)
{
	const struct machine *machine;
	int rc = prepare_machine(c, &machine, e);
	if (rc < 0)
		return rc;
	*ret = (struct image_spec){
		.packages = config_list(c, "image.packages"),
		.files = config_list(c, "image.files"),
		.fstype = config_str(c, "image.fstype"),
		.arch = machine->debian,
		.init = has_system_init(c),
		.snapshot = config_str(c, "image.snapshot"),
		.sources = config_list(c, "image.sources"),
	};
	return 0;
}

int prepare_root(const char *state_dir, const struct config *c, image_progress *progress, void *ctx,
	struct image **ret, int *ret_exit, struct err *e)
{
	struct image_spec spec;
	const char *root = config_str(c, "vm.root");
	int rc = prepare_image(c, &spec, e);
	if (rc < 0) {
		*ret_exit = 2;
		return rc;
	}
	rc = root ? image_root(state_dir, root, spec.fstype, progress, ctx, ret, e)
		  : image_resolve(state_dir, &spec, progress, ctx, ret, e);
	/* A root that somebody named and that is none is their mistake. */
	if (rc < 0)
		*ret_exit = rc == -EINVAL || (root && rc == -ENOENT) ? 2 : 3;
	return rc;
}

bool prepared_has_9p(const struct prepared *p)
{
	size_t i;
	json_t *s;
	json_array_foreach (p->shares, i, s)
		if (strcmp(json_str_or(s, "fstype", ""), "9p") == 0)
			return true;
	return strcmp(p->image->fstype, "9p") == 0;
}

static const struct kernel_need squashfs = { "squashfs", "CONFIG_SQUASHFS" };
static const struct kernel_need virtio_net = { "virtio_net", "CONFIG_VIRTIO_NET" };
static const struct kernel_need by_9p[] = {
	{ "9pnet_virtio", "CONFIG_NET_9P_VIRTIO" },
	{ "9p", "CONFIG_9P_FS" },
};

static const struct kernel_need for_zones[] = {
	{ "zoned block devices", "CONFIG_BLK_DEV_ZONED" },
	{ "nvme", "CONFIG_BLK_DEV_NVME" },
};

/* The modules, "a.ko,b.ko", that root, shares and zoned disks need
 * beyond those of every guest; NULL: none. */
static int drivers(const struct kernel *k, const struct prepared *p, char **ret, struct err *e)
{
	auto_strv struct strv files = { 0 };
	auto_buf struct buf b = { 0 };
	bool unknown = strcmp(p->image->fstype, "auto") == 0;
	int rc = 0;
	if (unknown || strcmp(p->image->fstype, "squashfs") == 0)
		rc = kernel_needs(k, &squashfs, 1, &files, e);
	if (unknown && rc == -ENOENT) /* it may be another one */
		rc = 0;
	if (rc == 0 && prepared_has_9p(p))
		rc = kernel_needs(k, by_9p, ARRAY_LEN(by_9p), &files, e);
	if (rc == 0 && p->zoned)
		rc = kernel_needs(k, for_zones, ARRAY_LEN(for_zones), &files, e);
	if (rc == 0 && p->network)
		rc = kernel_needs(k, &virtio_net, 1, &files, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < files.n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", files.v[i]);
	*ret = b.len ? buf_take(&b) : NULL;
	return 0;
}

/* As drivers, of the kernel to test; it is said where there is one with 9p. */
static int own_drivers(struct prepared *p, struct err *e)
{
	struct err why = { 0 };
	int rc = drivers(p->kernel, p, &p->load, &why);
	const char *cloud = strstr(p->kernel->release, "-cloud-");
	if (rc == -ENOENT && cloud && prepared_has_9p(p))
		return err_set(e, rc, "%s; Debian's linux-image-%s has it: --kernel %.*s%s",
			why.msg, p->machine->debian, (int)(cloud - p->kernel->release),
			p->kernel->release, cloud + strlen("-cloud"));
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

/* What vm.share names, before anything is made for it: each a folder with a name of its own. */
static int check_share(const char *path, struct strv *names, struct err *e)
{
	struct stat st;
	auto_free char *real = realpath(path, NULL);
	if (!real || stat(real, &st) < 0)
		return err_sys(e, "vm.share: %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "vm.share: %s is no folder", path);
	const char *name = path_base(real);
	if (!*name || strchr("-.", *name) || strlen(name) > 63 ||
		strspn(name, NAME_CHARACTERS) != strlen(name))
		return err_set(e, EINVAL,
			"vm.share: %s: its name is to stand in /mnt/NAME: letters, digits, _ . -",
			real);
	if (strv_find(names, name) < names->n)
		return err_set(
			e, EINVAL, "vm.share: %s: another folder is /mnt/%s already", real, name);
	strv_add(names, name);
	return 0;
}

static int check_shares(const struct config *c, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int rc = 0;
	const char *tree = config_str(c, "fstests.tree");
	if (tree && *tree)
		strv_add(&names, TREE_NAME);
	for (const char *const *path = config_list(c, "vm.share"); rc == 0 && *path; path++)
		rc = check_share(*path, &names, e);
	return rc;
}

/* One folder: itself where the kernel knows 9p, else an image of it as it is now. */
static int share(const struct prepare_request *q, const char *path, bool live,
	image_progress *progress, void *ctx, struct prepared *p, struct err *e)
{
	struct image *image = NULL;
	auto_free char *real = realpath(path, NULL);
	if (!real)
		return err_sys(e, "vm.share: %s", path);
	int rc = live ? 0 : image_folder(q->state_dir, real, progress, ctx, &image, e);
	if (rc < 0)
		return rc;
	if (image) {
		p->folders = xrealloc(p->folders, (p->n_folders + 1) * sizeof *p->folders);
		p->folders[p->n_folders++] = image;
	}
	auto_free char *text = xasprintf("/mnt/%s: %s, read-only, %s", path_base(real), real,
		live ? "by 9p: what changes there is seen"
		     : "as an image of what is there now, for the kernel has no 9p");
	if (progress)
		progress(ctx, text);
	json_t *entry = json_pack("{s:s, s:s, s:s}", "path", image ? image->path : real, "name",
		path_base(real), "fstype", live ? "9p" : "erofs");
	if (!entry)
		return err_set(e, EINVAL, "vm.share: %s: the name is not UTF-8", path);
	return json_array_append_new(p->shares, entry);
}

static int share_all(const struct prepare_request *q, image_progress *progress, void *ctx,
	struct prepared *p, struct err *e)
{
	auto_strv struct strv files = { 0 };
	const char *const *path = config_list(q->profile->config, "vm.share");
	p->shares = json_array();
	bool live = *path && kernel_needs(p->kernel, by_9p, ARRAY_LEN(by_9p), &files, NULL) == 0;
	int rc = 0;
	for (; rc == 0 && *path; path++)
		rc = share(q, *path, live, progress, ctx, p, e);
	return rc;
}

static int choose_machine(const struct config *c, struct prepared *p, struct err *e)
{
	const struct machine *host;
	int rc = prepare_machine(c, &p->machine, e);
	if (rc < 0)
		return rc;
	p->foreign = machine_find(NULL, &host, NULL) < 0 || host != p->machine;
	const char *root = config_str(c, "vm.root");
	if (p->foreign && root && strcmp(root, "host") == 0)
		return err_set(
			e, EINVAL, "vm.root = host: its programs are not of %s", p->machine->arch);
	return 0;
}

static struct kernel_arch kernel_arch_of(const struct prepared *p)
{
	return (struct kernel_arch){ p->machine->debian, p->machine->elf, p->foreign };
}

/* A kernel that somebody named and that is none is their mistake; one that does not compile has
 * failed. */
static int kernel_exit(int rc, bool named)
{
	if (rc == -EBADMSG)
		return 1;
	return named && (rc == -ENOENT || rc == -ENOEXEC || rc == -EINVAL) ? 2 : 3;
}

int prepare_kernel(const struct prepare_request *q, kernel_progress *progress, void *ctx,
	struct made_kernel *ret, int *ret_exit, struct err *e)
{
	struct prepared p = { 0 };
	bool named = false;
	*ret_exit = 2;
	int rc = choose_machine(q->profile->config, &p, e);
	if (rc < 0)
		return rc;
	const struct kernel_arch arch = kernel_arch_of(&p);
	rc = kernel_choose(q->state_dir, q->profile, q->kernel, &arch, progress, ctx, &named,
		&ret->story, &ret->kernel, e);
	made_kernel_judge(ret, rc);
	if (rc < 0)
		*ret_exit = kernel_exit(rc, named);
	return rc;
}

/* The one that was made before, or now. That it does not build is a result where stages would run,
 * else an error. */
static int take_kernel(const struct prepare_request *q, kernel_progress *progress, void *ctx,
	struct prepared *p, int *ret_exit, struct err *e)
{
	int rc = 0;
	if (q->made) {
		p->made = *q->made;
		*q->made = (struct made_kernel){ 0 };
	} else {
		rc = prepare_kernel(q, progress, ctx, &p->made, ret_exit, e);
	}
	p->kernel = p->made.kernel;
	return rc < 0 && (q->shell_argv || !made_kernel_is_told(&p->made)) ? rc : 0;
}

/* The agent for the guest's architecture. */
static int find_guest(const struct prepared *p, char **ret, struct err *e)
{
	struct err why = { 0 };
	if (!p->foreign)
		return place_program("fsqa-guest", ret, e);
	auto_free char *name = xasprintf("fsqa-guest-%s", p->machine->arch);
	int rc = place_program(name, ret, &why);
	return rc < 0 ? err_set(e, rc,
				"%s: fsqa was built without it: scripts/install-packages %s, then "
				"build it again",
				why.msg, p->machine->debian)
		      : 0;
}

/* Without one, a kernel that does not boot is taken at its word. */
static void find_control(const char *state_dir, const char *guest, kernel_progress *progress,
	void *ctx, struct prepared *p)
{
	struct err e = { 0 };
	const struct kernel_arch arch = kernel_arch_of(p);
	if (kernel_resolve(state_dir, NULL, NULL, &arch, progress, ctx, &p->control, &e) == 0 &&
		drivers(p->control, p, &p->control_load, &e) == 0 &&
		kernel_initramfs(p->control, guest, &p->control_initramfs, &e) == 0)
		return;
	kernel_free(take(&p->control));
	auto_free char *text = xasprintf(
		"no known-good kernel to compare with, should this one not boot: %s", e.msg);
	if (progress)
		progress(ctx, text);
}

static int make_parts(const struct prepare_request *q,
	void (*progress)(void *ctx, const char *text), void *ctx, struct prepared *p, int *ret_exit,
	struct err *e)
{
	const struct config *c = q->profile->config;
	auto_free char *guest = NULL;
	struct accel_query accel = prepare_accel(q->state_dir, c);
	int rc = choose_machine(c, p, e);
	if (rc < 0) {
		*ret_exit = 2;
		return rc;
	}
	rc = accel_probe(&accel, &p->accel, e);
	if (rc == 0)
		rc = find_guest(p, &guest, e);
	if (rc == 0)
		rc = place_program("fsqa-salvage", &p->salvage, e);
	if (rc < 0)
		return rc;
	rc = take_kernel(q, progress, ctx, p, ret_exit, e);
	if (rc < 0 || !p->kernel)
		return rc;
	*ret_exit = 3;
	p->network = strcmp(config_str(c, "vm.network"), "user") == 0;
	rc = prepare_root(q->state_dir, c, progress, ctx, &p->image, ret_exit, e);
	if (rc == 0 && (rc = share_all(q, progress, ctx, p, e)) < 0)
		*ret_exit = rc == -EIO || rc == -ENOSPC ? 3 : 2;
	if (rc == 0 && (rc = own_drivers(p, e)) == -ENOENT)
		*ret_exit = 2;
	if (rc < 0)
		return rc;
	rc = kernel_initramfs(p->kernel, guest, &p->initramfs, e);
	/* A shell's person sees for themselves. */
	if (rc == 0 && !q->shell_argv)
		find_control(q->state_dir, guest, progress, ctx, p);
	return rc == 0 ? run_tree_make(q, progress, ctx, p, ret_exit, e) : rc;
}

int prepare(const struct prepare_request *q, void (*progress)(void *ctx, const char *text),
	void *ctx, struct prepared *ret, int *ret_exit, struct err *e)
{
	struct prepared p = { 0 };
	struct utsname host;
	*ret_exit = 2;
	int rc = prepare_check_memory(q->profile->config, e);
	if (rc == 0)
		rc = check_shares(q->profile->config, e);
	if (rc == 0)
		rc = disk_plan(q->profile->config, &p.disks, &p.zoned, e);
	if (rc == 0 && !q->shell_argv)
		rc = fault_plan(q->profile, p.disks, &p.faults, e);
	if (rc == 0)
		rc = run_tree_take(q, progress, ctx, &p, ret_exit, e);
	if (rc < 0) {
		prepared_clear(&p);
		return rc;
	}
	*ret_exit = 3;
	rc = uname(&host) < 0 ? err_sys(e, "uname")
			      : check_room(q->state_dir, q->profile->config, e);
	if (rc == 0)
		rc = make_parts(q, progress, ctx, &p, ret_exit, e);
	if (rc < 0) {
		prepared_clear(&p);
		return rc;
	}
	if (p.kernel && (!p.tree || p.tree->image))
		p.job = job_json(q, &p);
	p.run = run_json(q, &p, &host);
	*ret = p;
	return 0;
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

void prepared_clear(struct prepared *p)
{
	made_kernel_clear(&p->made);
	image_free(p->image);
	free(p->initramfs);
	free(p->salvage);
	kernel_free(p->control);
	free(p->control_initramfs);
	free(p->load);
	json_decref(p->shares);
	json_decref(p->disks);
	json_decref(p->faults);
	json_decref(p->listed);
	suite_tree_free(p->tree);
	for (size_t i = 0; i < p->n_folders; i++)
		image_free(p->folders[i]);
	free(p->folders);
	if (p->snapshot)
		(void)fclose(p->snapshot); /* never read */
	free(p->control_load);
	json_decref(p->job);
	json_decref(p->run);
	free(p->note);
	*p = (struct prepared){ 0 };
}
