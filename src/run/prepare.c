/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/config.h"
#include "config/place.h"
#include "config/profile.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "run/capacity.h"
#include "run/disk_plan.h"
#include "run/fault_plan.h"
#include "run/prepare_priv.h"
#include "run/run_tree.h"
#include "run/suite_stages.h"
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
		.init = prepare_has_init(c),
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
	auto_strv struct strv fragments = { 0 }, by = { 0 };
	suite_fragments(q->profile->config, &fragments, &by);
	auto_free struct kernel_wish *wishes = xcalloc(fragments.n + 1, sizeof *wishes);
	for (size_t i = 0; i < fragments.n; i++)
		wishes[i] = (struct kernel_wish){ fragments.v[i], by.v[i] };
	const struct kernel_wishes suites = { wishes, fragments.n };
	rc = kernel_choose(q->state_dir, q->profile, q->kernel, &suites, &arch, progress, ctx,
		&named, &ret->story, &ret->kernel, e);
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
		p.job = prepare_job(q, &p);
	p.run = prepare_run(q, &p, &host);
	*ret = p;
	return 0;
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
	for (unsigned i = 0; i < p->n_held; i++)
		close_fd(&p->held[i]);
	*p = (struct prepared){ 0 };
}
