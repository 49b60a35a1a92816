/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/early.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "kernel/modules.h"
#include "kernel/unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE_LIMIT (64u << 20)
#define CONFIG_LIMIT (4u << 20)

/* The bus and the agent's port first: the rest of the boot can be told of. */
static const struct {
	const char *module, *config;
	bool optional;
} wanted[] = {
	{ "virtio_pci", "CONFIG_VIRTIO_PCI", false },
	{ "virtio_console", "CONFIG_VIRTIO_CONSOLE", false },
	{ "virtio_blk", "CONFIG_VIRTIO_BLK", false },
	{ "virtio_rng", "CONFIG_HW_RANDOM_VIRTIO", true },
	{ "pvpanic_mmio", "CONFIG_PVPANIC_MMIO", true },
	{ "pvpanic_pci", "CONFIG_PVPANIC_PCI", true },
	{ "erofs", "CONFIG_EROFS_FS", false },
	{ "ext4", "CONFIG_EXT4_FS", false }, /* the state disk */
	{ "overlay", "CONFIG_OVERLAY_FS", false },
};

static int missing(const char *option, const char *release, const char *modules_dir, struct err *e)
{
	return err_set(e, ENOENT, "kernel %s cannot reach its root disk: %s is not built in%s%s%s",
		release, option, modules_dir ? ", and no module in " : "",
		modules_dir ? modules_dir : "", modules_dir ? "" : " (no folder of modules given)");
}

/* A kernel without modules: what its .config says, where it is known. */
static int check_config(const char *config, const char *release, struct err *e)
{
	if (!config)
		return 0;
	auto_buf struct buf b = { 0 };
	buf_addc(&b, '\n');
	int rc = file_read(config, CONFIG_LIMIT, &b, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		auto_free char *line = xasprintf("\n%s=y\n", wanted[i].config);
		if (!wanted[i].optional && !strstr(buf_str(&b), line))
			return missing(wanted[i].config, release, NULL, e);
	}
	return 0;
}

/* "vermagic=RELEASE ..." in the module's .modinfo must say this kernel. */
static int check_vermagic(const char *path, const char *release, struct err *e)
{
	static const char key[] = "vermagic=";
	auto_buf struct buf b = { 0 };
	int rc = file_read(path, MODULE_LIMIT, &b, e);
	if (rc < 0)
		return rc;
	const char *v = b.len ? memmem(b.s, b.len, key, strlen(key)) : NULL;
	if (!v)
		return err_set(e, ENOEXEC, "%s: no kernel module", path_base(path));
	v += strlen(key);
	size_t n = strcspn(v, " ");
	if (n != strlen(release) || memcmp(v, release, n) != 0)
		return err_set(e, ENOEXEC, "module %s is of kernel %.*s, not of %s",
			path_base(path), (int)(n < 64 ? n : 64), v, release);
	return 0;
}

static int copy_module(int dirfd, const char *from, const char *to, struct err *e)
{
	auto_close int fd = file_open_beneath(dirfd, from, O_RDONLY, 0, e);
	if (fd < 0)
		return fd;
	unsigned char start[8];
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "%s", from);
	if (!S_ISREG(st.st_mode) || st.st_size > MODULE_LIMIT)
		return err_set(e, ENOEXEC, "%s: no kernel module", from);
	ssize_t n = pread(fd, start, sizeof start, 0);
	enum unpack_kind kind = n > 0 ? unpack_kind(start, (size_t)n) : UNPACK_NONE;
	if (kind != UNPACK_NONE) {
		struct unpack_range range = { fd, 0, (uint64_t)st.st_size };
		uint64_t bytes;
		int rc = unpack_file(&range, kind, to, MODULE_LIMIT, &bytes, e);
		return rc < 0 ? err_wrap(e, "%s", from) : 0;
	}
	auto_free char *self = xasprintf("/proc/self/fd/%d", fd);
	return file_copy(self, to, 0644, e);
}

static int list_modules(
	const char *modules_dir, const char *release, struct strv *files, struct err *e)
{
	auto_modules struct modules *m = NULL;
	int rc = modules_load(modules_dir, &m, e);
	for (size_t i = 0; i < ARRAY_LEN(wanted) && rc == 0; i++) {
		struct err why = { 0 };
		rc = modules_need(m, wanted[i].module, files, &why);
		if (rc == -ENOENT)
			rc = wanted[i].optional
				     ? 0
				     : missing(wanted[i].config, release, modules_dir, e);
		else if (rc < 0)
			return err_set(e, rc, "%s: %s", modules_dir, why.msg);
	}
	return rc;
}

int early_modules(const char *modules_dir, const char *config, const char *release, const char *to,
	struct err *e)
{
	if (mkdir(to, 0755) < 0)
		return err_sys(e, "make folder %s", to);
	if (!modules_dir)
		return check_config(config, release, e);
	auto_strv struct strv files = { 0 };
	int rc = list_modules(modules_dir, release, &files, e);
	if (rc < 0)
		return rc;
	auto_close int dirfd = open(modules_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(e, "%s", modules_dir);
	for (size_t i = 0; i < files.n && rc == 0; i++) {
		char name[MODULE_NAME_SIZE];
		if (module_name(files.v[i], strlen(files.v[i]), name) < 0)
			return err_set(e, EINVAL, "%s: no module's name", files.v[i]);
		auto_free char *path = xasprintf("%s/%02zu-%s.ko", to, i, name);
		rc = copy_module(dirfd, files.v[i], path, e);
		if (rc == 0)
			rc = check_vermagic(path, release, e);
	}
	return rc;
}
