/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/room.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/strv.h"
#include "target/command.h"
#include "target/snapshot.h"
#include "target/target.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Named one by one, for the guest's kernel may be older than the host's mke2fs. No journal: what
 * the guest has synced then lies in its place, to be read after a kill without a replay; and no
 * checksums, which an emulated processor is slow at. */
#define STATE_FEATURES                                                                             \
	"none,ext_attr,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,"       \
	"dir_nlink,extra_isize,64bit,uninit_bg"

static int memory_available(uint64_t *ret_bytes, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int rc = file_read("/proc/meminfo", 65536, &b, e);
	if (rc < 0)
		return rc;
	const char *line = strstr(buf_str(&b), "MemAvailable:");
	if (!line || sscanf(line, "MemAvailable: %" SCNu64 " kB", ret_bytes) != 1)
		return err_set(e, EINVAL, "/proc/meminfo has no MemAvailable");
	*ret_bytes *= 1024;
	return 0;
}

int room_check(const struct target_spec *spec, struct err *e)
{
	uint64_t memory = 0, disk = 0;
	char a[PARSE_SIZE_TEXT], b[PARSE_SIZE_TEXT];
	int rc = memory_available(&memory, e);
	if (rc < 0)
		return rc;
	if (spec->memory_bytes > memory)
		return err_set(e, EINVAL,
			"vm.memory is %s, but this host has %s available: set it lower",
			parse_size_text(spec->memory_bytes, a), parse_size_text(memory, b));
	rc = file_free_bytes(spec->work_dir, &disk, e);
	if (rc < 0)
		return rc;
	if (disk < ROOM_MIN_BYTES)
		return err_set(e, ENOSPC,
			"no room for the virtual machine's disks: %s has %s free, and at least %s "
			"is "
			"needed",
			spec->work_dir, parse_size_text(disk, a),
			parse_size_text(ROOM_MIN_BYTES, b));
	return 0;
}

static int make_disk(
	const struct target_spec *spec, const char *serial, uint64_t size, struct err *e)
{
	auto_free char *path = command_disk_path(spec, serial);
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "make disk %s", path);
	if (ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, "make disk %s of %" PRIu64 " bytes", path, size);
	return 0;
}

int room_make_disks(const struct target_spec *spec, struct err *e)
{
	int rc = spec->clone_of ? snapshot_state_disk(spec, e)
				: make_disk(spec, COMMAND_STATE_SERIAL, spec->state_bytes, e);
	for (size_t i = 0; rc == 0 && i < spec->n_disks; i++)
		rc = make_disk(spec, spec->disks[i].serial, spec->disks[i].size_bytes, e);
	return rc;
}

void room_mkfs_command(const struct target_spec *spec, struct strv *ret)
{
	/* People's PATH often lacks it. */
	static const char *const programs[] = { "/usr/sbin/mke2fs", "/sbin/mke2fs", "mke2fs" };
	auto_free char *path = command_disk_path(spec, COMMAND_STATE_SERIAL);
	size_t i = 0;
	while (i < ARRAY_LEN(programs) - 1 && access(programs[i], X_OK) < 0)
		i++;
	strv_addl(ret, programs[i], "-q", "-F", "-b", "4096", "-I", "256", "-m", "0", "-O",
		STATE_FEATURES, path, NULL);
}
