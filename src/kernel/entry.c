/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/entry.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/arm64_image.h"
#include "kernel/bzimage.h"
#include "kernel/early.h"
#include "kernel/fragment.h"
#include "proc/proc.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_US      (600ull * 1000 * 1000)
#define OUTPUT_LIMIT (1u << 20)
#define DEP_LIMIT    (64u << 20)
#define CONFIG_LIMIT (4u << 20)

static void say(kernel_progress *progress, void *ctx, const char *text)
{
	if (progress)
		progress(ctx, text);
}

static int open_image(const char *path, struct stat *st, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ENOEXEC, "%s: not a regular file", path);
	return take_fd(&fd);
}

/* What a file holds. */
struct image {
	enum {
		IMAGE_ELF,
		IMAGE_BZ,
		IMAGE_ARM64
	} form;
	struct bzimage bz;
	struct arm64_image arm64;
	struct vmlinux elf;
};

/* -ENOEXEC: none of them, or a broken one. */
static int read_image(int fd, const struct stat *st, struct image *ret, struct err *e)
{
	auto_free char *head = xmalloc(BZIMAGE_HEAD_BYTES);
	ssize_t n = pread(fd, head, BZIMAGE_HEAD_BYTES, 0);
	if (n < 0)
		return err_sys(e, "read");
	uint64_t bytes = (uint64_t)st->st_size;
	if (n >= 4 && memcmp(head, "\177ELF", 4) == 0) {
		ret->form = IMAGE_ELF;
		return vmlinux_check(fd, &ret->elf, e);
	}
	if (arm64_image_parse(head, (size_t)n, bytes, &ret->arm64)) {
		ret->form = IMAGE_ARM64;
		return 0;
	}
	ret->form = IMAGE_BZ;
	return bzimage_parse(head, (size_t)n, bytes, &ret->bz, e);
}

static uint16_t machine_of(const struct image *i)
{
	return i->form == IMAGE_ELF  ? i->elf.machine
	       : i->form == IMAGE_BZ ? i->bz.machine
				     : EM_AARCH64;
}

/* The release of what was perhaps unpacked to `path`. */
static int release_of(const char *path, char release[KERNEL_RELEASE_SIZE], struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	return vmlinux_release(fd, release, e);
}

static int packed_release(int fd, const struct arm64_image *i, char *release, struct err *e)
{
	auto_close int memory = memfd_create("Image", MFD_CLOEXEC);
	if (memory < 0)
		return err_sys(e, "memfd_create");
	auto_free char *path = xasprintf("/proc/self/fd/%d", memory);
	int rc = arm64_image_extract(fd, i, path, e);
	return rc < 0 ? rc : release_of(path, release, e);
}

int entry_look(const char *image, char **ret_release, uint16_t *ret_machine, struct err *e)
{
	struct stat st;
	struct image i = { 0 };
	char release[KERNEL_RELEASE_SIZE];
	auto_close int fd = open_image(image, &st, e);
	if (fd < 0)
		return fd;
	int rc = read_image(fd, &st, &i, e);
	if (rc == 0 && i.form == IMAGE_ELF)
		rc = vmlinux_release(fd, release, e);
	else if (rc == 0 && i.form == IMAGE_ARM64)
		rc = packed_release(fd, &i.arm64, release, e);
	if (rc < 0)
		return err_wrap(e, "%s", image);
	*ret_release = xstrdup(i.form == IMAGE_BZ ? i.bz.release : release);
	*ret_machine = machine_of(&i);
	return 0;
}

/* From a bzImage: both forms, and which of them boots. */
static int put_bzimage(const char *dir, int fd, const struct bzimage *b, const char *image,
	const char **ret_boot, struct err *e)
{
	auto_free char *copy = path_join(dir, "bzImage");
	auto_free char *elf = path_join(dir, "vmlinux");
	int rc = file_copy(image, copy, 0644, e);
	if (rc == 0)
		rc = bzimage_extract(fd, b, elf, e);
	if (rc < 0)
		return rc;
	auto_close int made = open(elf, O_RDONLY | O_CLOEXEC);
	if (made < 0)
		return err_sys(e, "%s", elf);
	struct vmlinux v;
	rc = vmlinux_check(made, &v, e);
	if (rc < 0)
		return err_wrap(e, "payload of the bzImage");
	if (v.machine != b->machine)
		return err_set(e, ENOEXEC,
			"payload of the bzImage is of another machine than its header says");
	*ret_boot = v.pvh ? "vmlinux" : "bzImage"; /* CONFIG_PVH=n: slower, but it boots */
	return 0;
}

static int put_elf(const char *dir, const struct vmlinux *v, const char *image, struct err *e)
{
	if (v->machine == EM_AARCH64)
		return err_set(e, ENOEXEC,
			"QEMU enters no ELF kernel of arm64: give its arch/arm64/boot/Image");
	if (!v->pvh)
		return err_set(e, ENOEXEC,
			"ELF kernel without the PVH entry: give its bzImage, or build it with "
			"CONFIG_PVH=y");
	auto_free char *copy = path_join(dir, "vmlinux");
	return file_copy(image, copy, 0644, e);
}

static int put_form(const char *dir, int fd, const struct image *i, const char *image,
	const char **ret_boot, struct err *e)
{
	auto_free char *flat = path_join(dir, "Image");
	*ret_boot = i->form == IMAGE_ARM64 ? "Image" : "vmlinux";
	if (i->form == IMAGE_ARM64)
		return arm64_image_extract(fd, &i->arm64, flat, e);
	return i->form == IMAGE_BZ ? put_bzimage(dir, fd, &i->bz, image, ret_boot, e)
				   : put_elf(dir, &i->elf, image, e);
}

int entry_build_id(const char *vmlinux, bool flat, json_t *manifest, struct err *e)
{
	struct vmlinux v = { 0 };
	auto_close int fd = open(vmlinux, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", vmlinux);
	int rc = flat ? vmlinux_flat_build_id(fd, v.build_id, e) : vmlinux_check(fd, &v, e);
	if (rc == 0 && v.build_id[0])
		json_object_set_new(manifest, "build_id", json_string(v.build_id));
	return rc;
}

static int put_image(const char *dir, const char *image, json_t *manifest, struct err *e)
{
	struct stat st;
	struct image i = { 0 };
	const char *boot = NULL;
	char release[KERNEL_RELEASE_SIZE];
	auto_close int fd = open_image(image, &st, e);
	if (fd < 0)
		return fd;
	int rc = read_image(fd, &st, &i, e);
	if (rc == 0)
		rc = put_form(dir, fd, &i, image, &boot, e);
	if (rc == 0 && i.form != IMAGE_BZ) {
		auto_free char *path = path_join(dir, boot);
		rc = release_of(path, release, e);
	}
	if (rc < 0)
		return err_wrap(e, "%s", image);
	bool flat = i.form == IMAGE_ARM64;
	auto_free char *unpacked = path_join(dir, flat ? "Image" : "vmlinux");
	rc = entry_build_id(unpacked, flat, manifest, e);
	if (rc < 0)
		return rc;
	bool bz = i.form == IMAGE_BZ;
	json_object_set_new(manifest, "release", json_string(bz ? i.bz.release : release));
	json_object_set_new(manifest, "boot", json_string(boot));
	json_object_set_new(manifest, "machine", json_integer(machine_of(&i)));
	return 0;
}

/* `to` exists afterwards, or the kernel's configuration is not known. */
static int put_config(const char *dir, const char *config, bool flat, const char *to, struct err *e)
{
	auto_free char *elf = path_join(dir, flat ? "Image" : "vmlinux");
	auto_close int fd = open(elf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", elf);
	/* Its own comes first: the guest's /proc/config.gz is to be the same, byte for byte. */
	struct err why = { 0 };
	int rc = vmlinux_config(fd, to, &why);
	if (rc < 0)
		(void)unlink(to); /* perhaps a part of one */
	if (rc == -ENOENT || rc == -ENOEXEC)
		return config ? file_copy(config, to, 0644, e) : 0;
	return rc < 0 ? err_set(e, rc, "%s", why.msg) : 0;
}

static int run_tool(const char *const *argv, const char *package, struct err *e)
{
	const struct proc_spec spec = {
		.argv = argv,
		.in = PROC_NULL,
		.out = PROC_NULL,
		.err = PROC_PIPE,
		.deadline_us = TOOL_US,
	};
	auto_buf struct buf out = { 0 };
	int rc = proc_check(&spec, &out, OUTPUT_LIMIT, e);
	return rc == -ENOENT ? err_set(e, ENOENT, "%s is not installed: %sapt-get install %s",
				       argv[0], geteuid() == 0 ? "" : "sudo ", package)
			     : rc;
}

int entry_depmod(const char *root, const char *release, struct err *e)
{
	const char *argv[] = { "depmod", "-b", root, release, NULL };
	return run_tool(argv, "kmod", e);
}

static int put_modules(const char *dir, const char *modules, struct err *e)
{
	auto_free char *disk = path_join(dir, "modules.erofs");
	auto_free char *from = path_join(modules, "modules.dep");
	auto_free char *dep = path_join(dir, "modules.dep");
	/* Not compressed: the guest's CPU is what there is least of. */
	const char *argv[] = { "mkfs.erofs", "--quiet", "--all-root", disk, modules, NULL };
	int rc = run_tool(argv, "erofs-utils", e);
	return rc < 0 ? rc : file_copy(from, dep, 0644, e);
}

/* The PVH entry's C code runs before the shadow memory of these is there, and is not left out by
 * their instrumentation, as that of the other entries is: the guest resets itself. */
static bool is_instrumented(const char *config)
{
	static const char *const options[] = { "KASAN", "KCSAN", "KMSAN" };
	auto_buf struct buf text = { 0 };
	bool any = false;
	if (file_read(config, CONFIG_LIMIT, &text, NULL) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		auto_free char *value = config_value(buf_str(&text), options[i]);
		any = any || (value && strcmp(value, "y") == 0);
	}
	return any;
}

int entry_make(const char *dir, const struct entry_parts *parts, kernel_progress *progress,
	void *ctx, json_t *manifest, struct err *e)
{
	say(progress, ctx, "taking the kernel out of its image");
	int rc = put_image(dir, parts->image, manifest, e);
	if (rc < 0)
		return rc;
	auto_free char *config = path_join(dir, "config");
	bool flat = strcmp(json_str_or(manifest, "boot", ""), "Image") == 0;
	rc = put_config(dir, parts->config, flat, config, e);
	if (rc < 0)
		return rc;
	if (access(config, R_OK) == 0) {
		char hex[HASH_HEX_SIZE];
		rc = hash_file(config, hex, e);
		if (rc < 0)
			return rc;
		json_object_set_new(manifest, "config_sha256", json_string(hex));
		auto_free char *compressed = path_join(dir, "bzImage");
		if (access(compressed, R_OK) == 0 && is_instrumented(config))
			json_object_set_new(manifest, "boot", json_string("bzImage"));
	}
	auto_free char *early = path_join(dir, "early");
	rc = early_modules(parts->modules, access(config, R_OK) == 0 ? config : NULL,
		json_str_or(manifest, "release", ""), early, e);
	if (rc < 0 || !parts->modules)
		return rc;
	say(progress, ctx, "writing the modules disk");
	return put_modules(dir, parts->modules, e);
}
